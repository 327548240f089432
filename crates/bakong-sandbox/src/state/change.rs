//! A change of the state. A state file is a list of these.

use khqr_core::{AccountIdBuf, Md5Handle, Timestamp};
use serde::{Deserialize, Serialize};

use crate::access::{QuotaLimit, Used};
use crate::bank::{OpenCode, TransferOrder};
use crate::clock::ClockSetting;
use crate::entropy::hex;
use crate::fault::{Fault, FaultCounters};

/// A change. A change contains decisions and random values, not requests. Applying a change therefore needs neither
/// the clock nor the rules that were in force when the change was made.
///
/// It has no `Debug`, because it can contain keys and verification codes.
#[derive(Serialize, Deserialize)]
#[serde(
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub(crate) enum Change {
    /// Everything is removed except the clock, the quota limit and the counters.
    Reset,
    /// The number of draws from the seed.
    Drawn(u64),
    /// The key of tokens, as 128 hexadecimal digits. Earlier tokens become invalid.
    TokenKey(String),
    Clock(ClockSetting),
    QuotaLimit {
        limit: Option<u32>,
        reset_seconds: u64,
        checks_only: bool,
    },
    /// A verification code was sent by e-mail. It replaces the previous one.
    Mail {
        email: String,
        sent_at: Timestamp,
        code: String,
    },
    /// An address is registered. Its verification code becomes invalid.
    Registered {
        email: String,
        id: String,
    },
    /// A token was issued to a registration ID. Times are in seconds since 1970.
    Issued {
        id: String,
        iat: u64,
        exp: u64,
    },
    Account(AccountIdBuf),
    /// An order is accepted. Its position is the number of earlier orders.
    Order(Box<TransferOrder>),
    /// The order at this position is carried out. If money is transferred, the code is no longer open.
    Settled(usize),
    /// A code became known as static without a transfer. It is no longer open.
    StaticCode(Md5Handle),
    /// An unpaid code was checked, or its text became known.
    OpenCode(OpenCode),
    Link {
        id: String,
        qr: String,
    },
    /// The number of requests of a registration ID on a quota day.
    Used {
        id: String,
        used: Used,
    },
    Fault {
        number: u64,
        rule: Box<Fault>,
    },
    /// A fault matched a request, or skipped one.
    FaultCounters(FaultCounters),
    FaultRemoved(u64),
    /// The number of draws that decided which requests a fault matches.
    FaultDraws(u64),
    /// The number of the latest fault.
    LastFault(u64),
    /// The end of a snapshot: later changes happened after the file was written.
    Complete,
}

impl Change {
    pub(crate) fn token_key(key: &[u8; 64]) -> Self {
        Self::TokenKey(hex(key))
    }

    pub(crate) const fn quota_limit(quota: QuotaLimit) -> Self {
        Self::QuotaLimit {
            limit: quota.limit(),
            reset_seconds: quota.reset_time().as_secs(),
            checks_only: quota.is_checks_only(),
        }
    }

    /// Whether a state file can contain the change. A fault with a response that is not UTF-8 exists
    /// only until the process ends.
    pub(crate) fn is_persistable(&self) -> bool {
        match self {
            Self::Fault { rule, .. } => rule.is_utf8(),
            _ => true,
        }
    }
}
