//! The thread that writes. It commits the work of many callers in one transaction, because each commit waits for the disk.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use bakong_flow::store::StoreError;
use rusqlite::Connection;
use tokio::sync::{Notify, oneshot};

use super::failure::{Failure, Place};
use super::file::OpenFile;
use super::fuse::Fuse;
use super::session::Session;
use super::watch::Watchers;

/// The maximum number of callers in one transaction.
const MAX_GROUP: usize = 256;
/// How long to wait for the batch of a leader.
const BATCH_WAIT: Duration = Duration::from_micros(500);

/// What the thread receives.
pub(super) enum Message {
    Work(Box<dyn Work>),
    /// A first caller waits for changes of other processes.
    Watch,
    /// Close the file and confirm it.
    Close(oneshot::Sender<()>),
}

/// One caller's work in a transaction.
pub(super) trait Work: Send {
    /// Runs the statements. On `Err` the statements are rolled back, and those of other callers may be run again.
    fn run(&mut self, session: &Session<'_>) -> Result<(), ()>;

    /// Answers the caller. `end` is the result of the transaction.
    fn answer(self: Box<Self>, end: Result<(), &Failure>, place: &Place);

    /// Whether the work is the batch of a leader.
    fn is_batch(&self) -> bool;

    /// Whether the work failed because the thread must stop.
    fn is_stopped(&self) -> bool;
}

/// Work with a result of type `T`.
pub(super) struct Write<T, F> {
    pub(super) run: F,
    pub(super) is_batch: bool,
    pub(super) result: Option<Result<T, Failure>>,
    pub(super) reply: oneshot::Sender<Result<T, StoreError>>,
    /// Whom to notify of the change.
    pub(super) notify: Option<Arc<Notify>>,
}

impl<T, F> Work for Write<T, F>
where
    T: Send,
    F: FnMut(&Session<'_>) -> Result<T, Failure> + Send,
{
    fn run(&mut self, session: &Session<'_>) -> Result<(), ()> {
        let result = (self.run)(session);
        let end = if result.is_ok() { Ok(()) } else { Err(()) };
        self.result = Some(result);
        end
    }

    fn answer(self: Box<Self>, end: Result<(), &Failure>, place: &Place) {
        let result = match (self.result, end) {
            (Some(Err(failure)), _) => Err(failure.store_error(place)),
            (Some(Ok(result)), Ok(())) => Ok(result),
            (_, Err(failure)) => Err(failure.store_error(place)),
            (None, Ok(())) => Err(Failure::Aborted.store_error(place)),
        };
        if let (Ok(_), Some(notify)) = (&result, &self.notify) {
            notify.notify_waiters();
        }
        // The caller may have gone away.
        let _ = self.reply.send(result);
    }

    fn is_batch(&self) -> bool {
        self.is_batch
    }

    fn is_stopped(&self) -> bool {
        #[cfg(feature = "testing")]
        return matches!(self.result, Some(Err(Failure::Stopped)));
        #[cfg(not(feature = "testing"))]
        false
    }
}

/// The state of the thread.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) file: OpenFile,
    pub(super) fuse: Fuse,
    pub(super) place: Place,
    pub(super) watchers: Arc<Watchers>,
    pub(super) poll_interval: Duration,
}

impl Writer {
    /// Runs until the store is closed or dropped.
    pub(super) fn run(self, messages: &Receiver<Message>) {
        let mut group: Vec<Box<dyn Work>> = Vec::new();
        let mut had_batch = false;
        let mut polled_at = Instant::now();
        loop {
            let Some(first) = self.receive(messages, polled_at) else {
                return;
            };
            let closed = gather(messages, first, &mut group, had_batch.then_some(BATCH_WAIT));
            if !group.is_empty() {
                had_batch = has_batch(&group);
                if self.commit(&mut group).is_err() {
                    return;
                }
            }
            if polled_at.elapsed() >= self.poll_interval {
                self.watchers.poll(&self.connection);
                polled_at = Instant::now();
            }
            if let Some(confirm) = closed {
                drop(self.connection);
                let _ = confirm.send(());
                return;
            }
        }
    }

    /// Waits for a message. Returns `Some(None)` when it is time to poll, and `None` at the end.
    fn receive(&self, messages: &Receiver<Message>, polled_at: Instant) -> Option<Option<Message>> {
        if self.watchers.is_empty() {
            return messages.recv().ok().map(Some);
        }
        let wait = self.poll_interval.saturating_sub(polled_at.elapsed());
        match messages.recv_timeout(wait) {
            Ok(message) => Some(Some(message)),
            Err(RecvTimeoutError::Timeout) => Some(None),
            Err(RecvTimeoutError::Disconnected) => None,
        }
    }

    /// Commits the work of all callers and answers them. Returns `Err` if a test stopped the store.
    fn commit(&self, group: &mut Vec<Box<dyn Work>>) -> Result<(), ()> {
        let session = Session::new(&self.connection, &self.fuse);
        let end = self
            .file
            .check()
            .and_then(|()| Self::transaction(&session, group));
        let stopped = group.iter().any(|work| work.is_stopped()) || is_stopped(&end);
        if end.is_err() && !session.is_autocommit() && !stopped {
            // If this fails, the transaction has ended already.
            let _ = session.execute("ROLLBACK", []);
        }
        for work in group.drain(..) {
            work.answer(end.as_ref().map(|&()| ()), &self.place);
        }
        if stopped { Err(()) } else { Ok(()) }
    }

    fn transaction(session: &Session<'_>, group: &mut [Box<dyn Work>]) -> Result<(), Failure> {
        if !session.is_autocommit() {
            // The rollback of an earlier transaction failed.
            session.execute("ROLLBACK", [])?;
        }
        session.execute("BEGIN IMMEDIATE", [])?;
        let mut works = group.iter_mut();
        let failed = works.find_map(|work| work.run(session).is_err().then(|| work.is_stopped()));
        if let Some(is_stopped) = failed {
            if group.len() == 1 || is_stopped {
                return Err(Failure::Aborted);
            }
            Self::separate(session, group)?;
        }
        session.execute("COMMIT", [])?;
        session.checkpoint()
    }

    /// Begins again, and rolls back the work of those callers that fails. This is not the first attempt, because a
    /// savepoint copies each page that changes, and work seldom fails.
    fn separate(session: &Session<'_>, group: &mut [Box<dyn Work>]) -> Result<(), Failure> {
        // A full disk or an I/O error has rolled back the whole transaction.
        if !session.is_autocommit() {
            session.execute("ROLLBACK", [])?;
        }
        session.execute("BEGIN IMMEDIATE", [])?;
        for work in group {
            session.execute("SAVEPOINT work", [])?;
            if work.run(session).is_err() {
                if session.is_autocommit() {
                    return Err(Failure::Aborted);
                }
                session.execute("ROLLBACK TO work", [])?;
            }
            session.execute("RELEASE work", [])?;
        }
        Ok(())
    }
}

/// Gathers the work for one transaction: all that waits.
///
/// A leader sends its next batch when the last one is answered, which takes longer than to begin the next transaction. So
/// if others wait and the last transaction had a batch, waits up to `batch_wait` for the next one; `None` if it had none.
/// Otherwise each batch would miss a transaction, and callers that wait for a batch and for other work would come again
/// at different times.
fn gather(
    messages: &Receiver<Message>,
    first: Option<Message>,
    group: &mut Vec<Box<dyn Work>>,
    batch_wait: Option<Duration>,
) -> Option<oneshot::Sender<()>> {
    let deadline = batch_wait.map(|wait| Instant::now() + wait);
    let mut next = first;
    loop {
        match next {
            Some(Message::Work(work)) => group.push(work),
            Some(Message::Close(confirm)) => return Some(confirm),
            Some(Message::Watch) | None => {}
        }
        if group.len() >= MAX_GROUP {
            return None;
        }
        next = messages.try_recv().ok();
        if next.is_none() {
            if group.is_empty() || has_batch(group) {
                return None;
            }
            let left = deadline?.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            next = messages.recv_timeout(left).ok();
        }
    }
}

fn has_batch(group: &[Box<dyn Work>]) -> bool {
    group.iter().any(|work| work.is_batch())
}

#[cfg(feature = "testing")]
const fn is_stopped(end: &Result<(), Failure>) -> bool {
    matches!(end, Err(Failure::Stopped))
}

#[cfg(not(feature = "testing"))]
const fn is_stopped(_: &Result<(), Failure>) -> bool {
    false
}
