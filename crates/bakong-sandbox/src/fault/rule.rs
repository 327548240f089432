//! The data of a fault. Its JSON form is the rule of `POST /sandbox/faults`.

use std::collections::{BTreeMap, BTreeSet};

use http::HeaderMap;
use serde::de::{Deserializer, Error};
use serde::ser::{Error as _, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::answer::Source;
use super::fields::{one_or_many, read_headers, write_headers};
use crate::wire::ApiEndpoint;

/// Changes the responses to the next requests, to all endpoints or to some of them.
///
/// A fault starts as a response that replaces the sandbox's own, as the sandbox's own response
/// ([`Fault::own_answer`]), or as no response at all. Further methods imitate the variations of real
/// responses, and change how the response is delivered. Every request that a fault matches counts as one use,
/// even if the response contains nothing to change.
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
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
#[serde(
    rename_all = "camelCase",
    deny_unknown_fields,
    default,
    remote = "Self"
)]
pub struct Fault {
    /// The endpoints that the fault applies to; empty for all requests.
    #[serde(deserialize_with = "one_or_many")]
    pub(super) on: Vec<ApiEndpoint>,
    pub(super) times: Times,
    /// The number of matching requests to skip first.
    pub(super) after: u32,
    /// The percentage of requests to match; `None` for all.
    pub(super) percent: Option<u8>,
    pub(super) answer: Source,
    /// The limit in the message of [`Source::QuotaExhausted`].
    pub(super) limit: Option<u32>,
    #[serde(serialize_with = "write_headers", deserialize_with = "read_headers")]
    pub(super) headers: HeaderMap,
    /// Seconds.
    pub(super) retry_after: Option<u64>,
    /// Milliseconds since 1970.
    pub(super) retry_after_date: Option<u64>,
    pub(super) float_times: bool,
    pub(super) text_amounts: bool,
    pub(super) without_error_code: bool,
    pub(super) reversed_list: bool,
    #[serde(deserialize_with = "one_or_many")]
    pub(super) without_items: BTreeSet<usize>,
    #[serde(deserialize_with = "one_or_many")]
    pub(super) garbled_items: BTreeSet<usize>,
    #[serde(deserialize_with = "one_or_many")]
    pub(super) service_failed_items: BTreeSet<usize>,
    #[serde(deserialize_with = "one_or_many")]
    pub(super) nameless_items: BTreeSet<usize>,
    /// Texts that replace list items.
    pub(super) items: BTreeMap<usize, String>,
    #[serde(rename = "transactionPlace")]
    pub(super) transaction_layout: TransactionLayout,
    pub(super) delay_ms: u64,
    pub(super) truncate_to: Option<u32>,
    pub(super) drip_ms: Option<u64>,
}

/// The number of requests that a fault has left; `None` for no limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Times(pub(super) Option<u32>);

impl Default for Times {
    fn default() -> Self {
        Self(Some(1))
    }
}

/// The place of the transaction in a list item.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum TransactionLayout {
    #[default]
    Data,
    Transaction,
    Inline,
}

impl Fault {
    /// The rule, without the fields that have their default value. `times` is always present.
    pub(super) fn rule(&self) -> serde_json::Result<Map<String, Value>> {
        let fields = |fault: &Self| match Self::serialize(fault, serde_json::value::Serializer)? {
            Value::Object(fields) => Ok(fields),
            _ => Ok(Map::new()),
        };
        let (mut rule, default): (_, Map<_, _>) = (fields(self)?, fields(&Self::default())?);
        rule.retain(|name, value| name == "times" || default.get(name) != Some(value));
        Ok(rule)
    }
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.rule().map_err(S::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Fault {
    /// Reads a rule without the checks of [`Fault::from_json`].
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)
    }
}

impl Serialize for Times {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(count) => serializer.serialize_u32(count),
            None => serializer.serialize_str("always"),
        }
    }
}

impl<'de> Deserialize<'de> for Times {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) if text == "always" => Ok(Self(None)),
            value => u32::deserialize(value)
                .map(|count| Self(Some(count)))
                .map_err(|error| D::Error::custom(format!("{error}, or \"always\""))),
        }
    }
}
