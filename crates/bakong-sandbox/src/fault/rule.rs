//! The data of a fault. Its JSON form is the rule of `POST /sandbox/faults`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::marker::PhantomData;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Deserializer, Error, IntoDeserializer, SeqAccess, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::answer::Source;
use crate::wire::ApiEndpoint;

/// What happens to the next request, or to the next requests to some endpoints.
///
/// A fault starts as a response that replaces the sandbox's own, as the sandbox's own response
/// ([`Fault::own_answer`]), or as no response at all. Further methods change the body as real responses
/// vary, and how the response is delivered. Every request that a fault matches uses it up by one, even if
/// the response contains nothing to change.
///
/// ```
/// use std::time::Duration;
/// use bakong_sandbox::{ApiEndpoint, Fault};
/// use http::StatusCode;
///
/// let outage = Fault::html(StatusCode::BAD_GATEWAY, "<h1>502 Bad Gateway</h1>").times(3);
/// let throttled = Fault::too_many_requests()
///     .retry_after(Duration::from_secs(2))
///     .on(ApiEndpoint::CheckTransactionByMd5);
/// let lists_are_forbidden = Fault::forbidden()
///     .on(ApiEndpoint::CheckTransactionByMd5List)
///     .on(ApiEndpoint::CheckTransactionByHashList)
///     .always();
/// let odd = Fault::own_answer().float_times().text_amounts().always();
/// ```
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Fault {
    /// The endpoints that the fault is for; empty for all requests.
    #[serde(
        deserialize_with = "one_or_many",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub(super) on: Vec<ApiEndpoint>,
    /// How many requests are left; `None` for no limit.
    #[serde(serialize_with = "write_times", deserialize_with = "read_times")]
    pub(super) times: Option<u32>,
    /// How many matching requests to skip first.
    #[serde(skip_serializing_if = "is_default")]
    pub(super) after: u32,
    #[serde(skip_serializing_if = "is_all")]
    pub(super) percent: u8,
    #[serde(skip_serializing_if = "is_default")]
    pub(super) answer: Source,
    /// The limit in the message of [`Source::QuotaExhausted`].
    #[serde(skip_serializing_if = "is_live_limit")]
    pub(super) limit: u32,
    #[serde(
        serialize_with = "write_headers",
        deserialize_with = "read_headers",
        skip_serializing_if = "HeaderMap::is_empty"
    )]
    pub(super) headers: HeaderMap,
    /// Seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) retry_after: Option<u64>,
    /// Milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) retry_after_date: Option<u64>,
    #[serde(skip_serializing_if = "is_default")]
    pub(super) float_times: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub(super) text_amounts: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub(super) without_error_code: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub(super) reversed_list: bool,
    #[serde(
        deserialize_with = "one_or_many",
        skip_serializing_if = "BTreeSet::is_empty"
    )]
    pub(super) without_items: BTreeSet<usize>,
    #[serde(
        deserialize_with = "one_or_many",
        skip_serializing_if = "BTreeSet::is_empty"
    )]
    pub(super) garbled_items: BTreeSet<usize>,
    #[serde(
        deserialize_with = "one_or_many",
        skip_serializing_if = "BTreeSet::is_empty"
    )]
    pub(super) service_failed_items: BTreeSet<usize>,
    #[serde(
        deserialize_with = "one_or_many",
        skip_serializing_if = "BTreeSet::is_empty"
    )]
    pub(super) nameless_items: BTreeSet<usize>,
    /// Texts that replace list items.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) items: BTreeMap<usize, String>,
    #[serde(skip_serializing_if = "is_default")]
    pub(super) transaction_place: TransactionPlace,
    #[serde(skip_serializing_if = "is_default")]
    pub(super) delay_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) truncate_to: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) drip_ms: Option<u64>,
}

/// Where a list item contains its transaction.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum TransactionPlace {
    #[default]
    Data,
    Transaction,
    Inline,
}

/// The limit of the live service.
pub(super) const LIVE_LIMIT: u32 = 100;

impl Default for Fault {
    /// The sandbox's own response to the next request, unchanged.
    fn default() -> Self {
        Self {
            on: Vec::new(),
            times: Some(1),
            after: 0,
            percent: 100,
            answer: Source::Own,
            limit: LIVE_LIMIT,
            headers: HeaderMap::new(),
            retry_after: None,
            retry_after_date: None,
            float_times: false,
            text_amounts: false,
            without_error_code: false,
            reversed_list: false,
            without_items: BTreeSet::new(),
            garbled_items: BTreeSet::new(),
            service_failed_items: BTreeSet::new(),
            nameless_items: BTreeSet::new(),
            items: BTreeMap::new(),
            transaction_place: TransactionPlace::Data,
            delay_ms: 0,
            truncate_to: None,
            drip_ms: None,
        }
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
const fn is_all(percent: &u8) -> bool {
    *percent == 100
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
const fn is_live_limit(limit: &u32) -> bool {
    *limit == LIVE_LIMIT
}

#[allow(clippy::ref_option, reason = "serde passes references")]
fn write_times<S: Serializer>(times: &Option<u32>, serializer: S) -> Result<S::Ok, S::Error> {
    match times {
        Some(count) => serializer.serialize_u32(*count),
        None => serializer.serialize_str("always"),
    }
}

fn read_times<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::String(text) if text == "always" => Ok(None),
        value => u32::deserialize(value)
            .map(Some)
            .map_err(|error| D::Error::custom(format!("{error}, or \"always\""))),
    }
}

/// Reads a list of values, or one value without a list.
fn one_or_many<'de, D, T, C>(deserializer: D) -> Result<C, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
    C: Deserialize<'de> + IntoIterator<Item = T> + FromIterator<T>,
{
    struct OneOrMany<T, C>(PhantomData<(T, C)>);

    impl<'de, T, C> Visitor<'de> for OneOrMany<T, C>
    where
        T: Deserialize<'de>,
        C: Deserialize<'de> + FromIterator<T>,
    {
        type Value = C;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a value or a list of values")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<C, E> {
            T::deserialize(text.into_deserializer()).map(|value| C::from_iter([value]))
        }

        fn visit_u64<E: Error>(self, number: u64) -> Result<C, E> {
            T::deserialize(number.into_deserializer()).map(|value| C::from_iter([value]))
        }

        fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<C, A::Error> {
            C::deserialize(SeqAccessDeserializer::new(list))
        }
    }

    deserializer.deserialize_any(OneOrMany(PhantomData))
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

    let pairs = BTreeMap::<String, Values>::deserialize(deserializer)?;
    let mut headers = HeaderMap::new();
    for (name, Values(values)) in pairs {
        let invalid = || D::Error::custom(format!("`{name}` is not a valid header"));
        let header: HeaderName = name.parse().map_err(|_| invalid())?;
        for value in values {
            headers.append(header.clone(), value.parse().map_err(|_| invalid())?);
        }
    }
    Ok(headers)
}
