//! The options for paying a code.

use std::time::Duration;

use khqr_core::{AccountId, AccountIdBuf, Amount, Khqr, Timestamp};

use super::order::TransferOrder;
use super::transfer::TransferError;

/// Options for a payment. The default pays the requested amount immediately.
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
    /// Pays immediately, and as the code requests.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Delays the transfer by this much on the sandbox's clock.
    ///
    /// No timer runs: any request after the due time finds the transfer. If the code has expired by
    /// then, the bank refuses the transfer unless [`late`](Self::late) is set.
    #[must_use]
    pub const fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Pays this amount. A static code requires an amount. For a dynamic code, this simulates a customer
    /// who overwrites the amount or the currency.
    #[must_use]
    pub const fn amount(mut self, amount: Amount) -> Self {
        self.amount = Some(amount);
        self
    }

    /// Pays to this account instead of the account in the code. A shop must not accept such a transfer.
    #[must_use]
    pub fn payee(mut self, payee: AccountId<'_>) -> Self {
        self.payee = Some(payee.into());
        self
    }

    /// Adds a message from the payer.
    #[must_use]
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.description = Some(text.into());
        self
    }

    /// Adds the instruction reference that the payer's bank assigns. The API finds the transaction by a
    /// reference of 1 to 255 characters. By default a transfer has no reference, like most real ones.
    #[must_use]
    pub fn instruction_ref(mut self, reference: impl Into<String>) -> Self {
        self.instruction_ref = Some(reference.into());
        self
    }

    /// Pays even if the code has expired.
    #[must_use]
    pub const fn late(mut self) -> Self {
        self.late = true;
        self
    }

    /// Pays even if the code is already paid.
    #[must_use]
    pub const fn again(mut self) -> Self {
        self.again = true;
        self
    }

    /// Makes the transfer fail.
    #[must_use]
    pub const fn failing(mut self) -> Self {
        self.failing = true;
        self
    }

    /// Verifies `code` at `now` as a bank's app does, and builds the order. `identify` draws the hash and
    /// the external reference of the transaction; it is called only if the order is valid.
    pub(crate) fn order(
        &self,
        code: &str,
        payer: AccountIdBuf,
        now: Timestamp,
        identify: impl FnOnce() -> (String, String),
    ) -> Result<TransferOrder, TransferError> {
        let khqr = Khqr::parse(code)?;
        let due = now.saturating_add(self.delay);
        let verify_at = |time: Timestamp| {
            // Expiry is the only rule that depends on time, so a late payment is verified as of the expiry.
            let expires_at = khqr.expires_at().ok().flatten().filter(|_| self.late);
            khqr.verify(expires_at.map_or(time, |expires_at| time.min(expires_at)))
        };
        verify_at(now)?;
        let requested = khqr.amount()?;
        let amount = self.amount.or(requested);
        let amount = amount.ok_or(TransferError::AmountRequired)?;
        if amount.is_zero() {
            return Err(TransferError::AmountZero);
        }
        let (hash, external_ref) = identify();
        Ok(TransferOrder {
            hash,
            external_ref,
            md5: khqr.md5(),
            payer,
            payee: self.payee.clone().unwrap_or_else(|| khqr.account().into()),
            amount,
            description: self.description.clone(),
            instruction_ref: self.instruction_ref.clone(),
            bill_number: khqr.bill_number().map(str::to_owned),
            due,
            static_code: requested.is_none(),
            again: self.again,
            failing: self.failing,
            unpayable_code: verify_at(due).is_err().then(|| code.to_owned()),
        })
    }
}
