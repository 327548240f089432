//! A payment as a state file has it.

use khqr_core::{Amount, Currency, Khqr, Md5Handle, Timestamp};
use serde::{Deserialize, Serialize};

use super::change::bytes;
use crate::ledger::SavedEntry;
use crate::payment::{Transfer, TransferError, TransferStatus};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SavedPayment {
    hash: String,
    external_ref: String,
    md5: String,
    from: String,
    to: String,
    minor_units: u64,
    currency: String,
    description: Option<String>,
    instruction_ref: Option<String>,
    created_at: u64,
    status: SavedStatus,
    static_code: bool,
    again: bool,
    failing: bool,
    /// Whether it is the one that the code's MD5 finds.
    found_by_md5: bool,
    /// The code, where it may not be paid any more when the payment is due.
    unpayable_code: Option<String>,
}

/// What became of a payment. Why it was refused can be worked out anew.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum SavedStatus {
    Scheduled,
    Transferred,
    Failed,
    Refused,
}

impl SavedStatus {
    pub(crate) const fn of(status: TransferStatus) -> Self {
        match status {
            TransferStatus::Scheduled => Self::Scheduled,
            TransferStatus::Transferred => Self::Transferred,
            TransferStatus::Failed => Self::Failed,
            TransferStatus::Refused(_) => Self::Refused,
        }
    }

    /// `unpayable` is why the code may not be paid when the payment is due, if it may not.
    pub(crate) fn status(self, unpayable: Option<khqr_core::Error>) -> TransferStatus {
        match self {
            Self::Scheduled => TransferStatus::Scheduled,
            Self::Transferred => TransferStatus::Transferred,
            Self::Failed => TransferStatus::Failed,
            Self::Refused => TransferStatus::Refused(
                unpayable.map_or(TransferError::AlreadyPaid, TransferError::Code),
            ),
        }
    }
}

impl SavedPayment {
    pub(super) fn of(entry: SavedEntry) -> Self {
        let payment = entry.payment;
        Self {
            md5: payment.md5.to_string(),
            from: payment.payer.to_string(),
            to: payment.payee.to_string(),
            minor_units: payment.amount.minor_units(),
            currency: payment.amount.currency().to_string(),
            created_at: payment.created_at.as_millis(),
            status: SavedStatus::of(payment.status),
            hash: payment.hash,
            external_ref: payment.external_ref,
            description: payment.description,
            instruction_ref: payment.instruction_ref,
            static_code: entry.static_code,
            again: entry.again,
            failing: entry.failing,
            found_by_md5: entry.found_by_md5,
            unpayable_code: entry.unpayable_code,
        }
    }

    pub(super) fn entry(self) -> Result<SavedEntry, String> {
        let told = |error: khqr_core::Error| error.to_string();
        if bytes::<32>(&self.hash).is_none() {
            return Err("hash is not 64 hexadecimal digits".into());
        }
        let currency: Currency = self.currency.parse().map_err(told)?;
        let due = Timestamp::from_millis(self.created_at);
        let unpayable = match &self.unpayable_code {
            None => None,
            Some(code) => {
                let khqr = Khqr::parse(code).map_err(told)?;
                let error = khqr.verify(due).err();
                Some(error.ok_or("unpayableCode may be paid at createdAt")?)
            }
        };
        Ok(SavedEntry {
            payment: Transfer {
                hash: self.hash,
                external_ref: self.external_ref,
                md5: self.md5.parse::<Md5Handle>().map_err(told)?,
                payer: self.from.parse().map_err(told)?,
                payee: self.to.parse().map_err(told)?,
                amount: Amount::from_minor_units(self.minor_units, currency),
                description: self.description,
                instruction_ref: self.instruction_ref,
                created_at: due,
                status: self.status.status(unpayable),
            },
            static_code: self.static_code,
            again: self.again,
            failing: self.failing,
            found_by_md5: self.found_by_md5,
            unpayable_code: self.unpayable_code,
            unpayable_when_due: unpayable,
        })
    }
}
