//! Request bodies: JSON objects of strings, and of numbers in their exact written form.

use std::fmt::{Display, Write};

use bytes::Bytes;
use serde_json::Value;

/// A JSON object under construction. Members are written in the order of NBC's reference.
#[derive(Default)]
pub(crate) struct JsonObject(String);

impl JsonObject {
    /// Adds a string member.
    pub(crate) fn text(self, name: &'static str, value: &str) -> Self {
        self.raw(name, Value::from(value))
    }

    /// Adds a value whose `Display` output is JSON.
    pub(crate) fn raw(mut self, name: &'static str, value: impl Display) -> Self {
        let separator = if self.0.is_empty() { '{' } else { ',' };
        // Writing to a string cannot fail.
        let _ = write!(self.0, "{separator}\"{name}\":{value}");
        self
    }

    /// Adds a nested object.
    pub(crate) fn object(self, name: &'static str, value: Self) -> Self {
        self.raw(name, value.close())
    }

    pub(crate) fn finish(self) -> Bytes {
        self.close().into()
    }

    fn close(mut self) -> String {
        self.0.push_str(if self.0.is_empty() { "{}" } else { "}" });
        self.0
    }
}

/// Writes a list of strings.
pub(crate) fn json_list(texts: impl IntoIterator<Item = impl Display>) -> Bytes {
    let texts = texts.into_iter().map(|text| Value::from(text.to_string()));
    Value::from_iter(texts).to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_json() {
        let inner = JsonObject::default().text("b", "\"\\\u{1}\u{1F600}");
        let body = JsonObject::default()
            .text("a", "")
            .raw("n", "1.50")
            .object("o", inner)
            .finish();
        assert_eq!(
            body,
            "{\"a\":\"\",\"n\":1.50,\"o\":{\"b\":\"\\\"\\\\\\u0001\u{1F600}\"}}"
        );
        assert_eq!(JsonObject::default().finish(), "{}");
        assert_eq!(json_list(["a", "\n"]), r#"["a","\n"]"#);
    }
}
