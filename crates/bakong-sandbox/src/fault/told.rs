//! A fault told as the rule that it is: what [`Fault::from_json`] reads as the same fault.

use std::time::Duration;

use http::header::{CONTENT_TYPE, RETRY_AFTER};
use serde_json::{Map, Value, json};

use super::edits::{ItemEdit, TransactionPlace};
use super::{Fault, Source};
use crate::wire::{self, Answer};

impl Fault {
    /// The rule that [`Fault::from_json`] reads as this fault, with what is left of it.
    pub(crate) fn rule(&self) -> Value {
        let mut rule = Map::new();
        let mut put = |name: &str, value: Value| {
            let is_default = match &value {
                Value::Null | Value::Bool(false) => true,
                Value::Array(list) => list.is_empty(),
                Value::Object(fields) => fields.is_empty(),
                _ => false,
            };
            if !is_default {
                rule.insert(name.to_owned(), value);
            }
        };
        let (target, trouble) = (&self.target, &self.trouble);
        let names = target.endpoints.iter().map(|endpoint| endpoint.name());
        put("on", names.collect());
        put("times", target.left.map_or(json!("always"), Value::from));
        put("after", (target.spared > 0).then_some(target.spared).into());
        let percent = (target.percent < 100).then_some(target.percent);
        put("percent", percent.into());
        put(
            "answer",
            answer_rule(&trouble.source, trouble.expires_tokens),
        );
        let mut headers = trouble.headers.clone();
        let seconds = retry_after(&headers);
        if seconds.is_some() {
            headers.remove(RETRY_AFTER);
        }
        put("headers", headers_rule(&headers));
        put("retryAfter", seconds.into());
        let edits = &trouble.edits;
        put("floatTimes", edits.float_times.into());
        put("textAmounts", edits.text_amounts.into());
        put("withoutErrorCode", edits.without_error_code.into());
        put("reversedList", edits.reversed.into());
        for (name, edit) in [
            ("withoutItems", ItemEdit::Missing),
            ("serviceFailedItems", ItemEdit::ServiceFailed),
            ("namelessItems", ItemEdit::Nameless),
        ] {
            let places = edits.items.iter().filter(|(_, it)| **it == edit);
            put(name, places.map(|(place, _)| *place).collect());
        }
        let texts = edits.items.iter().filter_map(|(place, edit)| match edit {
            ItemEdit::Text(text) => Some((place.to_string(), Value::from(text.as_str()))),
            _ => None,
        });
        put("items", Value::Object(texts.collect()));
        put("transactionPlace", edits.transaction_place.name().into());
        let delivery = trouble.delivery;
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let latency = Some(delivery.latency).filter(|it| !it.is_zero());
        put("delayMs", latency.map(millis).into());
        put("truncateTo", delivery.limit.into());
        put("dripMs", delivery.gap.map(millis).into());
        Value::Object(rule)
    }
}

impl TransactionPlace {
    /// `None` for where it is by itself.
    const fn name(self) -> Option<&'static str> {
        match self {
            Self::Data => None,
            Self::Transaction => Some("transaction"),
            Self::Inline => Some("inline"),
        }
    }
}

fn answer_rule(source: &Source, expires_tokens: bool) -> Value {
    match source {
        Source::Own if expires_tokens => "tokens_expire".into(),
        Source::Own => Value::Null,
        Source::Cut => "cut".into(),
        Source::Hang => "hang".into(),
        Source::Answer(answer) => named(answer).map_or_else(|| written_rule(answer), Value::from),
    }
}

/// The one `Retry-After`, if it is in seconds and written as [`Fault::retry_after`] writes it.
fn retry_after(headers: &http::HeaderMap) -> Option<u64> {
    let mut values = headers.get_all(RETRY_AFTER).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let seconds: u64 = value.to_str().ok()?.parse().ok()?;
    (seconds.to_string().as_bytes() == value.as_bytes()).then_some(seconds)
}

/// The name of an answer that has one, without parameters.
fn named(answer: &Answer) -> Option<&'static str> {
    let all = [
        ("unauthorized", Fault::unauthorized()),
        ("forbidden", Fault::forbidden()),
        ("too_many_requests", Fault::too_many_requests()),
        ("quota_exhausted", Fault::quota_exhausted()),
    ];
    let is_same = |source: &Source| match source {
        Source::Answer(it) => {
            it.status() == answer.status()
                && it.headers() == answer.headers()
                && it.body() == answer.body()
        }
        Source::Own | Source::Cut | Source::Hang => false,
    };
    let mut all = all.into_iter();
    all.find_map(|(name, fault)| is_same(&fault.trouble.source).then_some(name))
}

/// An answer with the body as a text; what is no UTF-8 in it shows as U+FFFD.
fn written_rule(answer: &Answer) -> Value {
    let mut rule = Map::new();
    rule.insert("status".to_owned(), answer.status().as_u16().into());
    let mut headers = answer.headers().clone();
    let text = String::from_utf8_lossy(answer.body()).into_owned();
    let content_type = headers.get(CONTENT_TYPE);
    let is_page = content_type == Some(&wire::HTML);
    if is_page {
        headers.remove(CONTENT_TYPE);
        rule.insert("html".to_owned(), text.into());
    } else if !text.is_empty() {
        rule.insert("body".to_owned(), text.into());
    }
    let headers = headers_rule(&headers);
    if headers.as_object().is_some_and(|it| !it.is_empty()) {
        rule.insert("headers".to_owned(), headers);
    }
    Value::Object(rule)
}

fn headers_rule(headers: &http::HeaderMap) -> Value {
    let pairs = headers.keys().map(|name| {
        let values = headers.get_all(name).iter();
        let values = values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        (name.to_string(), values.collect())
    });
    Value::Object(pairs.collect())
}
