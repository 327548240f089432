//! Watches the leases of all registrations, by the clock of the server.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

#[derive(Default, Debug)]
struct State {
    /// The longest time from the last renewal of a lease to the next lease, in milliseconds.
    longest_gap: AtomicU64,
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
    pub(super) fn start(url: &str, registrations: usize) -> Self {
        let state = Arc::new(State::default());
        let (url, shared) = (url.to_owned(), Arc::clone(&state));
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime
                .unwrap()
                .block_on(watch(&url, registrations, &shared));
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
    pub(super) fn stop(&self) -> Duration {
        self.state.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.lock().unwrap().take() {
            thread.join().unwrap();
        }
        Duration::from_millis(self.state.longest_gap.load(Ordering::SeqCst))
    }
}

async fn watch(url: &str, registrations: usize, state: &State) {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
        .await
        .unwrap();
    let connection = tokio::spawn(connection);
    let sql = "SELECT coalesce(expires_at, 0), coalesce(term, 0), \
        floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint FROM bakong.registrations ORDER BY id";
    let mut renewed_at = vec![i64::MAX; registrations];
    while !state.stop.load(Ordering::SeqCst) {
        let mut held = 0;
        for (row, renewed_at) in client
            .query(sql, &[])
            .await
            .unwrap()
            .iter()
            .zip(&mut renewed_at)
        {
            let [expires_at, term, now]: [i64; 3] = [row.get(0), row.get(1), row.get(2)];
            if expires_at > now {
                held += 1;
                *renewed_at = expires_at - term;
            } else {
                // The worker may have died right after the renewal.
                let gap = u64::try_from(now.saturating_sub(*renewed_at)).unwrap_or(0);
                state.longest_gap.fetch_max(gap, Ordering::SeqCst);
            }
        }
        state.held.store(held, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    drop(client);
    connection.await.unwrap().unwrap();
}
