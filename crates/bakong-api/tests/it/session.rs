//! The token of a session, without a runtime: which caller renews, which callers wait, and the number of requests.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bakong_api::endpoint::RenewToken;
use bakong_api::token::TokenState;
use bakong_api::transport::{TransportErrorKind, transport_fn};
use bakong_api::{AccessToken, ApiError, CheckAnswer, Environment, ErrorClass, Session, Transport};
use proptest::prelude::*;

use crate::fake::{
    ACCOUNT, CHECK, DAY, Fake, RENEW, START, UNAUTHORIZED, ask, fresh, issued, questions, token,
};
use crate::fixtures::account;
use crate::tasks::{Tasks, block_on};

const MINUTE: Duration = Duration::from_secs(60);

type Answer = Result<CheckAnswer, ApiError>;

/// Starts this many checks at the same time.
fn send_many(session: &Session<Box<dyn Transport>>, count: u64) -> Tasks<'_, Answer> {
    let mut tasks = Tasks::new();
    for question in questions(count) {
        tasks.add(async move { session.send(&question).await });
    }
    tasks
}

#[test]
fn a_valid_token_is_sent_without_a_renewal() {
    let fake = Fake::new();
    let token = fresh("old");
    fake.accept(&token);
    let session = fake.renewing_session().with_token(token);
    assert_eq!(block_on(ask(&session)).unwrap(), CheckAnswer::NotFound);
    assert_eq!((fake.total(), fake.count(CHECK)), (1, 1));
    assert_eq!(session.token_state(), TokenState::Valid);
}

#[test]
fn a_token_that_is_no_jwt_is_sent_to_relays_and_not_to_nbc() {
    let token = AccessToken::new("rbk_secret").unwrap();
    let fake = Fake::new();
    fake.accept(&token);
    let session = fake.session().with_token(token.clone());
    for _ in 0..2 {
        let error = block_on(ask(&session)).unwrap_err();
        assert_eq!(error.class(), ErrorClass::Unauthorized);
        assert!(error.to_string().contains("three parts"), "{error}");
        assert!(!error.to_string().contains("rbk"), "{error}");
    }
    assert_eq!(fake.total(), 0);
    let relay = bakong_api::BaseUrl::new("https://relay.example/bakong").unwrap();
    let clock = Arc::clone(&fake);
    let session = Session::new(fake.transport(), relay)
        .with_clock(move || clock.now())
        .with_observer(Arc::clone(&fake))
        .with_token(token);
    // A token without an expiry stays valid.
    fake.advance(1_000 * DAY);
    assert_eq!(session.token_state(), TokenState::Valid);
    let _ = block_on(ask(&session));
    assert_eq!(fake.total(), 1);
}

#[test]
fn a_missing_token_is_requested() {
    let fake = Fake::new();
    let session = fake.renewing_session();
    assert_eq!(session.token_state(), TokenState::Missing);
    block_on(ask(&session)).unwrap();
    assert_eq!((fake.total(), fake.count(RENEW)), (2, 1));
    assert_eq!(fake.events(), ["renewed"]);
}

#[test]
fn a_token_is_renewed_three_days_before_its_expiry() {
    let fake = Fake::new();
    let token = fresh("old");
    fake.accept(&token);
    let session = fake.renewing_session().with_token(token.clone());
    fake.advance(87 * DAY - Duration::from_secs(1));
    block_on(ask(&session)).unwrap();
    assert_eq!(fake.count(RENEW), 0);
    // The clock may have drifted since the answer.
    fake.advance(Duration::from_millis(1_001));
    block_on(ask(&session)).unwrap();
    block_on(ask(&session)).unwrap();
    assert_eq!(fake.count(RENEW), 1);
    let sent = fake.tokens(CHECK);
    assert_eq!(sent[0].as_deref(), Some(token.expose()));
    assert!(sent[1] != sent[0] && sent[1] == sent[2]);
}

#[test]
fn a_rejected_token_is_renewed_and_the_request_repeated() {
    for (status, body) in [(401, UNAUTHORIZED), (200, UNAUTHORIZED), (401, "")] {
        let fake = Fake::new();
        fake.reject_with(status, body);
        let session = fake.renewing_session().with_token(fresh("old"));
        assert_eq!(block_on(ask(&session)).unwrap(), CheckAnswer::NotFound);
        assert_eq!((fake.count(CHECK), fake.count(RENEW)), (2, 1));
        block_on(ask(&session)).unwrap();
        assert_eq!(fake.total(), 4);
    }
}

#[test]
fn a_thousand_callers_share_one_renewal() {
    for expired in [false, true] {
        let fake = Fake::new();
        fake.hold(RENEW);
        let session = fake.renewing_session().with_token(fresh("old"));
        if expired {
            fake.advance(91 * DAY);
        }
        let mut tasks = send_many(&session, 1_000);
        tasks.run();
        assert_eq!((tasks.waiting(), fake.count(RENEW)), (1_000, 1));
        assert_eq!(session.token_state(), TokenState::Renewing);
        fake.release();
        tasks.run();
        assert_eq!(tasks.waiting(), 0, "a waiter was not woken");
        assert!(tasks.outputs().iter().all(|answer| answer.is_ok()));
        assert_eq!(fake.count(RENEW), 1);
        // The first request was rejected, then all waited.
        assert_eq!(fake.count(CHECK), 1_001);
    }
}

#[test]
fn while_a_usable_token_is_renewed_other_callers_do_not_wait() {
    let fake = Fake::new();
    let token = fresh("old");
    fake.accept(&token);
    fake.advance(88 * DAY);
    fake.hold(RENEW);
    let session = fake.renewing_session().with_token(token.clone());
    let mut tasks = send_many(&session, 100);
    tasks.run();
    assert_eq!((tasks.waiting(), fake.count(RENEW)), (1, 1));
    let old = Some(token.expose().to_owned());
    // The first caller has its answer and renews.
    assert_eq!(fake.tokens(CHECK), vec![old; 100]);
    fake.release();
    tasks.run();
    assert_eq!((tasks.waiting(), fake.total()), (0, 101));
}

#[test]
fn all_callers_get_the_error_of_a_failed_renewal_and_a_pause_follows() {
    let fake = Fake::new();
    fake.answer_renewal(Ok((503, String::new())));
    fake.hold(RENEW);
    let session = fake.renewing_session();
    let mut tasks = send_many(&session, 1_000);
    tasks.run();
    fake.release();
    tasks.run();
    assert_eq!((tasks.waiting(), fake.total()), (0, 1));
    for answer in tasks.outputs() {
        let error = answer.as_ref().unwrap_err();
        assert!(error.is_of_renewal());
        assert_eq!(error.class(), ErrorClass::Unavailable { retry_after: None });
    }
    assert_eq!(fake.events(), ["not renewed"]);
    fake.advance(MINUTE - Duration::from_millis(1));
    assert!(block_on(ask(&session)).unwrap_err().is_of_renewal());
    assert_eq!(fake.total(), 1);
    // The clock may have drifted by 200 millionths since the answer.
    fake.advance(Duration::from_millis(1 + 13));
    block_on(ask(&session)).unwrap();
    assert_eq!(fake.count(RENEW), 2);
}

#[test]
fn a_failed_renewal_leaves_a_usable_token_in_use() {
    for answer in [
        Ok((503, String::new())),
        Ok((403, "<html>".into())),
        Ok((200, r#"{"responseCode":1,"errorCode":10}"#.into())),
        Ok((200, r#"{"responseCode":1,"errorCode":17}"#.into())),
        Ok((200, r#"{"responseCode":0,"data":{"token":"none"}}"#.into())),
        Err(TransportErrorKind::Timeout),
    ] {
        let fake = Fake::new();
        let token = fresh("old");
        fake.accept(&token);
        fake.advance(88 * DAY);
        fake.answer_renewal(answer);
        let session = fake.renewing_session().with_token(token);
        for _ in 0..10 {
            assert_eq!(block_on(ask(&session)).unwrap(), CheckAnswer::NotFound);
        }
        assert_eq!((fake.count(RENEW), fake.count(CHECK)), (1, 10));
    }
}

#[test]
fn a_rejected_new_token_is_followed_by_a_pause() {
    let fake = Fake::new();
    fake.issue_invalid();
    let session = fake.renewing_session().with_token(fresh("old"));
    let error = block_on(ask(&session)).unwrap_err();
    assert_eq!(error.class(), ErrorClass::Unauthorized);
    assert_eq!((fake.count(CHECK), fake.count(RENEW)), (2, 1));
    for _ in 0..10 {
        assert!(block_on(ask(&session)).is_err());
    }
    assert_eq!(fake.total(), 3, "no request is sent during the pause");
}

#[test]
fn waiting_callers_do_not_send_a_rejected_new_token() {
    let fake = Fake::new();
    fake.issue_invalid();
    fake.hold(RENEW);
    let session = fake.renewing_session();
    let mut tasks = send_many(&session, 10);
    tasks.run();
    fake.release();
    // The first caller renews, sends and is rejected before another one runs.
    assert!(tasks.poll(0));
    assert!(tasks.output(0).is_some());
    tasks.run();
    assert_eq!(tasks.waiting(), 0);
    assert!(tasks.outputs().iter().all(|answer| answer.is_err()));
    assert_eq!((fake.count(RENEW), fake.count(CHECK)), (1, 1));
}

#[test]
fn a_waiting_caller_takes_over_a_cancelled_renewal() {
    let fake = Fake::new();
    fake.hold(RENEW);
    let session = fake.renewing_session();
    let mut tasks = send_many(&session, 100);
    tasks.run();
    assert_eq!(fake.count(RENEW), 1);
    tasks.cancel(0);
    assert_eq!(session.token_state(), TokenState::Missing);
    tasks.run();
    assert_eq!(fake.count(RENEW), 2, "the next caller renews");
    // A cancelled waiting caller does not stop the others.
    tasks.cancel(50);
    fake.release();
    tasks.run();
    assert_eq!(tasks.waiting(), 0);
    assert_eq!(tasks.outputs().len(), 98);
    assert!(tasks.outputs().iter().all(|answer| answer.is_ok()));
    assert_eq!(fake.count(RENEW), 2);
}

#[test]
fn repeatedly_cancelled_renewals_do_not_exhaust_the_quota() {
    let fake = Fake::new();
    fake.hold(RENEW);
    let session = fake.renewing_session();
    for _ in 0..100 {
        let mut tasks = Tasks::new();
        tasks.add(ask(&session));
        tasks.run();
        if let Some(answer) = tasks.output(0) {
            let error = answer.as_ref().unwrap_err();
            assert!(error.is_of_renewal(), "{error}");
        }
        tasks.cancel(0);
    }
    assert_eq!(fake.total(), 2);
    fake.release();
    fake.advance(MINUTE);
    block_on(ask(&session)).unwrap();
}

#[test]
fn requests_in_flight_with_the_old_token_are_repeated_with_the_new_one() {
    let fake = Fake::new();
    let token = fresh("old");
    fake.accept(&token);
    let session = fake.renewing_session().with_token(token);
    fake.hold(CHECK);
    let mut tasks = send_many(&session, 100);
    tasks.run();
    assert_eq!(fake.count(CHECK), 100);
    // The renewal invalidates the old token.
    block_on(session.renew()).unwrap();
    fake.release();
    tasks.run();
    assert_eq!((tasks.waiting(), tasks.outputs().len()), (0, 100));
    assert!(tasks.outputs().iter().all(|answer| answer.is_ok()));
    assert_eq!((fake.count(RENEW), fake.count(CHECK)), (1, 200));
}

#[test]
fn an_optional_token_is_omitted_after_a_rejection() {
    let fake = Fake::new();
    let session = fake.renewing_session().with_token(fresh("old"));
    block_on(session.send(&account())).unwrap();
    let sent = fake.tokens(ACCOUNT);
    assert!(sent[0].is_some() && sent[1].is_none());
    assert_eq!(session.token_state(), TokenState::Rejected);
    block_on(session.send(&account())).unwrap();
    assert_eq!(
        fake.tokens(ACCOUNT)[2],
        None,
        "the token is known to be rejected"
    );
    assert_eq!((fake.total(), fake.count(RENEW)), (3, 0));
}

#[test]
fn a_rejected_token_without_renewal_is_not_sent_during_a_pause() {
    let fake = Fake::new();
    let session = fake.session().with_token(fresh("old"));
    for _ in 0..10 {
        let error = block_on(ask(&session)).unwrap_err();
        assert_eq!(error.class(), ErrorClass::Unauthorized);
        assert_eq!(error.status().map(|status| status.as_u16()), Some(401));
    }
    assert_eq!(fake.total(), 1);
    // The clock may have drifted by 200 millionths since the answer.
    fake.advance(MINUTE + Duration::from_millis(13));
    assert!(block_on(ask(&session)).is_err());
    assert_eq!(fake.total(), 2);
}

#[test]
fn a_new_token_set_by_the_user_is_used_at_once() {
    let fake = Fake::new();
    let session = fake.session().with_token(fresh("old"));
    assert!(block_on(ask(&session)).is_err());
    let new = fresh("new");
    fake.accept(&new);
    block_on(session.set_token(new)).unwrap();
    block_on(ask(&session)).unwrap();
    assert_eq!(session.token_state(), TokenState::Valid);
}

#[test]
fn explicit_renewals_at_the_same_time_share_one_result() {
    for works in [true, false] {
        let fake = Fake::new();
        if !works {
            fake.answer_renewal(Ok((503, String::new())));
        }
        fake.hold(RENEW);
        let session = fake.renewing_session().with_token(fresh("old"));
        let mut tasks = Tasks::new();
        for _ in 0..100 {
            tasks.add(session.renew());
        }
        tasks.run();
        fake.release();
        tasks.run();
        assert_eq!((tasks.waiting(), fake.count(RENEW)), (0, 1), "{works}");
        let mut outputs = tasks.outputs().into_iter();
        assert!(outputs.all(|output| output.is_ok() == works));
        // A later call renews again, even during a pause.
        block_on(session.renew()).unwrap();
        assert_eq!(fake.count(RENEW), 2);
    }
}

#[test]
fn without_an_e_mail_address_no_renewal_is_sent() {
    let fake = Fake::new();
    let session = fake.session().with_token(fresh("old"));
    let error = block_on(session.renew()).unwrap_err();
    assert!(error.is_of_renewal());
    assert_eq!(
        error.to_string(),
        "the token could not be renewed: no request was sent: there is no e-mail address for the renewal"
    );
    let error = block_on(ask(&fake.session())).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no request was sent: there is no token to send"
    );
    assert_eq!(fake.total(), 0);
}

#[test]
fn debug_output_does_not_contain_the_token() {
    let session = Session::new(Fake::new().transport(), Environment::Sit).with_token(fresh("old"));
    assert!(!format!("{session:?}").contains("eyJ"));
}

/// Answers of a hostile server.
fn answers() -> impl Strategy<Value = (u16, String)> {
    let end = START.saturating_add(DAY);
    prop::sample::select(vec![
        (401, UNAUTHORIZED.to_owned()),
        (200, UNAUTHORIZED.to_owned()),
        (200, crate::NOT_FOUND.to_owned()),
        (200, issued(&token("a", end))),
        (200, issued(&token("b", START))),
        (200, issued(&fresh("c"))),
        (200, r#"{"responseCode":1,"errorCode":17}"#.to_owned()),
        (503, String::new()),
        (403, "<html>".to_owned()),
        (429, String::new()),
    ])
}

proptest! {
    #[test]
    fn one_check_takes_at_most_four_requests(
        answers in prop::collection::vec(answers(), 40),
        has_token: bool,
        age in 0u32..100,
        seconds in prop::sample::select(vec![0u64, 1, 59, 61, 4_000]),
    ) {
        let answers = Mutex::new(answers.into_iter());
        let sent = AtomicUsize::new(0);
        let now = Fake::new();
        let clock = Arc::clone(&now);
        let transport = transport_fn(|_| {
            sent.fetch_add(1, Ordering::SeqCst);
            now.advance(Duration::from_secs(seconds));
            let (status, body) = answers.lock().unwrap().next().unwrap();
            async move { Ok(crate::answer(status, body)) }
        });
        let mut session = Session::new(transport, Environment::Sit)
            .with_renewal(RenewToken::new("a@b.kh").unwrap())
            .with_clock(move || clock.now());
        if has_token {
            session = session.with_token(fresh("old"));
        }
        now.advance(age * DAY);
        for _ in 0..5 {
            let before = sent.load(Ordering::SeqCst);
            let _ = block_on(ask(&session));
            let cost = sent.load(Ordering::SeqCst) - before;
            // Unless the pause passes during the check, there is only one renewal.
            prop_assert!(cost <= if seconds < 60 { 3 } else { 4 }, "{cost}");
            let before = sent.load(Ordering::SeqCst);
            let _ = block_on(session.send(&account()));
            prop_assert!(sent.load(Ordering::SeqCst) - before <= 2);
        }
    }

    #[test]
    fn no_caller_waits_forever(
        events in prop::collection::vec((0usize..6, 0usize..8), 1..60),
    ) {
        let fake = Fake::new();
        let session = fake.renewing_session().with_token(fresh("old"));
        let mut tasks = Tasks::new();
        let mut questions = questions(100);
        let mut added = 0;
        for (event, which) in events {
            match event {
                0 | 1 => {
                    let question = questions.next().unwrap();
                    let session = &session;
                    tasks.add(async move { session.send(&question).await.map(|_| ()) });
                    added += 1;
                }
                2 if added > 0 => {
                    tasks.poll(which % added);
                }
                3 if added > 0 => tasks.cancel(which % added),
                4 => fake.hold([RENEW, CHECK][which % 2]),
                5 if which == 0 => fake.reject_all(),
                5 if which == 1 => fake.answer_renewal(Ok((503, String::new()))),
                5 if which == 2 => fake.advance(80 * DAY),
                _ => fake.release(),
            }
        }
        fake.release();
        tasks.run();
        prop_assert_eq!(tasks.waiting(), 0);
    }
}
