//! The limits that NBC's reference sets for request fields.

use std::fmt;
use std::ops::RangeInclusive;

/// A request field that violates a limit. The error does not contain the field's text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InvalidField {
    field: &'static str,
    rule: Rule,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Rule {
    Length { min: usize, max: usize },
    NotEmpty,
    AtMost { max: usize },
    Email,
    ControlCharacter,
}

impl InvalidField {
    /// Returns the field's name in NBC's reference.
    #[must_use]
    pub const fn field(self) -> &'static str {
        self.field
    }

    pub(super) const fn empty_list(field: &'static str) -> Self {
        let rule = Rule::NotEmpty;
        Self { field, rule }
    }

    pub(super) const fn too_many(field: &'static str, max: usize) -> Self {
        let rule = Rule::AtMost { max };
        Self { field, rule }
    }
}

impl fmt::Display for InvalidField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = self.field;
        match self.rule {
            Rule::Length { min, max } if min == max => {
                write!(f, "{field} must have exactly {min} characters")
            }
            Rule::Length { min, max } => {
                write!(f, "{field} must have {min} to {max} characters")
            }
            Rule::NotEmpty => write!(f, "{field}: the list must not be empty"),
            Rule::AtMost { max } => write!(f, "{field}: the list must have at most {max} items"),
            Rule::Email => write!(f, "{field} must be an e-mail address"),
            Rule::ControlCharacter => write!(
                f,
                "{field} must not contain line breaks or other control characters"
            ),
        }
    }
}

impl std::error::Error for InvalidField {}

/// Checks an e-mail address: 1 to 30 characters, as in NBC's reference, with an `@`.
pub(super) fn email(text: &str) -> Result<String, InvalidField> {
    let field = "email";
    let email = text_of(field, text.trim(), 1..=30)?;
    if email.contains('@') {
        Ok(email)
    } else {
        let rule = Rule::Email;
        Err(InvalidField { field, rule })
    }
}

/// Checks that a string has an allowed number of characters and no control characters.
pub(super) fn text_of(
    field: &'static str,
    text: &str,
    allowed: RangeInclusive<usize>,
) -> Result<String, InvalidField> {
    let rule = if !allowed.contains(&text.chars().count()) {
        Rule::Length {
            min: *allowed.start(),
            max: *allowed.end(),
        }
    } else if text.contains(char::is_control) {
        Rule::ControlCharacter
    } else {
        return Ok(text.to_owned());
    };
    Err(InvalidField { field, rule })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_field_is_named_with_its_rule() {
        let message = |text, allowed| text_of("code", text, allowed).unwrap_err().to_string();
        assert_eq!(
            message("ab", 20..=20),
            "code must have exactly 20 characters"
        );
        assert_eq!(message("ab", 3..=20), "code must have 3 to 20 characters");
        assert!(message("a\tb", 1..=20).starts_with("code must not contain line breaks"));
        let message = email("shop").unwrap_err().to_string();
        assert_eq!(message, "email must be an e-mail address");
    }
}
