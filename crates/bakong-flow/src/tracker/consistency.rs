//! What is kept in two places says the same in both.

use std::collections::BTreeSet;
use std::time::Duration;

use bakong_api::khqr_core::{AccountIdBuf, Amount, Currency, Md5Handle, Timestamp};
use bakong_api::{CheckAnswer, ErrorClass, TransactionHash};
use proptest::prelude::*;

use super::slots::{Due, Way};
use super::{Config, Tracker};
use crate::ask::{Ask, Question, Reply};
use crate::payment::{OrderId, Payment};
use crate::policy::Policy;
use crate::promises::Promises;
use crate::settlement::Expected;

impl Tracker {
    fn assert_consistent(&mut self) {
        let mut promises = Promises::new(self.config.quota.turn, self.ledger.usage().day);
        let mut ripe = BTreeSet::new();
        for (place, slot) in self.slots.iter() {
            let within = self.slots.policy(slot).grace.last_check_within;
            if !slot.tried.has(Way::Md5) {
                promises.add(self.slots.deadline(slot), within);
            }
            if let Some(hashes) = &slot.hashes {
                let (day, requests) = hashes.set_aside;
                assert_eq!(requests, slot.hashes_left());
                promises.add_singles(day, requests);
            }
            if let Due::Ripe(latest) = slot.due
                && !slot.is_out()
            {
                ripe.insert((latest, place));
            }
            assert_eq!(self.slots.find(&slot.md5), Some(place));
        }
        assert_eq!(promises, self.promises);
        assert_eq!(ripe, self.ripe.iter().collect());
        // What no longer holds does not pile up.
        for timers in [&self.early, &self.last] {
            assert!(
                timers.len() <= 2 * self.slots.len() + 80,
                "{}",
                timers.len()
            );
        }
        // Each that is not ripe has its timers.
        let slots = &self.slots;
        let (mut early, mut last) = (self.early.clone(), self.last.clone());
        let mut drain = |holds: &dyn Fn(u64, u32) -> bool, of_last: bool| {
            let timers = if of_last { &mut last } else { &mut early };
            let mut places = BTreeSet::new();
            while let Some((_, place)) = timers.peek(holds) {
                timers.pop();
                places.insert(place);
            }
            places
        };
        let early = drain(&|at, place| slots.is_due(at, place), false);
        let last = drain(&|at, place| slots.ripens(at, place), true);
        for (place, slot) in slots.iter().filter(|(_, slot)| !slot.is_ripe()) {
            assert!(last.contains(&place), "{slot:?} has no last check");
            let is_due = slot.due != Due::AtLast && !slot.is_out();
            assert!(!is_due || early.contains(&place), "{slot:?} is never due");
        }
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
        // The last is left out.
        Question::Md5List(md5s) => Reply::List(match what % 3 {
            0 => Err(ErrorClass::Blocked),
            _ => Ok(md5s[1..].iter().map(|md5| (*md5, result.clone())).collect()),
        }),
        Question::Renewal => Reply::Renewal(Ok(None)),
        _ => Reply::Check(result),
    }
}

proptest! {
    #[test]
    fn what_is_kept_twice_agrees(
        lists in any::<bool>(),
        steps in prop::collection::vec((0u8..12, any::<u8>()), 0..200),
    ) {
        let mut now = Timestamp::from_millis(1_795_279_000_000);
        let mut config = Config::DEFAULT;
        config.lists = lists;
        let mut tracker = Tracker::new(config, now);
        let mut out: Vec<Ask> = Vec::new();
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
                5 => out.extend(tracker.poll(now)),
                6 if !out.is_empty() => {
                    let ask = out.swap_remove(usize::from(what) % out.len());
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
                // A clock that was wrong by days.
                11 if what < 20 => {
                    let days = u64::from(what % 4) * 86_400_000;
                    now = Timestamp::from_millis(now.as_millis() - days);
                }
                11 => now = now.saturating_add(Duration::from_secs(u64::from(what) * 600)),
                9 if what < 128 => now = Timestamp::from_millis(now.as_millis() - u64::from(what) * 1_000),
                9 => {
                    tracker = Tracker::restore(config, tracker.snapshot(), now);
                    out.clear();
                }
                _ => {}
            }
            tracker.assert_consistent();
        }
    }
}
