//! The renewal of the token in `--token-file`: the store of a command's session, and notes for the user.

use async_trait::async_trait;
use bakong_api::observe::{AnswerSummary, SessionObserver};
use bakong_api::token::{FileTokenStore, LeaseOutcome, LeaseRequest, TokenStore, TokenStoreError};
use bakong_api::transport::{TransportError, TransportErrorKind};
use bakong_api::{AccessToken, ApiError, ErrorClass};
use bakong_flow::{Clock, SystemClock};
use bytes::Bytes;
use http::Response;
use khqr_core::Timestamp;

use crate::common::credentials::{new_expiry, printable};
use crate::common::output::note;
use crate::common::time::in_phnom_penh;

/// A [`FileTokenStore`] that does not lose tokens.
///
/// If new tokens cannot be saved, every command would renew again. So saving is tried out before a token is
/// requested. If saving fails nevertheless, the token is written to another file.
pub(crate) struct CommandTokenStore(pub(crate) FileTokenStore);

#[async_trait]
impl TokenStore for CommandTokenStore {
    async fn load(&self) -> Result<Option<AccessToken>, TokenStoreError> {
        self.0.read()
    }

    async fn save(&self, token: &AccessToken) -> Result<(), TokenStoreError> {
        save(&self.0, token)
    }

    async fn acquire_renewal(
        &self,
        request: LeaseRequest,
    ) -> Result<LeaseOutcome, TokenStoreError> {
        self.0
            .try_out()
            .map_err(|error| TokenStoreError::new("the new token could not be saved", error))?;
        self.0.acquire_renewal(request).await
    }

    async fn wait_for_renewal(&self, now: Timestamp) {
        self.0.wait_for_renewal(now).await;
    }
}

/// Saves a token in its file or, if that fails, in another file, which the error names.
pub(crate) fn save(store: &FileTokenStore, token: &AccessToken) -> Result<(), TokenStoreError> {
    store
        .write(token)
        .map_err(|error| match store.write_aside(token) {
            Ok(aside) => {
                let aside = aside.display();
                TokenStoreError::new(
                    error.to_string(),
                    format!("it was saved in {aside} instead"),
                )
            }
            Err(_) => TokenStoreError::new(
                error.to_string(),
                "no other file could be written either, so the token is lost; get another with \
                 bakong token renew",
            ),
        })
}

/// Whether Bakong rejected the token.
pub(crate) fn is_rejection(result: Result<&Response<Bytes>, &TransportError>) -> bool {
    result.is_ok_and(|answer| AnswerSummary::of(answer).class == Some(ErrorClass::Unauthorized))
}

/// Prints a note for each renewal.
pub(crate) struct RenewalNotes;

impl SessionObserver for RenewalNotes {
    fn token_renewed(&self, expires_at: Option<Timestamp>) {
        let expiry = new_expiry(expires_at, SystemClock.now());
        note(format_args!("The token was renewed{expiry}."));
    }

    fn token_not_renewed(&self, error: &ApiError, usable_until: Option<Timestamp>) {
        // Without a usable token, the command fails with this error. If another command is renewing, there is
        // nothing to report.
        let held = ErrorClass::Transport(TransportErrorKind::Busy);
        if let Some(expiry) = usable_until.filter(|_| error.class() != held) {
            note(format_args!(
                "The token is due for renewal, and {error}. The old token expires on {} in Phnom Penh.",
                in_phnom_penh(expiry)
            ));
        }
    }

    fn token_not_saved(&self, error: &TokenStoreError) {
        note(format_args!(
            "The new token could not be saved: {}.",
            printable(error)
        ));
    }
}
