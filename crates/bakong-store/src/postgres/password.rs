//! A password that is passed beside the connection string.

use std::fmt;

/// The password of a user of the database. `Debug` prints no part of it.
#[derive(Clone)]
pub struct Password(Box<str>);

impl Password {
    /// Wraps a password.
    pub fn new(password: impl Into<Box<str>>) -> Self {
        Self(password.into())
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_password_is_passed_on_and_not_printed() {
        let password = Password::new("geheim");
        assert_eq!(password.expose(), "geheim");
        assert_eq!(format!("{password:?}"), "[redacted]");
    }
}
