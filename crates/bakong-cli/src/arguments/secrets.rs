//! A command line that is refused is repeated without what may be a secret in the wrong place.

use bakong_api::AccessToken;

const REDACTED: &str = "[redacted]";

/// The text without what is a token, or may be the code that a token is given for.
pub(super) fn without_secrets(text: &str, arguments: &[String]) -> String {
    let text = without_tokens(text);
    if !arguments.iter().any(|argument| argument == "verify") {
        return text;
    }
    // As an option's value it may stand behind the name.
    let values = arguments.iter().map(|argument| {
        let is_option = argument.starts_with("--");
        match argument.split_once('=') {
            Some((_, value)) if is_option => value,
            // The name of an option, which is to be seen.
            None if is_option => "",
            _ => argument,
        }
    });
    let may_be_code = |value: &&str| (15..=25).contains(&value.chars().count());
    values
        .filter(may_be_code)
        .fold(text, |text, code| text.replace(code, REDACTED))
}

/// The text without the words that are tokens, whatever stands around them.
fn without_tokens(text: &str) -> String {
    let in_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let mut told = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let length = rest.find(|c| !in_token(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(length);
        // The beginning of a JWT, which may be cut off.
        let is_jwt = word.len() > 20 && word.contains("eyJ");
        let is_token = is_jwt || AccessToken::new(word.trim_matches('.')).is_ok();
        told.push_str(if is_token { REDACTED } else { word });
        let gap = after.find(in_token).unwrap_or(after.len());
        told.push_str(&after[..gap]);
        rest = &after[gap..];
    }
    told
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::Arguments;
    use super::*;

    const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.e30.c2VjcmV0";
    const CODE: &str = "abcdefghijklmnopqrst";

    fn told(arguments: &[&str]) -> String {
        let error = Arguments::try_parse_from(arguments).unwrap_err();
        let arguments: Vec<_> = arguments.iter().map(ToString::to_string).collect();
        without_secrets(&error.render().to_string(), &arguments)
    }

    #[test]
    fn a_secret_in_the_wrong_place_is_not_repeated() {
        for arguments in [
            &["bakong", "tx", "check", TOKEN][..],
            &["bakong", "tx", "check", "--token", TOKEN],
            &["bakong", "tx", "check", &format!("--token={TOKEN}")],
            &["bakong", "tx", "check", &format!("{TOKEN},")],
            &[
                "bakong",
                "tx",
                "check",
                &format!("Authorization: Bearer {TOKEN}"),
            ],
            &[
                "bakong",
                "tx",
                "check",
                &format!("{{\"token\":\"{TOKEN}\"}}"),
            ],
            &["bakong", "tx", "check", &TOKEN[..22]],
            &["bakong", "tx", "check", "--token=a.e30.b"],
            &["bakong", "token", "status", TOKEN],
            &["bakong", "token", "verify", CODE],
            &["bakong", "token", "verify", &format!("--cod={CODE}")],
            &["bakong", "token", "verify", "--code", CODE, CODE],
        ] {
            let text = told(arguments);
            let shows = |secret: &str| text.contains(secret);
            assert!(
                !shows(&TOKEN[..12]) && !shows("a.e30.b") && !shows(CODE),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_secret_is_seen() {
        let text = told(&["bakong", "tx", "check", "--env", "live"]);
        assert!(text.contains("live"), "{text}");
        let verify = ["bakong", "token", "verify", "--code", "-"];
        let text = told(&[&verify[..], &["--allow-plain-http", "--allow-plain-https"]].concat());
        assert!(text.contains("--allow-plain-https"), "{text}");
        assert!(!text.contains(REDACTED), "{text}");
    }
}
