//! Compares the reservations with the states of the payments after random operations.

use std::time::Duration;

use bakong_api::khqr_core::{AccountIdBuf, Amount, Currency, Md5Handle, Timestamp};
use bakong_api::{CheckAnswer, ErrorClass, TransactionHash};
use proptest::prelude::*;

use super::reservations::Reservations;
use super::{Config, Tracker};
use crate::ask::{Ask, Question, Reply};
use crate::order::OrderId;
use crate::payment::Payment;
use crate::policy::Policy;
use crate::quota::QuotaWindow;
use crate::settlement::Expected;

impl Tracker {
    fn assert_consistent(&self) {
        let window = self.usage.usage().window;
        let mut reservations = Reservations::new(self.config.quota.window, window);
        for (key, slot) in self.payments.iter() {
            if !slot.lookups.is_md5_done() {
                let within = slot.policy.grace.final_check_window;
                reservations.reserve(slot.deadline(), within);
            }
            let (window, requests) = slot.hash_reservation;
            assert_eq!(requests, slot.lookups.hashes_left());
            reservations.reserve_singles(window, requests);
            assert_eq!(self.payments.find(&slot.payment.md5), Some(key));
        }
        assert_eq!(reservations, self.reservations);
        self.payments.assert_queue();
    }
}

fn payment(number: u8, expires_at: Timestamp) -> Payment {
    let text = number.to_string();
    let recipient = AccountIdBuf::new("sokha@devb").unwrap();
    let expected = Expected::new(Amount::from_minor_units(100, Currency::Khr), recipient);
    let order = OrderId::new(&text).unwrap();
    Payment::new(order, Md5Handle::of(&text), expected, expires_at)
}

fn reply(ask: &Ask, what: u8) -> Reply {
    let result = match what % 5 {
        0 => Err(ErrorClass::Blocked),
        1 => Err(ErrorClass::Malformed),
        2 => Ok(CheckAnswer::Failed),
        _ => Ok(CheckAnswer::NotFound),
    };
    match &ask.question {
        // The reply leaves out one MD5.
        Question::Md5List(md5s) => Reply::List(match what % 3 {
            0 => Err([
                ErrorClass::Blocked,
                ErrorClass::Malformed,
                ErrorClass::QuotaExhausted,
                ErrorClass::Unavailable { retry_after: None },
            ][usize::from(what % 4)]),
            _ => Ok(md5s[1..].iter().map(|md5| (*md5, result.clone())).collect()),
        }),
        Question::Renewal => Reply::Renewal(Ok(None)),
        _ => Reply::Check(result),
    }
}

proptest! {
    #[test]
    fn reservations_and_queue_match_the_payments(
        lists in any::<bool>(),
        hourly in any::<bool>(),
        steps in prop::collection::vec((0u8..12, any::<u8>()), 0..200),
    ) {
        let mut now = Timestamp::from_millis(1_795_279_000_000);
        let mut config = Config::DEFAULT;
        config.lists = lists;
        if hourly {
            config.quota.window = QuotaWindow::new(Duration::from_secs(3_600), Duration::ZERO);
        }
        let mut tracker = Tracker::new(config, now);
        let mut in_flight: Vec<Ask> = Vec::new();
        for (step, what) in steps {
            let md5 = Md5Handle::of(&(what % 16).to_string());
            match step {
                0..=2 => {
                    let life = Duration::from_secs(u64::from(what) * 4);
                    let payment = payment(what % 16, now.saturating_add(life));
                    let policy = [Policy::COUNTER, Policy::WEB_SHOP][usize::from(what % 2)];
                    let _ = tracker.open(payment, policy, now);
                }
                3 => tracker.nudge(&md5, now),
                4 => tracker.cancel(&md5, now),
                5 => in_flight.extend(tracker.poll(now)),
                6 if !in_flight.is_empty() => {
                    let ask = in_flight.swap_remove(usize::from(what) % in_flight.len());
                    let reply = reply(&ask, what);
                    tracker.answer(ask.ticket, 1, reply, now);
                }
                7 => now = tracker.next_wakeup().unwrap_or(now).max(now),
                8 => now = now.saturating_add(Duration::from_secs(u64::from(what))),
                10 => {
                    let hash = TransactionHash::new(&format!("{what:064x}")).unwrap();
                    let short = hash.short().filter(|_| what % 3 != 0);
                    tracker.learn(&md5, Some(hash).filter(|_| what % 3 != 1), short, now);
                }
                // The clock was ahead by days.
                11 if what < 20 => {
                    let days = u64::from(what % 4) * 86_400_000;
                    now = Timestamp::from_millis(now.as_millis() - days);
                }
                11 => now = now.saturating_add(Duration::from_secs(u64::from(what) * 600)),
                9 if what < 128 => now = Timestamp::from_millis(now.as_millis() - u64::from(what) * 1_000),
                9 => {
                    tracker = Tracker::restore(config, tracker.snapshot(), now);
                    in_flight.clear();
                }
                _ => {}
            }
            tracker.assert_consistent();
        }
    }
}
