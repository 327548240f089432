//! The JSON form of lists and headers in rules.

use std::collections::HashSet;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error};
use serde::ser::Serializer;
use serde_json::value::RawValue;

use crate::input::{Pairs, brief, reason};

/// Reads a list of values, or one value without a list.
pub(super) fn one_or_many<'de, D, T, C>(deserializer: D) -> Result<C, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
    C: DeserializeOwned + IntoIterator<Item = T> + FromIterator<T>,
{
    let raw = Box::<RawValue>::deserialize(deserializer)?;
    let values = if raw.get().starts_with('[') {
        serde_json::from_str(raw.get())
    } else {
        serde_json::from_str(raw.get()).map(|value| C::from_iter([value]))
    };
    values.map_err(|error| D::Error::custom(reason(&error)))
}

/// Writes headers as an object of lists. Bytes that are not UTF-8 become U+FFFD.
pub(super) fn write_headers<S: Serializer>(
    headers: &HeaderMap,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    serializer.collect_map(headers.keys().map(|name| {
        let values = headers.get_all(name).iter().map(text);
        (name.as_str(), values.collect::<Vec<_>>())
    }))
}

/// Reads an object of headers, each with a value or a list of values. The order of names does not matter.
pub(super) fn read_headers<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<HeaderMap, D::Error> {
    #[derive(Deserialize)]
    struct Values(#[serde(deserialize_with = "one_or_many")] Vec<String>);

    let Pairs::<Values>(mut pairs) = Pairs::deserialize(deserializer)?;
    pairs.sort_by_cached_key(|(name, _)| name.to_ascii_lowercase());
    let mut headers = HeaderMap::new();
    let mut names = HashSet::new();
    for (name, _) in &pairs {
        if !names.insert(name) {
            let name = brief(name);
            return Err(D::Error::custom(format!(
                "`{name}` is repeated; specify a list of values"
            )));
        }
    }
    for (name, Values(values)) in pairs {
        let invalid = || D::Error::custom(format!("`{name}` is not a valid header"));
        let header: HeaderName = name.parse().map_err(|_| invalid())?;
        for value in values {
            headers.append(header.clone(), value.parse().map_err(|_| invalid())?);
        }
    }
    Ok(headers)
}
