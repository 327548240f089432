//! Where the token comes from: a file that keeps it, or the environment.

use std::fmt;
use std::path::{Path, PathBuf};

use bakong_api::AccessToken;
use bakong_api::endpoint::RenewToken;
use bakong_api::token::{FileTokenStore, TokenLife, TokenState, TokenStoreError};
use khqr_core::{Printable, Timestamp};

use crate::common::exit::{Exit, Failure, Reason};
use crate::common::options::TokenArguments;
use crate::common::output::note;
use crate::common::time::in_phnom_penh;

const TOKEN: &str = "BAKONG_TOKEN";
const EMAIL: &str = "BAKONG_EMAIL";

/// Where a token is looked for. A file counts before the environment: it is what was said last.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum TokenSource {
    /// Nowhere: none is needed.
    None,
    /// `BAKONG_TOKEN`.
    Environment,
    File(TokenFile),
}

/// A file that keeps a token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct TokenFile {
    path: PathBuf,
    /// The address that its token is renewed under, if it was said.
    email: Option<String>,
}

impl<P: Into<PathBuf>> From<P> for TokenFile {
    fn from(path: P) -> Self {
        Self {
            path: path.into(),
            email: None,
        }
    }
}

impl TokenSource {
    pub(crate) fn of(token_file: Option<&PathBuf>) -> Self {
        token_file.map_or(Self::Environment, |path| Self::File(path.into()))
    }

    /// The same, with the address that its token is renewed under.
    pub(crate) fn of_arguments(arguments: &TokenArguments) -> Self {
        match Self::of(arguments.token_file.as_ref()) {
            Self::File(file) => Self::File(TokenFile {
                email: arguments.email.clone(),
                ..file
            }),
            other => other,
        }
    }

    /// The address that is known, as a shell takes it; else a word that stands for it.
    pub(crate) fn email_word(&self) -> String {
        let said = match self {
            Self::File(file) => file.email.clone(),
            Self::None | Self::Environment => None,
        };
        // One that cannot be read is told where it is needed.
        let known = said.or_else(|| Email::find(None).ok().flatten().map(|email| email.text));
        known.map_or_else(|| "ADDRESS".to_owned(), |email| shell_word(&email))
    }

    pub(crate) fn file(&self) -> Option<&Path> {
        match self {
            Self::File(file) => Some(&file.path),
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
                // A variable that is set to nothing is one that is not set.
                Some(text) if text.to_string_lossy().trim().is_empty() => Ok(None),
                // What is no UTF-8 is no token either.
                Some(text) => AccessToken::new(&text.to_string_lossy())
                    .map(Some)
                    .map_err(|error| unusable(format!("{TOKEN}: {error}"))),
            },
            Self::File(file) => {
                warn_if_exposed(&file.path);
                FileTokenStore::new(&file.path)
                    .read()
                    .map_err(|error| unusable(harmless(&error)))
            }
        }
    }

    /// The file as a shell takes it.
    pub(crate) fn shell_word(&self) -> String {
        shell_word(&self.file().unwrap_or(Path::new("")).to_string_lossy())
    }

    /// What to do where there is no token. `renews` says whether the command would get one by itself.
    pub(crate) fn missing(&self, renews: bool) -> String {
        match self {
            Self::File(_) => {
                let by_itself = if renews {
                    "; with --email, this command does"
                } else {
                    ""
                };
                format!(
                    "there is no {self}; bakong token verify makes it, and so does bakong token renew{by_itself}"
                )
            }
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
            Self::File(file) => {
                write!(f, "token file {}", Printable(&file.path.to_string_lossy()))
            }
        }
    }
}

/// A text as one word to a shell.
fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+@:,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", Printable(&text.replace('\'', r"'\''")))
}

/// The renewal that keeps the token good: with an address and a file to keep the new one in, since one that
/// is not kept would be renewed again each time. A variable that is no address is told, and stops nobody.
pub(crate) fn renewal(arguments: &TokenArguments) -> Result<Option<RenewToken>, Failure> {
    if arguments.token_file.is_none() {
        return Ok(None);
    }
    let found = Email::find(arguments.email.as_deref()).and_then(|email| {
        let renewal = email.map(|email| email.renewal());
        renewal.transpose()
    });
    match found {
        Err(failure) if arguments.email.is_none() => {
            note(format_args!(
                "{failure}; the token is not renewed by itself."
            ));
            Ok(None)
        }
        found => found,
    }
}

/// The project's e-mail address.
pub(crate) struct Email {
    pub(crate) text: String,
    source: &'static str,
}

impl Email {
    /// The one that was said, or that the environment says.
    fn find(said: Option<&str>) -> Result<Option<Self>, Failure> {
        let of = |text: String, source| Self { text, source };
        if let Some(text) = said {
            return Ok(Some(of(text.to_owned(), "--email")));
        }
        match std::env::var(EMAIL) {
            Ok(text) if text.trim().is_empty() => Ok(None),
            Ok(text) => Ok(Some(of(text, EMAIL))),
            Err(std::env::VarError::NotPresent) => Ok(None),
            Err(std::env::VarError::NotUnicode(_)) => {
                Err(Failure::usage(format!("{EMAIL}: it is no UTF-8")))
            }
        }
    }

    /// The same where there has to be one.
    pub(crate) fn required(said: Option<&str>) -> Result<Self, Failure> {
        Self::find(said)?.ok_or_else(|| {
            Failure::usage(format!(
                "say the project's --email, or set the environment variable {EMAIL} to it"
            ))
        })
    }

    pub(crate) fn renewal(&self) -> Result<RenewToken, Failure> {
        RenewToken::new(&self.text).map_err(|error| self.refused(error))
    }

    /// The failure that an unusable address is, told by where it came from.
    pub(crate) fn refused(&self, why: impl fmt::Display) -> Failure {
        Failure::usage(format!("{}: {why}", self.source))
    }
}

/// Says so if others than its owner may read the file.
#[cfg(unix)]
fn warn_if_exposed(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let exposed = std::fs::metadata(path)
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o077 != 0);
    if exposed {
        let source = TokenSource::File(path.into());
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

/// When a new token ends, to be said behind that there is one.
pub(crate) fn ends(end: Option<Timestamp>, now: Timestamp) -> String {
    let Some(end) = end else {
        return String::new();
    };
    let moment = in_phnom_penh(end);
    if end <= now {
        return format!(
            "; the new one says that it ended on {moment} in Phnom Penh, so this machine's clock may be wrong"
        );
    }
    format!("; the new one ends on {moment} in Phnom Penh")
}

/// Where a token is in its life, as it says of itself.
pub(crate) fn state(token: Option<&AccessToken>, now: Timestamp) -> TokenState {
    let mut life = TokenLife::new(false);
    if let Some(token) = token {
        life.set(token.expires_at());
    }
    life.state(now)
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
