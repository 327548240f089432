//! Removes secrets from the error messages for an invalid command line.

use bakong_api::token::without_tokens;

use crate::common::location::postgres_url_in;
use crate::common::options::REDACTED;

/// Redacts access tokens, URLs of databases, and what may be the e-mailed code of `token verify` and `login`.
pub(super) fn without_secrets(text: &str, arguments: &[String]) -> String {
    let text = without_tokens(text).into_owned();
    let urls = arguments.iter().filter_map(|it| postgres_url_in(it));
    let text = urls.fold(text, |text, url| text.replace(url, REDACTED));
    let has_code = |argument: &String| argument == "verify" || argument == "login";
    if !arguments.iter().any(has_code) {
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
