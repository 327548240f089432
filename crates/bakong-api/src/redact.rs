//! Removes secrets from a server's messages: a server may repeat the request with the token or code in it.

use std::borrow::Cow;

use crate::jwt;

const REDACTED: &str = "[redacted]";

/// The minimum length at which the beginning of a secret is removed as well: a message may be truncated.
const PREFIX: usize = 6;

/// The beginning of a JWT: `{"` in base64url.
const JWT: &str = "eyJ";

/// Removes everything that looks like a token or the beginning of a token.
pub(crate) fn without_tokens(text: Cow<'_, str>) -> Cow<'_, str> {
    let in_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let is_token = |word: &str| {
        let is_jwt = word.find(JWT).is_some_and(|at| PREFIX < word.len() - at);
        is_jwt || jwt::read_claims(word.trim_matches('.')).is_ok()
    };
    if !text.split(|c| !in_token(c)).any(is_token) {
        return text;
    }
    let mut redacted = String::with_capacity(text.len());
    let mut rest = &*text;
    while !rest.is_empty() {
        let length = rest.find(|c| !in_token(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(length);
        redacted.push_str(if is_token(word) { REDACTED } else { word });
        let gap = after.find(in_token).unwrap_or(after.len());
        let (gap, after) = after.split_at(gap);
        redacted.push_str(gap);
        rest = after;
    }
    Cow::Owned(redacted)
}

/// Removes a secret, even if it is escaped as in JSON or truncated. Returns `None` if the text does not contain it.
pub(crate) fn without(text: &str, secret: &str) -> Option<String> {
    let json = serde_json::Value::from(secret).to_string();
    let json = json.get(1..json.len() - 1).unwrap_or_default();
    let mut redacted = String::with_capacity(text.len());
    let mut rest = text;
    let mut found = false;
    while let Some(first) = rest.chars().next() {
        let shared = common_prefix(rest, secret).max(common_prefix(rest, json));
        let is_secret = shared == secret.len() || rest[..shared].chars().count() >= PREFIX;
        if is_secret && shared > 0 {
            found = true;
            redacted.push_str(REDACTED);
            rest = &rest[shared..];
        } else {
            redacted.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    found.then_some(redacted)
}

/// Returns the length of the common prefix, in bytes.
fn common_prefix(one: &str, other: &str) -> usize {
    one.chars()
        .zip(other.chars())
        .take_while(|(one, other)| one == other)
        .map(|(one, _)| one.len_utf8())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.e30.c2VjcmV0";

    #[test]
    fn tokens_are_removed_anywhere_in_a_text() {
        for (text, expected) in [
            (TOKEN.to_owned(), "[redacted]"),
            (format!("Bearer {TOKEN}, again"), "Bearer [redacted], again"),
            (format!("{{\"t\":\"{TOKEN}\"}}"), "{\"t\":\"[redacted]\"}"),
            (format!("x={TOKEN}&y={TOKEN}"), "x=[redacted]&y=[redacted]"),
            (TOKEN[..9].to_owned(), "[redacted]"),
            // The header of a token need not begin with `eyJ`.
            ("with secret.e30.secret.".to_owned(), "with [redacted]"),
            (
                "see api-bakong.nbc.gov.kh.".to_owned(),
                "see api-bakong.nbc.gov.kh.",
            ),
            ("the word eyJ alone".to_owned(), "the word eyJ alone"),
            (String::new(), ""),
        ] {
            assert_eq!(without_tokens(text.as_str().into()), expected, "{text}");
        }
        let plain = without_tokens("Transaction could not be found.".into());
        assert!(matches!(plain, Cow::Borrowed(_)));
    }

    #[test]
    fn a_secret_is_removed_whole_escaped_and_truncated() {
        let secret = "ab\"cd\\efghijklmnopqr";
        for (text, expected) in [
            (
                format!("the code {secret} is wrong"),
                Some("the code [redacted] is wrong"),
            ),
            (
                format!("asked with {}", serde_json::json!({ "code": secret })),
                Some("asked with {\"code\":\"[redacted]\"}"),
            ),
            (format!("code {}", &secret[..8]), Some("code [redacted]")),
            (
                format!("code {}...", &secret[..6]),
                Some("code [redacted]..."),
            ),
            (format!("{secret}{secret}"), Some("[redacted][redacted]")),
            (format!("code {}", &secret[..5]), None),
            ("ក្រុមហ៊ុន".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(without(&text, secret).as_deref(), expected, "{text}");
        }
        assert_eq!(without("abc", ""), None);
        assert_eq!(without("a.b.c", "a.b.c").as_deref(), Some("[redacted]"));
    }
}
