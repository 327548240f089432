//! The driver over a session whose Bakong is a script, tokio's time held still.

use std::collections::VecDeque;
use std::sync::Mutex;

use bakong_api::khqr_core::Timestamp;
use bakong_api::{AccessToken, BaseUrl, Session, TransportError, TransportErrorKind, transport_fn};
use bakong_flow::{Clock, Event, Outcome, PaymentMachine, drive};
use http::Response;
use tokio::time::{Duration, Instant};

use crate::{DEADLINE, OPENED, machine, paid_body};

/// Tokio's clock, with `OPENED` as its beginning. Paused, it jumps to whatever is slept for.
struct TokioClock(Instant);

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        OPENED.saturating_add(self.0.elapsed())
    }

    async fn sleep_until(&self, moment: Timestamp) {
        tokio::time::sleep(moment.saturating_since(self.now())).await;
    }
}

const NOT_FOUND: &str = r#"{"data":null,"errorCode":1,"responseCode":1,"responseMessage":"no"}"#;

/// What the scripted Bakong does: an answer's status and body, or no answer at all.
type Act = Result<(u16, String), TransportErrorKind>;

fn not_found() -> Act {
    Ok((200, NOT_FOUND.to_owned()))
}

/// Runs the machine against a script whose last act repeats, a second an answer.
async fn play(acts: Vec<Act>) -> (PaymentMachine, Vec<Event>, Timestamp) {
    let acts = Mutex::new(VecDeque::from(acts));
    let transport = transport_fn(|_request| {
        let mut acts = acts.lock().unwrap();
        let act = if acts.len() > 1 {
            acts.pop_front()
        } else {
            acts.front().cloned()
        };
        async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let (status, body) = act
                .unwrap()
                .map_err(|kind| TransportError::new(kind, "as the script says"))?;
            let mut response = Response::new(body.into());
            *response.status_mut() = status.try_into().unwrap();
            Ok(response)
        }
    });
    let token = AccessToken::new("eyJhbGciOiJIUzI1NiJ9.e30.c2ln").unwrap();
    let session = Session::new(transport, BaseUrl::new("http://127.0.0.1").unwrap());
    let clock = TokioClock(Instant::now());
    let (mut machine, mut events) = (machine(), Vec::new());
    drive(
        &session.with_token(token),
        &clock,
        &mut machine,
        |progress| {
            assert_eq!(
                progress.error.is_some(),
                matches!(progress.event, Event::NoAnswer(_) | Event::GaveUp(_))
            );
            let more = matches!(progress.event, Event::NoAnswer(_) | Event::NotPaidYet);
            assert_eq!(progress.next_check.is_some(), more);
            events.push(progress.event.clone());
        },
    )
    .await;
    (machine, events, clock.now())
}

#[tokio::test(start_paused = true)]
async fn a_payment_is_seen_at_the_first_check_after_it() {
    let paid = Ok((200, paid_body("10000", OPENED)));
    let (machine, events, end) = play(vec![not_found(), not_found(), paid]).await;
    assert_eq!(
        events,
        [Event::NotPaidYet, Event::NotPaidYet, Event::Finished]
    );
    assert!(matches!(machine.outcome(), Some(Outcome::Paid { .. })));
    // Asked at 3 s and, two seconds after each answer, at 6 s and 9 s.
    assert_eq!(end.saturating_since(OPENED), Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn a_code_that_nobody_pays_expires_a_second_after_the_deadline() {
    let (machine, events, end) = play(vec![not_found()]).await;
    assert_eq!(machine.outcome(), Some(&Outcome::Expired));
    assert_eq!(end.saturating_since(DEADLINE), Duration::from_secs(1));
    assert!((20..=33).contains(&events.len()), "{}", events.len());
    assert_eq!(machine.checks() as usize, events.len());
}

#[tokio::test(start_paused = true)]
async fn an_outage_in_the_middle_is_waited_out() {
    let down = Err(TransportErrorKind::Connect);
    let paid = Ok((200, paid_body("10000", OPENED)));
    let (machine, _, _) = play(vec![
        not_found(),
        down.clone(),
        Ok((503, "<html>".to_owned())),
        Ok((200, "{\"responseCode\":0".to_owned())),
        down,
        paid,
    ])
    .await;
    assert!(matches!(machine.outcome(), Some(Outcome::Paid { .. })));
}

#[tokio::test(start_paused = true)]
async fn an_outage_to_the_end_is_given_up_within_seconds() {
    let (machine, events, end) = play(vec![not_found(), Err(TransportErrorKind::Timeout)]).await;
    assert!(machine.outcome().is_none() && machine.given_up().is_some());
    assert!(matches!(events.last(), Some(Event::GaveUp(_))));
    assert!(end > DEADLINE && end.saturating_since(DEADLINE) < Duration::from_secs(15));
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_ends_it_at_once() {
    let (machine, events, _) = play(vec![Ok((401, String::new()))]).await;
    assert!(machine.given_up().is_some());
    assert_eq!(events.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_dropped_in_the_middle_of_a_check_is_taken_up_again() {
    let answers = std::sync::atomic::AtomicU32::new(0);
    let transport = transport_fn(|_request| {
        let first = answers.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0;
        async move {
            if first {
                std::future::pending::<()>().await;
            }
            Ok(Response::new(paid_body("10000", OPENED).into()))
        }
    });
    let token = AccessToken::new("eyJhbGciOiJIUzI1NiJ9.e30.c2ln").unwrap();
    let base_url = BaseUrl::new("http://127.0.0.1").unwrap();
    let session = Session::new(transport, base_url).with_token(token);
    let clock = TokioClock(Instant::now());
    let mut machine = machine();
    let hour = Duration::from_secs(3_600);
    let dropped = tokio::time::timeout(hour, drive(&session, &clock, &mut machine, |_| {})).await;
    assert!(dropped.is_err());
    let ended = tokio::time::timeout(hour, drive(&session, &clock, &mut machine, |_| {})).await;
    assert!(ended.is_ok());
    assert!(matches!(machine.outcome(), Some(Outcome::Paid { .. })));
}

#[tokio::test(start_paused = true)]
async fn the_system_s_clock_sleeps_in_pieces_until_its_moment() {
    // Paused, tokio's time runs ahead of the system's, which it never reaches: what shows is that it waits.
    let clock = bakong_flow::SystemClock;
    let soon = clock.now().saturating_add(Duration::from_secs(60));
    let waiting = tokio::time::timeout(Duration::from_secs(3_600), clock.sleep_until(soon)).await;
    assert!(waiting.is_err());
    let past = Timestamp::from_millis(1);
    clock.sleep_until(past).await;
}
