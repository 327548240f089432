//! The callers that wait for changes. Changes of this process are notified; changes of others are found by polling.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Notify;

/// The callers that wait, by registration.
#[derive(Default, Debug)]
pub(super) struct Watchers {
    registrations: Mutex<HashMap<i64, Arc<Notify>>>,
    /// How many callers wait.
    waiting: AtomicUsize,
    /// The last value of `PRAGMA data_version`.
    version: AtomicI64,
}

impl Watchers {
    /// Returns what notifies the callers that wait for changes of a registration.
    pub(super) fn of(&self, registration: i64) -> Arc<Notify> {
        let mut registrations = self
            .registrations
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        Arc::clone(registrations.entry(registration).or_default())
    }

    /// Adds a caller until the guard is dropped.
    pub(super) fn wait(&self) -> Waiting<'_> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        Waiting(self)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) == 0
    }

    /// Notifies all callers if another connection has changed the file since the last call.
    pub(super) fn poll(&self, connection: &Connection) {
        // The value changes with the commits of other connections only.
        let version = connection.pragma_query_value(None, "data_version", |row| row.get(0));
        let Ok(version) = version else { return };
        if self.version.swap(version, Ordering::SeqCst) == version {
            return;
        }
        let registrations = self
            .registrations
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for notify in registrations.values() {
            notify.notify_waiters();
        }
    }
}

/// A caller that waits.
#[derive(Debug)]
pub(super) struct Waiting<'w>(&'w Watchers);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    #[test]
    fn callers_are_counted_until_they_stop_waiting() {
        let watchers = Watchers::default();
        assert!(watchers.is_empty());
        let (one, two) = (watchers.wait(), watchers.wait());
        drop(one);
        assert!(!watchers.is_empty());
        drop(two);
        assert!(watchers.is_empty());
    }

    #[test]
    fn callers_are_notified_only_if_another_connection_has_changed_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Connection::open(folder.path().join("payments.db")).unwrap();
        let (own, other) = (open(), open());
        other.execute_batch("CREATE TABLE one (x INTEGER)").unwrap();
        let watchers = Watchers::default();
        watchers.poll(&own);
        let notify = watchers.of(1);
        let mut notified = pin!(notify.notified());
        notified.as_mut().enable();
        let mut is_notified = || {
            let mut context = Context::from_waker(Waker::noop());
            notified.as_mut().poll(&mut context).is_ready()
        };
        watchers.poll(&own);
        assert!(!is_notified());
        other.execute_batch("INSERT INTO one VALUES (1)").unwrap();
        assert!(!is_notified());
        watchers.poll(&own);
        assert!(is_notified());
    }
}
