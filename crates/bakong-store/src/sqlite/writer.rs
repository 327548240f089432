//! The thread that writes. It commits the work of many callers in one transaction, because each commit waits for the disk.

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
    /// Runs the statements. On `Err` the statements are rolled back.
    fn run(&mut self, session: &Session<'_>) -> Result<(), ()>;

    /// Answers the caller. `end` is the result of the transaction.
    fn answer(self: Box<Self>, end: Result<(), &Failure>, place: &Place);

    /// Whether the work failed because the thread must stop.
    fn is_stopped(&self) -> bool;
}

/// Work with a result of type `T`.
pub(super) struct Write<T, F> {
    pub(super) run: Option<F>,
    pub(super) result: Option<Result<T, Failure>>,
    pub(super) reply: oneshot::Sender<Result<T, StoreError>>,
    /// Whom to notify of the change.
    pub(super) notify: Option<Arc<Notify>>,
}

impl<T, F> Work for Write<T, F>
where
    T: Send,
    F: FnOnce(&Session<'_>) -> Result<T, Failure> + Send,
{
    fn run(&mut self, session: &Session<'_>) -> Result<(), ()> {
        let Some(run) = self.run.take() else {
            return Err(());
        };
        let result = run(session);
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
        let mut closed = None;
        let mut polled_at = Instant::now();
        while closed.is_none() {
            let Some(first) = self.receive(messages, polled_at) else {
                return;
            };
            let queued = std::iter::from_fn(|| messages.try_recv().ok());
            for message in first.into_iter().chain(queued.take(MAX_GROUP - 1)) {
                match message {
                    Message::Work(work) => group.push(work),
                    Message::Watch => {}
                    Message::Close(confirm) => closed = Some(confirm),
                }
            }
            if !group.is_empty() && self.commit(&mut group).is_err() {
                return;
            }
            if polled_at.elapsed() >= self.poll_interval {
                self.watchers.poll(&self.connection);
                polled_at = Instant::now();
            }
        }
        drop(self.connection);
        if let Some(confirm) = closed {
            let _ = confirm.send(());
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
        if let [work] = group {
            return match work.run(session) {
                Ok(()) => {
                    session.execute("COMMIT", [])?;
                    session.checkpoint()
                }
                Err(()) => Err(Failure::Aborted),
            };
        }
        for work in group {
            session.execute("SAVEPOINT work", [])?;
            if work.run(session).is_err() {
                if session.is_autocommit() {
                    // A full disk or an I/O error has rolled back the whole transaction.
                    return Err(Failure::Aborted);
                }
                session.execute("ROLLBACK TO work", [])?;
            }
            session.execute("RELEASE work", [])?;
        }
        session.execute("COMMIT", [])?;
        session.checkpoint()
    }
}

#[cfg(feature = "testing")]
const fn is_stopped(end: &Result<(), Failure>) -> bool {
    matches!(end, Err(Failure::Stopped))
}

#[cfg(not(feature = "testing"))]
const fn is_stopped(_: &Result<(), Failure>) -> bool {
    false
}
