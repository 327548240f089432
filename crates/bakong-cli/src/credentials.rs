//! Where the token comes from: a file that keeps it, or the environment.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use bakong_api::{
    AccessToken, ApiError, Attempt, FileTokenStore, RenewToken, SessionObserver, TokenStoreError,
    TransportError,
};
use bakong_flow::{Clock, SystemClock};
use bytes::Bytes;
use http::{Response, StatusCode};
use khqr_core::{Printable, Timestamp};

use crate::arguments::TokenArguments;
use crate::exit::{Exit, Failure, Reason};
use crate::output::note;
use crate::time::in_phnom_penh;

const TOKEN: &str = "BAKONG_TOKEN";
const EMAIL: &str = "BAKONG_EMAIL";

/// Where a token is looked for. A file counts before the environment: it is what was said last.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum TokenSource {
    /// Nowhere: none is needed.
    None,
    /// `BAKONG_TOKEN`.
    Environment,
    File(PathBuf),
}

impl TokenSource {
    pub(crate) fn of(token_file: Option<&PathBuf>) -> Self {
        token_file.map_or(Self::Environment, |path| Self::File(path.clone()))
    }

    pub(crate) fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::None | Self::Environment => None,
        }
    }

    /// The token that is there, if one is. Says so if others may read the file.
    pub(crate) fn read(&self) -> Result<Option<AccessToken>, Failure> {
        let unusable = |message: String| {
            let reason = Reason::no_token(message.as_str());
            Failure::new(Exit::CouldNotAsk, message).because(reason)
        };
        match self {
            Self::None => Ok(None),
            Self::Environment => match std::env::var_os(TOKEN) {
                None => Ok(None),
                // What is no UTF-8 is no token either.
                Some(text) => AccessToken::new(&text.to_string_lossy())
                    .map(Some)
                    .map_err(|error| unusable(format!("{TOKEN}: {error}"))),
            },
            Self::File(path) => {
                warn_if_exposed(path);
                FileTokenStore::new(path)
                    .read()
                    .map_err(|error| unusable(harmless(&error)))
            }
        }
    }

    /// The file as a shell takes it.
    pub(crate) fn shell_word(&self) -> String {
        let path = self.file().unwrap_or(Path::new("")).to_string_lossy();
        let plain = |c: char| c.is_alphanumeric() || "/._-+@:,".contains(c);
        if !path.is_empty() && path.chars().all(plain) {
            return path.into_owned();
        }
        format!("'{}'", Printable(&path.replace('\'', r"'\''")))
    }

    /// What to do where there is no token.
    pub(crate) fn missing(&self) -> String {
        match self {
            Self::File(_) => format!(
                "there is no {self}; bakong token verify makes it, and so does bakong token renew; with \
                 --email, this command does"
            ),
            Self::None | Self::Environment => format!(
                "there is no token: set the environment variable {TOKEN} to your project's, or say \
                 --token-file FILE"
            ),
        }
    }
}

impl fmt::Display for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("nowhere"),
            Self::Environment => f.write_str(TOKEN),
            Self::File(path) => {
                write!(f, "token file {}", Printable(&path.to_string_lossy()))
            }
        }
    }
}

/// The renewal that keeps the token good: with an address and a file to keep the new one in, since one that
/// is not kept would be renewed again each time.
pub(crate) fn renewal(arguments: &TokenArguments) -> Result<Option<RenewToken>, Failure> {
    if arguments.token_file.is_none() {
        return Ok(None);
    }
    email(arguments.email.as_deref())?
        .map(|email| renew_token(&email))
        .transpose()
}

/// The e-mail address that was said, or that the environment says.
pub(crate) fn email(said: Option<&str>) -> Result<Option<String>, Failure> {
    if let Some(email) = said {
        return Ok(Some(email.to_owned()));
    }
    match std::env::var(EMAIL) {
        Ok(email) if email.is_empty() => Ok(None),
        Ok(email) => Ok(Some(email)),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(error) => Err(Failure::usage(format!("{EMAIL}: {error}"))),
    }
}

/// The same where there has to be one.
pub(crate) fn required_email(said: Option<&str>) -> Result<String, Failure> {
    email(said)?.ok_or_else(|| {
        Failure::usage(format!(
            "say the project's --email, or set the environment variable {EMAIL} to it"
        ))
    })
}

pub(crate) fn renew_token(email: &str) -> Result<RenewToken, Failure> {
    RenewToken::new(email).map_err(|error| Failure::usage(format!("--email: {error}")))
}

/// Says so if others than its owner may read the file.
#[cfg(unix)]
fn warn_if_exposed(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let exposed = std::fs::metadata(path)
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o077 != 0);
    if exposed {
        let source = TokenSource::File(path.to_owned());
        note(format_args!(
            "Others on this machine may read the {source}: chmod 600 {}",
            source.shell_word()
        ));
    }
}

#[cfg(not(unix))]
const fn warn_if_exposed(_: &Path) {}

/// An error with a path in it, safe to print.
pub(crate) fn harmless(error: &TokenStoreError) -> String {
    Printable(&error.to_string()).to_string()
}

/// Tells people what becomes of the token while a session keeps it good.
pub(crate) struct RenewalNotes {
    /// The end of the token that the session began with.
    end: Option<Timestamp>,
    refused: AtomicBool,
}

impl RenewalNotes {
    pub(crate) const fn new(end: Option<Timestamp>) -> Self {
        Self {
            end,
            refused: AtomicBool::new(false),
        }
    }
}

impl SessionObserver for RenewalNotes {
    fn finished(&self, _: Attempt, result: Result<&Response<Bytes>, &TransportError>) {
        if result.is_ok_and(|response| response.status() == StatusCode::UNAUTHORIZED) {
            self.refused.store(true, Ordering::Relaxed);
        }
    }

    fn token_renewed(&self, expires_at: Option<Timestamp>) {
        match expires_at {
            Some(end) => note(format_args!(
                "The token was renewed; the new one ends on {} in Phnom Penh.",
                in_phnom_penh(end)
            )),
            None => note("The token was renewed."),
        }
    }

    fn token_not_renewed(&self, error: &ApiError) {
        // Where the old one is no good any more, the error is the command's own.
        let refused = self.refused.load(Ordering::Relaxed);
        let end = self.end.filter(|end| !refused && SystemClock.now() < *end);
        if let Some(end) = end {
            note(format_args!(
                "The token is due, and {error}. The old one ends on {} in Phnom Penh.",
                in_phnom_penh(end)
            ));
        }
    }

    fn token_not_kept(&self, error: &TokenStoreError) {
        note(format_args!(
            "The new token could not be kept: {}.",
            harmless(error)
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_s_name_is_one_word_to_a_shell() {
        for (path, word) in [
            ("bakong.token", "bakong.token"),
            ("/etc/bakong/a_b-c.token", "/etc/bakong/a_b-c.token"),
            ("my token", "'my token'"),
            ("$(date)", "'$(date)'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
        ] {
            assert_eq!(TokenSource::File(path.into()).shell_word(), word);
        }
        let hostile = TokenSource::File("\u{1b}[2J".into());
        assert!(!format!("{hostile}{}", hostile.shell_word()).contains('\u{1b}'));
    }
}
