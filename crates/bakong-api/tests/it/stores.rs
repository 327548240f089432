//! Where a token is kept: what is found there when, and what a session puts there.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bakong_api::token::{MemoryTokenStore, TokenState, TokenStore, TokenStoreError};
use bakong_api::{AccessToken, ErrorClass};

use crate::fake::{CHECK, DAY, Fake, RENEW, ask, fresh};
use crate::tasks::{Tasks, block_on};

#[test]
fn memory_keeps_a_token_for_all_who_share_it() {
    let store = Arc::new(MemoryTokenStore::new());
    assert!(block_on(store.load()).unwrap().is_none());
    block_on(store.save(&fresh("a"))).unwrap();
    let found = block_on(Arc::clone(&store).load()).unwrap().unwrap();
    assert_eq!(found.expose(), fresh("a").expose());
    assert!(!format!("{store:?}").contains("eyJ"));
}

/// A store that fails when told to, and counts.
#[derive(Default)]
struct Shelf {
    token: Mutex<Option<AccessToken>>,
    broken: Mutex<bool>,
    loads: AtomicU32,
    saves: AtomicU32,
    /// Whether a load and a save give way once before they end.
    slow: bool,
}

impl Shelf {
    fn with(token: &AccessToken) -> Arc<Self> {
        let shelf = Self::default();
        shelf.put(token);
        Arc::new(shelf)
    }

    fn put(&self, token: &AccessToken) {
        *self.token.lock().unwrap() = Some(token.clone());
    }

    fn kept(&self) -> Option<String> {
        let token = self.token.lock().unwrap();
        token.as_ref().map(|token| token.expose().to_owned())
    }

    async fn give_way(&self) {
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
            return Err(TokenStoreError::new("the shelf is broken", "made up"));
        }
        Ok(())
    }
}

#[async_trait]
impl TokenStore for Shelf {
    async fn load(&self) -> Result<Option<AccessToken>, TokenStoreError> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        let found = self.token.lock().unwrap().clone();
        self.give_way().await;
        self.check().map(|()| found)
    }

    async fn save(&self, token: &AccessToken) -> Result<(), TokenStoreError> {
        self.saves.fetch_add(1, Ordering::SeqCst);
        self.give_way().await;
        self.check()?;
        self.put(token);
        Ok(())
    }
}

#[test]
fn the_token_is_found_when_it_is_first_needed() {
    let fake = Fake::new();
    let token = fresh("kept");
    fake.accept(&token);
    let shelf = Shelf::with(&token);
    let session = fake.session().with_token_store(Arc::clone(&shelf));
    assert_eq!(session.token_state(), TokenState::Missing);
    for _ in 0..3 {
        block_on(ask(&session)).unwrap();
    }
    assert_eq!(shelf.loads.load(Ordering::SeqCst), 1);
    assert_eq!(fake.total(), 3);
}

#[test]
fn a_token_that_was_given_goes_before_one_that_is_kept() {
    let given = fresh("given");
    for given_last in [true, false] {
        let fake = Fake::new();
        fake.accept(&given);
        let shelf = Shelf::with(&fresh("kept"));
        let session = if given_last {
            let session = fake.session().with_token_store(shelf);
            session.with_token(given.clone())
        } else {
            fake.session()
                .with_token(given.clone())
                .with_token_store(shelf)
        };
        block_on(ask(&session)).unwrap();
        assert_eq!(fake.total(), 1, "{given_last}");
    }
}

type Doing<'a> = std::pin::Pin<Box<dyn Future<Output = bool> + Send + 'a>>;

#[test]
fn a_token_set_while_the_store_is_asked_is_not_lost() {
    let fake = Fake::new();
    let new = fresh("new");
    fake.accept(&new);
    let shelf = Arc::new(Shelf {
        token: Mutex::new(Some(fresh("kept"))),
        slow: true,
        ..Shelf::default()
    });
    let session = fake.session().with_token_store(Arc::clone(&shelf));
    let mut tasks = Tasks::new();
    let is_answered = async || ask(&session).await.is_ok();
    let is_kept = async || session.set_token(new.clone()).await.is_ok();
    let (asking, setting): (Doing<'_>, Doing<'_>) = (Box::pin(is_answered()), Box::pin(is_kept()));
    tasks.add(asking);
    tasks.poll(0);
    tasks.add(setting);
    tasks.poll(1);
    tasks.run();
    assert_eq!(tasks.outputs(), [&true, &true]);
    assert_eq!(shelf.kept().as_deref(), Some(new.expose()));
    assert_eq!(fake.total(), 1);
}

#[test]
fn a_new_token_is_kept_though_whoever_renewed_it_stopped_waiting() {
    let fake = Fake::new();
    let shelf = Arc::new(Shelf {
        slow: true,
        ..Shelf::default()
    });
    let session = fake.renewing_session().with_token_store(Arc::clone(&shelf));
    let mut tasks = Tasks::new();
    tasks.add(ask(&session));
    // Up to where the store is at work on the new token, and no further.
    while shelf.saves.load(Ordering::SeqCst) == 0 {
        assert!(tasks.poll(0));
    }
    tasks.give_up(0);
    assert_eq!((fake.count(RENEW), shelf.kept()), (1, None));
    for _ in 0..3 {
        block_on(ask(&session)).unwrap();
    }
    assert_eq!(shelf.kept(), fake.tokens(CHECK)[0]);
    // The second time by whoever came next, and not again.
    assert_eq!(shelf.saves.load(Ordering::SeqCst), 2);
    assert_eq!(fake.count(RENEW), 1);
}

#[test]
fn of_tokens_that_are_set_at_once_the_last_is_kept() {
    let fake = Fake::new();
    let shelf = Arc::new(Shelf {
        slow: true,
        ..Shelf::default()
    });
    let session = fake.session().with_token_store(Arc::clone(&shelf));
    let mut tasks = Tasks::new();
    tasks.add(session.set_token(fresh("one")));
    tasks.add(session.set_token(fresh("two")));
    // Both are set before the first is kept.
    tasks.poll(0);
    tasks.poll(1);
    tasks.run();
    assert!(tasks.outputs().iter().all(|kept| kept.is_ok()));
    assert_eq!(shelf.kept().as_deref(), Some(fresh("two").expose()));
}

#[test]
fn what_another_process_renewed_is_taken_and_not_renewed_again() {
    // Refused; within three days of its end; past it.
    for age in [1, 88, 91] {
        for renews in [true, false] {
            let fake = Fake::new();
            let old = fresh("old");
            fake.accept(&old);
            let shelf = Shelf::with(&old);
            let session = if renews {
                fake.renewing_session()
            } else {
                fake.session()
            };
            let session = session.with_token_store(Arc::clone(&shelf));
            block_on(ask(&session)).unwrap();
            fake.pass(age * DAY);
            fake.refuse_all();
            let new = crate::fake::token("new", fake.now().saturating_add(90 * DAY));
            fake.accept(&new);
            shelf.put(&new);
            block_on(ask(&session)).unwrap();
            assert_eq!(fake.count(RENEW), 0, "{age} {renews}");
            assert_eq!(session.token_state(), TokenState::Valid);
        }
    }
}

#[test]
fn a_token_that_comes_into_the_store_later_is_found() {
    let fake = Fake::new();
    let shelf = Arc::new(Shelf::default());
    let session = fake.session().with_token_store(Arc::clone(&shelf));
    let error = block_on(ask(&session)).unwrap_err();
    assert_eq!(error.class(), ErrorClass::Unauthorized);
    let token = fresh("late");
    fake.accept(&token);
    shelf.put(&token);
    block_on(ask(&session)).unwrap();
    assert_eq!(fake.total(), 1);
}

#[test]
fn in_a_pause_after_a_failed_renewal_another_s_success_counts() {
    let fake = Fake::new();
    fake.answer_renewal(Ok((503, String::new())));
    let shelf = Arc::new(Shelf::default());
    let session = fake.renewing_session().with_token_store(Arc::clone(&shelf));
    assert!(block_on(ask(&session)).unwrap_err().is_of_renewal());
    let token = fresh("another's");
    fake.accept(&token);
    shelf.put(&token);
    block_on(ask(&session)).unwrap();
    assert_eq!((fake.count(RENEW), fake.count(CHECK)), (1, 1));
}

#[test]
fn an_older_token_in_the_store_does_not_replace_a_good_one() {
    let fake = Fake::new();
    let given = fresh("given");
    fake.accept(&given);
    fake.pass(88 * DAY);
    let older = crate::fake::token("older", fake.now().saturating_add(DAY));
    let shelf = Shelf::with(&older);
    let session = fake
        .renewing_session()
        .with_token(given)
        .with_token_store(Arc::clone(&shelf));
    block_on(ask(&session)).unwrap();
    assert_eq!((fake.count(RENEW), fake.count(CHECK)), (1, 1));
    assert_ne!(shelf.kept().as_deref(), Some(older.expose()));
}

#[test]
fn a_new_token_is_kept_and_if_it_is_not_the_observer_is_told() {
    let fake = Fake::new();
    let shelf = Arc::new(Shelf::default());
    let session = fake.renewing_session().with_token_store(Arc::clone(&shelf));
    block_on(ask(&session)).unwrap();
    assert_eq!(shelf.kept(), fake.tokens(CHECK)[0]);
    *shelf.broken.lock().unwrap() = true;
    block_on(session.renew()).unwrap();
    block_on(ask(&session)).unwrap();
    assert_eq!(fake.told(), ["renewed", "renewed", "not kept"]);
    assert!(block_on(session.set_token(fresh("new"))).is_err());
}

#[test]
fn a_store_that_cannot_be_read_is_an_error_and_costs_no_request() {
    let fake = Fake::new();
    let token = fresh("kept");
    fake.accept(&token);
    let shelf = Shelf::with(&token);
    *shelf.broken.lock().unwrap() = true;
    let session = fake.renewing_session().with_token_store(Arc::clone(&shelf));
    let error = block_on(ask(&session)).unwrap_err();
    assert_eq!(error.class(), ErrorClass::Unauthorized);
    assert_eq!(
        error.to_string(),
        "nothing was asked: the shelf is broken: made up"
    );
    assert_eq!(fake.total(), 0);
    *shelf.broken.lock().unwrap() = false;
    block_on(ask(&session)).unwrap();
    assert_eq!(fake.total(), 1);
}
