//! The time and the memory of a tracker with many open payments.
//!
//! Times are per payment, as a mean over a whole round: all payments are opened, become due, are checked and answered.

#![allow(
    missing_docs,
    reason = "criterion's macros generate functions without docs"
)]
#![allow(clippy::expect_used, reason = "a failed bench panics")]
#![allow(clippy::print_stdout, reason = "a bench prints its results")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use allocation_counter::measure;
use bakong_flow::bakong_api::CheckAnswer;
use bakong_flow::bakong_api::khqr_core::{AccountIdBuf, Amount, Currency, Md5Handle, Timestamp};
use bakong_flow::{Config, Expected, OrderId, Payment, Policy, Reply, Tracker};
use criterion::{Criterion, criterion_group, criterion_main};

const NOW: Timestamp = Timestamp::from_millis(1_795_237_200_000);
const SIZES: [u32; 4] = [1_000, 10_000, 100_000, 1_000_000];

/// A quota without a limit, and no lists: each check is a request of its own.
fn config() -> Config {
    let mut config = Config::DEFAULT;
    config.quota.limit = u32::MAX;
    config.lists = false;
    config
}

/// Payments whose codes expire within an hour.
fn payments(count: u32) -> Vec<Payment> {
    let recipient = AccountIdBuf::new("sokha@devb").expect("valid account");
    let payment = |number: u32| {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(
            &u64::from(number)
                .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                .to_le_bytes(),
        );
        bytes[8..12].copy_from_slice(&number.to_le_bytes());
        let order = OrderId::new(&format!("INV-{number:07}")).expect("valid order ID");
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
        tracker.open(payment, Policy::WEB_SHOP, NOW).expect("quota");
        tracker.take_changes().for_each(drop);
    }
}

/// Checks `checks` payments, and returns the time to wake up and poll, and the time to answer.
fn steps(tracker: &mut Tracker, checks: u64) -> [Duration; 2] {
    let mut now = NOW;
    let (mut waking, mut answering) = (Duration::ZERO, Duration::ZERO);
    let mut done = 0;
    while done < checks {
        let started = Instant::now();
        let Some(ask) = tracker.poll(now) else {
            now = tracker
                .next_wakeup()
                .expect("a wake-up is scheduled")
                .max(now);
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
        for (at, name) in ["wake and poll", "answer"].into_iter().enumerate() {
            group.bench_function(name, |bencher| {
                bencher.iter_custom(|times| {
                    // A whole round, so that the result is a mean over all open payments.
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

/// Scales the duration `took` of `done` steps to `times` steps.
fn per_time(took: Duration, done: u64, times: u64) -> Duration {
    let nanos = took.as_nanos() * u128::from(times) / u128::from(done);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// Prints the bytes that each open payment occupies, including its order ID.
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
        println!("flow/{count}: {bytes} bytes per payment, at most {most} while they are opened");
        drop(black_box(tracker));
    }
}

criterion_group!(benches, memory, flow);
criterion_main!(benches);
