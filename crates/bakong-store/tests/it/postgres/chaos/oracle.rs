//! Compares what Bakong saw with what the store has.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use super::Database;
use super::bakong::{Account, Bakong};
use super::worker::registration;

/// How many requests a leader may have in flight: `Config::max_in_flight`.
const MAX_IN_FLIGHT: u32 = 4;
/// Longer than the last code is valid by the clock that is furthest behind.
const PATIENCE: Duration = Duration::from_secs(600);

/// A registration in the store.
#[derive(Debug)]
struct Stored {
    /// The requests of the day that the store counted.
    counted: u32,
    open: usize,
}

fn stored(database: &Database, registrations: usize) -> Vec<Stored> {
    let rows = database.sql(
        "SELECT name, coalesce((quota_usage::json ->> 'requests')::int, 0), \
         (SELECT count(*) FROM bakong.payments p WHERE p.registration = r.id AND status = 'open') \
         FROM bakong.registrations r ORDER BY name",
    );
    let stored: Vec<_> = rows
        .lines()
        .map(|row| {
            let columns: Vec<&str> = row.split('|').collect();
            Stored {
                counted: columns[1].parse().unwrap(),
                open: columns[2].parse().unwrap(),
            }
        })
        .collect();
    assert_eq!(stored.len(), registrations);
    stored
}

/// Waits until each registration has no open payment, or has truly spent the requests of the day: those that Bakong saw,
/// and those that were in flight when a worker was disturbed. Returns how many payments wait for the next day.
pub(super) fn wait_until_final_or_spent(
    database: &Database,
    bakong: &Bakong,
    limits: &[u32],
    disturbances: u32,
) -> usize {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let stored = stored(database, limits.len());
        let waiting = |(stored, limit): (&Stored, &u32)| stored.open > 0 && stored.counted < *limit;
        if !stored.iter().zip(limits).any(waiting) {
            for ((stored, requests), limit) in stored.iter().zip(bakong.requests()).zip(limits) {
                let lost = disturbances * MAX_IN_FLIGHT;
                assert!(
                    stored.open == 0 || requests + lost >= *limit,
                    "{stored:?} waits for the next day, but Bakong saw {requests} of {limit} requests"
                );
            }
            return stored.iter().map(|stored| stored.open).sum();
        }
        assert!(
            Instant::now() < deadline,
            "payments stay open: {stored:?}, limits {limits:?}"
        );
        thread::sleep(Duration::from_millis(200));
    }
}

/// Waits until no payment is open.
pub(super) fn wait_until_final(database: &Database, registrations: usize) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let stored = stored(database, registrations);
        if stored.iter().all(|stored| stored.open == 0) {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "payments stay open on the next day: {stored:?}"
        );
        thread::sleep(Duration::from_millis(200));
    }
}

/// Requires that no request was sent that the store did not count, and that no day was overdrawn.
pub(super) fn compare_usage(database: &Database, requests: &[u32], limits: &[u32]) {
    let stored = stored(database, limits.len());
    for (number, ((stored, requests), limit)) in stored.iter().zip(requests).zip(limits).enumerate()
    {
        assert!(
            requests <= limit,
            "registration {number} sent {requests} of {limit} requests"
        );
        assert!(
            stored.counted >= *requests,
            "registration {number} counted {} of {requests} requests",
            stored.counted
        );
    }
}

/// Compares the payments of registration `number` at the end. None may be open.
pub(super) fn compare_payments(database: &Database, number: usize, account: &Account) {
    let rows = database.sql(&format!(
        "SELECT encode(p.md5, 'hex'), p.status, p.settled_order IS NOT NULL, count(e.id) FROM bakong.payments p \
         LEFT JOIN bakong.events e ON e.registration = p.registration AND e.md5 = p.md5 AND e.kind = 'finished' \
         WHERE p.registration = (SELECT id FROM bakong.registrations WHERE name = '{}') GROUP BY p.id",
        registration(number)
    ));
    let rows: BTreeMap<&str, Vec<&str>> = rows
        .lines()
        .map(|row| {
            let (md5, rest) = row.split_once('|').unwrap();
            (md5, rest.split('|').collect())
        })
        .collect();
    let mut settled: BTreeMap<&str, u32> = BTreeMap::new();
    for (md5, payment) in &account.shown {
        let row = rows
            .get(&**md5)
            .unwrap_or_else(|| panic!("payment {md5} is lost"));
        let [status, settles, events] = row[..] else {
            panic!("{row:?}");
        };
        assert_eq!(events, "1", "{md5} {row:?}");
        if payment.is_paid {
            // A second payment of an order needs a person.
            assert!(["paid", "needs_review"].contains(&status), "{md5} {row:?}");
            *settled.entry(&payment.order).or_default() += u32::from(settles == "t");
        } else {
            assert_eq!(status, "expired", "{md5} {row:?}");
        }
    }
    for (order, count) in settled {
        assert_eq!(count, 1, "how often order {order} was settled");
    }
    for (md5, row) in &rows {
        assert!(
            account.shown.contains_key(*md5) || row[0] == "expired",
            "nobody paid {md5}, which was never shown: {row:?}"
        );
    }
}
