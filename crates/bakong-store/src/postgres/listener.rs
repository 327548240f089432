//! Notifications between processes, on a connection of their own. They are hints: workers also poll.
//!
//! A process sends its notifications after the commit, and not in the transaction: a transaction with `NOTIFY` holds a
//! lock of the whole server while it waits for the disk. The registrations that change while a notification is on its
//! way share the next one.

use std::collections::{BTreeSet, HashMap};
use std::future::poll_fn;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::{AsyncMessage, Client};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::address::Address;
use super::failure::Failure;
use super::statement::Statement;

const CHANNEL: &str = "bakong_store";
/// How long a request on the connection may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long connecting may take.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);
/// How often to check the connection.
const CHECK_INTERVAL: Duration = Duration::from_secs(15);
const SHORTEST_BACKOFF: Duration = Duration::from_millis(100);
const LONGEST_BACKOFF: Duration = Duration::from_secs(10);

/// The callers of this process that wait, and the changes that other processes must learn.
#[derive(Default, Debug)]
pub(super) struct Notifications {
    waiting: Mutex<HashMap<i64, Arc<Notify>>>,
    outgoing: Mutex<BTreeSet<i64>>,
    wake: Notify,
}

impl Notifications {
    /// Returns what notifies the callers that wait for changes of a registration.
    pub(super) fn of(&self, registration: i64) -> Arc<Notify> {
        Arc::clone(lock(&self.waiting).entry(registration).or_default())
    }

    /// Notifies the callers of this process at once, and those of other processes soon.
    pub(super) fn send(&self, registration: i64) {
        self.receive(registration);
        lock(&self.outgoing).insert(registration);
        self.wake.notify_one();
    }

    fn receive(&self, registration: i64) {
        if let Some(notify) = lock(&self.waiting).get(&registration) {
            notify.notify_waiters();
        }
    }

    fn receive_all(&self) {
        for notify in lock(&self.waiting).values() {
            notify.notify_waiters();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic cannot leave these collections half changed.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The task with the connection. It ends when this value is dropped.
#[derive(Debug)]
pub(super) struct Listener(AbortHandle);

impl Listener {
    pub(super) fn start(
        address: Address,
        tls: MakeRustlsConnect,
        notifications: Arc<Notifications>,
    ) -> Self {
        let task = tokio::spawn(async move { run(&address, &tls, &notifications).await });
        Self(task.abort_handle())
    }

    pub(super) fn stop(&self) {
        self.0.abort();
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn run(address: &Address, tls: &MakeRustlsConnect, notifications: &Notifications) {
    let mut backoff = Backoff::default();
    loop {
        let started = Instant::now();
        if let Err(failure) = listen(address, tls, notifications).await {
            let error = failure.store_error(&address.place);
            tracing::debug!(%error, "the connection for notifications was lost");
        }
        sleep(backoff.after(started.elapsed())).await;
    }
}

/// How long to wait before the next attempt to connect.
#[derive(Debug)]
struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Self {
        Self(SHORTEST_BACKOFF)
    }
}

impl Backoff {
    /// Returns the wait after an attempt that ended after `lasted`. It doubles with each attempt that ends early.
    fn after(&mut self, lasted: Duration) -> Duration {
        if lasted > LONGEST_BACKOFF {
            *self = Self::default();
        }
        let wait = self.0;
        self.0 = (wait * 2).min(LONGEST_BACKOFF);
        wait
    }
}

/// Listens until the connection is lost.
async fn listen(
    address: &Address,
    tls: &MakeRustlsConnect,
    notifications: &Notifications,
) -> Result<(), Failure> {
    let connect = address.config.connect(tls.clone());
    let connected = timeout(CONNECT_PATIENCE, connect).await;
    let (client, mut connection) = connected.map_err(|_| Failure::Timeout(CONNECT_PATIENCE))??;
    let (sender, mut received) = mpsc::unbounded_channel();
    let driver = tokio::spawn(async move {
        while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
            match message {
                Ok(AsyncMessage::Notification(notification)) => {
                    if sender.send(notification.payload().to_owned()).is_err() {
                        return;
                    }
                }
                Ok(_) => {}
                Err(_) => return,
            }
        }
    });
    // Ends the driver with this function.
    let _driver = Listener(driver.abort_handle());
    patiently(client.batch_execute(&format!("LISTEN {CHANNEL}"))).await?;
    // What changed while there was no connection was missed.
    notifications.receive_all();
    // A random payload that this process sends itself, to learn whether notifications arrive.
    let hello = format!("hello {:x}", RandomState::new().hash_one(0));
    send(&client, std::slice::from_ref(&hello)).await?;
    let mut hello_until = Some(Instant::now() + PATIENCE);
    loop {
        let next = hello_until.unwrap_or_else(|| Instant::now() + CHECK_INTERVAL);
        tokio::select! {
            payload = received.recv() => match payload {
                // The driver has ended.
                None => return Ok(()),
                Some(payload) if payload == hello => hello_until = None,
                Some(payload) => {
                    if let Ok(registration) = payload.parse() {
                        notifications.receive(registration);
                    }
                }
            },
            () = notifications.wake.notified() => {
                let changed = std::mem::take(&mut *lock(&notifications.outgoing));
                let payloads: Vec<_> = changed.iter().map(i64::to_string).collect();
                if !payloads.is_empty() && let Err(failure) = send(&client, &payloads).await {
                    // For the next connection.
                    lock(&notifications.outgoing).extend(changed);
                    notifications.wake.notify_one();
                    return Err(failure);
                }
            }
            () = tokio::time::sleep_until(next) => {
                if hello_until.take().is_some() {
                    tracing::warn!(
                        database = address.place.name(),
                        "no notifications arrive, perhaps because of a proxy that pools transactions; the store polls instead, which is slower"
                    );
                }
                patiently(client.batch_execute("")).await?;
            }
        }
    }
}

async fn send(client: &Client, payloads: &[String]) -> Result<(), Failure> {
    let statement = Statement::new("SELECT pg_notify($1, payload) FROM unnest($2) AS payload")
        .with(CHANNEL)
        .with(payloads.to_vec());
    patiently(client.query_typed(&statement.sql, &statement.params())).await?;
    Ok(())
}

async fn patiently<T>(
    request: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, Failure> {
    let answered = timeout(PATIENCE, request).await;
    Ok(answered.map_err(|_| Failure::Timeout(PATIENCE))??)
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[test]
    fn attempts_to_connect_become_rarer_until_a_connection_has_lasted() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..9)
            .map(|_| backoff.after(LONGEST_BACKOFF).as_millis())
            .collect();
        assert_eq!(
            waits,
            [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000]
        );
        let lasted = LONGEST_BACKOFF + Duration::from_millis(1);
        assert_eq!(backoff.after(lasted), SHORTEST_BACKOFF);
        assert_eq!(backoff.after(Duration::ZERO), SHORTEST_BACKOFF * 2);
    }

    #[tokio::test]
    async fn the_task_ends_when_the_listener_is_stopped_or_dropped() {
        for is_dropped in [false, true] {
            // The task owns `alive` until it ends.
            let (alive, ended) = oneshot::channel::<()>();
            let task = tokio::spawn(async move {
                let _alive = alive;
                std::future::pending::<()>().await;
            });
            let listener = Listener(task.abort_handle());
            let kept = if is_dropped {
                drop(listener);
                None
            } else {
                listener.stop();
                Some(listener)
            };
            let ended = timeout(PATIENCE, ended).await;
            ended.expect("the task runs on").unwrap_err();
            drop(kept);
        }
    }
}
