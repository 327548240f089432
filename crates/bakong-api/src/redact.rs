//! Taking secrets out of what a server says: one that repeats a request repeats the token and the code in it.

use std::borrow::Cow;

use crate::token::AccessToken;

const REDACTED: &str = "[redacted]";

/// A beginning of a secret as long as this is taken out, too: a message may be cut off in its midst.
const PREFIX: usize = 6;

/// How the first part of a JWT begins: `{"` in base64url.
const JWT: &str = "eyJ";

/// The text without whatever is a token or looks like the beginning of one.
pub(crate) fn without_tokens(text: Cow<'_, str>) -> Cow<'_, str> {
    let in_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let is_token = |word: &str| {
        let is_jwt = word.find(JWT).is_some_and(|at| PREFIX < word.len() - at);
        is_jwt || AccessToken::new(word.trim_matches('.')).is_ok()
    };
    if !text.split(|c| !in_token(c)).any(is_token) {
        return text;
    }
    let mut told = String::with_capacity(text.len());
    let mut rest = &*text;
    while !rest.is_empty() {
        let length = rest.find(|c| !in_token(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(length);
        told.push_str(if is_token(word) { REDACTED } else { word });
        let gap = after.find(in_token).unwrap_or(after.len());
        let (gap, after) = after.split_at(gap);
        told.push_str(gap);
        rest = after;
    }
    Cow::Owned(told)
}

/// The text without this secret, as it is or as JSON has it, and without a beginning of it; `None` if there is
/// nothing of it.
pub(crate) fn without(text: &str, secret: &str) -> Option<String> {
    let json = serde_json::Value::from(secret).to_string();
    let json = json.get(1..json.len() - 1).unwrap_or_default();
    let mut told = String::with_capacity(text.len());
    let mut rest = text;
    let mut found = false;
    while let Some(first) = rest.chars().next() {
        let shared = shared(rest, secret).max(shared(rest, json));
        let is_secret = shared == secret.len() || rest[..shared].chars().count() >= PREFIX;
        if is_secret && shared > 0 {
            found = true;
            told.push_str(REDACTED);
            rest = &rest[shared..];
        } else {
            told.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    found.then_some(told)
}

/// How many bytes two texts begin with alike.
fn shared(one: &str, other: &str) -> usize {
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
    fn a_token_is_taken_out_wherever_it_stands() {
        for (text, told) in [
            (TOKEN.to_owned(), "[redacted]"),
            (format!("Bearer {TOKEN}, again"), "Bearer [redacted], again"),
            (format!("{{\"t\":\"{TOKEN}\"}}"), "{\"t\":\"[redacted]\"}"),
            (format!("x={TOKEN}&y={TOKEN}"), "x=[redacted]&y=[redacted]"),
            (TOKEN[..9].to_owned(), "[redacted]"),
            // Its first part need not begin as others do.
            ("with secret.e30.secret.".to_owned(), "with [redacted]"),
            (
                "see api-bakong.nbc.gov.kh.".to_owned(),
                "see api-bakong.nbc.gov.kh.",
            ),
            ("a key is no eyJ".to_owned(), "a key is no eyJ"),
            (String::new(), ""),
        ] {
            assert_eq!(without_tokens(text.as_str().into()), told, "{text}");
        }
        let plain = without_tokens("Transaction could not be found.".into());
        assert!(matches!(plain, Cow::Borrowed(_)));
    }

    #[test]
    fn a_secret_is_taken_out_whole_escaped_and_cut_off() {
        let secret = "ab\"cd\\efghijklmnopqr";
        for (text, told) in [
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
            assert_eq!(without(&text, secret).as_deref(), told, "{text}");
        }
        assert_eq!(without("abc", ""), None);
        assert_eq!(without("a.b.c", "a.b.c").as_deref(), Some("[redacted]"));
    }
}
