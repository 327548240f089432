//! The renewal lease of a token file: a second file, the mark, which only one process at a time can create.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, UNIX_EPOCH};

use async_trait::async_trait;
use futures_channel::oneshot;
use khqr_core::Timestamp;
use serde::{Deserialize, Serialize};

use crate::redact;
use crate::token::life::LONGEST_PAUSE_WHILE_USABLE;
use crate::token::regular_file;
use crate::token::store::{LeaseOutcome, LeaseRequest, RenewalFailure, RenewalLease};

/// How long the mark of a renewal in progress is in force, and how long another process waits for it. A request
/// takes less time.
const LEASE_TIME: Duration = Duration::from_secs(60);
/// How often a waiting process checks the mark.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
/// More bytes than any mark has, even if the reason of its failure quotes a server's message.
const MAX_BYTES: u64 = 64 * 1024;
/// If no mark can be created, the token is renewed only this long before its expiry.
const UNMARKED_RENEWAL: Duration = Duration::from_secs(24 * 60 * 60);

/// The path of a mark.
#[derive(Clone, Debug)]
pub(super) struct RenewalMark(PathBuf);

/// The content of a mark: a renewal in progress or a failed one.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Content {
    /// The time before which no renewal starts, in milliseconds since 1970.
    not_before: u64,
    /// How many renewals have failed since the last success.
    failures: u32,
    /// Why the last renewal failed; empty while a renewal is in progress.
    reason: String,
}

impl Content {
    /// Whether the mark is still in force. A pause beyond the maximum means that a clock was ahead and was set back.
    fn is_in_force(&self, now: Timestamp) -> bool {
        let end = Timestamp::from_millis(self.not_before);
        now < end && end.saturating_since(now) <= LONGEST_PAUSE_WHILE_USABLE
    }
}

impl RenewalMark {
    /// Returns the mark of a token file, whose path must not be a symbolic link.
    pub(super) fn for_token_file(token_file: &Path) -> Self {
        let mut path = token_file.to_owned().into_os_string();
        path.push(".renewal");
        Self(path.into())
    }

    pub(super) fn remove(&self) {
        let _ = fs::remove_file(&self.0);
    }

    /// Acquires the lease. If another process holds the lease, waits for it unless the token is usable.
    pub(super) async fn acquire(self, request: LeaseRequest) -> io::Result<LeaseOutcome> {
        match self.try_acquire(&request)? {
            LeaseOutcome::Held if request.usable_until.is_none() => {}
            outcome => return Ok(outcome),
        }
        // This crate has no timer, so a thread waits. If the caller stops waiting, `send` fails and drops the
        // lease, which releases it.
        let (sender, receiver) = oneshot::channel();
        thread::Builder::new().spawn(move || sender.send(self.wait(request)).map_err(drop))?;
        receiver.await.unwrap_or(Ok(LeaseOutcome::Held))
    }

    /// Waits while another process renews the token, at most until the mark expires.
    pub(super) async fn wait_while_held(self, now: Timestamp) {
        if !self.is_held(now) {
            return;
        }
        let (sender, receiver) = oneshot::channel::<()>();
        let thread = thread::Builder::new().spawn(move || {
            let start = Instant::now();
            while !sender.is_canceled() && start.elapsed() <= LEASE_TIME {
                thread::sleep(POLL_INTERVAL);
                if !self.is_held(now.saturating_add(start.elapsed())) {
                    break;
                }
            }
        });
        if thread.is_ok() {
            let _ = receiver.await;
        }
    }

    fn is_held(&self, now: Timestamp) -> bool {
        let held = |content: Content| content.is_in_force(now) && content.reason.is_empty();
        // A mark that cannot be read is reported where the lease is acquired.
        self.read().ok().flatten().is_some_and(held)
    }

    fn wait(&self, request: LeaseRequest) -> io::Result<LeaseOutcome> {
        let start = Instant::now();
        loop {
            thread::sleep(POLL_INTERVAL);
            let waited = start.elapsed();
            let now = request.now.saturating_add(waited);
            match self.try_acquire(&LeaseRequest { now, ..request })? {
                LeaseOutcome::Held if waited <= LEASE_TIME => {}
                outcome => return Ok(outcome),
            }
        }
    }

    fn try_acquire(&self, request: &LeaseRequest) -> io::Result<LeaseOutcome> {
        let now = request.now;
        let mut failures = 0;
        if let Some(content) = self.read()? {
            failures = content.failures;
            if content.is_in_force(now) {
                if content.reason.is_empty() {
                    return Ok(LeaseOutcome::Held);
                }
                if !request.ignores_pause {
                    return Ok(LeaseOutcome::Paused {
                        until: Timestamp::from_millis(content.not_before),
                        reason: content.reason.into(),
                    });
                }
            }
            self.remove();
        }
        let content = Content {
            not_before: now.saturating_add(LEASE_TIME).as_millis(),
            failures,
            reason: String::new(),
        };
        match self.create(&content) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Ok(LeaseOutcome::Held);
            }
            Err(error)
                if request
                    .usable_until
                    .is_some_and(|expiry| UNMARKED_RENEWAL < expiry.saturating_since(now)) =>
            {
                return Err(error);
            }
            // A token that is unusable or expires soon is renewed even without a mark.
            Ok(()) | Err(_) => {}
        }
        let mark = Some(self.clone());
        Ok(LeaseOutcome::Granted(Box::new(MarkLease {
            mark,
            failures,
        })))
    }

    /// Reads the mark; `None` if there is no mark.
    fn read(&self) -> io::Result<Option<Content>> {
        let text = match regular_file::read(&self.0, MAX_BYTES) {
            Ok(Some(text)) => text,
            Err(error) if regular_file::is_wrong_kind(&error) => {
                let path = redact::without_tokens(self.0.to_string_lossy());
                let reason = format!("{error}; remove {path} and try again");
                return Err(io::Error::new(error.kind(), reason));
            }
            // A mark that cannot be read cannot be created either, which `try_acquire` handles.
            Ok(None) | Err(_) => return Ok(None),
        };
        let content = serde_json::from_slice(&text).ok();
        Ok(content.or_else(|| self.unfinished()))
    }

    /// Returns the content of a mark that is being written, or whose writer was killed. It expires by the file's age.
    fn unfinished(&self) -> Option<Content> {
        let written = fs::metadata(&self.0)
            .and_then(|file| file.modified())
            .ok()?;
        let end = written.duration_since(UNIX_EPOCH).ok()? + LEASE_TIME;
        Some(Content {
            not_before: u64::try_from(end.as_millis()).ok()?,
            ..Content::default()
        })
    }

    /// Creates the mark. Fails if it exists, so that only one process succeeds.
    fn create(&self, content: &Content) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        // Others must not read the mark: the reason of a failure may contain the e-mail address.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&self.0)?;
        serde_json::to_writer(file, content).map_err(io::Error::from)
    }
}

/// The lease of the process that created the mark.
#[derive(Debug)]
struct MarkLease {
    /// `None` once the lease has ended.
    mark: Option<RenewalMark>,
    failures: u32,
}

#[async_trait]
impl RenewalLease for MarkLease {
    async fn release(self: Box<Self>) {}

    async fn fail(mut self: Box<Self>, failure: &RenewalFailure) {
        let Some(mark) = self.mark.take() else {
            return;
        };
        let content = Content {
            not_before: failure.retry_at(self.failures).as_millis(),
            failures: self.failures.saturating_add(1),
            reason: failure.reason.clone(),
        };
        // A missing mark is not created again: another process has stored a token. If writing fails, the
        // mark expires after `LEASE_TIME`.
        if !regular_file::exists(&mark.0).is_ok_and(|exists| exists) {
            return;
        }
        let file = OpenOptions::new().write(true).truncate(true).open(&mark.0);
        let _ = file.map(|file| serde_json::to_writer(file, &content));
    }
}

impl Drop for MarkLease {
    fn drop(&mut self) {
        if let Some(mark) = &self.mark {
            mark.remove();
        }
    }
}
