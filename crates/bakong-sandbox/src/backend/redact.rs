//! Secrets taken out of what is told of requests: tokens, and the codes that mails bring. The rest stays.

use std::ops::Range;

/// What stands in place of a secret.
const REDACTED: &str = "[redacted]";

/// The names of fields whose value is a secret, wherever they stand.
const SECRETS: [&str; 2] = ["code", "token"];

/// The text without its secrets, whether it is JSON, the beginning of it, or something else in which names have
/// values.
pub(crate) fn redacted(text: &str) -> String {
    let named = without(text, &named_secrets(text));
    without(&named, &tokens(&named))
}

/// The text without what stands at some places, which come in their order.
fn without(text: &str, places: &[Range<usize>]) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut from = 0;
    for place in places {
        shown.push_str(text.get(from..place.start).unwrap_or_default());
        shown.push_str(REDACTED);
        from = place.end;
    }
    shown.push_str(text.get(from..).unwrap_or_default());
    shown
}

/// Where JWTs stand, or what begins like one. All of them begin with `eyJ`, the base64url of `{"`.
fn tokens(text: &str) -> Vec<Range<usize>> {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.=".contains(byte);
    let mut places = Vec::new();
    let mut from = 0;
    while let Some(found) = text.get(from..).and_then(|rest| rest.find("eyJ")) {
        let start = from + found;
        let bytes = text.as_bytes().get(start..).unwrap_or_default();
        let end = start + bytes.iter().take_while(|byte| is_part(byte)).count();
        // Shorter than any header of a token.
        if end - start >= 16 {
            places.push(start..end);
        }
        from = end;
    }
    places
}

/// Where the values of fields stand whose name is one of [`SECRETS`]: `"code":"…"`, and what people send in its
/// place, such as `code=…`. It does not read JSON, since what is cut off or badly quoted has secrets, too.
fn named_secrets(text: &str) -> Vec<Range<usize>> {
    let mut places = Vec::new();
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
            places.push(start..end);
        }
        at = end;
    }
    places
}

const fn is_quote(it: char) -> bool {
    matches!(it, '"' | '\'' | '\\')
}

/// The first run of letters and digits from `from` on.
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
    fn tokens_go_wherever_they_stand() {
        // Also one that was cut in the middle.
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
    fn codes_and_tokens_go_by_their_name() {
        for (text, told) in [
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
            // Cut, badly quoted, and no JSON at all.
            (r#"{"code":"ABC"#, r#"{"code":"[redacted]"#),
            (
                r#"{"a":"b"","code":"ABC""#,
                r#"{"a":"b"","code":"[redacted]""#,
            ),
            (r#""{\"code\":\"ABC\"}""#, r#""{\"code\":\"[redacted]\"}""#),
            ("code=ABC23&x=1", "code=[redacted]&x=1"),
            ("{code: ABC23, x}", "{code: [redacted], x}"),
            ("{'Token': 'abc'}", "{'Token': '[redacted]'}"),
            // What only sounds like it.
            (
                r#"{"qr":"0002code=1","errorCode":1,"responseCode":0}"#,
                r#"{"qr":"0002code=1","errorCode":1,"responseCode":0}"#,
            ),
            (r#"["code","token"]"#, r#"["code","token"]"#),
            ("code", "code"),
            ("", ""),
        ] {
            assert_eq!(redacted(text), told, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_told(text in "([a-z\"\\\\:={}, ]|code|token|\"code\":\"|ក){0,40}", other: String) {
            let once = redacted(&text);
            prop_assert_eq!(redacted(&once), once);
            redacted(&other);
        }

        #[test]
        fn no_code_is_told_whatever_stands_around_it(
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
