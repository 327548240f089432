//! Reads JSON that people write. Errors name the field, the problem and the remedy.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// An invalid rule or request: the problem, its location, and the remedy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InputError {
    pub(crate) what: String,
    /// The location, such as `body.amount`.
    pub(crate) place: String,
    pub(crate) help: String,
}

impl InputError {
    pub(crate) fn new(
        place: impl Into<String>,
        what: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self {
            what: what.into(),
            place: place.into(),
            help: help.into(),
        }
    }

    pub(crate) fn missing(place: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(place, "the field is missing", help)
    }
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.place, self.what, self.help)
    }
}

impl Error for InputError {}

/// Reads an object with optional fields. `place` is the location of the object in errors. Empty input
/// counts as `{}`.
///
/// A repeated field is an error, because the author could have meant either value.
pub(crate) fn read<T: DeserializeOwned>(place: &str, text: &[u8]) -> Result<T, InputError> {
    let fields = fields(place, text)?;
    parse(&fields).map_err(|error| {
        // Each field is read alone to find the one that caused the error.
        let culprit = fields.iter().find_map(|(name, value)| {
            let error = parse::<T>(&BTreeMap::from([(name.clone(), *value)])).err()?;
            Some((format!("{place}.{}", brief(name)), error))
        });
        let (place, error) = culprit.unwrap_or((place.to_owned(), error));
        let help = "GET /openapi.json describes every field";
        InputError::new(place, brief_reason(&error), help)
    })
}

/// The fields of an object; none for an empty text.
pub(crate) fn fields<'a>(
    place: &str,
    text: &'a [u8],
) -> Result<BTreeMap<String, &'a RawValue>, InputError> {
    if text.trim_ascii().is_empty() {
        return Ok(BTreeMap::new());
    }
    let Pairs(pairs) = serde_json::from_slice(text).map_err(|error| {
        let help = "send a JSON object, such as {\"name\":\"value\"}";
        InputError::new(place, reason(&error), help)
    })?;
    let mut fields = BTreeMap::new();
    for (name, value) in pairs {
        let place = format!("{place}.{}", brief(&name));
        if fields.insert(name, value).is_some() {
            let what = "the field is repeated";
            return Err(InputError::new(place, what, "specify it once"));
        }
    }
    Ok(fields)
}

/// The names and values of an object, including repeated names.
pub(crate) struct Pairs<V>(pub(crate) Vec<(String, V)>);

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Pairs<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object<V>(PhantomData<V>);

        impl<'de, V: Deserialize<'de>> Visitor<'de> for Object<V> {
            type Value = Pairs<V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<V>, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(Object(PhantomData))
    }
}

fn parse<T: DeserializeOwned>(fields: &BTreeMap<String, &RawValue>) -> serde_json::Result<T> {
    serde_json::from_str(&serde_json::to_string(fields)?)
}

/// Parses the text of an optional field.
pub(crate) fn parsed<T: FromStr>(
    place: &str,
    text: Option<&str>,
    help: &str,
) -> Result<Option<T>, InputError>
where
    T::Err: fmt::Display,
{
    let value = text.map(str::parse).transpose();
    value.map_err(|error: T::Err| InputError::new(place, error.to_string(), help))
}

/// The message of a JSON error without its position.
pub(crate) fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let position = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&position).unwrap_or(&text).to_owned()
}

/// Like `reason`, without any part of the input, for files with secrets. A syntax error quotes nothing. An error
/// of serde about a value quotes the value between the kind of the error and `, expected`.
pub(crate) fn reason_without_input(error: &serde_json::Error) -> String {
    let reason = reason(error);
    if !error.is_data() || reason.starts_with("missing field") {
        return reason;
    }
    let kinds = [
        "invalid type",
        "invalid value",
        "invalid length",
        "unknown variant",
        "unknown field",
    ];
    let kind = kinds.into_iter().find(|kind| reason.starts_with(kind));
    let expected = reason.rfind(", expected ").and_then(|at| reason.get(at..));
    match (kind, expected) {
        (Some(kind), Some(expected)) => format!("{kind}{expected}"),
        _ => "the value is not valid".to_owned(),
    }
}

/// Like `reason`, but shortened, because an error of serde can quote a long part of the input.
fn brief_reason(error: &serde_json::Error) -> String {
    let reason = reason(error);
    match reason.split_once("expected") {
        Some((found, expected)) => {
            let found: String = found.chars().take(80).collect();
            format!("{found}expected{expected}")
        }
        None => reason,
    }
}

/// The beginning of a string that an error quotes.
pub(crate) fn brief(text: &str) -> String {
    let mut brief: String = text.chars().take(40).collect();
    if brief.len() < text.len() {
        brief.push('…');
    }
    brief
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize, Default, PartialEq, Debug)]
    #[serde(default, deny_unknown_fields)]
    struct Body {
        text: Option<String>,
        count: Option<u32>,
    }

    fn error(text: &str) -> String {
        read::<Body>("body", text.as_bytes())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn an_object_is_read() {
        let body = read::<Body>("body", br#"{"text":"x","count":null}"#).unwrap();
        assert_eq!((body.text.as_deref(), body.count), (Some("x"), None));
        assert_eq!(read::<Body>("body", b" \n"), Ok(Body::default()));
        let account = parsed::<khqr_core::AccountIdBuf>("body.a", Some("dara@devb"), "");
        assert_eq!(account.unwrap().unwrap().as_str(), "dara@devb");
    }

    #[test]
    fn an_error_names_the_field_the_problem_and_the_remedy() {
        for (text, start) in [
            (
                r#"{"text":1}"#,
                "body.text: invalid type: integer `1`, expected a string; ",
            ),
            (
                r#"{"text":"x","tekst":2}"#,
                "body.tekst: unknown field `tekst`, expected `text` or `count`; ",
            ),
            (
                r#"{"text":"x","count":1,"t\u0065xt":"y"}"#,
                "body.text: the field is repeated; specify it once",
            ),
            (r#"{"no":1,"no":1}"#, "body.no: the field is repeated"),
            (r#"{"count":-1}"#, "body.count: "),
            (r#"{"count":1.5}"#, "body.count: "),
            (r#"{"count":"1"}"#, "body.count: "),
            (r#"{"count":4294967296}"#, "body.count: "),
            ("[]", "body: invalid type: sequence, expected a map; send"),
            ("{", "body: "),
            ("\u{1}", "body: "),
            (r#"{"a":}"#, "body: "),
        ] {
            let error = error(text);
            assert!(error.starts_with(start), "{text}: {error}");
        }
        assert_eq!(
            InputError::missing("body.qr", "send the code").to_string(),
            "body.qr: the field is missing; send the code"
        );
        let long = format!(r#"{{"count":"{}"}}"#, "ក".repeat(500));
        let error = error(&long);
        assert!(
            error.contains("expected u32") && error.len() < 400,
            "{error}"
        );
    }
}
