//! A session's observer sees exactly the requests that the sandbox received.

use std::sync::{Arc, Mutex};

use bakong_api::khqr_core::Timestamp;
use bakong_api::observe::{Attempt, SessionObserver};
use bakong_api::transport::TransportError;
use bakong_api::{ApiError, Session};
use bakong_http::HyperTransport;
use bakong_sandbox::{ApiEndpoint, Fault};
use bytes::Bytes;
use http::{Response, StatusCode};
use tokio::task::JoinSet;

use crate::relays::{EMAIL, Relay, RelayedSandbox, renewal};
use crate::requests::send_to;

/// The path of a request and the status of its response.
type Record = (&'static str, Option<StatusCode>);

#[derive(Default)]
struct Observer {
    sent: Mutex<Vec<&'static str>>,
    finished: Mutex<Vec<Record>>,
    renewed: Mutex<Vec<bool>>,
}

impl SessionObserver for Observer {
    fn sending(&self, attempt: Attempt) {
        self.sent.lock().unwrap().push(attempt.endpoint.path);
    }

    fn finished(&self, attempt: Attempt, result: Result<&Response<Bytes>, &TransportError>) {
        let status = result.ok().map(Response::status);
        let mut finished = self.finished.lock().unwrap();
        finished.push((attempt.endpoint.path, status));
    }

    fn token_renewed(&self, _: Option<Timestamp>) {
        self.renewed.lock().unwrap().push(true);
    }

    fn token_not_renewed(&self, _: &ApiError, _: Option<Timestamp>) {
        self.renewed.lock().unwrap().push(false);
    }
}

/// The requests that the sandbox received, in order.
fn received(bakong: &RelayedSandbox) -> Vec<Record> {
    let requests = bakong.sandbox.requests();
    let records = requests
        .iter()
        .map(|it| (it.endpoint.unwrap().path(), it.status));
    records.collect()
}

impl Observer {
    fn assert_same_order(&self, bakong: &RelayedSandbox) {
        let received = received(bakong);
        let paths: Vec<_> = received.iter().map(|(path, _)| *path).collect();
        assert_eq!(*self.sent.lock().unwrap(), paths);
        assert_eq!(*self.finished.lock().unwrap(), received);
        // The sandbox never counts more requests against the quota than were sent.
        let used = usize::try_from(bakong.sandbox.quota_used(EMAIL)).unwrap();
        assert!(used <= received.len(), "{used}: {received:?}");
    }

    /// Asserts the same requests in any order, for concurrent requests.
    fn assert_same(&self, bakong: &RelayedSandbox) {
        let mut received = received(bakong);
        let mut finished = self.finished.lock().unwrap().clone();
        assert_eq!(self.sent.lock().unwrap().len(), received.len());
        received.sort();
        finished.sort();
        assert_eq!(finished, received);
    }
}

/// A session with retries and renewal, and its observer.
fn with_observer(bakong: &RelayedSandbox) -> (Session<HyperTransport>, Arc<Observer>) {
    let observer = Arc::new(Observer::default());
    let session = bakong
        .session_over(bakong.eager().build().unwrap())
        .with_token(bakong.issue_token())
        .with_renewal(renewal())
        .with_observer(Arc::clone(&observer));
    (session, observer)
}

#[tokio::test]
async fn the_observer_sees_each_request_once() {
    let outage = || Fault::status(StatusCode::BAD_GATEWAY);
    for relay in Relay::ALL {
        let bakong = RelayedSandbox::start(*relay).await;
        let (session, observer) = with_observer(&bakong);
        for &endpoint in ApiEndpoint::ALL {
            let _ = send_to(&session, endpoint).await;
        }
        assert_eq!(bakong.sandbox.requests().len(), ApiEndpoint::ALL.len());
        observer.assert_same_order(&bakong);
        // The two requests of the registration and the one for a link carry no token.
        assert_eq!(bakong.sandbox.quota_used(EMAIL), 9);

        // One outage, two cut connections, and three outages in a row.
        for fault in [outage(), Fault::cut().times(2), outage().times(3)] {
            bakong.sandbox.fault(fault);
            let _ = send_to(&session, ApiEndpoint::CheckTransactionByMd5).await;
            observer.assert_same_order(&bakong);
        }
        let sent = bakong.sandbox.requests().len();
        assert_eq!(sent, ApiEndpoint::ALL.len() + 2 + 3 + 3, "{relay:?}");

        // A refused token: the check, the renewal, and the check again. An outage adds a retry.
        bakong.sandbox.revoke_tokens();
        send_to(&session, ApiEndpoint::CheckTransactionByMd5)
            .await
            .unwrap();
        observer.assert_same_order(&bakong);
        bakong.sandbox.revoke_tokens();
        let fault = outage().on(ApiEndpoint::CheckTransactionByHash);
        bakong.sandbox.fault(fault);
        send_to(&session, ApiEndpoint::CheckTransactionByHash)
            .await
            .unwrap();
        observer.assert_same_order(&bakong);
        assert_eq!(*observer.renewed.lock().unwrap(), [true, true]);
        assert_eq!(bakong.sandbox.requests().len(), sent + 3 + 4, "{relay:?}");

        // An account check without the token, and a renewal that fails.
        bakong.sandbox.revoke_tokens();
        send_to(&session, ApiEndpoint::CheckBakongAccount)
            .await
            .unwrap();
        bakong.sandbox.fault(outage().on(ApiEndpoint::RenewToken));
        session.renew().await.unwrap_err();
        observer.assert_same_order(&bakong);
        assert_eq!(*observer.renewed.lock().unwrap(), [true, true, false]);
        // The pause after a failed renewal sends nothing.
        send_to(&session, ApiEndpoint::CheckTransactionByMd5)
            .await
            .unwrap_err();
        observer.assert_same_order(&bakong);
    }
}

#[tokio::test]
async fn the_observer_sees_each_concurrent_request() {
    for relay in Relay::ALL {
        let bakong = RelayedSandbox::start(*relay).await;
        let (session, observer) = with_observer(&bakong);
        let session = Arc::new(session);
        bakong.sandbox.revoke_tokens();
        let outage = Fault::status(StatusCode::SERVICE_UNAVAILABLE);
        bakong.sandbox.fault(outage.times(50));
        bakong.sandbox.fault(Fault::cut().times(50));
        let mut callers = JoinSet::new();
        for number in 0..300 {
            let session = Arc::clone(&session);
            let endpoint = ApiEndpoint::ALL[number % ApiEndpoint::ALL.len()];
            callers.spawn(async move { send_to(&session, endpoint).await.is_ok() });
        }
        let answered = callers.join_all().await;
        assert!(answered.contains(&true));
        observer.assert_same(&bakong);
    }
}
