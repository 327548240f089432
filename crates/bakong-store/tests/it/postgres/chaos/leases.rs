//! Watches the leases of all registrations, by the clock of the server.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::say;

/// A time without a leader, from the last renewal of a lease to the next lease.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub(super) struct Gap {
    pub(super) length: Duration,
    pub(super) registration: usize,
}

#[derive(Default, Debug)]
struct State {
    longest: Mutex<Gap>,
    /// How many leases are held.
    held: AtomicU64,
    stop: AtomicBool,
}

#[derive(Debug)]
pub(super) struct LeaseWatch {
    state: Arc<State>,
    registrations: usize,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl LeaseWatch {
    /// Reports each gap that is longer than `limit` at once.
    pub(super) fn start(url: &str, registrations: usize, limit: Duration) -> Self {
        let state = Arc::new(State::default());
        let (url, shared) = (url.to_owned(), Arc::clone(&state));
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime
                .unwrap()
                .block_on(watch(&url, registrations, limit, &shared));
        });
        Self {
            state,
            registrations,
            thread: Mutex::new(Some(thread)),
        }
    }

    pub(super) fn wait_until_all_are_held(&self) {
        let all = u64::try_from(self.registrations).unwrap();
        for _ in 0..1_200 {
            if self.state.held.load(Ordering::SeqCst) == all {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("registrations have no leader");
    }

    /// Returns the longest time for which a registration had no leader.
    pub(super) fn stop(&self) -> Gap {
        self.state.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.lock().unwrap().take() {
            thread.join().unwrap();
        }
        *self.state.longest.lock().unwrap()
    }
}

/// The last renewal of a lease.
#[derive(Clone, Copy)]
struct Renewal {
    /// By the clock of the server.
    at: i64,
    epoch: i64,
    /// Whether the gap after it was reported.
    is_reported: bool,
}

async fn watch(url: &str, registrations: usize, limit: Duration, state: &State) {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
        .await
        .unwrap();
    let connection = tokio::spawn(connection);
    let sql = "SELECT coalesce(expires_at, 0), coalesce(term, 0), \
        floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint, epoch FROM bakong.registrations ORDER BY name";
    let mut renewals: Vec<Option<Renewal>> = vec![None; registrations];
    while !state.stop.load(Ordering::SeqCst) {
        let mut held = 0;
        let asked_at = Instant::now();
        let rows = client.query(sql, &[]).await.unwrap();
        for (registration, (row, renewal)) in rows.iter().zip(&mut renewals).enumerate() {
            let [expires_at, term, now, epoch] =
                [0, 1, 2, 3].map(|column| row.get::<_, i64>(column));
            // A lease that was granted, renewed and lost since the last query counts, too.
            let at = expires_at - term;
            if expires_at > 0 && renewal.is_none_or(|renewal| renewal.at < at) {
                *renewal = Some(Renewal {
                    at,
                    epoch,
                    is_reported: false,
                });
            }
            if expires_at > now {
                held += 1;
                continue;
            }
            let Some(renewal) = renewal else { continue };
            // The worker may have died right after the renewal.
            let length = u64::try_from(now.saturating_sub(renewal.at)).unwrap_or(0);
            let gap = Gap {
                length: Duration::from_millis(length),
                registration,
            };
            if gap.length > limit && !renewal.is_reported {
                renewal.is_reported = true;
                let late = asked_at.elapsed();
                say(&format!(
                    "{gap:?} since epoch {}; read in {late:?}",
                    renewal.epoch
                ));
            }
            let mut longest = state.longest.lock().unwrap();
            *longest = (*longest).max(gap);
        }
        state.held.store(held, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    drop(client);
    connection.await.unwrap().unwrap();
}
