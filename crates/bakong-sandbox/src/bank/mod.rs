//! The bank's records: transfers, accounts, open codes and short links. Nothing here reads a clock.

mod index;
mod ledger;
mod links;
mod open_codes;
mod options;
mod order;
mod transfer;

pub(crate) use self::index::SearchKey;
pub(crate) use self::ledger::{Ledger, Lookup};
pub(crate) use self::links::Links;
pub(crate) use self::open_codes::{OpenCode, OpenCodes};
pub use self::options::TransferOptions;
pub(crate) use self::order::TransferOrder;
pub use self::transfer::{Transfer, TransferError, TransferStatus};
