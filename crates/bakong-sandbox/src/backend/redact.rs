//! Removes secrets from logged requests: tokens and verification codes.

use std::ops::Range;

/// The replacement of a secret.
pub(crate) const REDACTED: &str = "[redacted]";

/// The names of fields with a secret value.
const SECRETS: [&str; 2] = ["code", "token"];

/// Replaces the secrets in a string. The string can be JSON, truncated JSON, or anything else with names and values.
pub(crate) fn redacted(text: &str) -> String {
    let text = replace(text, &named_secrets(text));
    replace(&text, &tokens(&text))
}

/// Replaces the given ranges, which must be in order.
fn replace(text: &str, ranges: &[Range<usize>]) -> String {
    let mut replaced = String::with_capacity(text.len());
    let mut from = 0;
    for range in ranges {
        replaced.push_str(text.get(from..range.start).unwrap_or_default());
        replaced.push_str(REDACTED);
        from = range.end;
    }
    replaced.push_str(text.get(from..).unwrap_or_default());
    replaced
}

/// Finds JWTs, and the beginnings of JWTs. All of them start with `eyJ`, the base64url form of `{"`.
fn tokens(text: &str) -> Vec<Range<usize>> {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.=".contains(byte);
    let mut ranges = Vec::new();
    let mut from = 0;
    while let Some(found) = text.get(from..).and_then(|rest| rest.find("eyJ")) {
        let start = from + found;
        let bytes = text.as_bytes().get(start..).unwrap_or_default();
        let end = start + bytes.iter().take_while(|byte| is_part(byte)).count();
        // A shorter match is no token: the header alone is longer.
        if end - start >= 16 {
            ranges.push(start..end);
        }
        from = end;
    }
    ranges
}

/// Finds the values of [`SECRETS`] in `"code":"…"` and in other forms, such as `code=…`. It does not parse
/// JSON, because a truncated or badly quoted text can contain secrets too.
fn named_secrets(text: &str) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut at = 0;
    while let Some(name) = word(text, at) {
        at = name.end;
        let name = text.get(name).unwrap_or_default();
        if !SECRETS
            .iter()
            .any(|secret| name.eq_ignore_ascii_case(secret))
        {
            continue;
        }
        let rest = text.get(at..).unwrap_or_default();
        let rest = rest.trim_start_matches(is_quote).trim_start();
        let Some(value) = rest.strip_prefix([':', '=']) else {
            continue;
        };
        let value = value.trim_start().trim_start_matches(is_quote);
        let start = text.len() - value.len();
        let is_end = |it: char| is_quote(it) || it.is_whitespace() || ",;&{}[]".contains(it);
        let end = start + value.find(is_end).unwrap_or(value.len());
        if !["", "null"].contains(&text.get(start..end).unwrap_or_default()) {
            ranges.push(start..end);
        }
        at = end;
    }
    ranges
}

const fn is_quote(it: char) -> bool {
    matches!(it, '"' | '\'' | '\\')
}

/// The first run of letters and digits at or after `from`.
fn word(text: &str, from: usize) -> Option<Range<usize>> {
    let start = from + text.get(from..)?.find(char::is_alphanumeric)?;
    let rest = text.get(start..)?;
    let len = rest
        .find(|it: char| !it.is_alphanumeric())
        .unwrap_or(rest.len());
    Some(start..start + len)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TOKEN: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJkYXRhIjp7fX0.c2VjcmV0-_x";

    #[test]
    fn tokens_are_redacted_everywhere() {
        // A truncated token is redacted, too.
        for end in 16..TOKEN.len() {
            assert_eq!(redacted(&TOKEN[..end]), REDACTED);
        }
        assert_eq!(redacted("eyJ ឱ eyJx"), "eyJ ឱ eyJx");
        assert_eq!(
            redacted(&format!("Bearer {TOKEN}, x")),
            "Bearer [redacted], x"
        );
    }

    #[test]
    fn named_values_are_redacted() {
        for (text, expected) in [
            (r#"{"code":"ABC23"}"#, r#"{"code":"[redacted]"}"#),
            (
                r#"{ "a" : 1, "code" : "A" , "b": "code"}"#,
                r#"{ "a" : 1, "code" : "[redacted]" , "b": "code"}"#,
            ),
            (
                r#"{"data":{"token":"odd"},"errorCode":5}"#,
                r#"{"data":{"token":"[redacted]"},"errorCode":5}"#,
            ),
            (
                r#"{"code":"A","token":"B","code": "C","d":"e"}"#,
                r#"{"code":"[redacted]","token":"[redacted]","code": "[redacted]","d":"e"}"#,
            ),
            (r#"{"code":12345,"x":1}"#, r#"{"code":[redacted],"x":1}"#),
            (r#"{"code":null}"#, r#"{"code":null}"#),
            (r#"{"code":""}"#, r#"{"code":""}"#),
            (r#"{"code":["ABC"]}"#, r#"{"code":["ABC"]}"#),
            // Truncated, badly quoted, and not JSON.
            (r#"{"code":"ABC"#, r#"{"code":"[redacted]"#),
            (
                r#"{"a":"b"","code":"ABC""#,
                r#"{"a":"b"","code":"[redacted]""#,
            ),
            (r#""{\"code\":\"ABC\"}""#, r#""{\"code\":\"[redacted]\"}""#),
            ("code=ABC23&x=1", "code=[redacted]&x=1"),
            ("{code: ABC23, x}", "{code: [redacted], x}"),
            ("{'Token': 'abc'}", "{'Token': '[redacted]'}"),
            // Similar names.
            (
                r#"{"qr":"0002code=1","errorCode":1,"responseCode":0}"#,
                r#"{"qr":"0002code=1","errorCode":1,"responseCode":0}"#,
            ),
            (r#"["code","token"]"#, r#"["code","token"]"#),
            ("code", "code"),
            ("", ""),
        ] {
            assert_eq!(redacted(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_can_be_redacted(text in "([a-z\"\\\\:={}, ]|code|token|\"code\":\"|ក){0,40}", other: String) {
            let once = redacted(&text);
            prop_assert_eq!(redacted(&once), once);
            redacted(&other);
        }

        #[test]
        fn a_code_is_redacted_in_any_context(
            before in "([a-z:, ]|[ -~]){0,9}",
            secret in "[A-Z2-9]{20}",
            after in "[ -~]{0,9}",
        ) {
            let field = format!(r#""code":"{secret}""#);
            let text = format!("{{{before:?},{field},{before},{field}{after}");
            prop_assert!(!redacted(&text).contains(&secret), "{}", text);
        }
    }
}
