//! What a code is to say, in the official SDK's words, as both sides are asked.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::failure::Failure;

/// A value as JSON writes it: a number keeps its digits, as no program may lose any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Number(String),
}

impl Value {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn number(digits: impl Into<String>) -> Self {
        Self::Number(digits.into())
    }

    /// The text, or the number's digits.
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Text(text) | Self::Number(text) => text,
        }
    }
}

/// One request to write a code; what is absent is not in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Input(BTreeMap<String, Value>);

impl Input {
    pub(super) fn set(&mut self, name: &str, value: Value) {
        self.0.insert(name.to_owned(), value);
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// The value, unless it is absent or an empty text, which the SDK takes for absent.
    pub(super) fn given(&self, name: &str) -> Option<&Value> {
        self.get(name).filter(|value| !value.as_str().is_empty())
    }

    pub(super) fn is_merchant(&self) -> bool {
        self.get("kind").map(Value::as_str) == Some("merchant")
    }

    /// A field of text, if it is one.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match self.given(name) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    pub(super) fn is_usd(&self) -> bool {
        matches!(
            self.given("currency").map(Value::as_str),
            Some("840" | "USD")
        )
    }

    /// One line of JSON.
    pub(super) fn to_json(&self) -> String {
        let fields: Vec<String> = self
            .0
            .iter()
            .map(|(name, value)| match value {
                Value::Text(text) => format!("{}:{}", quoted(name), quoted(text)),
                Value::Number(digits) => format!("{}:{digits}", quoted(name)),
            })
            .collect();
        format!("{{{}}}", fields.join(","))
    }

    /// Reads an object of texts and numbers; what is null is absent.
    pub(super) fn from_json(json: &str) -> Result<Self, Failure> {
        let unreadable = |why: String| Failure::new(format!("`{json}` is no input: {why}"));
        let raw: BTreeMap<String, Box<RawValue>> =
            serde_json::from_str(json).map_err(|error| unreadable(error.to_string()))?;
        let mut input = Self::default();
        for (name, value) in raw {
            let value = value.get();
            match value.bytes().next() {
                Some(b'"') => {
                    let text: String = serde_json::from_str(value)
                        .map_err(|error| unreadable(error.to_string()))?;
                    input.set(&name, Value::Text(text));
                }
                Some(b'-' | b'0'..=b'9') => input.set(&name, Value::number(value)),
                _ if value == "null" => {}
                _ => return Err(unreadable(format!("`{name}` is neither text nor number"))),
            }
        }
        Ok(input)
    }
}

/// A text as JSON writes it.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_comes_back_from_its_json_to_the_digit() {
        let mut input = Input::default();
        input.set("kind", Value::text("merchant"));
        input.set("amount", Value::number("5.00"));
        input.set("merchantName", Value::text("a\"\n\u{2028}😀"));
        let json = input.to_json();
        assert!(
            !json.contains('\n') && json.contains("\"amount\":5.00"),
            "{json}"
        );
        assert_eq!(Input::from_json(&json), Ok(input));
        assert!(Input::from_json(r#"{"a":[1]}"#).is_err());
        assert_eq!(Input::from_json(r#"{"a":null}"#), Ok(Input::default()));
    }
}
