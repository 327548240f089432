//! What a session's observer is told is what the sandbox saw: no request more and none less.

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

use crate::questions::ask;
use crate::ways::{Bakong, EMAIL, Way, renewal};

/// A request: its path, and its answer's status if there was one.
type Seen = (&'static str, Option<StatusCode>);

#[derive(Default)]
struct Observer {
    sent: Mutex<Vec<&'static str>>,
    finished: Mutex<Vec<Seen>>,
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

impl Observer {
    fn saw_what_came(&self, bakong: &Bakong) {
        let came: Vec<Seen> = bakong
            .sandbox
            .requests()
            .iter()
            .map(|it| (it.endpoint.unwrap().path(), it.status))
            .collect();
        let paths: Vec<_> = came.iter().map(|(path, _)| *path).collect();
        assert_eq!(*self.sent.lock().unwrap(), paths);
        assert_eq!(*self.finished.lock().unwrap(), came);
        // Whoever counts what goes out is never found short.
        let used = usize::try_from(bakong.sandbox.quota_used(EMAIL)).unwrap();
        assert!(used <= came.len(), "{used}: {came:?}");
    }

    /// The same where the order is by chance.
    fn saw_all_that_came(&self, bakong: &Bakong) {
        let mut came: Vec<Seen> = bakong
            .sandbox
            .requests()
            .iter()
            .map(|it| (it.endpoint.unwrap().path(), it.status))
            .collect();
        let mut finished = self.finished.lock().unwrap().clone();
        assert_eq!(self.sent.lock().unwrap().len(), came.len());
        came.sort();
        finished.sort();
        assert_eq!(finished, came);
    }
}

/// A session that repeats and renews, and its observer.
fn observed(bakong: &Bakong) -> (Session<HyperTransport>, Arc<Observer>) {
    let observer = Arc::new(Observer::default());
    let session = bakong
        .session_over(bakong.eager().build().unwrap())
        .with_token(bakong.issue_token())
        .with_renewal(renewal())
        .with_observer(Arc::clone(&observer));
    (session, observer)
}

#[tokio::test]
async fn every_request_is_counted_once_with_its_answer() {
    let outage = || Fault::status(StatusCode::BAD_GATEWAY);
    for way in Way::ALL {
        let bakong = Bakong::start(*way).await;
        let (session, observer) = observed(&bakong);
        // Refusals and answers are for the caller to tell apart.
        for &endpoint in ApiEndpoint::ALL {
            let _ = ask(&session, endpoint).await;
        }
        assert_eq!(bakong.sandbox.requests().len(), ApiEndpoint::ALL.len());
        observer.saw_what_came(&bakong);
        // All but the registration's two and the link, which go out without a token.
        assert_eq!(bakong.sandbox.quota_used(EMAIL), 9);

        // One outage, two cut connections, and three outages in a row.
        for fault in [outage(), Fault::cut().times(2), outage().times(3)] {
            bakong.sandbox.fault(fault);
            let _ = ask(&session, ApiEndpoint::CheckTransactionByMd5).await;
            observer.saw_what_came(&bakong);
        }
        let sent = bakong.sandbox.requests().len();
        assert_eq!(sent, ApiEndpoint::ALL.len() + 2 + 3 + 3, "{way:?}");

        // A token that is refused: the check, the renewal and the check once more, which an outage repeats.
        bakong.sandbox.revoke_tokens();
        ask(&session, ApiEndpoint::CheckTransactionByMd5)
            .await
            .unwrap();
        observer.saw_what_came(&bakong);
        bakong.sandbox.revoke_tokens();
        let elsewhere = outage().on(ApiEndpoint::CheckTransactionByHash);
        bakong.sandbox.fault(elsewhere);
        ask(&session, ApiEndpoint::CheckTransactionByHash)
            .await
            .unwrap();
        observer.saw_what_came(&bakong);
        assert_eq!(*observer.renewed.lock().unwrap(), [true, true]);
        assert_eq!(bakong.sandbox.requests().len(), sent + 3 + 4, "{way:?}");

        // Without it where none is needed, and a renewal that fails.
        bakong.sandbox.revoke_tokens();
        ask(&session, ApiEndpoint::CheckBakongAccount)
            .await
            .unwrap();
        bakong.sandbox.fault(outage().on(ApiEndpoint::RenewToken));
        session.renew().await.unwrap_err();
        observer.saw_what_came(&bakong);
        assert_eq!(*observer.renewed.lock().unwrap(), [true, true, false]);
        // In the pause after it nothing is sent, and nothing is told of.
        ask(&session, ApiEndpoint::CheckTransactionByMd5)
            .await
            .unwrap_err();
        observer.saw_what_came(&bakong);
    }
}

#[tokio::test]
async fn a_crowd_is_counted_to_the_last_request() {
    for way in Way::ALL {
        let bakong = Bakong::start(*way).await;
        let (session, observer) = observed(&bakong);
        let session = Arc::new(session);
        bakong.sandbox.revoke_tokens();
        let outage = Fault::status(StatusCode::SERVICE_UNAVAILABLE);
        bakong.sandbox.fault(outage.times(50));
        bakong.sandbox.fault(Fault::cut().times(50));
        let mut callers = JoinSet::new();
        for number in 0..300 {
            let session = Arc::clone(&session);
            let endpoint = ApiEndpoint::ALL[number % ApiEndpoint::ALL.len()];
            // Some are answered and some are not.
            callers.spawn(async move { ask(&session, endpoint).await.is_ok() });
        }
        let answered = callers.join_all().await;
        assert!(answered.contains(&true));
        observer.saw_all_that_came(&bakong);
    }
}
