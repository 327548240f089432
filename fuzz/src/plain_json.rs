//! An answer of Bakong as a plain JSON reader sees it, to hold bakong-api's own against.

use serde_json::{Map, Value};

/// What a plain reader sees.
pub struct Answer {
    /// `responseCode`, if it is a whole number or the text of one.
    pub response_code: Option<i64>,
    /// `errorCode`, likewise, and not 0.
    pub error_code: Option<i64>,
    /// Whether something in it is named as a part of a payment is, and says something.
    pub tells_of_payment: bool,
    /// Whether it is the reference's own form of a paid answer, without any oddity.
    pub is_plainly_paid: bool,
}

impl Answer {
    /// `None` if it is no JSON object, or one that a plain reader need not see as we do.
    pub fn of(body: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(body).ok()?;
        // Of what stands twice a plain reader sees the last only, and escapes hide names.
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
            tells_of_payment: body.values().any(is_payment) || names_payment(&body),
            is_plainly_paid: response_code == Some(0)
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
