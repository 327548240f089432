//! Removes secrets from the error messages for an invalid command line.

use bakong_api::AccessToken;

pub(super) const REDACTED: &str = "[redacted]";

/// Redacts access tokens, and what may be the e-mailed code of `token verify`.
pub(super) fn without_secrets(text: &str, arguments: &[String]) -> String {
    let text = without_tokens(text);
    if !arguments.iter().any(|argument| argument == "verify") {
        return text;
    }
    let values = arguments.iter().map(|argument| {
        let is_option = argument.starts_with("--");
        match argument.split_once('=') {
            Some((_, value)) if is_option => value,
            // The name of an option stays readable.
            None if is_option => "",
            _ => argument,
        }
    });
    let may_be_code = |value: &&str| (15..=25).contains(&value.chars().count());
    values
        .filter(may_be_code)
        .fold(text, |text, code| text.replace(code, REDACTED))
}

/// Redacts the words that are access tokens, whatever punctuation surrounds them.
fn without_tokens(text: &str) -> String {
    let in_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let mut redacted = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let length = rest.find(|c| !in_token(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(length);
        // The start of a JWT, which may be truncated.
        let is_jwt = word.len() > 20 && word.contains("eyJ");
        let is_token = is_jwt || AccessToken::new(word.trim_matches('.')).is_ok();
        redacted.push_str(if is_token { REDACTED } else { word });
        let gap = after.find(in_token).unwrap_or(after.len());
        redacted.push_str(&after[..gap]);
        rest = &after[gap..];
    }
    redacted
}
