//! A customer with a bank's app, who pays what the shop shows.

use std::sync::Arc;
use std::time::Duration;

use khqr_core::{AccountId, AccountIdBuf, Khqr};

use crate::bank::{Transfer, TransferError, TransferOptions};
use crate::persist::Shared;

/// A customer of the sandbox's bank. [`Sandbox::customer`](crate::Sandbox::customer) creates one.
#[derive(Clone, Debug)]
pub struct Customer {
    account: AccountIdBuf,
    shared: Arc<Shared>,
}

impl Customer {
    pub(super) const fn new(account: AccountIdBuf, shared: Arc<Shared>) -> Self {
        Self { account, shared }
    }

    /// The account that pays.
    #[must_use]
    pub fn account(&self) -> AccountId<'_> {
        self.account.as_id()
    }

    /// Pays `code` immediately, as the code requests.
    ///
    /// # Errors
    /// See [`Customer::pay_with`].
    pub fn pay(&self, code: &str) -> Result<Transfer, TransferError> {
        self.pay_with(code, &TransferOptions::new())
    }

    /// Pays `code` after a delay on the sandbox's clock.
    ///
    /// # Errors
    /// See [`Customer::pay_with`].
    pub fn pay_after(&self, code: &str, delay: Duration) -> Result<Transfer, TransferError> {
        self.pay_with(code, &TransferOptions::new().after(delay))
    }

    /// Pays `code` with options.
    ///
    /// # Errors
    /// Returns what a bank's app would show after scanning: [`TransferError::Code`] if the code is invalid
    /// or cannot be paid now, [`TransferError::AmountRequired`], [`TransferError::AmountZero`] or
    /// [`TransferError::AlreadyPaid`]. A delayed transfer can still be
    /// [refused](crate::TransferStatus::Refused) when it becomes due.
    pub fn pay_with(
        &self,
        code: &str,
        options: &TransferOptions,
    ) -> Result<Transfer, TransferError> {
        self.shared.with(|backend| {
            let now = backend.state().clock.now();
            if let Ok(khqr) = Khqr::parse(code) {
                backend.observe_code(&khqr, now);
            }
            backend.pay(code, self.account.clone(), options, now)
        })
    }
}
