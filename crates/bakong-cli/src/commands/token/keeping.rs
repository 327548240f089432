//! Where a new token goes: into a file, or on standard output for want of one.

use std::fs;
use std::path::Path;

use bakong_api::AccessToken;
use bakong_api::token::FileTokenStore;
use bakong_flow::{Clock, SystemClock};
use khqr_core::Timestamp;
use serde_json::json;

use crate::common::credentials::{TokenSource, harmless};
use crate::common::exit::{Exit, Failure};
use crate::common::output::{self, Stream};
use crate::common::renewal::{self, MarkFile};
use crate::common::time::in_phnom_penh;

/// A place for a token that is still to come.
pub(super) struct Keeping<'a> {
    file: Option<&'a Path>,
}

/// How to get another token.
const ANOTHER: &str = "bakong token renew brings another.";

impl<'a> Keeping<'a> {
    /// Makes sure that a token can be kept before one is asked for: a code from an e-mail works once.
    pub(super) fn prepare(file: Option<&'a Path>) -> Result<Self, Failure> {
        if let Some(path) = file {
            refuse_other_file(path)?;
            let tried = FileTokenStore::new(path).try_out();
            tried.map_err(|error| Failure::usage(format!("--token-file: {}", harmless(&error))))?;
        }
        Ok(Self { file })
    }

    /// Puts the token in its file, if it has one.
    pub(super) fn keep(&self, token: &AccessToken) -> Result<(), Failure> {
        let Some(path) = self.file else {
            return Ok(());
        };
        let mark = MarkFile::of(path);
        renewal::keep(&FileTokenStore::new(path), token)
            .map(|()| mark.remove())
            .map_err(|error| {
                let reason = format!("the new token could not be kept: {}", harmless(&error));
                Failure::new(Exit::CouldNotAsk, reason)
            })
    }

    /// Says what there is now: the token itself only where it has no file.
    pub(super) fn tell(&self, token: &AccessToken, json: bool) {
        let end = token.expires_at();
        let answer = json!({
            "status": "issued",
            "token": self.file.is_none().then(|| token.expose()),
            "tokenFile": self.file.map(Path::to_string_lossy),
            "expiresAt": end.map(Timestamp::as_millis),
        });
        match (self.file, json) {
            (Some(_), true) => output::say_json(&answer),
            (None, true) => output::say_secret_json(&answer, ANOTHER),
            (Some(path), false) => {
                let source = TokenSource::File(path.into());
                output::say(format_args!("The token is in the {source}."));
                if let Some(end) = end {
                    output::say(output::row(
                        "ends",
                        format_args!("{} in Phnom Penh", in_phnom_penh(end)),
                    ));
                }
            }
            (None, false) => output::say_secret(token.expose(), ANOTHER),
        }
        if end.is_some_and(|end| end <= SystemClock.now()) {
            output::note(
                "The new token says that it has ended: this machine's clock may be wrong.",
            );
        }
        if self.file.is_none() && Stream::Out.is_terminal() {
            output::note(
                "This token is a secret: whoever has it uses up your requests of the day. Keep it where \
                 nobody else reads it, or say --token-file next time.",
            );
        }
    }
}

/// A file with something else in it was named by mistake.
fn refuse_other_file(path: &Path) -> Result<(), Failure> {
    let is_empty = fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() == 0);
    if is_empty {
        return Ok(());
    }
    match FileTokenStore::new(path).read() {
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::usage(format!(
            "--token-file: {}. It would be overwritten, so name another, or remove it",
            harmless(&error)
        ))),
    }
}
