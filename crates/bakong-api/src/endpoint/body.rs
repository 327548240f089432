//! A request's body: JSON of texts, and of numbers as they are written.

use std::fmt::{Display, Write};

use bytes::Bytes;
use serde_json::Value;

/// A JSON object, written member by member in the reference's order.
#[derive(Default)]
pub(crate) struct JsonObject(String);

impl JsonObject {
    pub(crate) fn text(self, name: &'static str, value: &str) -> Self {
        let plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
        if !value.bytes().all(plain) {
            // `Value` writes the text with its escapes, and cannot fail to.
            return self.raw(name, Value::from(value));
        }
        let mut body = self.name(name);
        body.0.extend(["\"", value, "\""]);
        body
    }

    /// A value that is JSON as it displays itself.
    pub(crate) fn raw(self, name: &'static str, value: impl Display) -> Self {
        let mut body = self.name(name);
        // A string takes all that is written to it.
        let _ = write!(body.0, "{value}");
        body
    }

    pub(crate) fn object(self, name: &'static str, value: Self) -> Self {
        let mut body = self.name(name);
        body.0.push_str(&value.close());
        body
    }

    pub(crate) fn finish(self) -> Bytes {
        self.close().into()
    }

    fn name(mut self, name: &'static str) -> Self {
        if self.0.is_empty() {
            self.0.reserve(64);
        }
        let before = if self.0.is_empty() { "{\"" } else { ",\"" };
        self.0.extend([before, name, "\":"]);
        self
    }

    fn close(mut self) -> String {
        self.0.push_str(if self.0.is_empty() { "{}" } else { "}" });
        self.0
    }
}

/// A bare list of texts.
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
