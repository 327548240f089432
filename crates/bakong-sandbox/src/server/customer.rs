//! The other side of a code: somebody with a bank's app, who pays what the shop shows.

use std::sync::Arc;
use std::time::Duration;

use khqr_core::{AccountId, AccountIdBuf, Amount, Khqr, Timestamp};

use crate::ledger::Order;
use crate::payment::{Transfer, TransferError};
use crate::state::Shared;

/// A customer of the sandbox's bank, who pays codes. Made by
/// [`Sandbox::customer`](crate::Sandbox::customer).
#[derive(Clone, Debug)]
pub struct Customer {
    account: AccountIdBuf,
    shared: Arc<Shared>,
}

impl Customer {
    pub(crate) fn new(account: AccountIdBuf, shared: Arc<Shared>) -> Self {
        Self { account, shared }
    }

    /// The account that pays.
    #[must_use]
    pub fn account(&self) -> AccountId<'_> {
        self.account.as_id()
    }

    /// Pays `code` now, as it asks to be paid.
    ///
    /// # Errors
    /// Those of [`Customer::pay_with`].
    pub fn pay(&self, code: &str) -> Result<Transfer, TransferError> {
        self.pay_with(code, &TransferOptions::new())
    }

    /// Pays `code` this much later on the sandbox's clock.
    ///
    /// # Errors
    /// Those of [`Customer::pay_with`].
    pub fn pay_after(&self, code: &str, delay: Duration) -> Result<Transfer, TransferError> {
        self.pay_with(code, &TransferOptions::new().after(delay))
    }

    /// Pays `code` as `options` say.
    ///
    /// # Errors
    /// What a bank's app would say on scanning: [`TransferError::Code`] if the code cannot be read or may
    /// not be paid now, [`TransferError::AmountRequired`], [`TransferError::AmountZero`] or
    /// [`TransferError::AlreadyPaid`]. A payment with a delay may still be
    /// [refused](crate::TransferStatus::Refused) when its moment comes.
    pub fn pay_with(
        &self,
        code: &str,
        options: &TransferOptions,
    ) -> Result<Transfer, TransferError> {
        self.shared.with(|state| {
            let now = state.clock.now();
            if let Ok(khqr) = Khqr::parse(code) {
                state.hear_of(&khqr, now);
            }
            let order = options.order(code, self.account.clone(), now)?;
            state.ledger.place(order, now, &mut state.entropy)
        })
    }
}

/// How a customer departs from paying at once and as asked.
///
/// ```
/// use std::time::Duration;
/// use bakong_sandbox::TransferOptions;
/// use khqr_core::{Amount, Currency};
///
/// let short = Amount::from_minor_units(999, Currency::Usd);
/// let options = TransferOptions::new().after(Duration::from_secs(5)).amount(short);
/// ```
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct TransferOptions {
    delay: Duration,
    amount: Option<Amount>,
    payee: Option<AccountIdBuf>,
    description: Option<String>,
    instruction_ref: Option<String>,
    late: bool,
    again: bool,
    failing: bool,
}

impl TransferOptions {
    /// At once and as asked.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// This much later on the sandbox's clock. Nothing runs meanwhile: the payment is there for whoever
    /// asks after its moment. If the code has expired by then the bank refuses it, unless
    /// [`late`](Self::late).
    #[must_use]
    pub const fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// This amount: needed for a static code, and for a dynamic one the wrong amount, or the wrong
    /// currency, of a customer who can type it over.
    #[must_use]
    pub const fn amount(mut self, amount: Amount) -> Self {
        self.amount = Some(amount);
        self
    }

    /// To another account than the code names: a transfer that a shop must not take for its own.
    #[must_use]
    pub fn payee(mut self, payee: AccountId<'_>) -> Self {
        self.payee = Some(payee.into());
        self
    }

    /// With a text from the payer.
    #[must_use]
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.description = Some(text.into());
        self
    }

    /// With a reference that the payer's bank assigns to the instruction, under which the transaction can
    /// be looked up if it has 1 to 255 characters. Without this there is none, as in most real answers.
    #[must_use]
    pub fn instruction_ref(mut self, reference: impl Into<String>) -> Self {
        self.instruction_ref = Some(reference.into());
        self
    }

    /// Even if the code has expired.
    #[must_use]
    pub const fn late(mut self) -> Self {
        self.late = true;
        self
    }

    /// Even if the code was paid before.
    #[must_use]
    pub const fn again(mut self) -> Self {
        self.again = true;
        self
    }

    /// So that the transfer fails.
    #[must_use]
    pub const fn failing(mut self) -> Self {
        self.failing = true;
        self
    }

    /// Reads `code` as a bank's app does on scanning it at the moment `now`.
    pub(crate) fn order(
        &self,
        code: &str,
        payer: AccountIdBuf,
        now: Timestamp,
    ) -> Result<Order, TransferError> {
        let khqr = Khqr::parse(code)?;
        let due = now.saturating_add(self.delay);
        let verify_at = |moment: Timestamp| {
            // Expiry is the one rule that depends on the moment, so a late payer looks before it.
            let expires_at = khqr.expires_at().ok().flatten().filter(|_| self.late);
            khqr.verify(expires_at.map_or(moment, |expires_at| moment.min(expires_at)))
        };
        verify_at(now)?;
        let asked = khqr.amount()?;
        let amount = self.amount.or(asked).ok_or(TransferError::AmountRequired)?;
        if amount.is_zero() {
            return Err(TransferError::AmountZero);
        }
        Ok(Order {
            md5: khqr.md5(),
            static_code: asked.is_none(),
            payer,
            payee: self.payee.clone().unwrap_or_else(|| khqr.account().into()),
            amount,
            description: self.description.clone(),
            instruction_ref: self.instruction_ref.clone(),
            due,
            unpayable_code: verify_at(due).is_err().then(|| code.to_owned()),
            unpayable_when_due: verify_at(due).err(),
            again: self.again,
            failing: self.failing,
        })
    }
}
