//! Marks payments as open, many in one transaction, while their codes are being shown.
//!
//! A payment is stored as `opening`. When its code is watched, the answer is sent at once, and the row follows. If the
//! process is killed in between, the row is repaired after a while (`service/open.rs`), and money for it is found in any
//! case.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bakong_flow::store::StoreErrorKind;
use tokio::sync::{Notify, watch};

use crate::db::{Db, OpenedPayment};

/// How long to gather payments for one transaction.
const GATHER: Duration = Duration::from_millis(10);
/// How long to wait before the rows are written again after an error.
const RETRY: Duration = Duration::from_secs(1);
/// How long a reader waits for the rows at most.
const MAX_WAIT: Duration = Duration::from_secs(2);

/// The payments of a shop that this process has opened and whose rows are not written yet. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Opened(Arc<Shared>);

struct Shared {
    db: Db,
    shop: i64,
    state: Mutex<State>,
    /// A reader waits for the rows.
    hurry: Notify,
    /// How many payments were written.
    written: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    /// The payments to write, by id.
    queue: HashMap<String, OpenedPayment>,
    /// The payments that are being written.
    writing: HashMap<String, OpenedPayment>,
    /// How many payments were added.
    added: u64,
    is_writing: bool,
}

impl Opened {
    pub(crate) fn new(db: Db, shop: i64) -> Self {
        Self(Arc::new(Shared {
            db,
            shop,
            state: Mutex::default(),
            hurry: Notify::new(),
            written: watch::Sender::new(0),
        }))
    }

    /// Adds a payment whose code may be shown.
    pub(crate) fn add(&self, payment: OpenedPayment) {
        let mut state = self.lock();
        state.queue.insert(payment.id.clone(), payment);
        state.added += 1;
        if !state.is_writing {
            state.is_writing = true;
            tokio::spawn(self.clone().write());
        }
    }

    /// Returns the payment if this process has opened it, and its row is not written yet.
    pub(crate) fn find(&self, id: &str) -> Option<OpenedPayment> {
        let state = self.lock();
        state
            .queue
            .get(id)
            .or_else(|| state.writing.get(id))
            .cloned()
    }

    /// Waits until the rows of the payments that were added before are written, for a moment at most.
    pub(crate) async fn written(&self) {
        let added = self.lock().added;
        self.0.hurry.notify_waiters();
        let mut written = self.0.written.subscribe();
        let written = written.wait_for(|written| *written >= added);
        // If the database is slow, the list lacks a payment for a moment.
        let _ = tokio::time::timeout(MAX_WAIT, written).await;
    }

    async fn write(self) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(GATHER) => {}
                () = self.0.hurry.notified() => {}
            }
            let payments: Vec<_> = {
                let mut state = self.lock();
                state.writing = std::mem::take(&mut state.queue);
                if state.writing.is_empty() {
                    state.is_writing = false;
                    return;
                }
                state.writing.values().cloned().collect()
            };
            while let Err(error) = self.0.db.payments_opened(self.0.shop, &payments).await {
                if error.kind() == StoreErrorKind::Fatal {
                    tracing::error!(%error, "payments were not marked as open; the next start repairs this");
                    break;
                }
                tracing::warn!(%error, "payments were not marked as open; trying again");
                tokio::time::sleep(RETRY).await;
            }
            let count = u64::try_from(payments.len()).unwrap_or(u64::MAX);
            self.0.written.send_modify(|written| *written += count);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
