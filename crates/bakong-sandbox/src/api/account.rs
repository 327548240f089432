//! `check_bakong_account`: whether an account exists.

use khqr_core::AccountId;

use super::call::Call;
use super::refused::Refused;
use crate::wire::{self, Answer, Failure};

pub(super) fn check_bakong_account(call: &mut Call<'_>) -> Result<Answer, Refused> {
    let account = call.body.fields().text("accountId", 1..=usize::MAX)?;
    let account = AccountId::new(&account).map_err(|_| Failure::AccountInvalid)?;
    if call.ledger().has_account(account) {
        Ok(wire::account_exists())
    } else {
        Err(Failure::AccountNotFound.into())
    }
}
