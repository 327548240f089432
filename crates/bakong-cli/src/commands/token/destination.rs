//! Saves a new token in a file, or prints it on standard output.

use std::error::Error as _;
use std::io;
use std::path::Path;

use bakong_api::token::{
    FileTokenStore, LeaseOutcome, LeaseRequest, RenewalLease, TokenStore, TokenStoreError,
};
use bakong_api::{AccessToken, ErrorClass};
use bakong_flow::{Clock, SystemClock};
use khqr_core::Timestamp;
use serde_json::json;

use crate::common::credentials::{TokenSource, printable};
use crate::common::exit::{Exit, Failure, Reason};
use crate::common::output::{self, Stream};
use crate::common::time::in_phnom_penh;
use crate::common::{files, renewal};

/// The destination of a new token.
pub(super) struct Destination<'a> {
    file: Option<&'a Path>,
}

/// How to get another token.
const ANOTHER: &str = "Get another with bakong token renew.";

impl<'a> Destination<'a> {
    /// Checks that a token can be saved, before it is requested: a code from an e-mail works once.
    pub(super) fn prepare(file: Option<&'a Path>) -> Result<Self, Failure> {
        if let Some(path) = file {
            reject_other_file(path)?;
            let tried = FileTokenStore::new(path).try_out();
            tried.map_err(|error| unwritable(&error))?;
        }
        Ok(Self { file })
    }

    /// Acquires the renewal lease of the file, if there is a file. Waits while another command renews. If the lease
    /// cannot be acquired, the token is renewed without one, because the user asked for it.
    pub(super) async fn lease(&self, now: Timestamp) -> Option<Box<dyn RenewalLease>> {
        let store = FileTokenStore::new(self.file?);
        let mut request = LeaseRequest::new(now);
        request.ignores_pause = true;
        match store.acquire_renewal(request).await {
            Ok(LeaseOutcome::Granted(lease)) => Some(lease),
            _ => None,
        }
    }

    /// Saves the token in the file, if there is one.
    pub(super) fn save(&self, token: &AccessToken) -> Result<(), Failure> {
        let Some(path) = self.file else {
            return Ok(());
        };
        renewal::save(&FileTokenStore::new(path), token).map_err(|error| {
            let reason = format!("the new token could not be saved: {}", printable(&error));
            let object = Reason::new(ErrorClass::Store.name(), reason.clone());
            Failure::new(Exit::NoAnswer, reason).because(object)
        })
    }

    /// Reports the new token. Prints the token itself only if there is no file.
    pub(super) fn report(&self, token: &AccessToken, json: bool) {
        let end = token.expires_at();
        let answer = json!({
            "status": "issued",
            "token": self.file.is_none().then(|| token.expose()),
            "tokenFile": self.file.map(Path::to_string_lossy),
            "expiresAt": end.map(Timestamp::as_millis),
        });
        match (self.file, json) {
            (Some(_), true) => output::print_json(&answer),
            (None, true) => output::print_secret_json(&answer, ANOTHER),
            (Some(path), false) => {
                let source = TokenSource::File(path.into());
                output::print(format_args!("The token is in the {source}."));
                if let Some(end) = end {
                    output::print(output::row(
                        "expires",
                        format_args!("{} in Phnom Penh", in_phnom_penh(end)),
                    ));
                }
            }
            (None, false) => output::print_secret(token.expose(), ANOTHER),
        }
        if end.is_some_and(|end| end <= SystemClock.now()) {
            output::note("The new token seems to have expired: this machine's clock may be wrong.");
        }
        if self.file.is_none() && Stream::Out.is_terminal() {
            output::note(
                "This token is a secret: anyone who has it can use up your daily requests. Store it where \
                 nobody else can read it, or use --token-file next time.",
            );
        }
    }
}

/// The failure of a token file that cannot be written. A full or read-only disk is no usage error.
fn unwritable(error: &TokenStoreError) -> Failure {
    let message = format!("--token-file: {}", printable(error));
    let cause = error
        .source()
        .and_then(|cause| cause.downcast_ref::<io::Error>());
    if cause.is_none_or(files::is_wrong_path) {
        return Failure::usage(message);
    }
    let reason = Reason::new(ErrorClass::Store.name(), message.clone());
    Failure::new(Exit::NoAnswer, message).because(reason)
}

/// Rejects an existing file with other content, which was probably named by mistake.
fn reject_other_file(path: &Path) -> Result<(), Failure> {
    let reason = match FileTokenStore::new(path).read() {
        Ok(None) => return Ok(()),
        Ok(Some(token)) if token.is_jwt() => return Ok(()),
        // Any word could be a relay's token, so the file may hold something else.
        Ok(Some(_)) => format!(
            "the content of the {} is not an NBC token",
            TokenSource::File(path.into())
        ),
        Err(error) => printable(&error),
    };
    Err(Failure::usage(format!(
        "--token-file: {reason}. It would be overwritten; choose another file, or remove it"
    )))
}
