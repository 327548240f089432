//! The body of a request: any JSON, from which each endpoint reads its fields.
//!
//! Values are kept as text, so that an amount is compared digit by digit.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::RangeInclusive;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::refused::Refused;
use crate::input::reason;
use crate::wire::MAX_LIST;

/// The number of characters of a hash, an MD5 or a reference. NBC's reference states
/// the length for hashes and MD5s only.
pub(super) const IDENTIFIER: RangeInclusive<usize> = 1..=255;

/// A body of well-formed JSON.
#[derive(Clone, Copy)]
pub(super) struct Body<'a>(&'a str);

impl<'a> Body<'a> {
    /// Returns the reason if `bytes` are not JSON in UTF-8.
    pub(super) fn new(bytes: &'a [u8]) -> Result<Self, String> {
        if bytes.trim_ascii().is_empty() {
            return Err("the body is empty; send JSON".to_owned());
        }
        // A syntax error quotes nothing from the body.
        let value: Result<&RawValue, _> = serde_json::from_slice(bytes);
        value.map(|value| Self(value.get())).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let reason = reason(&error);
            format!("the body is not JSON: line {line}, column {column}: {reason}")
        })
    }

    /// The fields of an object. Any other JSON has no fields.
    pub(super) fn fields(self) -> Fields<'a> {
        Fields {
            place: "body".to_owned(),
            fields: read(self.0).unwrap_or_default(),
        }
    }

    /// The identifiers of a list.
    pub(super) fn identifiers(self) -> Result<Vec<Cow<'a, str>>, Refused> {
        let refuse = || {
            Refused::missing_fields(format!(
                "the body is not a list of 1 to {MAX_LIST} strings of {} to {} characters",
                IDENTIFIER.start(),
                IDENTIFIER.end()
            ))
        };
        let texts: Vec<Text<'a>> = read(self.0).ok_or_else(refuse)?;
        let texts: Vec<_> = texts.into_iter().map(|text| text.0).collect();
        let fits = (1..=MAX_LIST).contains(&texts.len())
            && texts
                .iter()
                .all(|text| IDENTIFIER.contains(&text.chars().count()));
        fits.then_some(texts).ok_or_else(refuse)
    }
}

/// The fields of an object. The last of several fields with the same name wins.
pub(super) struct Fields<'a> {
    /// The location of the object, such as `body.sourceInfo`.
    place: String,
    fields: HashMap<Cow<'a, str>, &'a RawValue>,
}

impl<'a> Fields<'a> {
    /// A text field with this number of characters. Anything else counts as missing.
    pub(super) fn text(
        &self,
        name: &'static str,
        len: RangeInclusive<usize>,
    ) -> Result<Cow<'a, str>, Refused> {
        let refuse = |what: &str| self.refuse(name, what);
        let value = self.raw(name).ok_or_else(|| refuse("is missing"))?;
        let text = read::<Text<'a>>(value).ok_or_else(|| refuse("is not a string"))?;
        let count = text.0.chars().count();
        if len.contains(&count) {
            return Ok(text.0);
        }
        let (least, most) = (*len.start(), *len.end());
        Err(refuse(&match (least, most) {
            _ if count < least && least == 1 => "is empty".to_owned(),
            _ if least == most => format!("has {count} characters instead of {most}"),
            _ => format!("has {count} characters; the limit is {most}"),
        }))
    }

    /// A number field, as it was written.
    pub(super) fn number(&self, name: &'static str) -> Result<&'a str, Refused> {
        let refuse = |what: &str| self.refuse(name, what);
        let value = self.raw(name).ok_or_else(|| refuse("is missing"))?;
        if value.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
            Ok(value)
        } else {
            Err(refuse("is not a number"))
        }
    }

    /// The fields of an object field; `None` if the field is absent or null.
    pub(super) fn object(&self, name: &str) -> Option<Self> {
        let value = self.raw(name).filter(|value| *value != "null")?;
        Some(Self {
            place: format!("{}.{name}", self.place),
            ..Body(value).fields()
        })
    }

    fn refuse(&self, name: &str, what: &str) -> Refused {
        Refused::missing_fields(format!("{}.{name} {what}", self.place))
    }

    fn raw(&self, name: &str) -> Option<&'a str> {
        self.fields.get(name).map(|value| value.get())
    }
}

/// Borrows a string that has no escapes. A plain `Cow` would always copy it.
#[derive(Deserialize)]
#[serde(transparent)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Option<T> {
    serde_json::from_str(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_text() {
        let body = br#"{"a":1.10,"b":-0,"c":1e400,"d":"1","e":null,"f":[1],"a":1.20}"#;
        let fields = Body::new(body).unwrap().fields();
        assert_eq!(fields.number("a"), Ok("1.20"));
        assert_eq!(fields.number("b"), Ok("-0"));
        assert_eq!(fields.number("c"), Ok("1e400"));
        for name in ["d", "e", "f", "g"] {
            assert!(fields.number(name).is_err(), "{name}");
        }
    }

    #[test]
    fn texts_with_escapes_are_read() {
        let body = br#"{"a":"x\u0040y","b":"\ud800","\u0063":"z"}"#;
        let fields = Body::new(body).unwrap().fields();
        assert_eq!(fields.text("a", 3..=3).as_deref(), Ok("x@y"));
        assert_eq!(fields.text("c", 1..=1).as_deref(), Ok("z"));
        assert!(fields.text("b", 0..=9).is_err());
        for other in [
            "{}",
            "[]",
            "null",
            r#"{"a":1}"#,
            r#"{"a":null}"#,
            r#"{"a":["x"]}"#,
        ] {
            let fields = Body::new(other.as_bytes()).unwrap().fields();
            let text = fields.text("a", 0..=9);
            assert!(text.is_err(), "{other}");
        }
    }

    #[test]
    fn a_list_has_one_to_fifty_texts() {
        let list = |len: usize| format!("[{}]", vec![r#""a""#; len].join(","));
        let count = |text: &str| {
            let identifiers = Body::new(text.as_bytes()).unwrap().identifiers();
            identifiers.map(|identifiers| identifiers.len())
        };
        for len in [1, 2, 50] {
            assert_eq!(count(&list(len)), Ok(len));
        }
        let long = |len: usize| format!(r#"["{}"]"#, "ក".repeat(len));
        assert_eq!(count(&long(255)), Ok(1));
        for text in [
            &list(0),
            &list(51),
            &long(0),
            &long(256),
            r#"["a",1]"#,
            r#"["a",null]"#,
            r#"["a",["b"]]"#,
            r#"{"md5":["a"]}"#,
            r#""a""#,
            "null",
        ] {
            assert!(count(text).is_err(), "{text}");
        }
    }

    #[test]
    fn deep_nesting_is_safe() {
        let deep = "[".repeat(30_000) + &"]".repeat(30_000);
        let body = Body::new(deep.as_bytes()).unwrap();
        assert!(body.identifiers().is_err());
        assert!(Body::new(&deep.as_bytes()[1..]).is_err());
    }
}
