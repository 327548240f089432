//! A clock for tests, which moves only when the test says so.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bakong_api::khqr_core::Timestamp;
use tokio::sync::Notify;

use crate::clock::{Busy, Clock};

/// A clock that stands still until [`advance`](Self::advance) is called, so that a test of a shop needs no real time.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use bakong_flow::bakong_api::khqr_core::{AccountIdBuf, Amount, Currency, Md5Handle, Timestamp};
/// # use bakong_flow::bakong_api::transport::transport_fn;
/// # use bakong_flow::bakong_api::{AccessToken, BaseUrl, Session};
/// # use bakong_flow::{Expected, MemoryStore, OrderId, Payment, Policy, TestClock, Watcher};
/// # use std::time::Duration;
/// # let transport = transport_fn(|_| async {
/// #     let body = r#"{"data":null,"errorCode":1,"responseCode":1,"responseMessage":"no"}"#;
/// #     Ok(http::Response::new(body.into()))
/// # });
/// # let token = AccessToken::new("eyJhbGciOiJIUzI1NiJ9.e30.c2ln")?;
/// # let session = Session::new(transport, BaseUrl::new("http://127.0.0.1")?).with_token(token);
/// # let expected = Expected::new(Amount::from_minor_units(100, Currency::Khr), AccountIdBuf::new("sokha@devb")?);
/// let clock = TestClock::at(Timestamp::from_millis(1_795_309_200_000));
/// let watcher = Watcher::builder(session, MemoryStore::new())
///     .clock(clock.clone())
///     .start()
///     .await?;
/// let expires_at = Timestamp::from_millis(1_795_309_800_000);
/// let payment = Payment::new(OrderId::new("order 17")?, Md5Handle::of("code"), expected, expires_at);
/// let watched = watcher.watch(payment, Policy::COUNTER).await?;
///
/// clock.advance(Duration::from_secs(3_600)).await;
/// assert_eq!(watched.progress().outcome.unwrap().name(), "expired");
/// # Ok(()) }
/// ```
///
/// # Limits
/// The clock moves the payments and the quota. The lease, the polls of the store and the timeouts of requests follow
/// tokio's time, which `tokio::time::pause` controls. A request that is in flight keeps the watcher busy.
/// Followers do not delay [`advance`](Self::advance).
#[derive(Clone, Debug)]
pub struct TestClock(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Notified after each change of the state.
    changed: Notify,
}

#[derive(Debug)]
struct State {
    now: Timestamp,
    /// The number of watchers that are busy.
    busy: usize,
    /// When each sleep ends. A sleep that has ended counts as busy until its future is dropped.
    sleeps: BTreeMap<u64, Timestamp>,
    next_sleep: u64,
}

impl TestClock {
    /// Creates a clock that shows `now`.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self(Arc::new(Shared {
            state: Mutex::new(State {
                now,
                busy: 0,
                sleeps: BTreeMap::new(),
                next_sleep: 0,
            }),
            changed: Notify::new(),
        }))
    }

    /// Moves the clock forward by `duration`, and returns when the watchers that lead are idle again.
    ///
    /// The clock stops at each time for which a watcher waits, so everything happens at its own time.
    pub async fn advance(&self, duration: Duration) {
        let end = self.now().saturating_add(duration);
        loop {
            self.idle().await;
            let next = self.0.update(|state| {
                let next = state.sleeps.values().copied().filter(|at| *at <= end).min();
                state.now = next.unwrap_or(end).max(state.now);
                next
            });
            if next.is_none() {
                return self.idle().await;
            }
        }
    }

    /// Waits until the watchers that lead have nothing to do at the current time.
    pub async fn idle(&self) {
        // A task that was woken by a channel has not marked itself as busy yet.
        for _ in 0..8 {
            tokio::task::yield_now().await;
        }
        self.wait_for(|state| state.busy == 0 && state.sleeps.values().all(|at| *at > state.now))
            .await;
    }

    async fn wait_for(&self, is_reached: impl Fn(&State) -> bool) {
        loop {
            let changed = self.0.changed.notified();
            tokio::pin!(changed);
            // Waits for changes from now on, so that a change after the test below is not missed.
            changed.as_mut().enable();
            if is_reached(&self.0.state()) {
                return;
            }
            changed.await;
        }
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        self.0.state().now
    }

    async fn sleep_until(&self, moment: Timestamp) {
        let _sleep = Sleep::begin(Arc::clone(&self.0), moment);
        self.wait_for(|state| state.now >= moment).await;
    }

    fn busy(&self) -> Busy {
        self.0.update(|state| state.busy += 1);
        Busy::until_dropped(BusyGuard(Arc::clone(&self.0)))
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn update<R>(&self, update: impl FnOnce(&mut State) -> R) -> R {
        let result = update(&mut self.state());
        self.changed.notify_waiters();
        result
    }
}

/// A sleep that has not been dropped.
struct Sleep {
    clock: Arc<Shared>,
    number: u64,
}

impl Sleep {
    fn begin(clock: Arc<Shared>, until: Timestamp) -> Self {
        let number = clock.update(|state| {
            state.next_sleep += 1;
            state.sleeps.insert(state.next_sleep, until);
            state.next_sleep
        });
        Self { clock, number }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.clock.update(|state| state.sleeps.remove(&self.number));
    }
}

/// Counts a busy watcher until it is dropped.
#[derive(Debug)]
pub(crate) struct BusyGuard(Arc<Shared>);

impl Drop for BusyGuard {
    fn drop(&mut self) {
        self.0.update(|state| state.busy -= 1);
    }
}
