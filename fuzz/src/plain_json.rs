//! Reads a response of Bakong with a plain JSON parser, to compare with the reader of bakong-api.

use serde_json::{Map, Value};

/// What the plain reader extracts from a response.
pub struct Answer {
    /// `responseCode`, if it is an integer or a string that contains one.
    pub response_code: Option<i64>,
    /// `errorCode` in the same form, if it is not 0.
    pub error_code: Option<i64>,
    /// Whether any object has a non-empty field of a transaction.
    pub mentions_payment: bool,
    /// Whether the response has exactly the documented form of a paid one.
    pub is_documented_paid: bool,
}

impl Answer {
    /// Returns `None` if the body is not a JSON object, or if a plain reader may understand it differently.
    pub fn of(body: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(body).ok()?;
        // A plain reader keeps only the last of two equal names, and escapes can disguise a name.
        if text.contains('\\') {
            return None;
        }
        let Ok(Value::Object(body)) = serde_json::from_str(text) else {
            return None;
        };
        if body.keys().any(|name| is_repeated(text, name)) {
            return None;
        }
        let (response_code, error_code) =
            (number(&body, "responseCode"), number(&body, "errorCode"));
        let data = body.get("data").and_then(Value::as_object);
        let has_hash = data.is_some_and(|data| {
            data.get("hash")
                .and_then(Value::as_str)
                .is_some_and(|hash| !hash.is_empty())
        });
        Some(Self {
            response_code,
            error_code: error_code.filter(|code| *code != 0),
            mentions_payment: body.values().any(is_payment) || names_payment(&body),
            is_documented_paid: response_code == Some(0)
                && body.get("errorCode").is_none_or(Value::is_null)
                && has_hash,
        })
    }
}

fn is_repeated(text: &str, name: &str) -> bool {
    text.matches(&format!("\"{name}\"")).count() > 1
}

fn number(body: &Map<String, Value>, name: &str) -> Option<i64> {
    match body.get(name)? {
        Value::String(text) => text.trim().parse().ok(),
        Value::Number(number) => number.as_i64().or_else(|| {
            let text = number.to_string();
            text.strip_suffix(".0")?.parse().ok()
        }),
        _ => None,
    }
}

fn is_payment(value: &Value) -> bool {
    match value {
        Value::Object(object) => names_payment(object) || object.values().any(is_payment),
        Value::Array(items) => items.iter().any(is_payment),
        _ => false,
    }
}

fn names_payment(object: &Map<String, Value>) -> bool {
    ["hash", "fromAccountId", "toAccountId", "amount"]
        .into_iter()
        .filter_map(|name| object.get(name))
        .any(|value| !value.is_null() && value.as_str().is_none_or(|text| !text.trim().is_empty()))
}
