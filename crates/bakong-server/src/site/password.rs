//! The password of the dashboard, as a hash.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};

use crate::config::SecretText;
use crate::error::StartError;

/// The minimum length of a password in characters.
const MIN_PASSWORD: usize = 10;
/// The maximum length of a password in bytes.
pub(crate) const MAX_PASSWORD: usize = 1_000;

/// A hash that a password can be compared with.
#[derive(Clone, Debug)]
pub(crate) struct Password(SecretText);

impl Password {
    /// Takes a hash of the configuration.
    pub(crate) fn new(hash: &SecretText) -> Result<Self, StartError> {
        let is_argon2 = PasswordHash::new(hash.expose())
            .is_ok_and(|hash| hash.algorithm.as_str().starts_with("argon2"));
        if is_argon2 {
            return Ok(Self(hash.clone()));
        }
        Err(StartError::new(
            "dashboard_password_hash: write the line that `bakong serve --hash-password` prints",
        ))
    }

    /// Whether this is the password. Takes a good part of a second and tens of megabytes.
    pub(crate) fn is(&self, password: &str) -> bool {
        let Ok(hash) = PasswordHash::new(self.0.expose()) else {
            return false;
        };
        let verified = Argon2::default().verify_password(password.as_bytes(), &hash);
        password.len() <= MAX_PASSWORD && verified.is_ok()
    }
}

/// Returns the Argon2id hash of a password for the setting `dashboard_password_hash`.
///
/// # Errors
/// [`StartError`] if the password has fewer than 10 characters or more than 1,000 bytes, or if the system has no random numbers.
pub fn hash_password(password: &str) -> Result<String, StartError> {
    if password.chars().count() < MIN_PASSWORD || password.len() > MAX_PASSWORD {
        let message = format!(
            "the password must have at least {MIN_PASSWORD} characters and at most {MAX_PASSWORD} bytes"
        );
        return Err(StartError::new(message));
    }
    let hash = Argon2::default().hash_password(password.as_bytes());
    let hash =
        hash.map_err(|error| StartError::new(format!("the password cannot be hashed: {error}")))?;
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_accepts_its_password_only() {
        let hash = hash_password("correct horse").unwrap();
        assert!(hash.starts_with("$argon2id$") && !hash.contains("correct"));
        let password = Password::new(&SecretText::new(hash.clone())).unwrap();
        assert!(password.is("correct horse"));
        assert!(!password.is("correct horse "));
        assert!(!password.is(""));
        assert!(!format!("{password:?}").contains(&hash));
    }

    #[test]
    fn short_passwords_and_other_texts_are_refused() {
        assert!(hash_password("short").is_err());
        for text in [
            "",
            "hunter2",
            "$2b$12$abc",
            "$pbkdf2-sha256$i=1$c2FsdHNhbHQ$aGFzaA",
        ] {
            assert!(Password::new(&SecretText::new(text)).is_err(), "{text}");
        }
    }
}
