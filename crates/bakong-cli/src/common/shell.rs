//! Words of a command line that people paste into a POSIX shell.

use khqr_core::Printable;

/// Quotes a string, so that a shell parses it as one word and expands nothing in it.
pub(crate) fn word(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+@:,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", Printable(&text.replace('\'', r"'\''")))
}

/// Returns ` NAME VALUE`, or ` NAME=VALUE` if the value starts with a hyphen and would be parsed as an option.
pub(crate) fn option(name: &str, value: &str) -> String {
    let separator = if value.starts_with('-') { '=' } else { ' ' };
    format!(" {name}{separator}{}", word(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_expands_nothing_in_a_word() {
        for (text, quoted) in [
            ("sokha@devb", "sokha@devb"),
            ("till 1/token", "'till 1/token'"),
            ("$(id)@bank", "'$(id)@bank'"),
            ("`id`@bank", "'`id`@bank'"),
            ("it's@bank", r"'it'\''s@bank'"),
            ("a&b@bank", "'a&b@bank'"),
            ("~/token", "'~/token'"),
            ("#1", "'#1'"),
            ("", "''"),
        ] {
            assert_eq!(word(text), quoted);
        }
        assert!(!word("\u{1b}[2J").contains('\u{1b}'));
    }

    #[test]
    fn a_value_is_never_taken_for_an_option() {
        assert_eq!(option("--account", "a@b"), " --account a@b");
        assert_eq!(option("--account", "-x@b"), " --account=-x@b");
        assert_eq!(option("--account", "-$x@b"), " --account='-$x@b'");
    }
}
