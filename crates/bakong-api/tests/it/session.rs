//! A session that keeps its token good, without a runtime: who renews, who waits, who is told what, and how
//! many requests that costs.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bakong_api::endpoint::RenewToken;
use bakong_api::token::TokenState;
use bakong_api::transport::{TransportErrorKind, transport_fn};
use bakong_api::{CheckAnswer, Environment, ErrorClass, Session};
use proptest::prelude::*;

use crate::fake::{
    ACCOUNT, CHECK, DAY, Fake, RENEW, START, UNAUTHORIZED, account, ask, fresh, issued, questions,
    token,
};
use crate::tasks::{Tasks, block_on};

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_good_token_is_sent_and_nothing_else() {
    let fake = Fake::new();
    let token = fresh("old");
    fake.accept(&token);
    let session = fake.renewing_session().with_token(token);
    assert_eq!(block_on(ask(&session)).unwrap(), CheckAnswer::NotFound);
    assert_eq!((fake.total(), fake.count(CHECK)), (1, 1));
    assert_eq!(session.token_state(), TokenState::Valid);
}

#[test]
fn without_a_token_one_is_asked_for() {
    let fake = Fake::new();
    let session = fake.renewing_session();
    assert_eq!(session.token_state(), TokenState::Missing);
    block_on(ask(&session)).unwrap();
    assert_eq!((fake.total(), fake.count(RENEW)), (2, 1));
    assert_eq!(fake.told(), ["renewed"]);
}

#[test]
fn a_token_is_renewed_three_days_ahead_and_not_before() {
    let fake = Fake::new();
    let token = fresh("old");
    fake.accept(&token);
    let session = fake.renewing_session().with_token(token.clone());
    fake.pass(87 * DAY - Duration::from_secs(1));
    block_on(ask(&session)).unwrap();
    assert_eq!(fake.count(RENEW), 0);
    fake.pass(Duration::from_secs(1));
    block_on(ask(&session)).unwrap();
    block_on(ask(&session)).unwrap();
    assert_eq!(fake.count(RENEW), 1);
    let sent = fake.tokens(CHECK);
    assert_eq!(sent[0].as_deref(), Some(token.expose()));
    assert!(sent[1] != sent[0] && sent[1] == sent[2]);
}

#[test]
fn a_refused_token_is_renewed_once_and_the_request_sent_once_more() {
    for (status, body) in [(401, UNAUTHORIZED), (200, UNAUTHORIZED), (401, "")] {
        let fake = Fake::new();
        fake.refuse_with(status, body);
        let session = fake.renewing_session().with_token(fresh("old"));
        assert_eq!(block_on(ask(&session)).unwrap(), CheckAnswer::NotFound);
        assert_eq!((fake.count(CHECK), fake.count(RENEW)), (2, 1));
        block_on(ask(&session)).unwrap();
        assert_eq!(fake.total(), 4);
    }
}

#[test]
fn a_thousand_callers_wait_for_one_renewal() {
    for expired in [false, true] {
        let fake = Fake::new();
        fake.hold(RENEW);
        let session = fake.renewing_session().with_token(fresh("old"));
        if expired {
            fake.pass(91 * DAY);
        }
        let mut tasks = Tasks::new();
        for question in questions(1_000) {
            let session = &session;
            tasks.add(async move { session.send(&question).await });
        }
        tasks.run();
        assert_eq!((tasks.waiting(), fake.count(RENEW)), (1_000, 1));
        assert_eq!(session.token_state(), TokenState::Renewing);
        fake.release();
        tasks.run();
        assert_eq!(tasks.waiting(), 0, "a waiter was not woken");
        assert!(tasks.outputs().iter().all(|answer| answer.is_ok()));
        assert_eq!(fake.count(RENEW), 1);
        // The first was sent to be refused, and then all waited.
        let refused = if expired { 0 } else { 1 };
        assert_eq!(fake.count(CHECK), refused + 1_000);
    }
}

#[test]
fn while_a_good_token_is_renewed_nobody_but_the_renewer_waits() {
    let fake = Fake::new();
    let token = fresh("old");
    fake.accept(&token);
    fake.pass(88 * DAY);
    fake.hold(RENEW);
    let session = fake.renewing_session().with_token(token.clone());
    let mut tasks = Tasks::new();
    for question in questions(100) {
        let session = &session;
        tasks.add(async move { session.send(&question).await });
    }
    tasks.run();
    assert_eq!((tasks.waiting(), fake.count(RENEW)), (1, 1));
    let old = Some(token.expose().to_owned());
    assert_eq!(fake.tokens(CHECK), vec![old; 99]);
    fake.release();
    tasks.run();
    assert_eq!((tasks.waiting(), fake.total()), (0, 101));
}

#[test]
fn a_renewal_that_fails_is_told_to_all_and_not_tried_again_before_a_pause() {
    let fake = Fake::new();
    fake.answer_renewal(Ok((503, String::new())));
    fake.hold(RENEW);
    let session = fake.renewing_session();
    let mut tasks = Tasks::new();
    for question in questions(1_000) {
        let session = &session;
        tasks.add(async move { session.send(&question).await });
    }
    tasks.run();
    fake.release();
    tasks.run();
    assert_eq!((tasks.waiting(), fake.total()), (0, 1));
    for answer in tasks.outputs() {
        let error = answer.as_ref().unwrap_err();
        assert!(error.is_of_renewal());
        assert_eq!(error.class(), ErrorClass::Unavailable { retry_after: None });
    }
    assert_eq!(fake.told(), ["not renewed"]);
    fake.pass(MINUTE - Duration::from_millis(1));
    assert!(block_on(ask(&session)).unwrap_err().is_of_renewal());
    assert_eq!(fake.total(), 1);
    fake.pass(Duration::from_millis(1));
    block_on(ask(&session)).unwrap();
    assert_eq!(fake.count(RENEW), 2);
}

#[test]
fn a_renewal_that_fails_leaves_a_good_token_in_use() {
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
        fake.pass(88 * DAY);
        fake.answer_renewal(answer);
        let session = fake.renewing_session().with_token(token);
        for _ in 0..10 {
            assert_eq!(block_on(ask(&session)).unwrap(), CheckAnswer::NotFound);
        }
        assert_eq!((fake.count(RENEW), fake.count(CHECK)), (1, 10));
    }
}

#[test]
fn a_new_token_that_is_refused_too_ends_it() {
    let fake = Fake::new();
    fake.issue_bad_ones();
    let session = fake.renewing_session().with_token(fresh("old"));
    let error = block_on(ask(&session)).unwrap_err();
    assert_eq!(error.class(), ErrorClass::Unauthorized);
    assert_eq!((fake.count(CHECK), fake.count(RENEW)), (2, 1));
    for _ in 0..10 {
        assert!(block_on(ask(&session)).is_err());
    }
    assert_eq!(fake.total(), 3, "nothing is sent in the pause");
}

#[test]
fn a_new_token_that_was_refused_is_not_sent_by_those_who_waited() {
    let fake = Fake::new();
    fake.issue_bad_ones();
    fake.hold(RENEW);
    let session = fake.renewing_session();
    let mut tasks = Tasks::new();
    for question in questions(10) {
        let session = &session;
        tasks.add(async move { session.send(&question).await });
    }
    tasks.run();
    fake.release();
    // The first renews, sends, and is refused before any other gets to run.
    assert!(tasks.poll(0));
    assert!(tasks.output(0).is_some());
    tasks.run();
    assert_eq!(tasks.waiting(), 0);
    assert!(tasks.outputs().iter().all(|answer| answer.is_err()));
    assert_eq!((fake.count(RENEW), fake.count(CHECK)), (1, 1));
}

#[test]
fn a_renewal_that_is_given_up_is_taken_over_by_one_who_waits() {
    let fake = Fake::new();
    fake.hold(RENEW);
    let session = fake.renewing_session();
    let mut tasks = Tasks::new();
    for question in questions(100) {
        let session = &session;
        tasks.add(async move { session.send(&question).await });
    }
    tasks.run();
    assert_eq!(fake.count(RENEW), 1);
    tasks.give_up(0);
    assert_eq!(session.token_state(), TokenState::Missing);
    tasks.run();
    assert_eq!(fake.count(RENEW), 2, "the next one renews");
    // One that waits in line is dropped, too; the line goes on.
    tasks.give_up(50);
    fake.release();
    tasks.run();
    assert_eq!(tasks.waiting(), 0);
    assert_eq!(tasks.outputs().len(), 98);
    assert!(tasks.outputs().iter().all(|answer| answer.is_ok()));
    assert_eq!(fake.count(RENEW), 2);
}

#[test]
fn renewals_that_are_given_up_one_after_the_other_do_not_use_up_the_day() {
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
        tasks.give_up(0);
    }
    assert_eq!(fake.total(), 2);
    fake.release();
    fake.pass(MINUTE);
    block_on(ask(&session)).unwrap();
}

#[test]
fn what_was_under_way_with_the_old_token_goes_once_more_with_the_new_one() {
    let fake = Fake::new();
    let token = fresh("old");
    fake.accept(&token);
    let session = fake.renewing_session().with_token(token);
    fake.hold(CHECK);
    let mut tasks = Tasks::new();
    for question in questions(100) {
        let session = &session;
        tasks.add(async move { session.send(&question).await });
    }
    tasks.run();
    assert_eq!(fake.count(CHECK), 100);
    // By it the old one dies.
    block_on(session.renew()).unwrap();
    fake.release();
    tasks.run();
    assert_eq!((tasks.waiting(), tasks.outputs().len()), (0, 100));
    assert!(tasks.outputs().iter().all(|answer| answer.is_ok()));
    assert_eq!((fake.count(RENEW), fake.count(CHECK)), (1, 200));
}

#[test]
fn where_the_token_is_optional_a_refused_one_is_left_away() {
    let fake = Fake::new();
    let session = fake.renewing_session().with_token(fresh("old"));
    block_on(session.send(&account())).unwrap();
    let sent = fake.tokens(ACCOUNT);
    assert!(sent[0].is_some() && sent[1].is_none());
    assert_eq!(session.token_state(), TokenState::Rejected);
    block_on(session.send(&account())).unwrap();
    assert_eq!(fake.tokens(ACCOUNT)[2], None, "known to be refused");
    assert_eq!((fake.total(), fake.count(RENEW)), (3, 0));
}

#[test]
fn a_token_that_nobody_can_renew_is_not_sent_again_for_a_pause() {
    let fake = Fake::new();
    let session = fake.session().with_token(fresh("old"));
    for _ in 0..10 {
        let error = block_on(ask(&session)).unwrap_err();
        assert_eq!(error.class(), ErrorClass::Unauthorized);
        assert_eq!(error.status().map(|status| status.as_u16()), Some(401));
    }
    assert_eq!(fake.total(), 1);
    fake.pass(MINUTE);
    assert!(block_on(ask(&session)).is_err());
    assert_eq!(fake.total(), 2);
}

#[test]
fn a_token_set_by_hand_is_used_at_once() {
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
fn a_hundred_who_renew_at_once_learn_how_one_renewal_ended() {
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
        // One that comes after that asks again, pause or not.
        block_on(session.renew()).unwrap();
        assert_eq!(fake.count(RENEW), 2);
    }
}

#[test]
fn without_an_address_nothing_is_renewed() {
    let fake = Fake::new();
    let session = fake.session().with_token(fresh("old"));
    let error = block_on(session.renew()).unwrap_err();
    assert!(error.is_of_renewal());
    assert_eq!(
        error.to_string(),
        "the token could not be renewed: nothing was asked: there is no e-mail address to renew it under"
    );
    let error = block_on(ask(&fake.session())).unwrap_err();
    assert_eq!(
        error.to_string(),
        "nothing was asked: there is no token to send"
    );
    assert_eq!(fake.total(), 0);
}

#[test]
fn a_session_prints_no_token() {
    let session = Session::new(Fake::new().transport(), Environment::Sit).with_token(fresh("old"));
    assert!(!format!("{session:?}").contains("eyJ"));
}

/// What a hostile transport may answer.
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
    fn one_question_costs_four_requests_at_most(
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
            now.pass(Duration::from_secs(seconds));
            let (status, body) = answers.lock().unwrap().next().unwrap();
            async move { Ok(crate::answer(status, body)) }
        });
        let mut session = Session::new(transport, Environment::Sit)
            .with_renewal(RenewToken::new("a@b.kh").unwrap())
            .with_clock(move || clock.now());
        if has_token {
            session = session.with_token(fresh("old"));
        }
        now.pass(age * DAY);
        for _ in 0..5 {
            let before = sent.load(Ordering::SeqCst);
            let _ = block_on(ask(&session));
            let cost = sent.load(Ordering::SeqCst) - before;
            // Where the clock does not pass the pause while it is asked, one renewal is all.
            prop_assert!(cost <= if seconds < 60 { 3 } else { 4 }, "{cost}");
            let before = sent.load(Ordering::SeqCst);
            let _ = block_on(session.send(&account()));
            prop_assert!(sent.load(Ordering::SeqCst) - before <= 2);
        }
    }

    #[test]
    fn whoever_comes_goes_or_gives_up_nobody_waits_for_ever(
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
                3 if added > 0 => tasks.give_up(which % added),
                4 => fake.hold([RENEW, CHECK][which % 2]),
                5 if which == 0 => fake.refuse_all(),
                5 if which == 1 => fake.answer_renewal(Ok((503, String::new()))),
                5 if which == 2 => fake.pass(80 * DAY),
                _ => fake.release(),
            }
        }
        fake.release();
        tasks.run();
        prop_assert_eq!(tasks.waiting(), 0);
    }
}
