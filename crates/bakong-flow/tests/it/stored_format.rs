//! The serialized form of what stores persist. A store reads what an earlier version wrote, so these texts must stay
//! readable.

use bakong_flow::store::contract::sample::{needs_review, opened, paid, payment, reference};
use bakong_flow::store::{Command, CommandResult, Conflict, EventKind, Rejected};
use bakong_flow::{Change, OpenError, OrderId, Outcome, Policy};
use serde::Serialize;
use serde::de::DeserializeOwned;

#[track_caller]
fn check<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &T, text: &str) {
    assert_eq!(serde_json::to_string(value).unwrap(), text);
    assert_eq!(serde_json::from_str::<T>(text).unwrap(), *value);
}

#[test]
fn earlier_texts_stay_readable() {
    check(&Outcome::Expired, r#""expired""#);
    check(
        &Policy::COUNTER,
        concat!(
            r#"{"schedule":{"first":{"secs":3,"nanos":0},"shortest":{"secs":2,"nanos":0},"#,
            r#""longest":{"secs":45,"nanos":0},"percent_of_age":20},"#,
            r#""grace":{"after_expiry":{"secs":30,"nanos":0},"final_check_window":{"secs":840,"nanos":0}}}"#
        ),
    );
    let conflict = Conflict::TransactionSettledAnother {
        order: OrderId::new("order 1").unwrap(),
    };
    check(
        &Rejected::new(payment(1, 1).md5, conflict),
        concat!(
            r#"{"md5":"79bd3188309884a2199366dd068dd91b","#,
            r#""conflict":{"transaction_settled_another":{"order":"order 1"}}}"#
        ),
    );
    let until = bakong_flow::store::contract::sample::after(60);
    check(
        &CommandResult::Refused(OpenError::NoQuota { until }),
        r#"{"refused":{"no_quota":{"until":"1795000060000"}}}"#,
    );
}

#[test]
fn a_transaction_keeps_its_text() {
    for outcome in [paid(7), needs_review(8)] {
        let kind = EventKind::Finished(outcome);
        let text = serde_json::to_string(&kind).unwrap();
        assert_eq!(serde_json::from_str::<EventKind>(&text).unwrap(), kind);
    }
}

#[test]
fn a_command_keeps_the_whole_payment() {
    let Change::Opened {
        mut payment,
        policy,
        ..
    } = opened(1, 1)
    else {
        unreachable!("the sample opens a payment");
    };
    payment.hash = Some(reference(7));
    payment.short_hash = reference(7).short();
    let command = Command::Open { payment, policy };
    let text = serde_json::to_string(&command).unwrap();
    assert_eq!(serde_json::from_str::<Command>(&text).unwrap(), command);
}

#[test]
fn invalid_values_are_not_read() {
    for text in [r#""""#, "\"a\\nb\"", "7"] {
        assert!(serde_json::from_str::<OrderId>(text).is_err(), "{text}");
    }
    let text = serde_json::to_string(&payment(1, 1)).unwrap();
    for (valid, invalid) in [("sokha@devb", "nobody"), ("10000", "1.5"), ("order 1", "")] {
        assert!(text.contains(valid), "{text}");
        let text = text.replacen(valid, invalid, 1);
        assert!(serde_json::from_str::<bakong_flow::Payment>(&text).is_err());
    }
}
