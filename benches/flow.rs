//! A tracker with many open payments: what each step costs, and how much memory each payment takes.
//!
//! The times are of one payment each, on average over a whole round: all are opened, then all are found due,
//! asked about and answered.

#![allow(
    missing_docs,
    reason = "criterion's macros make undocumented functions"
)]
#![allow(clippy::expect_used, reason = "a bench that cannot run should stop")]
#![allow(clippy::print_stdout, reason = "a bench tells what it measures")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use allocation_counter::measure;
use bakong_flow::bakong_api::CheckAnswer;
use bakong_flow::bakong_api::khqr_core::{AccountIdBuf, Amount, Currency, Md5Handle, Timestamp};
use bakong_flow::{Config, Expected, OrderId, Payment, Policy, Reply, Tracker};
use criterion::{Criterion, criterion_group, criterion_main};

const NOW: Timestamp = Timestamp::from_millis(1_795_237_200_000);
const SIZES: [u32; 4] = [1_000, 10_000, 100_000, 1_000_000];

/// A quota in which everything has room, and no lists: each check is a request of its own.
fn config() -> Config {
    let mut config = Config::DEFAULT;
    config.quota.limit = u32::MAX;
    config.lists = false;
    config
}

/// Payments whose codes expire one after the other over an hour.
fn payments(count: u32) -> Vec<Payment> {
    let recipient = AccountIdBuf::new("sokha@devb").expect("an account");
    let payment = |number: u32| {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(
            &u64::from(number)
                .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                .to_le_bytes(),
        );
        bytes[8..12].copy_from_slice(&number.to_le_bytes());
        let order = OrderId::new(&format!("INV-{number:07}")).expect("an id");
        let amount = Amount::from_minor_units(10_000, Currency::Khr);
        let life =
            Duration::from_millis(600_000 + u64::from(number) * 3_600_000 / u64::from(count));
        let expected = Expected::new(amount, recipient.clone());
        Payment::new(
            order,
            Md5Handle::from_bytes(bytes),
            expected,
            NOW.saturating_add(life),
        )
    };
    (0..count).map(payment).collect()
}

fn open(tracker: &mut Tracker, payments: Vec<Payment>) {
    for payment in payments {
        tracker.open(payment, Policy::WEB_SHOP, NOW).expect("room");
        // Persisted at once.
        tracker.take_changes().for_each(drop);
    }
}

/// With so many open payments, the times of this many of each step.
fn steps(tracker: &mut Tracker, many: u64) -> [Duration; 2] {
    let mut now = NOW;
    let (mut waking, mut answering) = (Duration::ZERO, Duration::ZERO);
    let mut done = 0;
    while done < many {
        let started = Instant::now();
        let Some(ask) = tracker.poll(now) else {
            now = tracker.next_wakeup().expect("something is open").max(now);
            waking += started.elapsed();
            continue;
        };
        tracker.take_changes().for_each(drop);
        waking += started.elapsed();
        let started = Instant::now();
        let reply = Reply::Check(Ok(CheckAnswer::NotFound));
        tracker.answer(black_box(ask.ticket), 1, reply, now);
        tracker.take_changes().for_each(drop);
        answering += started.elapsed();
        done += 1;
    }
    [waking, answering]
}

fn flow(criterion: &mut Criterion) {
    for count in SIZES {
        let mut group = criterion.benchmark_group(format!("flow/{count}"));
        group.sample_size(10);
        group.bench_function("open", |bencher| {
            bencher.iter_custom(|times| {
                let mut took = Duration::ZERO;
                for _ in 0..times.div_ceil(u64::from(count)) {
                    let payments = payments(count);
                    let mut tracker = Tracker::new(config(), NOW);
                    let started = Instant::now();
                    open(&mut tracker, payments);
                    took += started.elapsed();
                }
                per_time(
                    took,
                    times.div_ceil(u64::from(count)) * u64::from(count),
                    times,
                )
            });
        });
        let mut full = Tracker::new(config(), NOW);
        open(&mut full, payments(count));
        for (at, name) in ["wake and ask", "answer"].into_iter().enumerate() {
            group.bench_function(name, |bencher| {
                bencher.iter_custom(|times| {
                    // A whole round, so that what is found is a mean of all that are open.
                    let rounds = times.div_ceil(u64::from(count));
                    let took = (0..rounds)
                        .map(|_| steps(&mut full.clone(), u64::from(count))[at])
                        .sum();
                    per_time(took, rounds * u64::from(count), times)
                });
            });
        }
        group.finish();
    }
}

/// What `times` cost, if `done` took so long.
fn per_time(took: Duration, done: u64, times: u64) -> Duration {
    let nanos = took.as_nanos() * u128::from(times) / u128::from(done);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// The bytes that stay allocated for each open payment, its order's id included.
fn memory(_: &mut Criterion) {
    for count in SIZES {
        let mut tracker = None;
        let seen = measure(|| {
            let mut filled = Tracker::new(config(), NOW);
            open(&mut filled, payments(count));
            tracker = Some(filled);
        });
        let bytes = seen.bytes_current / i64::from(count);
        let most = seen.bytes_max / u64::from(count);
        println!("flow/{count}: {bytes} bytes a payment, {most} at the most while they are opened");
        drop(black_box(tracker));
    }
}

criterion_group!(benches, memory, flow);
criterion_main!(benches);
