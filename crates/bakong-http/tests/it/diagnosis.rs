//! Diagnoses of a payment that is not found, through each relay.

use std::time::Duration;

use bakong_api::diagnose::{Clues, Diagnosis, Finding, NotAsked};
use bakong_api::khqr_core::Md5Handle;
use bakong_api::{CheckAnswer, ErrorClass, Lookup, Session, Transport};
use bakong_sandbox::{ApiEndpoint, Fault, Transfer, TransferOptions};

use crate::relays::{Relay, RelayedSandbox};
use crate::requests::{code, hash_of, usd};

/// All references to a payment of this code.
fn clues(code: &str, payment: &Transfer) -> Clues {
    let hash = hash_of(payment.hash());
    Clues::new()
        .with_md5(Md5Handle::of(code))
        .with_short_hash(hash.short().unwrap())
        .with_hash(hash)
        .with_amount(payment.amount())
}

/// Diagnoses with these clues. Asserts the number of requests.
async fn diagnosed<T: Transport>(
    bakong: &RelayedSandbox,
    session: &Session<T>,
    clues: &Clues,
    requests: usize,
) -> Diagnosis {
    let before = bakong.sandbox.requests().len();
    let diagnosis = session.diagnose(clues).await;
    assert_eq!(bakong.sandbox.requests().len() - before, requests);
    assert_eq!(diagnosis.answers.len() + diagnosis.not_asked.len(), 3);
    diagnosis
}

#[tokio::test]
async fn each_lookup_finds_a_payment() {
    for relay in Relay::ALL {
        let bakong = RelayedSandbox::start(*relay).await;
        let session = bakong.session_with_token();
        let code = code(1, bakong.sandbox.now());
        let payment = bakong.customer().pay(&code).unwrap();
        let whole = clues(&code, &payment);
        let md5_alone = Clues::new().with_md5(whole.md5.unwrap());
        // The first answer provides the clues for the next lookups.
        for clues in [whole, md5_alone] {
            let diagnosis = diagnosed(&bakong, &session, &clues, 3).await;
            assert_eq!(diagnosis.findings(), [Finding::Found], "{relay:?}");
            let transaction = diagnosis.transaction().unwrap();
            assert_eq!(transaction.hash.as_deref(), Some(payment.hash()));
        }
    }
}

#[tokio::test]
async fn a_regenerated_code_is_found_only_by_hash() {
    for relay in Relay::ALL {
        let bakong = RelayedSandbox::start(*relay).await;
        let session = bakong.session_with_token();
        let shown = code(1, bakong.sandbox.now());
        bakong.sandbox.advance(Duration::from_millis(1));
        let anew = code(1, bakong.sandbox.now());
        assert_ne!(Md5Handle::of(&shown), Md5Handle::of(&anew));
        let payment = bakong.customer().pay(&shown).unwrap();
        let diagnosis = diagnosed(&bakong, &session, &clues(&anew, &payment), 3).await;
        let finding = Finding::FoundOnlyBy(Lookup::Hash, Lookup::Md5);
        assert!(finding.to_string().contains("generated again"), "{finding}");
        assert_eq!(diagnosis.findings(), [finding], "{relay:?}");
        let transaction = diagnosis.transaction().unwrap();
        assert_eq!(transaction.amount.known(), Some(&usd(150)));
    }
}

#[tokio::test]
async fn a_failed_and_a_missing_payment_are_reported() {
    let bakong = RelayedSandbox::plain().await;
    let session = bakong.session_with_token();
    let failing = code(1, bakong.sandbox.now());
    let options = TransferOptions::new().failing();
    let failed = bakong.customer().pay_with(&failing, &options).unwrap();
    let diagnosis = diagnosed(&bakong, &session, &clues(&failing, &failed), 3).await;
    assert_eq!(diagnosis.findings(), [Finding::Failed]);
    assert!(diagnosis.transaction().is_none());

    let md5 = Md5Handle::of(&code(2, bakong.sandbox.now()));
    let unpaid = Clues::new().with_md5(md5);
    let diagnosis = diagnosed(&bakong, &session, &unpaid, 1).await;
    assert_eq!(diagnosis.findings(), [Finding::NotFound]);
    let unknown = [
        (Lookup::Hash, NotAsked::Unknown),
        (Lookup::ShortHash, NotAsked::Unknown),
    ];
    assert_eq!(diagnosis.not_asked, unknown);
}

#[tokio::test]
async fn a_code_that_was_paid_twice_has_two_transactions() {
    let bakong = RelayedSandbox::plain().await;
    let session = bakong.session_with_token();
    let code = code(1, bakong.sandbox.now());
    bakong.customer().pay(&code).unwrap();
    let again = TransferOptions::new().again();
    let second = bakong.customer().pay_with(&code, &again).unwrap();
    let diagnosis = diagnosed(&bakong, &session, &clues(&code, &second), 3).await;
    let findings = diagnosis.findings();
    let two = Finding::DifferentTransactions(Lookup::Md5, Lookup::Hash);
    assert!(findings.contains(&two), "{findings:?}");
    assert!(diagnosis.transaction().is_none());
}

#[tokio::test]
async fn a_diagnosis_stops_at_an_error_that_affects_all_lookups() {
    for relay in Relay::ALL {
        let bakong = RelayedSandbox::start(*relay).await;
        let code = code(1, bakong.sandbox.now());
        let clues = clues(&code, &bakong.customer().pay(&code).unwrap());
        for (fault, class) in [
            (Fault::quota_exhausted(), ErrorClass::QuotaExhausted),
            (Fault::unauthorized(), ErrorClass::Unauthorized),
            (Fault::forbidden(), ErrorClass::Blocked),
            (
                Fault::too_many_requests(),
                ErrorClass::RateLimited { retry_after: None },
            ),
        ] {
            let session = bakong.session_with_token();
            bakong.sandbox.fault(fault);
            let diagnosis = diagnosed(&bakong, &session, &clues, 1).await;
            let (_, answer) = &diagnosis.answers[0];
            assert_eq!(answer.as_ref().unwrap_err().class(), class);
            let findings = diagnosis.findings();
            assert_eq!(findings, [Finding::LookupFailed(Lookup::Md5)]);
        }
        // During an outage, each further lookup would cost a request.
        let outage = Fault::cut().on(ApiEndpoint::CheckTransactionByHash);
        bakong.sandbox.fault(outage);
        let session = bakong.session_with_token();
        let diagnosis = diagnosed(&bakong, &session, &clues, 2).await;
        let findings = diagnosis.findings();
        let found = Finding::FoundBy(Lookup::Md5);
        let expected = [found, Finding::LookupFailed(Lookup::Hash)];
        assert_eq!(findings, expected, "{relay:?}");
        let first = &diagnosis.answers[0].1;
        assert!(matches!(first, Ok(CheckAnswer::Paid(_))), "{first:?}");
    }
}
