//! The changes that a state file lists, one line for all that happened at once.
//!
//! A new sandbox becomes this one by the changes in their order. So there is one reader for what was written
//! when the file was made and for what came after.

use khqr_core::{AccountIdBuf, Md5Handle, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::payment::{SavedPayment, SavedStatus};
use crate::clock::SandboxClock;
use crate::codes::OpenCode;
use crate::entropy::{Entropy, hex};
use crate::fault::Fault;
use crate::quota::QuotaLimit;
use crate::registry::Mail;
use crate::state::State;
use crate::token::TokenKey;

/// One thing that is otherwise than before. It has no `Debug`: keys and codes of mails are in it.
#[derive(Serialize, Deserialize)]
#[serde(
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub(crate) enum Change {
    /// Everything was forgotten but the clock and the quota.
    Reset,
    /// How often the seed was drawn from.
    Drawn(u64),
    /// As 128 hexadecimal digits.
    TokenKey(String),
    SandboxClock(SavedClock),
    QuotaLimit {
        /// `None` for no limit.
        limit: Option<u32>,
        turn_seconds: u64,
        checks_only: bool,
    },
    /// A code was sent, and the one before is good no more.
    Mail {
        email: String,
        sent_at: u64,
        code: String,
    },
    /// An address has an id, and the code that was sent to it is good no more.
    Registered {
        email: String,
        id: String,
    },
    /// An id has been given a token. Both times are in seconds.
    Issued {
        id: String,
        iat: u64,
        exp: u64,
    },
    Account(String),
    /// Comes after those before it: its place is their number.
    Transfer(Box<SavedPayment>),
    Outcome {
        place: usize,
        status: SavedStatus,
        /// Whether it is the one that the code's MD5 finds from now on.
        found_by_md5: bool,
    },
    /// A code, by its MD5, is known to be static without a payment that tells so.
    StaticCode(String),
    /// A code that nobody has paid was asked about or told of. Times are in milliseconds.
    Code {
        md5: String,
        /// What it is as a text, where that is news.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        qr: Option<String>,
        first_asked: u64,
        last_asked: u64,
        checks: u32,
    },
    /// A code, by its MD5, was paid, or has made room for another.
    CodeGone(String),
    Link {
        id: String,
        qr: String,
    },
    /// How many requests an id has made on a day. Its number is reckoned with the quota's turn.
    Used {
        id: String,
        day: u64,
        count: u32,
    },
    Fault {
        number: u64,
        rule: Value,
    },
    /// How often a fault strikes yet, `None` for always, and how many requests it lets through before.
    FaultLeft {
        number: u64,
        times: Option<u32>,
        after: u32,
    },
    FaultGone(u64),
    /// How often the faults' dice were thrown, and the number that the last fault had.
    Faults {
        thrown: u64,
        last_number: u64,
    },
    /// All that there was when the file was made stands before this.
    Whole,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum SavedClock {
    /// The system's time, ahead by so many milliseconds.
    AheadMs(i64),
    FrozenAt(u64),
}

impl SavedClock {
    fn of(clock: &SandboxClock) -> Self {
        match clock.ahead_by() {
            Some(ahead) => Self::AheadMs(ahead),
            None => Self::FrozenAt(clock.now().as_millis()),
        }
    }

    const fn clock(self) -> SandboxClock {
        match self {
            Self::AheadMs(ahead) => SandboxClock::ahead(ahead),
            Self::FrozenAt(moment) => SandboxClock::frozen_at(Timestamp::from_millis(moment)),
        }
    }
}

impl Change {
    pub(crate) fn mail(email: &str, mail: &Mail) -> Self {
        Self::Mail {
            email: email.to_owned(),
            sent_at: mail.sent_at.as_millis(),
            code: mail.code.clone(),
        }
    }

    pub(crate) fn registered(email: &str, id: &str) -> Self {
        Self::Registered {
            email: email.to_owned(),
            id: id.to_owned(),
        }
    }

    /// `None` for a fault that no rule says, such as a body cut after more bytes than 32 bits count: it ends with
    /// the process.
    pub(crate) fn fault(number: u64, fault: &Fault) -> Option<Self> {
        let rule = fault.rule();
        let is_rule = Fault::from_json(&rule.to_string()).is_ok();
        is_rule.then_some(Self::Fault { number, rule })
    }

    pub(crate) fn used(id: &str, day: u64, count: u32) -> Self {
        Self::Used {
            id: id.to_owned(),
            day,
            count,
        }
    }

    pub(crate) fn token_key(key: &[u8; 64]) -> Self {
        Self::TokenKey(hex(key))
    }

    pub(crate) fn issued(id: &str, iat: u64, exp: u64) -> Self {
        let id = id.to_owned();
        Self::Issued { id, iat, exp }
    }

    pub(crate) fn code(code: &OpenCode, qr: Option<&str>) -> Self {
        Self::Code {
            md5: code.md5.to_string(),
            qr: qr.map(str::to_owned),
            first_asked: code.first_asked.as_millis(),
            last_asked: code.last_asked.as_millis(),
            checks: code.checks,
        }
    }

    pub(crate) fn code_gone(md5: Md5Handle) -> Self {
        Self::CodeGone(md5.to_string())
    }

    pub(crate) fn link(id: &str, code: &str) -> Self {
        Self::Link {
            id: id.to_owned(),
            qr: code.to_owned(),
        }
    }

    pub(super) fn clock(clock: &SandboxClock) -> Self {
        Self::SandboxClock(SavedClock::of(clock))
    }

    pub(super) const fn quota(quota: QuotaLimit) -> Self {
        Self::QuotaLimit {
            limit: quota.limit(),
            turn_seconds: quota.turn().as_secs(),
            checks_only: quota.is_of_checks_only(),
        }
    }

    /// Lets it happen to `state`; why it cannot have happened.
    pub(super) fn apply(self, state: &mut State) -> Result<(), String> {
        match self {
            Self::Reset => state.reset(),
            Self::Drawn(drawn) => {
                let (seed, _) = state.entropy.standing();
                state.entropy = Entropy::resume(*seed, drawn);
            }
            Self::TokenKey(text) => {
                let key = bytes(&text).ok_or("tokenKey is not 128 hexadecimal digits")?;
                state.token_key = TokenKey::new(key);
            }
            Self::SandboxClock(clock) => state.clock = clock.clock(),
            Self::QuotaLimit {
                limit,
                turn_seconds,
                checks_only,
            } => {
                let turn = std::time::Duration::from_secs(turn_seconds);
                let quota = QuotaLimit::off().limited_to(limit).resets_at(turn);
                state.quota.quota = quota.counting(checks_only);
            }
            Self::Mail {
                email,
                sent_at,
                code,
            } => {
                let sent_at = Timestamp::from_millis(sent_at);
                state.registry.receive(&email, Mail { sent_at, code });
            }
            Self::Registered { email, id } => {
                // It stands in tokens as it is.
                if id.len() != 16 || bytes::<8>(&id).is_none() {
                    return Err("registered.id is not 16 hexadecimal digits".to_owned());
                }
                state.registry.register_as(&email, || id);
            }
            Self::Issued { id, iat, exp } => state.token_key.restore(id, iat, exp),
            Self::Account(account) => {
                let account = AccountIdBuf::new(&account);
                let account = account.map_err(|error| format!("account: {error}"))?;
                state.ledger.open_account(account);
            }
            Self::Transfer(payment) => {
                let entry = payment.entry();
                let entry = entry.map_err(|reason| format!("payment: {reason}"))?;
                state.ledger.restore(entry);
            }
            Self::Outcome {
                place,
                status,
                found_by_md5,
            } => {
                let is_known = state.ledger.restore_outcome(place, status, found_by_md5);
                if !is_known {
                    return Err(format!("outcome: there is no payment {place}"));
                }
            }
            Self::StaticCode(md5) => {
                let md5 = md5_of(&md5, "staticCode")?;
                state.ledger.know_static(md5);
            }
            Self::Code {
                md5,
                qr,
                first_asked,
                last_asked,
                checks,
            } => state.open_codes.restore(OpenCode {
                md5: md5_of(&md5, "code.md5")?,
                text: qr,
                first_asked: Timestamp::from_millis(first_asked),
                last_asked: Timestamp::from_millis(last_asked),
                checks,
            }),
            Self::CodeGone(md5) => state.open_codes.close(md5_of(&md5, "codeGone")?),
            Self::Link { id, qr } => state.links.restore(id, qr),
            Self::Used { id, day, count } => state.quota.restore(id, day, count),
            Self::Fault { number, rule } => {
                let fault = Fault::from_json(&rule.to_string());
                let fault = fault.map_err(|error| format!("fault {number}: {error}"))?;
                state.faults.restore(number, fault);
            }
            Self::FaultLeft {
                number,
                times,
                after,
            } => state.faults.restore_left(number, times, after),
            Self::FaultGone(number) => drop(state.faults.remove(number)),
            Self::Faults {
                thrown,
                last_number,
            } => state.faults.restore_counts(thrown, last_number),
            Self::Whole => {}
        }
        Ok(())
    }
}

fn md5_of(text: &str, place: &str) -> Result<Md5Handle, String> {
    let md5 = text.parse::<Md5Handle>();
    md5.map_err(|error| format!("{place}: {error}"))
}

/// The bytes of so many pairs of lower-case hexadecimal digits.
pub(super) fn bytes<const COUNT: usize>(text: &str) -> Option<[u8; COUNT]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; COUNT];
    let pairs = text.as_bytes().chunks_exact(2);
    if text.len() != COUNT * 2 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        let &[high, low] = pair else { return None };
        *byte = digit(high)? << 4 | digit(low)?;
    }
    Some(bytes)
}
