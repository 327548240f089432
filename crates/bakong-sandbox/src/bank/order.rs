//! An accepted order: everything that determines a transfer.

use khqr_core::{AccountIdBuf, Amount, Md5Handle, Timestamp};
use serde::{Deserialize, Serialize};

/// A transfer that a bank accepted and carries out when it is due, as the state file records it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct TransferOrder {
    pub(crate) hash: String,
    pub(crate) external_ref: String,
    pub(crate) md5: Md5Handle,
    pub(crate) payer: AccountIdBuf,
    pub(crate) payee: AccountIdBuf,
    pub(crate) amount: Amount,
    pub(crate) description: Option<String>,
    pub(crate) instruction_ref: Option<String>,
    /// The bill number of the code. State files of earlier versions have none.
    #[serde(default)]
    pub(crate) bill_number: Option<String>,
    pub(crate) due: Timestamp,
    pub(crate) static_code: bool,
    /// Whether the transfer is carried out even if the code is already paid.
    pub(crate) again: bool,
    /// Whether the transfer fails when it is due.
    pub(crate) failing: bool,
    /// The text of the code, if the code cannot be paid when the order is due.
    pub(crate) unpayable_code: Option<String>,
}
