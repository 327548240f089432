//! Refuses rules with a part that has no effect, because the author of such a rule expects an effect.
//!
//! A part has no effect if, without it, the rule still does the same to every kind of response.

use http::StatusCode;
use serde_json::{Map, Value};

use super::rule::Fault;
use crate::input::InputError;
use crate::wire::{self, Answer, ApiEndpoint, Failure, MAX_LIST, TokenUse};

/// The fields that decide whether a rule matches, and the field that names the response.
const NOT_EDITS: [&str; 6] = ["on", "times", "after", "percent", "answer", "limit"];

/// Refuses a rule without an effect, and a rule with a part that has no effect.
pub(super) fn check(fault: &Fault, place: &str) -> Result<(), InputError> {
    let rule = fault.rule().unwrap_or_default();
    // The rule is read again, so that its headers have the same order as in the rules that it is compared with.
    let fault = &read(rule.clone()).unwrap_or_else(|| fault.clone());
    let samples: Vec<_> = samples(fault)
        .into_iter()
        .map(|own| (effect(fault, &own), own))
        .collect();
    let has_same_effect = |other: &Fault| {
        let mut samples = samples.iter();
        samples.all(|(with, own)| *with == effect(other, own))
    };
    for (name, value) in &rule {
        // The samples cannot show the effect, because the sandbox's own response can be longer than a sample.
        let is_unknown = name == "truncateTo" && fault.has_own_answer();
        if is_unknown || NOT_EDITS.contains(&&**name) {
            continue;
        }
        for smaller in without_one_part(value) {
            let mut rule = rule.clone();
            rule.insert(name.clone(), smaller);
            let without: Option<Fault> = read(rule);
            if without.is_some_and(|without| has_same_effect(&without)) {
                let what = format!("`{name}` or a part of it has no effect");
                let help = "remove it, or change the answer or the endpoints";
                return Err(InputError::new(format!("{place}.{name}"), what, help));
            }
        }
    }
    let is_known = !fault.expires_tokens() && fault.truncate_to.is_none();
    if is_known && has_same_effect(&Fault::default()) {
        let help = "add an answer, a change to the response, or a field that delays or cuts it";
        return Err(InputError::new(place, "the rule has no effect", help));
    }
    Ok(())
}

fn read(rule: Map<String, Value>) -> Option<Fault> {
    let rule = rule.into_iter().filter(|(_, value)| !value.is_null());
    serde_json::from_value(Value::Object(rule.collect())).ok()
}

/// Copies of the value that each lack one of its elements; null for a value without elements.
fn without_one_part(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(list) if list.len() > 1 => (0..list.len())
            .map(|index| {
                let mut list = list.clone();
                list.remove(index);
                list.into()
            })
            .collect(),
        Value::Object(fields) if fields.len() > 1 => fields
            .keys()
            .map(|key| {
                let mut fields = fields.clone();
                fields.remove(key);
                fields.into()
            })
            .collect(),
        _ => vec![Value::Null],
    }
}

/// Everything that a client can observe, as a string.
fn effect(fault: &Fault, own: &Answer) -> String {
    format!("{:?}", fault.apply(|| own.clone()))
}

/// One response of each kind that the endpoints of a fault give.
fn samples(fault: &Fault) -> Vec<Answer> {
    let endpoints = if fault.on.is_empty() {
        ApiEndpoint::ALL
    } else {
        &fault.on
    };
    let mut samples = vec![wire::refusal(Failure::MissingFields)];
    for endpoint in endpoints {
        let is_refused = fault.expires_tokens() && endpoint.token_use() == TokenUse::Required;
        let sample = if is_refused {
            wire::refusal(Failure::Unauthorized)
        } else {
            success(*endpoint)
        };
        if !samples.iter().any(|known| known.body() == sample.body()) {
            samples.push(sample);
        }
    }
    // Puts lists and transactions first, because they show the effect of almost every edit.
    samples.reverse();
    samples
}

/// A successful response of an endpoint, reduced to what edits can change.
fn success(endpoint: ApiEndpoint) -> Answer {
    const TRANSACTION: &str = r#"{"amount":1.5,"createdDateMs":1,"acknowledgedDateMs":1}"#;
    let data = if endpoint.name().ends_with("_list") {
        let found = format!(r#"{{"md5":"","status":"","message":"","data":{TRANSACTION}}}"#);
        let mut items = vec![r#"{"md5":"","status":"","message":"","data":null}"#; MAX_LIST];
        items[0] = &found;
        format!("[{}]", items.join(","))
    } else if endpoint.token_use() == TokenUse::Required {
        TRANSACTION.to_owned()
    } else {
        "null".to_owned()
    };
    let body = format!(r#"{{"responseCode":0,"errorCode":null,"data":{data}}}"#);
    wire::with_body(StatusCode::OK, wire::JSON, body.into())
}
