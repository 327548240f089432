//! Whether there is an account.

use khqr_core::{AccountId, Timestamp};

use super::body::Body;
use crate::state::State;
use crate::wire::{self, Answer, Failure};

impl State {
    pub(super) fn check_bakong_account(
        &mut self,
        body: Body<'_>,
        now: Timestamp,
    ) -> Result<Answer, Failure> {
        let account = body.fields().text("accountId", 1..=usize::MAX)?;
        let account = AccountId::new(&account).map_err(|_| Failure::AccountInvalid)?;
        if self.ledger.books(now).has_account(account) {
            Ok(wire::account_exists())
        } else {
            Err(Failure::AccountNotFound)
        }
    }
}
