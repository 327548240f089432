//! A session on a machine whose clock is wrong: the `Date` of the answers decides whether the token has expired.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bakong_api::observe::SessionObserver;
use bakong_api::server_time::Skew;
use bakong_api::token::{MemoryTokenStore, TokenState, TokenStore};
use bakong_api::transport::TransportErrorKind;
use bakong_api::{ApiError, CheckAnswer};

use crate::fake::{ACCOUNT, CHECK, DAY, Fake, RENEW, START, ask, fresh, token};
use crate::fixtures::account;
use crate::tasks::{Tasks, block_on};

#[test]
fn a_token_is_not_renewed_because_the_clock_is_ahead() {
    // By this machine's clock, the token is due for renewal, or has expired.
    for (ahead, life) in [(2, 4), (2, 5), (100, 90)] {
        let fake = Fake::new();
        fake.set_ahead(ahead * DAY);
        let old = token("old", START.saturating_add(life * DAY));
        fake.accept(&old);
        let session = fake.renewing_session().with_token(old);
        for _ in 0..3 {
            assert_eq!(block_on(ask(&session)).unwrap(), CheckAnswer::NotFound);
        }
        assert_eq!((fake.count(CHECK), fake.count(RENEW)), (3, 0), "{ahead}");
        assert_eq!(session.token_state(), TokenState::Valid);

        // A rejection renews, as with a right clock.
        fake.reject_all();
        block_on(ask(&session)).unwrap();
        block_on(ask(&session)).unwrap();
        assert_eq!((fake.count(CHECK), fake.count(RENEW)), (6, 1), "{ahead}");
    }
}

#[test]
fn a_token_that_is_due_is_renewed_after_the_first_answer() {
    // A program that sends one request renews its token, too.
    for ahead in [0, 2, 100] {
        let fake = Fake::new();
        fake.set_ahead(ahead * DAY);
        let old = token("old", START.saturating_add(DAY));
        fake.accept(&old);
        let session = fake.renewing_session().with_token(old.clone());
        block_on(ask(&session)).unwrap();
        assert_eq!((fake.count(CHECK), fake.count(RENEW)), (1, 1), "{ahead}");
        assert_eq!(fake.tokens(CHECK), [Some(old.expose().to_owned())]);
        block_on(ask(&session)).unwrap();
        assert_eq!((fake.count(CHECK), fake.count(RENEW)), (2, 1), "{ahead}");
    }
}

#[test]
fn a_clock_that_is_set_ahead_between_two_answers_renews_nothing_but_once() {
    let fake = Fake::new();
    let old = fresh("old");
    fake.accept(&old);
    let session = fake.renewing_session().with_token(old);
    block_on(ask(&session)).unwrap();
    // The default clock of a session is monotonic. A clock of the caller may be set.
    fake.set_ahead(100 * DAY);
    for _ in 0..3 {
        block_on(ask(&session)).unwrap();
    }
    assert_eq!(fake.count(RENEW), 1);
}

#[test]
fn an_answer_that_tells_nothing_about_the_token_renews_nothing() {
    let fake = Fake::new();
    fake.omit_dates();
    fake.set_ahead(100 * DAY);
    let session = fake.renewing_session().with_token(fresh("old"));
    fake.reject_with(502, "");
    for _ in 0..3 {
        assert!(block_on(ask(&session)).is_err());
    }
    assert_eq!((fake.count(CHECK), fake.count(RENEW)), (3, 0));
}

/// Sends a check from 100 callers, with a token that has expired by this machine's clock and answers that are held back.
fn send_with_an_expired_token(fake: &Arc<Fake>) -> Tasks<'static, Result<CheckAnswer, ApiError>> {
    fake.hold(CHECK);
    let session = Arc::new(fake.renewing_session().with_token(fresh("old")));
    let mut tasks = Tasks::new();
    for _ in 0..100 {
        let session = Arc::clone(&session);
        tasks.add(async move { ask(&session).await });
    }
    tasks.run();
    assert_eq!(fake.count(CHECK), 1, "the others wait for the answer");
    tasks
}

#[test]
fn an_expired_token_costs_one_rejected_request() {
    let fake = Fake::new();
    fake.advance(100 * DAY);
    let mut tasks = send_with_an_expired_token(&fake);
    fake.release();
    tasks.run();
    assert_eq!(tasks.waiting(), 0);
    assert_eq!((fake.count(CHECK), fake.count(RENEW)), (101, 1));
}

#[test]
fn callers_continue_after_a_probe_that_shows_a_valid_token() {
    let fake = Fake::new();
    fake.accept(&fresh("old"));
    fake.set_ahead(100 * DAY);
    let mut tasks = send_with_an_expired_token(&fake);
    fake.release();
    tasks.run();
    assert_eq!(tasks.waiting(), 0);
    assert_eq!((fake.count(CHECK), fake.count(RENEW)), (100, 0));
}

#[test]
fn callers_do_not_wait_one_after_another_for_probes_that_fail() {
    let fake = Fake::new();
    fake.advance(100 * DAY);
    fake.reject_with(502, "");
    let mut tasks = send_with_an_expired_token(&fake);
    fake.release();
    tasks.poll(0);
    fake.hold(CHECK);
    tasks.run();
    // The probe ended without an answer about the token, and all others have sent their own request.
    assert_eq!((tasks.waiting(), fake.count(CHECK)), (99, 100));
    fake.release();
    tasks.run();
    assert_eq!((tasks.waiting(), fake.count(RENEW)), (0, 0));
}

#[test]
fn another_caller_probes_if_the_first_one_stops_waiting() {
    let fake = Fake::new();
    fake.advance(100 * DAY);
    let mut tasks = send_with_an_expired_token(&fake);
    tasks.cancel(0);
    tasks.run();
    assert_eq!((tasks.waiting(), fake.count(CHECK)), (99, 2));
    fake.release();
    tasks.run();
    assert_eq!(tasks.waiting(), 0);
    assert_eq!((fake.count(CHECK), fake.count(RENEW)), (2 + 99, 1));
}

#[test]
fn without_a_date_an_accepted_token_has_not_expired() {
    let fake = Fake::new();
    fake.omit_dates();
    fake.set_ahead(100 * DAY);
    let old = fresh("old");
    fake.accept(&old);
    let session = fake.renewing_session().with_token(old);
    for _ in 0..3 {
        block_on(ask(&session)).unwrap();
    }
    assert_eq!((fake.count(CHECK), fake.count(RENEW)), (3, 0));
    fake.reject_all();
    block_on(ask(&session)).unwrap();
    assert_eq!((fake.count(CHECK), fake.count(RENEW)), (5, 1));
}

#[test]
fn an_optional_token_is_sent_although_the_clock_is_ahead() {
    let fake = Fake::new();
    fake.set_ahead(100 * DAY);
    let old = fresh("old");
    fake.accept(&old);
    let session = fake.session().with_token(old.clone());
    for _ in 0..2 {
        block_on(session.send(&account())).unwrap();
    }
    let sent = Some(old.expose().to_owned());
    assert_eq!(fake.tokens(ACCOUNT), [sent.clone(), sent]);
}

#[test]
fn a_token_of_another_process_is_used_although_the_clock_is_ahead() {
    let fake = Fake::new();
    fake.set_ahead(100 * DAY);
    let store = Arc::new(MemoryTokenStore::new());
    let session = fake.renewing_session().with_token_store(Arc::clone(&store));
    // The session has loaded nothing, and its renewal does not arrive.
    fake.answer_renewal(Err(TransportErrorKind::Connect));
    assert!(block_on(ask(&session)).is_err());
    let new = fresh("new");
    fake.accept(&new);
    block_on(store.save(&new)).unwrap();
    fake.advance(DAY / 24);
    block_on(ask(&session)).unwrap();
    assert_eq!((fake.count(CHECK), fake.count(RENEW)), (1, 1));
}

#[derive(Default)]
struct Skews(Mutex<Vec<Skew>>);

impl SessionObserver for Skews {
    fn skew_changed(&self, skew: Skew) {
        self.0.lock().unwrap().push(skew);
    }
}

#[test]
fn observers_learn_that_the_clock_is_wrong_and_right_again() {
    let fake = Fake::new();
    let old = fresh("old");
    fake.accept(&old);
    let skews = Arc::new(Skews::default());
    let session = fake.session().with_token(old);
    let session = session.with_observer(Arc::clone(&skews));
    for ahead in [0, 0, 3_600, 3_600, 0, 0] {
        fake.advance(Duration::from_secs(10));
        fake.set_ahead(Duration::from_secs(ahead));
        block_on(ask(&session)).unwrap();
        assert!(session.now().saturating_since(fake.now()) < Duration::from_secs(1));
    }
    let ahead = Skew::Ahead(Duration::from_millis(3_599_001));
    assert_eq!(*skews.0.lock().unwrap(), [ahead, Skew::Small]);
}
