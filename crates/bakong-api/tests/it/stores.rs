//! Token stores: when a session loads a token, when it saves one, and the renewal lease.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bakong_api::khqr_core::Timestamp;
use bakong_api::token::{
    LeaseOutcome, LeaseRequest, MemoryTokenStore, RenewalFailure, RenewalLease, TokenState,
    TokenStore, TokenStoreError,
};
use bakong_api::{AccessToken, ErrorClass};

use crate::fake::{CHECK, DAY, Fake, RENEW, START, ask, fresh, token};
use crate::tasks::{Tasks, block_on};

#[test]
fn a_memory_store_is_shared() {
    let store = Arc::new(MemoryTokenStore::new());
    assert!(block_on(store.load()).unwrap().is_none());
    block_on(store.save(&fresh("a"))).unwrap();
    let found = block_on(Arc::clone(&store).load()).unwrap().unwrap();
    assert_eq!(found.expose(), fresh("a").expose());
    assert!(!format!("{store:?}").contains("eyJ"));
}

/// A store that counts its calls and can fail.
#[derive(Default)]
struct FakeStore {
    token: Mutex<Option<AccessToken>>,
    broken: Mutex<bool>,
    loads: AtomicU32,
    saves: AtomicU32,
    /// Whether load and save return `Pending` once.
    slow: bool,
    /// The next answers to requests for a lease. After them, every request is granted.
    refusals: Mutex<VecDeque<Result<LeaseOutcome, TokenStoreError>>>,
    /// The tokens that another process stores while this one waits for the lease, one for each wait.
    renewed_elsewhere: Mutex<VecDeque<Option<AccessToken>>>,
    requests: Mutex<Vec<LeaseRequest>>,
    /// How leases ended.
    ends: Arc<Mutex<Vec<String>>>,
}

impl FakeStore {
    fn with(token: &AccessToken) -> Arc<Self> {
        let store = Self::default();
        store.put(token);
        Arc::new(store)
    }

    fn refusing(
        refusals: impl IntoIterator<Item = Result<LeaseOutcome, TokenStoreError>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            refusals: Mutex::new(refusals.into_iter().collect()),
            ..Self::default()
        })
    }

    fn put(&self, token: &AccessToken) {
        *self.token.lock().unwrap() = Some(token.clone());
    }

    fn saved(&self) -> Option<String> {
        let token = self.token.lock().unwrap();
        token.as_ref().map(|token| token.expose().to_owned())
    }

    fn wait(&self) {
        let stored = self.renewed_elsewhere.lock().unwrap().pop_front();
        if let Some(token) = stored.flatten() {
            self.put(&token);
        }
    }

    async fn yield_once(&self) {
        let mut polls = if self.slow { 0 } else { 1 };
        std::future::poll_fn(|context| {
            polls += 1;
            if polls > 1 {
                return std::task::Poll::Ready(());
            }
            context.waker().wake_by_ref();
            std::task::Poll::Pending
        })
        .await;
    }

    fn check(&self) -> Result<(), TokenStoreError> {
        if *self.broken.lock().unwrap() {
            return Err(TokenStoreError::new("the store is broken", "fake error"));
        }
        Ok(())
    }
}

#[async_trait]
impl TokenStore for FakeStore {
    async fn load(&self) -> Result<Option<AccessToken>, TokenStoreError> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        let found = self.token.lock().unwrap().clone();
        self.yield_once().await;
        self.check().map(|()| found)
    }

    async fn save(&self, token: &AccessToken) -> Result<(), TokenStoreError> {
        self.saves.fetch_add(1, Ordering::SeqCst);
        self.yield_once().await;
        self.check()?;
        self.put(token);
        Ok(())
    }

    async fn acquire_renewal(
        &self,
        request: LeaseRequest,
    ) -> Result<LeaseOutcome, TokenStoreError> {
        self.requests.lock().unwrap().push(request);
        self.wait();
        let granted = || LeaseOutcome::Granted(Box::new(FakeLease(Arc::clone(&self.ends))));
        let refusal = self.refusals.lock().unwrap().pop_front();
        refusal.unwrap_or_else(|| Ok(granted()))
    }

    async fn wait_for_renewal(&self, _: Timestamp) {
        self.wait();
    }
}

#[test]
fn the_token_is_loaded_before_the_first_request() {
    let fake = Fake::new();
    let token = fresh("stored");
    fake.accept(&token);
    let store = FakeStore::with(&token);
    let session = fake.session().with_token_store(Arc::clone(&store));
    assert_eq!(session.token_state(), TokenState::Missing);
    for _ in 0..3 {
        block_on(ask(&session)).unwrap();
    }
    assert_eq!(store.loads.load(Ordering::SeqCst), 1);
    assert_eq!(fake.total(), 3);
}

#[test]
fn a_token_set_by_the_user_precedes_the_stored_one() {
    let given = fresh("given");
    for given_last in [true, false] {
        let fake = Fake::new();
        fake.accept(&given);
        let store = FakeStore::with(&fresh("stored"));
        let session = if given_last {
            let session = fake.session().with_token_store(store);
            session.with_token(given.clone())
        } else {
            fake.session()
                .with_token(given.clone())
                .with_token_store(store)
        };
        block_on(ask(&session)).unwrap();
        assert_eq!(fake.total(), 1, "{given_last}");
    }
}

type BoxFuture<'a> = std::pin::Pin<Box<dyn Future<Output = bool> + Send + 'a>>;

#[test]
fn a_token_set_during_a_load_is_not_lost() {
    let fake = Fake::new();
    let new = fresh("new");
    fake.accept(&new);
    let store = Arc::new(FakeStore {
        token: Mutex::new(Some(fresh("stored"))),
        slow: true,
        ..FakeStore::default()
    });
    let session = fake.session().with_token_store(Arc::clone(&store));
    let mut tasks = Tasks::new();
    let is_answered = async || ask(&session).await.is_ok();
    let is_saved = async || session.set_token(new.clone()).await.is_ok();
    let (asking, setting): (BoxFuture<'_>, BoxFuture<'_>) =
        (Box::pin(is_answered()), Box::pin(is_saved()));
    tasks.add(asking);
    tasks.poll(0);
    tasks.add(setting);
    tasks.poll(1);
    tasks.run();
    assert_eq!(tasks.outputs(), [&true, &true]);
    assert_eq!(store.saved().as_deref(), Some(new.expose()));
    assert_eq!(fake.total(), 1);
}

#[test]
fn a_new_token_is_saved_although_its_caller_was_cancelled() {
    let fake = Fake::new();
    let store = Arc::new(FakeStore {
        slow: true,
        ..FakeStore::default()
    });
    let session = fake.renewing_session().with_token_store(Arc::clone(&store));
    let mut tasks = Tasks::new();
    tasks.add(ask(&session));
    // Run until the store begins to save.
    while store.saves.load(Ordering::SeqCst) == 0 {
        assert!(tasks.poll(0));
    }
    tasks.cancel(0);
    assert_eq!((fake.count(RENEW), store.saved()), (1, None));
    for _ in 0..3 {
        block_on(ask(&session)).unwrap();
    }
    assert_eq!(store.saved(), fake.tokens(CHECK)[0]);
    // The next caller saves again, and only once.
    assert_eq!(store.saves.load(Ordering::SeqCst), 2);
    assert_eq!(fake.count(RENEW), 1);
}

#[test]
fn of_tokens_set_at_the_same_time_the_last_is_saved() {
    let fake = Fake::new();
    let store = Arc::new(FakeStore {
        slow: true,
        ..FakeStore::default()
    });
    let session = fake.session().with_token_store(Arc::clone(&store));
    let mut tasks = Tasks::new();
    tasks.add(session.set_token(fresh("one")));
    tasks.add(session.set_token(fresh("two")));
    // Both tokens are set before the first is saved.
    tasks.poll(0);
    tasks.poll(1);
    tasks.run();
    assert!(tasks.outputs().iter().all(|saved| saved.is_ok()));
    assert_eq!(store.saved().as_deref(), Some(fresh("two").expose()));
}

#[test]
fn a_token_renewed_by_another_process_is_used() {
    // The old token's age in days: rejected while valid, due for renewal, and expired.
    for age in [1, 88, 91] {
        for renews in [true, false] {
            let fake = Fake::new();
            let old = fresh("old");
            fake.accept(&old);
            let store = FakeStore::with(&old);
            let session = if renews {
                fake.renewing_session()
            } else {
                fake.session()
            };
            let session = session.with_token_store(Arc::clone(&store));
            block_on(ask(&session)).unwrap();
            fake.advance(age * DAY);
            fake.reject_all();
            let new = token("new", fake.now().saturating_add(90 * DAY));
            fake.accept(&new);
            store.put(&new);
            block_on(ask(&session)).unwrap();
            assert_eq!(fake.count(RENEW), 0, "{age} {renews}");
            assert_eq!(session.token_state(), TokenState::Valid);
        }
    }
}

#[test]
fn a_token_stored_later_is_found() {
    let fake = Fake::new();
    let store = Arc::new(FakeStore::default());
    let session = fake.session().with_token_store(Arc::clone(&store));
    let error = block_on(ask(&session)).unwrap_err();
    assert_eq!(error.class(), ErrorClass::Unauthorized);
    let token = fresh("late");
    fake.accept(&token);
    store.put(&token);
    block_on(ask(&session)).unwrap();
    assert_eq!(fake.total(), 1);
}

#[test]
fn a_token_of_another_process_ends_the_pause_after_a_failed_renewal() {
    let fake = Fake::new();
    fake.answer_renewal(Ok((503, String::new())));
    let store = Arc::new(FakeStore::default());
    let session = fake.renewing_session().with_token_store(Arc::clone(&store));
    assert!(block_on(ask(&session)).unwrap_err().is_of_renewal());
    let token = fresh("another's");
    fake.accept(&token);
    store.put(&token);
    block_on(ask(&session)).unwrap();
    assert_eq!((fake.count(RENEW), fake.count(CHECK)), (1, 1));
}

#[test]
fn an_older_stored_token_does_not_replace_a_valid_one() {
    let fake = Fake::new();
    let given = fresh("given");
    fake.accept(&given);
    fake.advance(88 * DAY);
    let older = token("older", fake.now().saturating_add(DAY));
    let store = FakeStore::with(&older);
    let session = fake
        .renewing_session()
        .with_token(given)
        .with_token_store(Arc::clone(&store));
    block_on(ask(&session)).unwrap();
    assert_eq!((fake.count(RENEW), fake.count(CHECK)), (1, 1));
    assert_ne!(store.saved().as_deref(), Some(older.expose()));
}

#[test]
fn a_renewal_whose_caller_left_while_saving_is_saved_by_the_next_caller() {
    let fake = Fake::new();
    let store = Arc::new(FakeStore {
        slow: true,
        ..FakeStore::default()
    });
    let session = fake.renewing_session().with_token_store(Arc::clone(&store));
    fake.hold(RENEW);
    let mut tasks = Tasks::new();
    let (first, second) = (tasks.add(session.renew()), tasks.add(session.renew()));
    tasks.run();
    fake.release();
    // The first caller gets the token, waits for the store, and leaves.
    assert!(tasks.poll(first));
    tasks.cancel(first);
    tasks.run();
    let renewed = tasks.output(second).unwrap().as_ref().unwrap();
    assert!(renewed.saved && renewed.save_error.is_none());
    assert_eq!((fake.count(RENEW), store.saved().is_some()), (1, true));
}

#[test]
fn a_session_tells_the_expiry_of_its_token() {
    let fake = Fake::new();
    let store = MemoryTokenStore::new();
    let session = fake.renewing_session().with_token_store(store.clone());
    assert_eq!(session.token_expires_at(), None);
    let renewed = block_on(session.renew()).unwrap();
    assert!(renewed.saved && renewed.expires_at.is_some());
    assert_eq!(session.token_expires_at(), renewed.expires_at);
    // A clone of the store has the same token.
    let stored = block_on(store.clone().load()).unwrap().unwrap();
    assert_eq!(stored.expires_at(), renewed.expires_at);
    // Without a store, nothing is saved, and that is no error.
    let session = fake.renewing_session();
    let renewed = block_on(session.renew()).unwrap();
    assert!(!renewed.saved && renewed.save_error.is_none());
}

#[test]
fn a_new_token_is_saved_and_a_failure_is_reported() {
    let fake = Fake::new();
    let store = Arc::new(FakeStore::default());
    let session = fake.renewing_session().with_token_store(Arc::clone(&store));
    block_on(ask(&session)).unwrap();
    assert_eq!(store.saved(), fake.tokens(CHECK)[0]);
    let renewed = block_on(session.renew()).unwrap();
    assert!(renewed.saved && renewed.save_error.is_none());
    assert_eq!(renewed.expires_at, session.token_expires_at());
    *store.broken.lock().unwrap() = true;
    let renewed = block_on(session.renew()).unwrap();
    assert!(!renewed.saved);
    let error = renewed.save_error.unwrap();
    assert_eq!(error.to_string(), "the store is broken: fake error");
    block_on(ask(&session)).unwrap();
    assert_eq!(
        fake.events(),
        ["renewed", "renewed", "renewed", "not saved"]
    );
    assert!(block_on(session.set_token(fresh("new"))).is_err());
}

#[test]
fn an_unreadable_store_is_an_error_without_a_request() {
    let fake = Fake::new();
    let token = fresh("stored");
    fake.accept(&token);
    let store = FakeStore::with(&token);
    *store.broken.lock().unwrap() = true;
    let session = fake.renewing_session().with_token_store(Arc::clone(&store));
    let error = block_on(ask(&session)).unwrap_err();
    assert_eq!(error.class(), ErrorClass::Store);
    assert_eq!(
        error.to_string(),
        "no request was sent: the store is broken: fake error"
    );
    assert_eq!(fake.total(), 0);
    *store.broken.lock().unwrap() = false;
    block_on(ask(&session)).unwrap();
    assert_eq!(fake.total(), 1);
}

#[derive(Debug)]
struct FakeLease(Arc<Mutex<Vec<String>>>);

#[async_trait]
impl RenewalLease for FakeLease {
    async fn release(self: Box<Self>) {
        self.0.lock().unwrap().push("released".to_owned());
    }

    async fn fail(self: Box<Self>, failure: &RenewalFailure) {
        let pause = failure.retry_at(1).saturating_since(failure.at);
        let end = format!("{} {} {pause:?}", failure.reason, failure.usable);
        self.0.lock().unwrap().push(end);
    }
}

#[test]
fn a_lease_is_released_after_a_renewal_and_fails_with_it() {
    let fake = Fake::new();
    let store = Arc::new(FakeStore::default());
    let session = fake.renewing_session().with_token_store(Arc::clone(&store));
    block_on(ask(&session)).unwrap();
    assert_eq!(*store.ends.lock().unwrap(), ["released"]);
    assert_eq!(*store.requests.lock().unwrap(), [LeaseRequest::new(START)]);

    fake.answer_renewal(Ok((503, String::new())));
    let store = Arc::new(FakeStore::default());
    let session = fake.renewing_session().with_token_store(Arc::clone(&store));
    assert!(block_on(ask(&session)).is_err());
    let reason = "Bakong is unavailable; ask again later (HTTP 503) false 120s";
    assert_eq!(*store.ends.lock().unwrap(), [reason]);
}

#[test]
fn leases_and_their_pauses_have_the_time_of_this_machine() {
    let fake = Fake::new();
    fake.set_ahead(2 * DAY);
    let until = fake.local_now().saturating_add(DAY / 24);
    let reason = "refused".into();
    let store = FakeStore::refusing([Ok(LeaseOutcome::Paused { until, reason })]);
    let old = token("old", START.saturating_add(2 * DAY));
    fake.accept(&old);
    let session = fake.renewing_session().with_token(old);
    let session = session.with_token_store(Arc::clone(&store));
    // The answer tells Bakong's time, and the token is due.
    block_on(ask(&session)).unwrap();
    let requests = store.requests.lock().unwrap().clone();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].now, fake.local_now());
    let left = requests[0].usable_until.unwrap();
    let left = left.saturating_since(requests[0].now);
    // The clock may drift by 200 millionths until then.
    assert!(
        (2 * DAY..=2 * DAY + DAY / 2_400).contains(&left),
        "{left:?}"
    );
    fake.advance(DAY / 24 - Duration::from_secs(2));
    block_on(ask(&session)).unwrap();
    assert_eq!(store.requests.lock().unwrap().len(), 1);
    fake.advance(Duration::from_secs(2));
    block_on(ask(&session)).unwrap();
    assert_eq!(
        (store.requests.lock().unwrap().len(), fake.count(RENEW)),
        (2, 1)
    );
}

#[test]
fn a_token_renewed_while_the_lease_was_held_is_used() {
    let fake = Fake::new();
    let new = fresh("new");
    fake.accept(&new);
    let store = Arc::new(FakeStore {
        renewed_elsewhere: Mutex::new(VecDeque::from([Some(new)])),
        ..FakeStore::default()
    });
    let session = fake.renewing_session().with_token_store(Arc::clone(&store));
    block_on(ask(&session)).unwrap();
    assert_eq!((fake.count(RENEW), fake.count(CHECK)), (0, 1));
    assert_eq!(*store.ends.lock().unwrap(), ["released"]);
}

#[test]
fn without_a_lease_no_renewal_is_sent() {
    let paused = LeaseOutcome::Paused {
        until: START.saturating_add(DAY / 24),
        reason: "refused".into(),
    };
    let no_lease = TokenStoreError::new("no lease", "fake error");
    for (outcome, message, pause) in [
        (
            Ok(LeaseOutcome::Held),
            "another process is renewing",
            DAY / 1_440,
        ),
        (
            Ok(paused),
            "possible in 60 min; the last renewal failed: refused",
            DAY / 24,
        ),
        (Err(no_lease), "no lease: fake error", DAY / 24),
    ] {
        let fake = Fake::new();
        let store = FakeStore::refusing([outcome]);
        let session = fake.renewing_session().with_token_store(Arc::clone(&store));
        for _ in 0..3 {
            let error = block_on(ask(&session)).unwrap_err();
            assert!(error.is_of_renewal());
            assert!(error.to_string().contains(message), "{error}");
            let is_of_store = error.class() == ErrorClass::Store;
            assert_eq!(is_of_store, message.starts_with("no lease"), "{error}");
        }
        assert_eq!(fake.total(), 0);
        assert_eq!(fake.events(), ["not renewed"]);
        assert_eq!(store.requests.lock().unwrap().len(), 1);
        // The store is asked again after the pause.
        fake.advance(pause);
        block_on(ask(&session)).unwrap();
        assert_eq!(store.requests.lock().unwrap().len(), 2);
    }
}

#[test]
fn a_usable_token_is_used_while_another_process_renews() {
    let fake = Fake::new();
    let old = fresh("old");
    fake.accept(&old);
    fake.advance(88 * DAY);
    let store = FakeStore::refusing([Ok(LeaseOutcome::Held)]);
    let session = fake.renewing_session().with_token(old.clone());
    let session = session.with_token_store(Arc::clone(&store));
    block_on(ask(&session)).unwrap();
    assert_eq!((fake.count(RENEW), fake.count(CHECK)), (0, 1));
    let request = store.requests.lock().unwrap()[0];
    // The clock may drift by 200 millionths until then.
    let after = request.usable_until.unwrap();
    let after = after.saturating_since(old.expires_at().unwrap());
    assert!(after < Duration::from_secs(35), "{after:?}");
    assert!(!request.ignores_pause);
    // An explicit renewal waits for the lease and ignores the pause.
    block_on(session.renew()).unwrap();
    let request = store.requests.lock().unwrap()[1];
    assert!(request.ignores_pause && request.usable_until.is_none());
}

#[test]
fn a_token_rejected_while_another_process_renews_is_replaced() {
    let fake = Fake::new();
    let (old, new) = (fresh("old"), token("new", START.saturating_add(178 * DAY)));
    fake.advance(88 * DAY);
    fake.accept(&old);
    let store = Arc::new(FakeStore {
        refusals: Mutex::new(VecDeque::from([Ok(LeaseOutcome::Held)])),
        renewed_elsewhere: Mutex::new(VecDeque::from([None, Some(new.clone())])),
        ..FakeStore::default()
    });
    let session = fake.renewing_session().with_token(old);
    let session = session.with_token_store(Arc::clone(&store));
    block_on(ask(&session)).unwrap();
    // The server retires the old token at once: only the new one is accepted.
    fake.reject_all();
    fake.accept(&new);
    block_on(ask(&session)).unwrap();
    assert_eq!((fake.count(RENEW), fake.count(CHECK)), (0, 3));
    let requests = store.requests.lock().unwrap();
    assert_eq!(requests.len(), 2);
    // At the second request, the session has no usable token, so the store waits.
    assert!(requests[0].usable_until.is_some() && requests[1].usable_until.is_none());
}

#[test]
fn a_session_without_renewal_waits_for_the_token_of_another_process() {
    let fake = Fake::new();
    let (old, new) = (fresh("old"), fresh("new"));
    fake.accept(&new);
    let store = Arc::new(FakeStore {
        renewed_elsewhere: Mutex::new(VecDeque::from([Some(new.clone())])),
        ..FakeStore::default()
    });
    let session = fake.session().with_token(old);
    let session = session.with_token_store(Arc::clone(&store));
    block_on(ask(&session)).unwrap();
    assert_eq!((fake.count(RENEW), fake.count(CHECK)), (0, 2));
    // If no other process renews, the rejection is the result, and the request is not repeated.
    fake.reject_all();
    assert!(block_on(ask(&session)).is_err());
    assert_eq!(fake.count(CHECK), 3);
}
