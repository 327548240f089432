//! Renewing the token in a file by itself: once for all commands that share the file, and not again soon after
//! it failed.
//!
//! A command lives for one question, so what a session knows of failed renewals is gone with it. It is kept in
//! a mark beside the token file, by which a command also says that it is renewing: whoever makes it, renews.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bakong_api::endpoint::EndpointInfo;
use bakong_api::observe::{AnswerSummary, Attempt, SessionObserver};
use bakong_api::token::{FileTokenStore, TokenStore, TokenStoreError};
use bakong_api::transport::{TransportError, TransportErrorKind};
use bakong_api::{AccessToken, ApiError, ErrorClass, Remedy, Transport};
use bakong_flow::{Clock, SystemClock};
use bakong_http::HyperTransport;
use bytes::Bytes;
use http::{Request, Response};
use khqr_core::{Printable, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::common::credentials::{ends, harmless};
use crate::common::output::note;
use crate::common::time::in_phnom_penh;

/// The first pause after a renewal that failed; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(60);
/// The longest pause where the old token is no good.
const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);
/// The longest pause while the old token is good: a renewal costs one of the day's requests, too.
const LONGEST_PAUSE_WHILE_USABLE: Duration = Duration::from_secs(6 * 60 * 60);
/// How long a renewal is waited for that another command is at. Longer than a request takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is known of the last renewal.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Mark {
    /// Nobody renews before this, in milliseconds since 1970.
    not_before: u64,
    /// How many renewals failed since one succeeded.
    failures: u32,
    /// Why the last one failed; empty while one is under way.
    reason: String,
}

impl Mark {
    /// Whether it still says something. No pause is longer: a clock that was ahead was put back.
    fn counts(&self, now: Timestamp) -> bool {
        let end = Timestamp::from_millis(self.not_before);
        now < end && end.saturating_since(now) <= LONGEST_PAUSE_WHILE_USABLE
    }
}

/// The mark's file.
#[derive(Clone, Debug)]
pub(crate) struct MarkFile(PathBuf);

impl MarkFile {
    /// That of a token file.
    pub(crate) fn of(token_file: &Path) -> Self {
        let target = fs::canonicalize(token_file);
        let mut path = target
            .unwrap_or_else(|_| token_file.to_owned())
            .into_os_string();
        path.push(".renewal");
        Self(path.into())
    }

    fn read(&self) -> Option<Mark> {
        let text = fs::read(&self.0).ok()?;
        // What cannot be read is being written, or of a crash: its age says.
        serde_json::from_slice(&text).ok().or_else(|| {
            let written = fs::metadata(&self.0)
                .and_then(|file| file.modified())
                .ok()?;
            let since = written.duration_since(std::time::UNIX_EPOCH).ok()?;
            let millis = u64::try_from((since + FIRST_PAUSE).as_millis()).ok()?;
            Some(Mark {
                not_before: millis,
                ..Mark::default()
            })
        })
    }

    /// Makes the mark, unless another is there: of many commands, one does.
    fn create(&self, mark: &Mark) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        // A reason may repeat the e-mail address.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        serde_json::to_writer(options.open(&self.0)?, mark).map_err(io::Error::from)
    }

    /// Writes the mark in place of another.
    fn replace(&self, mark: &Mark) {
        // What cannot be remembered is found out anew.
        let _ = serde_json::to_vec(mark).map(|text| fs::write(&self.0, text));
    }

    /// Forgets the last renewal: there is a new token.
    pub(crate) fn remove(&self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// What came of asking to be the one that renews.
enum Claim {
    /// This command is to renew.
    Mine,
    /// Another is at it.
    Theirs,
    /// Nobody is to, for this reason.
    Paused(String),
}

/// The renewal of the token in one file: the session's store and observer, and the guard of its transport.
pub(crate) struct Renewal {
    store: FileTokenStore,
    mark: MarkFile,
    /// The token that the file was last seen to hold.
    known: Mutex<Option<AccessToken>>,
    /// Whether Bakong refused it.
    refused: AtomicBool,
    /// How many renewals failed before, while this command renews.
    claimed: Mutex<Option<u32>>,
}

impl Renewal {
    pub(crate) fn new(file: &Path, token: Option<AccessToken>) -> Arc<Self> {
        Arc::new(Self {
            store: FileTokenStore::new(file),
            mark: MarkFile::of(file),
            known: Mutex::new(token),
            refused: AtomicBool::new(false),
            claimed: Mutex::new(None),
        })
    }

    /// When the known token ends, if it is still good as far as is known.
    fn good_until(&self, now: Timestamp) -> Option<Timestamp> {
        let end = locked(&self.known).as_ref()?.expires_at()?;
        (now < end && !self.refused.load(Ordering::Relaxed)).then_some(end)
    }

    /// Asks to be the one that renews.
    fn claim(&self, now: Timestamp) -> Claim {
        let mut failures = 0;
        if let Some(mark) = self.mark.read() {
            failures = mark.failures;
            if mark.counts(now) {
                return if mark.reason.is_empty() {
                    Claim::Theirs
                } else {
                    Claim::Paused(format!(
                        "the last renewal failed, and by itself none is tried before {} in Phnom Penh. It \
                         failed because {}",
                        in_phnom_penh(Timestamp::from_millis(mark.not_before)),
                        Printable(&mark.reason),
                    ))
                };
            }
            self.mark.remove();
        }
        let mark = Mark {
            not_before: now.saturating_add(PATIENCE).as_millis(),
            failures,
            reason: String::new(),
        };
        match self.mark.create(&mark) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Claim::Theirs,
            // Where nothing can be remembered, it is left to the token's last day.
            Err(error) => {
                let day = Duration::from_secs(86_400);
                if self
                    .good_until(now)
                    .is_some_and(|end| day < end.saturating_since(now))
                {
                    return Claim::Paused(format!(
                        "it is left to the old token's last day, since no mark can be kept beside the \
                         file: {error}"
                    ));
                }
            }
        }
        *locked(&self.claimed) = Some(failures);
        Claim::Mine
    }

    /// Becomes the one that renews; or gives the token that another command renewed meanwhile.
    async fn begin(&self) -> Result<Option<AccessToken>, TransportError> {
        let mut waited = Duration::ZERO;
        loop {
            match self.claim(SystemClock.now()) {
                Claim::Mine => break,
                Claim::Paused(why) => return Err(forbidden(why)),
                Claim::Theirs if self.good_until(SystemClock.now()).is_some() => {
                    return Err(busy());
                }
                Claim::Theirs if PATIENCE < waited => return Err(busy()),
                Claim::Theirs => {
                    const STEP: Duration = Duration::from_millis(50);
                    tokio::time::sleep(STEP).await;
                    waited += STEP;
                }
            }
        }
        if let Ok(Some(found)) = self.store.read() {
            let mut known = locked(&self.known);
            let has_ended = found
                .expires_at()
                .is_some_and(|end| end <= SystemClock.now());
            let is_known = known.as_ref().map(AccessToken::expose) == Some(found.expose());
            if !is_known && !has_ended {
                *known = Some(found.clone());
                self.refused.store(false, Ordering::Relaxed);
                return Ok(Some(found));
            }
        }
        // A token that could not be kept would be renewed again each time.
        self.store.try_out().map_err(|error| {
            self.release();
            forbidden(format!(
                "the new token could not be kept: {}",
                harmless(&error)
            ))
        })?;
        Ok(None)
    }

    /// It is over: the mark goes.
    fn release(&self) {
        if locked(&self.claimed).take().is_some() {
            self.mark.remove();
        }
    }

    /// It failed, and is not tried again before a pause.
    fn failed(&self, error: &ApiError) {
        let Some(failures) = locked(&self.claimed).take() else {
            return;
        };
        let now = SystemClock.now();
        let longest = match self.good_until(now) {
            Some(_) => LONGEST_PAUSE_WHILE_USABLE,
            None => LONGEST_PAUSE,
        };
        let pause = match error.class().remedy() {
            Remedy::AskAgain => FIRST_PAUSE
                .saturating_mul(2u32.saturating_pow(failures))
                .min(longest),
            Remedy::NextDay | Remedy::NewToken | Remedy::Attention => longest,
        };
        let reason = error.to_string();
        self.mark.replace(&Mark {
            not_before: now.saturating_add(pause).as_millis(),
            failures: failures.saturating_add(1),
            reason: reason
                .strip_prefix("the token could not be renewed: ")
                .unwrap_or(&reason)
                .to_owned(),
        });
    }
}

/// No code of others runs while it is locked.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn forbidden(why: String) -> TransportError {
    TransportError::new(TransportErrorKind::NotAllowed, why.as_str()).with_detail(why)
}

fn busy() -> TransportError {
    const WHY: &str = "another command is renewing the token";
    TransportError::new(TransportErrorKind::Busy, WHY).with_detail(WHY)
}

impl Drop for Renewal {
    /// Whoever is stopped in the midst leaves it to others.
    fn drop(&mut self) {
        self.release();
    }
}

/// Whether Bakong does not accept the token.
pub(crate) fn is_refusal(result: Result<&Response<Bytes>, &TransportError>) -> bool {
    result.is_ok_and(|answer| AnswerSummary::of(answer).class == Some(ErrorClass::Unauthorized))
}

/// A session's share of it.
#[derive(Clone)]
pub(crate) struct Renewing(pub(crate) Arc<Renewal>);

#[async_trait]
impl TokenStore for Renewing {
    async fn load(&self) -> Result<Option<AccessToken>, TokenStoreError> {
        self.0.store.read()
    }

    async fn save(&self, token: &AccessToken) -> Result<(), TokenStoreError> {
        let kept = keep(&self.0.store, token);
        self.0.release();
        if kept.is_ok() {
            *locked(&self.0.known) = Some(token.clone());
        }
        self.0.refused.store(false, Ordering::Relaxed);
        kept
    }
}

/// Puts a token into its file, or, if that fails, into another one, which the error names.
pub(crate) fn keep(store: &FileTokenStore, token: &AccessToken) -> Result<(), TokenStoreError> {
    store
        .write(token)
        .map_err(|error| match store.write_aside(token) {
            Ok(aside) => {
                let aside = aside.display();
                TokenStoreError::new(error.to_string(), format!("it is in {aside} instead"))
            }
            Err(_) => TokenStoreError::new(
                error.to_string(),
                "nor anywhere else, so it is lost; bakong token renew brings another",
            ),
        })
}

impl SessionObserver for Renewing {
    fn finished(&self, _: Attempt, result: Result<&Response<Bytes>, &TransportError>) {
        if is_refusal(result) {
            self.0.refused.store(true, Ordering::Relaxed);
        }
    }

    fn token_renewed(&self, expires_at: Option<Timestamp>) {
        note(format_args!(
            "The token was renewed{}.",
            ends(expires_at, SystemClock.now())
        ));
    }

    fn token_not_renewed(&self, error: &ApiError) {
        self.0.failed(error);
        // Where the old one is no good any more, the error is the command's own; and where another command
        // is at it, there is nothing to tell.
        let busy = ErrorClass::Transport(TransportErrorKind::Busy);
        let end = self.0.good_until(SystemClock.now());
        if let Some(end) = end.filter(|_| error.class() != busy) {
            note(format_args!(
                "The token is due, and {error}. The old one ends on {} in Phnom Penh.",
                in_phnom_penh(end)
            ));
        }
    }

    fn token_not_kept(&self, error: &TokenStoreError) {
        note(format_args!(
            "The new token could not be kept: {}.",
            harmless(error)
        ));
    }
}

/// The transport of this command's sessions: renewals go past the mark.
pub(crate) struct Guarded {
    inner: HyperTransport,
    renewal: Option<Arc<Renewal>>,
}

impl Guarded {
    pub(crate) const fn new(inner: HyperTransport, renewal: Option<Arc<Renewal>>) -> Self {
        Self { inner, renewal }
    }
}

#[async_trait]
impl Transport for Guarded {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let endpoint = request.extensions().get::<EndpointInfo>();
        let is_renewal = endpoint.is_some_and(|endpoint| endpoint.name == "renew_token");
        if let Some(renewal) = self.renewal.as_ref().filter(|_| is_renewal)
            && let Some(token) = renewal.begin().await?
        {
            // What another command got is as good as an answer.
            let answer = json!({ "responseCode": 0, "data": { "token": token.expose() } });
            return Ok(Response::new(answer.to_string().into()));
        }
        self.inner.send(request).await
    }
}
