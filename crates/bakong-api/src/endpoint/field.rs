//! The limits that the reference sets to a request's fields.

use std::fmt;
use std::ops::RangeInclusive;

/// A field of a request breaks a rule of the reference. Holds nothing of the field's text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InvalidField {
    field: &'static str,
    rule: Rule,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Rule {
    Length { min: usize, max: usize },
    NotNone,
    AtMost { max: usize },
    NeedsAt,
    ControlCharacter,
}

impl InvalidField {
    /// The field's name in the reference.
    #[must_use]
    pub const fn field(self) -> &'static str {
        self.field
    }

    /// A list without an item.
    pub(super) const fn none(field: &'static str) -> Self {
        let rule = Rule::NotNone;
        Self { field, rule }
    }

    /// A list with more items than that.
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
            Rule::NotNone => write!(f, "{field} must name at least one"),
            Rule::AtMost { max } => write!(f, "{field} may name at most {max} at once"),
            Rule::NeedsAt => write!(f, "{field} must be an e-mail address"),
            Rule::ControlCharacter => write!(
                f,
                "{field} must hold no line break and no other control character"
            ),
        }
    }
}

impl std::error::Error for InvalidField {}

/// An e-mail address: 1 to 30 characters, as the reference has it, and an `@`.
pub(super) fn email(text: &str) -> Result<String, InvalidField> {
    let field = "email";
    let email = text_of(field, text.trim(), 1..=30)?;
    if email.contains('@') {
        Ok(email)
    } else {
        let rule = Rule::NeedsAt;
        Err(InvalidField { field, rule })
    }
}

/// A text of so many characters, none of them a control character.
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
