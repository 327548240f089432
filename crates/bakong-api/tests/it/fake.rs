//! A fake Bakong as a transport, a clock and an observer. It knows the valid tokens, can hold answers back, and
//! counts requests.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::{Duration, UNIX_EPOCH};

use bakong_api::endpoint::{CheckTransactionByMd5, RenewToken};
use bakong_api::khqr_core::Timestamp;
use bakong_api::observe::{Attempt, SessionObserver};
use bakong_api::token::TokenStoreError;
use bakong_api::transport::{TransportError, TransportErrorKind, transport_fn};
use bakong_api::{AccessToken, ApiError, CheckAnswer, Environment, Session, Transport};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Request, Response, header};

use crate::{NOT_FOUND, answer, question};

pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);
pub(crate) const START: Timestamp = Timestamp::from_millis(1_795_000_000_000);
pub(crate) const UNAUTHORIZED: &str =
    r#"{"data":null,"errorCode":6,"responseCode":1,"responseMessage":"Unauthorized"}"#;

/// Creates a token with this name and expiry.
pub(crate) fn token(name: &str, expires_at: Timestamp) -> AccessToken {
    let seconds = expires_at.as_millis() / 1_000;
    let claims = format!(r#"{{"data":{{"id":"{name}"}},"exp":{seconds}}}"#);
    let claims = URL_SAFE_NO_PAD.encode(claims);
    AccessToken::new(&format!("eyJhbGciOiJIUzI1NiJ9.{claims}.c2ln")).unwrap()
}

/// Creates a token that expires 90 days after `START`.
pub(crate) fn fresh(name: &str) -> AccessToken {
    token(name, START.saturating_add(90 * DAY))
}

pub(crate) fn issued(token: &AccessToken) -> String {
    let token = token.expose();
    format!(
        r#"{{"data":{{"token":"{token}"}},"errorCode":null,"responseCode":0,"responseMessage":"Token has been issued"}}"#
    )
}

/// A status and a body, or a transport error.
pub(crate) type Answer = Result<(u16, String), TransportErrorKind>;

#[derive(Default)]
struct State {
    valid: HashSet<String>,
    /// Answers to the next renewals. After them, renewals issue the tokens `new-1`, `new-2` and so on.
    renewals: VecDeque<Answer>,
    issued: u32,
    /// Whether renewals issue invalid tokens.
    issues_invalid: bool,
    rejection: Option<(u16, String)>,
    /// Paths whose answers are held back.
    held: HashSet<&'static str>,
    waiting: Vec<Waker>,
    /// The path and the token of each request.
    seen: Vec<(String, Option<String>)>,
    /// The token events that the observer received.
    events: Vec<&'static str>,
}

pub(crate) struct Fake {
    state: Mutex<State>,
    now: AtomicU64,
    sending: AtomicU32,
    /// How far each request advances the clock, in milliseconds.
    pub(crate) latency: AtomicU64,
    /// How far this machine's clock is ahead of Bakong's, in milliseconds.
    ahead: AtomicU64,
    /// Whether the answers have a `Date`.
    dates: AtomicBool,
}

pub(crate) const RENEW: &str = "/v1/renew_token";
pub(crate) const CHECK: &str = "/v1/check_transaction_by_md5";
pub(crate) const ACCOUNT: &str = "/v1/check_bakong_account";

impl Fake {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            now: AtomicU64::new(START.as_millis()),
            sending: AtomicU32::new(0),
            latency: AtomicU64::new(0),
            ahead: AtomicU64::new(0),
            dates: AtomicBool::new(true),
        })
    }

    pub(crate) fn transport(self: &Arc<Self>) -> Box<dyn Transport> {
        let fake = Arc::clone(self);
        Box::new(transport_fn(move |request| {
            let fake = Arc::clone(&fake);
            async move { fake.serve(request).await }
        }))
    }

    /// Creates a session with this transport, clock and observer.
    pub(crate) fn session(self: &Arc<Self>) -> Session<Box<dyn Transport>> {
        let clock = Arc::clone(self);
        Session::new(self.transport(), Environment::Sit)
            .with_clock(move || clock.local_now())
            .with_observer(Arc::clone(self))
    }

    /// Creates a session that renews its token.
    pub(crate) fn renewing_session(self: &Arc<Self>) -> Session<Box<dyn Transport>> {
        self.session()
            .with_renewal(RenewToken::new("a@b.kh").unwrap())
    }

    /// Returns the time on this machine's clock.
    pub(crate) fn local_now(&self) -> Timestamp {
        let ahead = self.ahead.load(Ordering::SeqCst);
        self.now().saturating_add(Duration::from_millis(ahead))
    }

    /// Sets this machine's clock ahead of Bakong's.
    pub(crate) fn set_ahead(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap();
        self.ahead.store(millis, Ordering::SeqCst);
    }

    /// Sends answers without a `Date` from now on.
    pub(crate) fn omit_dates(&self) {
        self.dates.store(false, Ordering::SeqCst);
    }

    /// Returns Bakong's time.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now.load(Ordering::SeqCst))
    }

    pub(crate) fn advance(&self, duration: Duration) {
        let millis = u64::try_from(duration.as_millis()).unwrap();
        self.now.fetch_add(millis, Ordering::SeqCst);
    }

    pub(crate) fn accept(&self, token: &AccessToken) {
        self.with(|state| state.valid.insert(token.expose().to_owned()));
    }

    pub(crate) fn reject_all(&self) {
        self.with(|state| state.valid.clear());
    }

    pub(crate) fn issue_invalid(&self) {
        self.with(|state| state.issues_invalid = true);
    }

    /// Sets the answer to requests with an invalid token. The default is a 401.
    pub(crate) fn reject_with(&self, status: u16, body: &str) {
        self.with(|state| state.rejection = Some((status, body.to_owned())));
    }

    pub(crate) fn answer_renewal(&self, answer: Answer) {
        self.with(|state| state.renewals.push_back(answer));
    }

    pub(crate) fn hold(&self, path: &'static str) {
        self.with(|state| state.held.insert(path));
    }

    pub(crate) fn release(&self) {
        let waiting = self.with(|state| {
            state.held.clear();
            std::mem::take(&mut state.waiting)
        });
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Returns the number of requests to this path.
    pub(crate) fn count(&self, path: &str) -> usize {
        self.with(|state| state.seen.iter().filter(|(seen, _)| seen == path).count())
    }

    /// Returns the number of all requests, after checking that the observer received as many events.
    pub(crate) fn total(&self) -> usize {
        let seen = self.with(|state| state.seen.len());
        assert_eq!(
            usize::try_from(self.sending.load(Ordering::SeqCst)).unwrap(),
            seen
        );
        seen
    }

    /// Returns the tokens of the requests to this path, in order.
    pub(crate) fn tokens(&self, path: &str) -> Vec<Option<String>> {
        self.with(|state| {
            let own = state.seen.iter().filter(|(seen, _)| seen == path);
            own.map(|(_, token)| token.clone()).collect()
        })
    }

    pub(crate) fn events(&self) -> Vec<&'static str> {
        self.with(|state| state.events.clone())
    }

    async fn serve(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let path = request.uri().path().to_owned();
        let token = request.headers().get(header::AUTHORIZATION).map(|value| {
            let text = value.to_str().unwrap();
            text.strip_prefix("Bearer ").unwrap().to_owned()
        });
        self.with(|state| state.seen.push((path.clone(), token.clone())));
        std::future::poll_fn(|context| {
            self.with(|state| {
                if state.held.contains(path.as_str()) {
                    state.waiting.push(context.waker().clone());
                    Poll::Pending
                } else {
                    Poll::Ready(())
                }
            })
        })
        .await;
        self.advance(Duration::from_millis(self.latency.load(Ordering::SeqCst)));
        let now = self.now();
        match self.with(|state| state.answer(&path, token.as_deref(), now)) {
            Ok((status, body)) => {
                let mut answer = answer(status, body);
                if self.dates.load(Ordering::SeqCst) {
                    let date = UNIX_EPOCH + Duration::from_millis(now.as_millis());
                    let date = httpdate::fmt_http_date(date).parse().unwrap();
                    answer.headers_mut().insert(header::DATE, date);
                }
                Ok(answer)
            }
            Err(kind) => Err(TransportError::new(kind, "fake error")),
        }
    }

    fn with<R>(&self, f: impl FnOnce(&mut State) -> R) -> R {
        f(&mut self.state.lock().unwrap())
    }
}

impl State {
    fn answer(&mut self, path: &str, token: Option<&str>, now: Timestamp) -> Answer {
        if path == RENEW {
            if let Some(answer) = self.renewals.pop_front() {
                return answer;
            }
            self.issued += 1;
            let name = format!("new-{}", self.issued);
            let new = crate::fake::token(&name, now.saturating_add(90 * DAY));
            self.valid.clear();
            if !self.issues_invalid {
                self.valid.insert(new.expose().to_owned());
            }
            return Ok((200, issued(&new)));
        }
        let is_valid = token.is_some_and(|token| self.valid.contains(token));
        if path == ACCOUNT && (token.is_none() || is_valid) {
            return Ok((
                200,
                r#"{"responseCode":0,"errorCode":null,"data":null}"#.into(),
            ));
        }
        if is_valid {
            Ok((200, NOT_FOUND.into()))
        } else {
            Ok(self
                .rejection
                .clone()
                .unwrap_or_else(|| (401, UNAUTHORIZED.into())))
        }
    }
}

impl SessionObserver for Fake {
    fn sending(&self, _: Attempt) {
        self.sending.fetch_add(1, Ordering::SeqCst);
    }

    fn token_renewed(&self, _: Option<Timestamp>) {
        self.with(|state| state.events.push("renewed"));
    }

    fn token_not_renewed(&self, _: &ApiError, _: Option<Timestamp>) {
        self.with(|state| state.events.push("not renewed"));
    }

    fn token_not_saved(&self, _: &TokenStoreError) {
        self.with(|state| state.events.push("not saved"));
    }
}

/// Checks a payment.
pub(crate) async fn ask(session: &Session<impl Transport>) -> Result<CheckAnswer, ApiError> {
    session.send(&question()).await
}

/// Creates checks with different MD5s.
pub(crate) fn questions(count: u64) -> impl Iterator<Item = CheckTransactionByMd5> {
    (0..count).map(|number| CheckTransactionByMd5::new(format!("{number:032x}").parse().unwrap()))
}
