//! The source of the token: a file or the environment.

use std::fmt;
use std::path::{Path, PathBuf};

use bakong_api::AccessToken;
use bakong_api::BaseUrl;
use bakong_api::endpoint::RenewToken;
use bakong_api::token::{FileTokenStore, TokenLife, TokenState, TokenStoreError, without_tokens};
use khqr_core::{Printable, Timestamp};

use crate::common::exit::{Exit, Failure, Reason, sentences};
use crate::common::files;
use crate::common::options::TokenArguments;
use crate::common::origin;
use crate::common::output::note;
use crate::common::shell;
use crate::common::time::in_phnom_penh;

const TOKEN: &str = "BAKONG_TOKEN";
const EMAIL: &str = "BAKONG_EMAIL";

/// The source of a token. A file takes precedence over the environment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum TokenSource {
    /// No token is needed.
    None,
    /// `BAKONG_TOKEN`.
    Environment,
    File(TokenFile),
}

/// A token file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct TokenFile {
    path: PathBuf,
    /// The e-mail address for renewals, if `--email` is given.
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

    /// Returns the source with the e-mail address for renewals.
    pub(crate) fn of_arguments(arguments: &TokenArguments) -> Self {
        match Self::of(arguments.token_file.as_ref()) {
            Self::File(file) => Self::File(TokenFile {
                email: arguments.email.clone(),
                ..file
            }),
            other => other,
        }
    }

    /// Returns the known e-mail address quoted for a shell, or a placeholder.
    pub(crate) fn email_word(&self) -> String {
        let given = match self {
            Self::File(file) => file.email.clone(),
            Self::None | Self::Environment => None,
        };
        // An unreadable variable is reported where the address is needed.
        let known = given.or_else(|| Email::find(None).ok().flatten().map(|email| email.text));
        known.map_or_else(|| "ADDRESS".to_owned(), |email| shell::word(&email))
    }

    pub(crate) fn file(&self) -> Option<&Path> {
        match self {
            Self::File(file) => Some(&file.path),
            Self::None | Self::Environment => None,
        }
    }

    /// Reads the token for this Bakong, if there is one. NBC's hosts accept only a JWT. Prints a note if other users can
    /// read the file.
    pub(crate) fn read_for(&self, base_url: &BaseUrl) -> Result<Option<AccessToken>, Failure> {
        self.warn_if_exposed();
        self.load_for(base_url)
    }

    /// Like [`read_for`](Self::read_for), without a note.
    pub(crate) fn load_for(&self, base_url: &BaseUrl) -> Result<Option<AccessToken>, Failure> {
        let token = self.load()?;
        match token.as_ref().map(|token| token.check_for(base_url)) {
            Some(Err(error)) => Err(unusable(format!("{self}: {error}"))),
            _ => Ok(token),
        }
    }

    /// Reads the token, if there is one. Prints a note if other users can read the file.
    pub(crate) fn read(&self) -> Result<Option<AccessToken>, Failure> {
        self.warn_if_exposed();
        self.load()
    }

    /// Reads the token, if there is one, without a note.
    pub(crate) fn load(&self) -> Result<Option<AccessToken>, Failure> {
        match self {
            Self::None => Ok(None),
            Self::Environment => match std::env::var_os(TOKEN) {
                None => Ok(None),
                // An empty variable counts as unset.
                Some(text) if text.to_string_lossy().trim().is_empty() => Ok(None),
                // A token is ASCII, so a lossy conversion suffices.
                Some(text) => AccessToken::new(&text.to_string_lossy())
                    .map(Some)
                    .map_err(|error| unusable(format!("{TOKEN}: {error}"))),
            },
            Self::File(file) => FileTokenStore::new(&file.path)
                .read()
                .map_err(|error| unusable(printable(&error))),
        }
    }

    /// Whether nothing names a token: neither an option nor `BAKONG_TOKEN`.
    pub(crate) fn is_absent(&self) -> bool {
        self.file().is_none() && matches!(self.load(), Ok(None))
    }

    /// Whether other users can read the token file.
    pub(crate) fn is_exposed(&self) -> bool {
        self.file().is_some_and(files::is_exposed)
    }

    fn warn_if_exposed(&self) {
        if self.is_exposed() {
            note(format_args!(
                "Other users can read the {self}; run chmod 600 {}",
                self.shell_word()
            ));
        }
    }

    /// Returns the file's path quoted for a shell.
    pub(crate) fn shell_word(&self) -> String {
        let path = self.file().unwrap_or(Path::new("")).to_string_lossy();
        shell::word(&without_tokens(&path))
    }

    /// Returns the message for a missing token. `renews` says whether the command can request one.
    pub(crate) fn missing(&self, renews: bool) -> String {
        match self {
            Self::File(file) => {
                let email = if renews {
                    ", or use --email with this command"
                } else {
                    ""
                };
                let missing = match std::fs::exists(&file.path) {
                    Ok(true) => "there is no token in the",
                    _ => "there is no",
                };
                format!(
                    "{missing} {self}; create it with bakong login or bakong token renew{email}"
                )
            }
            Self::None | Self::Environment => {
                let missing = format!(
                    "there is no token; run bakong login once, set the environment variable {TOKEN} to your project's token, \
                     or use --token-file FILE"
                );
                match origin::unused_token() {
                    Some(reason) => sentences(&missing, reason),
                    None => missing,
                }
            }
        }
    }
}

/// The failure of a token that cannot be sent.
fn unusable(message: String) -> Failure {
    let reason = Reason::no_token(message.as_str());
    Failure::new(Exit::NoAnswer, message).because(reason)
}

impl fmt::Display for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("no token"),
            Self::Environment => f.write_str(TOKEN),
            Self::File(file) => {
                let path = file.path.to_string_lossy();
                write!(f, "token file {}", Printable(&without_tokens(&path)))
            }
        }
    }
}

/// Returns the renewal of the token, if there is an e-mail address, and a file to save the new token in. Without a
/// file, every command would renew the token again. An invalid variable causes a note, not a failure.
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
                "{failure}; the token is not renewed automatically."
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
    /// The address that a person entered.
    pub(crate) const fn entered(text: String) -> Self {
        let source = "the e-mail address";
        Self { text, source }
    }

    /// Returns the address of `--email` or of the environment.
    pub(crate) fn find(given: Option<&str>) -> Result<Option<Self>, Failure> {
        let of = |text: String, source| Self { text, source };
        if let Some(text) = given {
            return Ok(Some(of(text.to_owned(), "--email")));
        }
        match std::env::var(EMAIL) {
            Ok(text) if text.trim().is_empty() => Ok(None),
            Ok(text) => Ok(Some(of(text, EMAIL))),
            Err(std::env::VarError::NotPresent) => Ok(None),
            Err(std::env::VarError::NotUnicode(_)) => {
                Err(Failure::usage(format!("{EMAIL} is not UTF-8")))
            }
        }
    }

    /// Returns the address, or a failure if there is none.
    pub(crate) fn required(given: Option<&str>) -> Result<Self, Failure> {
        Self::find(given)?.ok_or_else(|| {
            Failure::usage(format!(
                "no e-mail address; pass the project's address with --email, or set the environment variable {EMAIL}"
            ))
        })
    }

    pub(crate) fn renewal(&self) -> Result<RenewToken, Failure> {
        RenewToken::new(&self.text).map_err(|error| self.invalid(error))
    }

    /// Returns the failure of an invalid address, with its source.
    pub(crate) fn invalid(&self, why: impl fmt::Display) -> Failure {
        Failure::usage(format!("{}: {why}", self.source))
    }
}

/// Returns an error's message in a form that is safe to print, because it contains a path.
pub(crate) fn printable(error: &TokenStoreError) -> String {
    Printable(&error.to_string()).to_string()
}

/// Returns the expiry of a new token, as the end of a sentence.
pub(crate) fn new_expiry(end: Option<Timestamp>, now: Timestamp) -> String {
    let Some(end) = end else {
        return String::new();
    };
    let moment = in_phnom_penh(end);
    if end <= now {
        return format!(
            "; the new token seems to have expired on {moment} in Phnom Penh, so this machine's clock may be wrong"
        );
    }
    format!("; the new token expires on {moment} in Phnom Penh")
}

/// Returns the state of a token, by its expiry alone.
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
    fn paths_are_quoted_for_a_shell() {
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
