//! A simulated Bakong with a quota, a list endpoint, outages, and a token that expires.

use std::collections::HashMap;

use bakong_flow::bakong_api::khqr_core::{Amount, Md5Handle, Timestamp};
use bakong_flow::bakong_api::transport::TransportErrorKind;
use bakong_flow::bakong_api::{CheckAnswer, ErrorClass, RetryAfter, Transaction};
use bakong_flow::{ListItem, Question, Reply};
use fastrand::Rng;

use crate::customers::{Order, Transfer};
use crate::scenario::{Lists, Renewal, Scenario};
use crate::{DAY, HOUR, MINUTE, SECOND, START};

/// The simulated Bakong.
#[derive(Debug)]
pub struct Bakong {
    scenario: Scenario,
    random: Rng,
    outages: Vec<Outage>,
    token_ends_at: Option<u64>,
    /// Whether the last list was refused.
    refused_last_list: bool,
    /// The requests of each day, rejected ones included.
    pub requests: HashMap<u64, u32>,
    /// The requests that were rejected with error code 17.
    pub over_quota: u32,
}

#[derive(Clone, Copy, Debug)]
struct Outage {
    from: u64,
    to: u64,
    class: ErrorClass,
}

/// A reply on its way to the shop.
#[derive(Debug)]
pub struct Answer {
    /// When the reply arrives.
    pub at: u64,
    /// The content.
    pub reply: Reply,
    /// The number of requests that were sent, as the client counts them.
    pub sent: u32,
}

/// Returns the MD5 of the order's code.
#[must_use]
pub fn md5(order: usize) -> Md5Handle {
    let mut bytes = [0; 16];
    // Distributed like real MD5s.
    let number = (order as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    bytes[8..].copy_from_slice(&(order as u64).to_be_bytes());
    Md5Handle::from_bytes(bytes)
}

/// Returns the order whose code has this MD5.
#[must_use]
pub fn order_of(md5: &Md5Handle) -> usize {
    let mut number = [0; 8];
    number.copy_from_slice(&md5.as_bytes()[8..]);
    usize::try_from(u64::from_be_bytes(number)).unwrap_or(usize::MAX)
}

/// Returns the full hash of a transfer. Its first eight digits are distributed like real ones.
#[must_use]
pub fn hash(order: usize, transfer: usize) -> String {
    let number = u32::try_from(order * 8 + transfer).unwrap_or(u32::MAX);
    format!("{:08x}{:056x}", number.wrapping_mul(SPREAD), 0)
}

/// Returns the order and the number of the transfer with this full or short hash.
#[must_use]
pub fn transfer_of(hash: &str) -> Option<(usize, usize)> {
    let digits = hash.get(..8)?;
    let number = u32::from_str_radix(digits, 16).ok()?;
    let number = number.wrapping_mul(SPREAD_INVERSE) as usize;
    Some((number / 8, number % 8))
}

/// An odd number and its inverse modulo 2³².
const SPREAD: u32 = 0x9e37_79b1;
const SPREAD_INVERSE: u32 = 0x0e8b_2f51;

impl Bakong {
    /// Creates the simulated Bakong of a scenario.
    #[must_use]
    pub fn new(scenario: Scenario) -> Self {
        let mut random = Rng::with_seed(scenario.seed ^ 0x6261_6b6f_6e67);
        let mut outages = Vec::new();
        if scenario.faults.outages {
            for day in 0..scenario.days {
                let from = START + day * DAY + random.u64(6 * HOUR..22 * HOUR);
                outages.push(Outage {
                    from,
                    to: from + random.u64(MINUTE..3 * HOUR),
                    class: failure(&mut random),
                });
            }
        }
        let token_ends_at = scenario.faults.token.map(|_| {
            // With a wrong clock, some tokens are not due for renewal during the orders.
            let longer = scenario.faults.skew.map_or(0, |_| 5);
            let end = (scenario.days + longer) * DAY;
            START + random.u64(0..end)
        });
        Self {
            scenario,
            random,
            outages,
            token_ends_at,
            // The first list works.
            refused_last_list: true,
            requests: HashMap::new(),
            over_quota: 0,
        }
    }

    /// Returns when the token expires, and how it is renewed.
    #[must_use]
    pub const fn token(&self) -> (Option<u64>, Option<Renewal>) {
        (self.token_ends_at, self.scenario.faults.token)
    }

    /// Renews the token.
    pub const fn renew(&mut self) {
        self.token_ends_at = None;
    }

    /// Answers a request that is sent at `now`.
    pub fn ask(&mut self, question: &Question, orders: &[Order], now: u64) -> Answer {
        let latency = self.random.u64(50..900);
        let outage = self.outages.iter().find(|o| o.from <= now && now < o.to);
        let is_list = matches!(question, Question::Md5List(_));
        let class = match outage {
            Some(outage) => Some(outage.class),
            None if is_list && self.lists_are_down(now) => Some(list_failure(&mut self.random)),
            None if self.random.u32(0..1_000) < self.scenario.faults.failures => {
                Some(failure(&mut self.random))
            }
            None => None,
        };
        if let Some(ErrorClass::Transport(kind)) = class {
            let arrived = kind.may_have_arrived() && self.random.bool();
            if arrived {
                self.count(now);
            }
            return Answer {
                at: now
                    + if kind.may_have_arrived() {
                        30 * SECOND
                    } else {
                        latency
                    },
                reply: question.failed(ErrorClass::Transport(kind)),
                sent: u32::from(kind.may_have_arrived()),
            };
        }
        let over = self.count(now);
        let reply = match class {
            Some(class) => question.failed(class),
            None if over => {
                self.over_quota += 1;
                question.failed(ErrorClass::QuotaExhausted)
            }
            None => self.answer(question, orders, now + latency / 2),
        };
        Answer {
            at: now + latency,
            reply,
            sent: 1,
        }
    }

    /// Whether the list endpoint fails although single checks are answered.
    const fn lists_are_down(&self, at: u64) -> bool {
        match self.scenario.lists {
            Lists::Down => true,
            Lists::DownAtTimes => is_bad_time(at),
            _ => false,
        }
    }

    /// Counts a request. Returns `true` if the quota is exceeded.
    fn count(&mut self, now: u64) -> bool {
        let count = self.requests.entry((now - START) / DAY).or_default();
        *count += 1;
        *count + self.scenario.others > self.scenario.limit
    }

    fn answer(&mut self, question: &Question, orders: &[Order], at: u64) -> Reply {
        if let Question::Renewal = question {
            self.token_ends_at = None;
            let in_90_days = Timestamp::from_millis(at + 90 * DAY);
            return Reply::Renewal(Ok(Some(in_90_days)));
        }
        if self.token_ends_at.is_some_and(|end| end <= at) {
            return question.failed(ErrorClass::Unauthorized);
        }
        match question {
            Question::Md5(md5) => Reply::Check(Ok(look_up(order_of(md5), orders, at))),
            Question::Md5List(md5s) => self.list(md5s, orders, at),
            Question::Hash(hash) => Reply::Check(Ok(by_hash(hash.as_str(), None, orders, at))),
            Question::ShortHash(hash, amount) => {
                Reply::Check(Ok(by_hash(hash.as_str(), Some(*amount), orders, at)))
            }
            _ => Reply::Check(Ok(CheckAnswer::NotFound)),
        }
    }

    fn list(&mut self, md5s: &[Md5Handle], orders: &[Order], at: u64) -> Reply {
        let refused = match self.scenario.lists {
            Lists::Work => false,
            Lists::Refused => true,
            Lists::Unsteady => (at - START) / DAY % 2 == 1,
            Lists::Unreadable | Lists::Down | Lists::DownAtTimes => false,
            Lists::RefusedAtTimes => !self.refused_last_list && self.random.u32(0..4) == 0,
        };
        self.refused_last_list = refused;
        if refused {
            return Reply::List(Err(ErrorClass::Blocked));
        }
        if self.scenario.lists == Lists::Unreadable && is_bad_time(at) {
            return Reply::List(Err(ErrorClass::Malformed));
        }
        let mut items: Vec<ListItem> = Vec::new();
        for md5 in md5s {
            let answer = match self.scenario.lists {
                Lists::Unsteady if self.random.u32(0..20) == 0 => continue,
                Lists::Unsteady if self.random.u32(0..20) == 0 => Err(ErrorClass::Malformed),
                _ => Ok(look_up(order_of(md5), orders, at)),
            };
            items.push((*md5, answer));
        }
        self.random.shuffle(&mut items);
        Reply::List(Ok(items))
    }
}

/// Looks up an order's code at the time `at`. Of several transfers, the first one is found.
#[must_use]
pub fn look_up(order: usize, orders: &[Order], at: u64) -> CheckAnswer {
    let Some(known) = orders.get(order) else {
        return CheckAnswer::NotFound;
    };
    if known.fails {
        return CheckAnswer::Failed;
    }
    if known.by_another_code {
        return CheckAnswer::NotFound;
    }
    let visible = known.transfers.iter().enumerate();
    let mut visible = visible.filter(|(_, transfer)| transfer.visible_at <= at);
    match visible.next() {
        Some((number, transfer)) => paid((order, number), transfer),
        None => CheckAnswer::NotFound,
    }
}

/// Looks up a hash at the time `at`, a short hash together with its amount.
fn by_hash(hash: &str, amount: Option<Amount>, orders: &[Order], at: u64) -> CheckAnswer {
    let found = transfer_of(hash).and_then(|(order, number)| {
        let transfer = orders.get(order)?.transfers.get(number)?;
        Some((order, number, transfer))
    });
    match found {
        Some((order, number, transfer))
            if transfer.visible_at <= at
                && amount.is_none_or(|amount| {
                    (amount.minor_units(), amount.currency())
                        == (transfer.amount, transfer.currency)
                }) =>
        {
            paid((order, number), transfer)
        }
        _ => CheckAnswer::NotFound,
    }
}

fn paid((order, number): (usize, usize), transfer: &Transfer) -> CheckAnswer {
    let json = format!(
        r#"{{"hash":"{}","fromAccountId":"dara@devb","toAccountId":"{}","currency":"{}","amount":{},"createdDateMs":{}}}"#,
        hash(order, number),
        if transfer.to_shop {
            "sokha@devb"
        } else {
            "other@devb"
        },
        transfer.currency.alphabetic_code(),
        transfer.amount,
        transfer.created_at,
    );
    match Transaction::from_json(&json) {
        Some(transaction) => CheckAnswer::Paid(Box::new(transaction)),
        None => CheckAnswer::NotFound,
    }
}

/// Whether `at` is in a bad period: the first 7 minutes of every hour, and every sixth hour.
const fn is_bad_time(at: u64) -> bool {
    at / MINUTE % 60 < 7 || (at / HOUR).is_multiple_of(6)
}

/// The failure of a list endpoint that is out of order.
fn list_failure(random: &mut Rng) -> ErrorClass {
    match random.u32(0..6) {
        0 => ErrorClass::Transport(TransportErrorKind::Timeout),
        1 => ErrorClass::Transport(TransportErrorKind::Interrupted),
        2 => ErrorClass::RateLimited { retry_after: None },
        3 => ErrorClass::Malformed,
        4 => ErrorClass::Unauthorized,
        _ => ErrorClass::Unavailable { retry_after: None },
    }
}

fn failure(random: &mut Rng) -> ErrorClass {
    match random.u32(0..8) {
        0 => ErrorClass::Transport(TransportErrorKind::Connect),
        1 => ErrorClass::Transport(TransportErrorKind::Timeout),
        2 => ErrorClass::Transport(TransportErrorKind::Interrupted),
        3 => ErrorClass::Blocked,
        4 => ErrorClass::Malformed,
        5 => ErrorClass::RateLimited {
            retry_after: Some(RetryAfter::Delay(std::time::Duration::from_secs(20))),
        },
        _ => ErrorClass::Unavailable { retry_after: None },
    }
}
