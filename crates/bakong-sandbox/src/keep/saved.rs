//! What the file says. A field is added with a new number of the format.

use khqr_core::{AccountIdBuf, Amount, Currency, Khqr, Md5Handle, Timestamp};
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::entropy::{Entropy, hex};
use crate::ledger::SavedEntry;
use crate::payment::{Payment, PaymentError, PaymentStatus};
use crate::registry::Mail;
use crate::state::State;
use crate::token::TokenKey;

/// The number of this format.
const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Saved {
    /// First, so that whoever opens the file reads it.
    about: String,
    format: u32,
    seed: String,
    drawn: u64,
    token_key: String,
    clock: SavedClock,
    registrations: Vec<Registration>,
    accounts: Vec<String>,
    payments: Vec<SavedPayment>,
    quota_use: Vec<Used>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
enum SavedClock {
    /// The system's time, ahead by so many milliseconds.
    AheadMs(i64),
    FrozenAt(u64),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Registration {
    email: String,
    id: Option<String>,
    mails: Vec<SavedMail>,
    /// The code of the last mail, if it is still good.
    open_code: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SavedMail {
    sent_at: u64,
    code: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Used {
    id: String,
    /// Today's number is reckoned with the quota's turn, which may be set otherwise at the next start.
    day: u64,
    count: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SavedPayment {
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
    status: Status,
    static_code: bool,
    again: bool,
    failing: bool,
    /// Whether it is the one that the code's MD5 finds.
    found_by_md5: bool,
    /// The code, where it may not be paid any more when the payment is due.
    unpayable_code: Option<String>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Status {
    Scheduled,
    Transferred,
    Failed,
    Refused,
}

impl Saved {
    pub(super) fn of(state: &State) -> Self {
        let (seed, drawn) = state.entropy.standing();
        let registrations = state.registry.all().map(|(email, id, mails, open_code)| {
            let mails = mails.iter().map(|mail| SavedMail {
                sent_at: mail.sent_at.as_millis(),
                code: mail.code.clone(),
            });
            Registration {
                email: email.to_owned(),
                id: id.map(str::to_owned),
                mails: mails.collect(),
                open_code,
            }
        });
        let used = state.quota.all().map(|(id, day, count)| Used {
            id: id.to_owned(),
            day,
            count,
        });
        Self {
            about: "The state of a bakong-sandbox. It has the key of the sandbox's tokens in it."
                .into(),
            format: FORMAT,
            seed: hex(seed),
            drawn,
            token_key: hex(state.token_key.bytes()),
            clock: match state.clock.ahead_by() {
                Some(ahead) => SavedClock::AheadMs(ahead),
                None => SavedClock::FrozenAt(state.clock.now().as_millis()),
            },
            registrations: registrations.collect(),
            accounts: state.ledger.accounts().map(ToString::to_string).collect(),
            payments: state.ledger.saved().map(SavedPayment::of).collect(),
            quota_use: used.collect(),
        }
    }

    /// The state; what is wrong and where, if the file makes no sense.
    pub(super) fn state(self) -> Result<State, String> {
        if self.format != FORMAT {
            return Err(format!(
                "its format is {}, and this version knows {FORMAT}",
                self.format
            ));
        }
        let seed = bytes(&self.seed).ok_or("seed is not 64 hexadecimal digits")?;
        let key = bytes(&self.token_key).ok_or("tokenKey is not 128 hexadecimal digits")?;
        let clock = match self.clock {
            SavedClock::AheadMs(ahead) => Clock::ahead(ahead),
            SavedClock::FrozenAt(moment) => Clock::frozen_at(Timestamp::from_millis(moment)),
        };
        let mut state = State::new(clock, Entropy::from_seed(seed));
        state.entropy = Entropy::resume(seed, self.drawn);
        state.token_key = TokenKey::new(key);
        for registration in self.registrations {
            let is_id = |id: &String| id.len() == 16 && bytes::<8>(id).is_some();
            if !registration.id.as_ref().is_none_or(is_id) {
                return Err(format!("the id of {} is none", registration.email));
            }
            let mails = registration.mails.into_iter().map(|mail| Mail {
                sent_at: Timestamp::from_millis(mail.sent_at),
                code: mail.code,
            });
            let (email, mails) = (registration.email, mails.collect());
            let open = registration.open_code;
            state.registry.restore(email, registration.id, mails, open);
        }
        for account in self.accounts {
            let account = AccountIdBuf::new(&account);
            let account = account.map_err(|error| format!("accounts: {error}"))?;
            state.ledger.open_account(account);
        }
        for (place, payment) in self.payments.into_iter().enumerate() {
            let entry = payment.entry();
            let entry = entry.map_err(|reason| format!("payments[{place}]: {reason}"))?;
            state.ledger.restore(entry);
        }
        for Used { id, day, count } in self.quota_use {
            state.quota.restore(id, day, count);
        }
        Ok(state)
    }
}

impl SavedPayment {
    fn of(entry: SavedEntry) -> Self {
        let payment = entry.payment;
        Self {
            md5: payment.md5.to_string(),
            from: payment.payer.to_string(),
            to: payment.payee.to_string(),
            minor_units: payment.amount.minor_units(),
            currency: payment.amount.currency().to_string(),
            created_at: payment.created_at.as_millis(),
            status: match payment.status {
                PaymentStatus::Scheduled => Status::Scheduled,
                PaymentStatus::Transferred => Status::Transferred,
                PaymentStatus::Failed => Status::Failed,
                PaymentStatus::Refused(_) => Status::Refused,
            },
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

    fn entry(self) -> Result<SavedEntry, String> {
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
        let status = match self.status {
            Status::Scheduled => PaymentStatus::Scheduled,
            Status::Transferred => PaymentStatus::Transferred,
            Status::Failed => PaymentStatus::Failed,
            Status::Refused => PaymentStatus::Refused(
                unpayable.map_or(PaymentError::AlreadyPaid, PaymentError::Code),
            ),
        };
        Ok(SavedEntry {
            payment: Payment {
                hash: self.hash,
                external_ref: self.external_ref,
                md5: self.md5.parse::<Md5Handle>().map_err(told)?,
                payer: self.from.parse().map_err(told)?,
                payee: self.to.parse().map_err(told)?,
                amount: Amount::from_minor_units(self.minor_units, currency),
                description: self.description,
                instruction_ref: self.instruction_ref,
                created_at: due,
                status,
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

/// The bytes of so many pairs of lower-case hexadecimal digits.
fn bytes<const COUNT: usize>(text: &str) -> Option<[u8; COUNT]> {
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
