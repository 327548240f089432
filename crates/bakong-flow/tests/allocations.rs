//! Sending and answering a check allocates nothing except an occasional node of the queue.
//!
//! This is a test binary of its own, because `allocation_counter` replaces the allocator.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a failed test panics"
)]

use std::hint::black_box;
use std::time::Duration;

use allocation_counter::measure;
use bakong_flow::bakong_api::CheckAnswer;
use bakong_flow::bakong_api::khqr_core::{AccountIdBuf, Amount, Currency, Md5Handle, Timestamp};
use bakong_flow::{Config, Expected, OrderId, Payment, Policy, Reply, Tracker};

const NOW: Timestamp = Timestamp::from_millis(1_795_237_200_000);
const CHECKS: u64 = 2_000;

#[test]
fn a_check_allocates_queue_nodes_only() {
    let control = measure(|| drop(black_box(String::from("counted"))));
    assert_eq!(control.count_total, 1, "the counter does not work");

    let mut config = Config::DEFAULT;
    config.quota.limit = u32::MAX;
    config.lists = false;
    let mut tracker = Tracker::new(config, NOW);
    let recipient = AccountIdBuf::new("sokha@devb").unwrap();
    for number in 0..100 {
        let order = OrderId::new(&format!("order {number}")).unwrap();
        let expected = Expected::new(
            Amount::from_minor_units(10_000, Currency::Khr),
            recipient.clone(),
        );
        let md5 = Md5Handle::of(order.as_str());
        let expires_at = NOW.saturating_add(Duration::from_secs(20 * 60 * 60));
        let payment = Payment::new(order, md5, expected, expires_at);
        tracker.open(payment, Policy::WEB_SHOP, NOW).unwrap();
    }
    tracker.take_changes().for_each(drop);
    let mut now = NOW;
    let mut checks = 0;
    let seen = measure(|| {
        while checks < CHECKS {
            let Some(ask) = tracker.poll(now) else {
                now = tracker.next_wakeup().expect("a wake-up");
                continue;
            };
            tracker.take_changes().for_each(drop);
            let reply = Reply::Check(Ok(CheckAnswer::NotFound));
            tracker.answer(ask.ticket, 1, reply, now);
            tracker.take_changes().for_each(drop);
            checks += 1;
        }
    });
    assert_eq!(tracker.open_payments(), 100);
    // A node of a `BTreeSet` holds up to eleven entries and is split at the seventh insertion at its end.
    assert!(seen.count_total <= CHECKS / 6, "{seen:?}");
    assert!(seen.bytes_total <= seen.count_total * 256, "{seen:?}");
    // Nothing accumulates.
    assert!(seen.bytes_current <= 1_024, "{seen:?}");
}
