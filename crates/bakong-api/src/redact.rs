//! Removes secrets from a server's messages: a server may repeat the request, including its token or code.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::jwt;

const REDACTED: &str = "[redacted]";

/// The minimum length at which a part of a secret is removed. Messages may truncate, split or partly quote a secret.
const PART: usize = 6;

/// The minimum length at which a word with upper case, lower case and digits counts as a part of a token.
const RANDOM_WORD: usize = 20;

/// The beginning of a JWT: `{"` in base64url.
const JWT: &str = "eyJ";

/// Whether a word looks like a later part of a token, such as the signature. Hashes do not: they have only one case.
fn is_random(word: &str) -> bool {
    let has = |is_kind: fn(&u8) -> bool| word.as_bytes().iter().any(is_kind);
    RANDOM_WORD <= word.len()
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_digit)
}

/// Removes everything that is a token or looks like a part of one.
pub(crate) fn without_tokens(text: Cow<'_, str>) -> Cow<'_, str> {
    let in_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let is_token = |word: &str| {
        let is_jwt = word.find(JWT).is_some_and(|at| PART < word.len() - at);
        is_jwt || word.split('.').any(is_random) || jwt::read_claims(word.trim_matches('.')).is_ok()
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

/// Removes a secret and every part of it of at least [`PART`] characters, in plain or JSON form. Letters and
/// digits are recognized in any case, and with anything between them: line breaks, blanks, quotes or escapes. Returns
/// `None` if the text contains no part of the secret.
pub(crate) fn without(text: &str, secret: &str) -> Option<String> {
    let json = serde_json::Value::from(secret).to_string();
    let json = json.get(1..json.len() - 1).unwrap_or_default();
    // Byte ranges, each as its start and end.
    let mut ranges = shared(text, secret, char::is_alphanumeric);
    for form in [secret, json].into_iter().filter(|form| !form.is_empty()) {
        ranges.extend(shared(text, form, |_| true));
        let whole = text.match_indices(form);
        ranges.extend(whole.map(|(at, found)| (at, at + found.len())));
    }
    ranges.sort_unstable();
    let mut redacted = String::with_capacity(text.len());
    let mut shown_to = 0;
    for (start, end) in &ranges {
        // Overlapping ranges are redacted as one.
        if *start >= shown_to {
            redacted.push_str(text.get(shown_to..*start).unwrap_or_default());
            redacted.push_str(REDACTED);
        }
        shown_to = shown_to.max(*end);
    }
    redacted.push_str(text.get(shown_to..).unwrap_or_default());
    (!ranges.is_empty()).then_some(redacted)
}

/// Returns the ranges of `text` in which [`PART`] consecutive characters are also consecutive in `secret`. Only
/// characters that `counts` accepts are compared, without regard to case.
fn shared(text: &str, secret: &str, counts: fn(char) -> bool) -> Vec<(usize, usize)> {
    let characters = |text: &str| -> Vec<(usize, char)> {
        let counted = text.char_indices().filter(|(_, c)| counts(*c));
        counted
            .map(|(at, c)| (at, c.to_ascii_lowercase()))
            .collect()
    };
    let part = |part: &[(usize, char)]| -> [char; PART] {
        std::array::from_fn(|at| part.get(at).map_or(' ', |(_, c)| *c))
    };
    let parts: HashSet<_> = characters(secret).windows(PART).map(part).collect();
    let range = |part: &[(usize, char)]| {
        let ((start, _), (last, c)) = (*part.first()?, *part.last()?);
        Some((start, last + c.len_utf8()))
    };
    characters(text)
        .windows(PART)
        .filter(|window| parts.contains(&part(window)))
        .filter_map(range)
        .collect()
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
    fn parts_of_an_unknown_token_are_removed() {
        let signature = "SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c";
        for text in [
            signature,
            &signature[10..],
            &format!("e30.{signature}"),
            &format!("eyJhbGci OiJIUzI1NiIsInR5cCI6Ik {signature}"),
        ] {
            let shown = without_tokens(text.into());
            assert!(!shown.contains(&signature[12..20]), "{shown}");
        }
        for plain in [
            "8465d722d7d5065f2886f0a474a4d34dc6a7855355b611836f7b6111228893e9",
            "CheckTransactionByExternalReference",
            "100FT35781491692",
        ] {
            assert_eq!(without_tokens(plain.into()), plain);
        }
    }

    #[test]
    fn every_part_of_a_secret_is_removed() {
        let signature = &TOKEN[TOKEN.len() - 8..];
        for text in [
            TOKEN[4..].to_owned(),
            signature.to_owned(),
            format!("signature {signature}!"),
            TOKEN[10..20].to_uppercase(),
            format!("{}\n{}", &TOKEN[..10], &TOKEN[10..]),
            TOKEN.chars().flat_map(|c| [c, ' ']).collect(),
            TOKEN
                .as_bytes()
                .chunks(5)
                .map(|part| format!("{}\", \"", String::from_utf8_lossy(part)))
                .collect(),
        ] {
            let shown = without(&text, TOKEN).unwrap();
            let left = shown.replace("[redacted]", "");
            assert!(
                TOKEN
                    .as_bytes()
                    .windows(4)
                    .all(|part| !left.as_bytes().windows(4).any(|shown| shown == part)),
                "{shown}"
            );
        }
        // A secret that consists of short words, such as a relay's token.
        assert_eq!(
            without("with rbk.a.1", "rbk.a.1").as_deref(),
            Some("with [redacted]")
        );
        assert_eq!(without("Transaction could not be found.", TOKEN), None);
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
