//! `check_bakong_account`: whether an account exists.

use khqr_core::{AccountId, Timestamp};

use super::body::Body;
use crate::backend::Backend;
use crate::wire::{self, Answer, Failure};

pub(super) fn check_bakong_account(
    backend: &mut Backend,
    body: Body<'_>,
    now: Timestamp,
) -> Result<Answer, Failure> {
    let account = body.fields().text("accountId", 1..=usize::MAX)?;
    let account = AccountId::new(&account).map_err(|_| Failure::AccountInvalid)?;
    if backend.settled_ledger(now).has_account(account) {
        Ok(wire::account_exists())
    } else {
        Err(Failure::AccountNotFound)
    }
}
