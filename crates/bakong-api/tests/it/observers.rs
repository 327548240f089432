//! Events for observers: every attempt, each repetition by the transport, and cancelled requests.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bakong_api::endpoint::EndpointInfo;
use bakong_api::observe::{Attempt, Attempts, SessionObserver};
use bakong_api::transport::{TransportError, TransportErrorKind, transport_fn};
use bakong_api::{Environment, ErrorClass, Session};
use bytes::Bytes;
use http::{Request, Response};

use crate::fake::{ask, fresh};
use crate::tasks::{Tasks, block_on};
use crate::{NOT_FOUND, answer};

#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl SessionObserver for Notes {
    fn sending(&self, attempt: Attempt) {
        self.note(format!("{} {}", attempt.endpoint.name, attempt.number));
    }

    fn finished(&self, attempt: Attempt, result: Result<&Response<Bytes>, &TransportError>) {
        let result = match result {
            Ok(response) => response.status().to_string(),
            Err(error) => error.to_string(),
        };
        self.note(format!("{}: {result}", attempt.number));
    }
}

impl Notes {
    fn note(&self, note: String) {
        self.0.lock().unwrap().push(note);
    }
}

#[test]
fn each_repetition_is_reported_with_the_previous_result() {
    let notes = Arc::new(Notes::default());
    let transport = transport_fn(|request: Request<Bytes>| async move {
        let attempts = request.extensions().get::<Attempts>().unwrap();
        attempts.repeat(Ok(&answer(503, "")));
        attempts.repeat(Err(&TransportError::new(TransportErrorKind::Timeout, "")));
        Ok(answer(200, NOT_FOUND))
    });
    let session = Session::new(transport, Environment::Sit)
        .with_token(fresh("a"))
        .with_observer(Arc::clone(&notes));
    block_on(ask(&session)).unwrap();
    assert_eq!(
        *notes.0.lock().unwrap(),
        [
            "check_transaction_by_md5 1",
            "1: 503 Service Unavailable",
            "check_transaction_by_md5 2",
            "2: no response arrived in time",
            "check_transaction_by_md5 3",
            "3: 200 OK",
        ]
    );
}

#[test]
fn a_cancelled_request_does_not_finish_and_an_unsendable_one_does_not_start() {
    let notes = Arc::new(Notes::default());
    let transport = transport_fn(|_| std::future::pending());
    let session = Session::new(transport, Environment::Sit).with_observer(Arc::clone(&notes));
    assert!(block_on(ask(&session)).is_err());
    assert!(notes.0.lock().unwrap().is_empty(), "there is no token");
    let session = session.with_token(fresh("a"));
    let mut tasks = Tasks::new();
    tasks.add(ask(&session));
    tasks.run();
    tasks.cancel(0);
    assert_eq!(*notes.0.lock().unwrap(), ["check_transaction_by_md5 1"]);
}

struct Refuses;

#[async_trait]
impl SessionObserver for Refuses {
    async fn before_sending(&self, _: EndpointInfo) -> Result<(), TransportError> {
        Err(TransportError::new(TransportErrorKind::NotAllowed, "no"))
    }
}

#[test]
fn an_observer_behind_a_pointer_can_keep_a_request_from_being_sent() {
    let transport = transport_fn(async |_| panic!("the request is sent"));
    let session = Session::new(transport, Environment::Sit)
        .with_token(fresh("a"))
        .with_observer(Arc::new(Refuses));
    let error = block_on(ask(&session)).unwrap_err();
    let class = ErrorClass::Transport(TransportErrorKind::NotAllowed);
    assert_eq!(error.class(), class);
}

#[test]
fn the_debug_output_of_attempts_has_the_endpoint_and_the_number() {
    let shown = Arc::new(Mutex::new(String::new()));
    let output = Arc::clone(&shown);
    let transport = transport_fn(move |request: Request<Bytes>| {
        *output.lock().unwrap() = format!("{:?}", request.extensions().get::<Attempts>());
        async { Ok(answer(200, NOT_FOUND)) }
    });
    let session = Session::new(transport, Environment::Sit).with_token(fresh("a"));
    block_on(ask(&session)).unwrap();
    let shown = shown.lock().unwrap();
    assert!(shown.contains("check_transaction_by_md5") && shown.contains("number: 1"));
    let session = format!("{session:?}");
    assert!(session.contains("[redacted]"), "{session}");
}
