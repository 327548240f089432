//! Open payments, their changes, and the state that is loaded.

use bakong_api::ShortHash;
use bakong_api::khqr_core::{Amount, Currency};

use super::sample::{after, finished, md5, needs_review, opened, order, paid, payment, reference};
use super::{Fixture, Leader, cases, find, find_order, load};
use crate::change::{Change, ListStatus};
use crate::outcome::Outcome;
use crate::policy::Policy;
use crate::quota::{WindowIndex, WindowUsage};
use crate::settlement::{Detail, Mismatch};
use crate::store::{Conflict, OpenPayment, PaymentStore, Rejected, Snapshot, StoredPayment};

pub(super) async fn run<F: Fixture>(make: &impl AsyncFn() -> F) {
    cases!(make:
        a_new_store_is_empty,
        an_open_payment_is_stored_with_all_fields,
        a_payment_is_opened_once,
        an_order_can_have_several_payments,
        the_changes_of_an_open_payment_are_stored,
        a_withdrawn_payment_is_removed,
        every_outcome_is_stored_unchanged,
        several_payments_are_found_at_once,
        recent_final_payments_are_loaded,
        the_usage_and_the_status_of_lists_are_stored,
    );
}

async fn a_new_store_is_empty<F: Fixture>(fixture: &F) {
    let store = fixture.open().await;
    assert_eq!(load(&store).await, Snapshot::default());
    assert_eq!(find(&store, md5(1)).await, None);
    assert_eq!(find_order(&store, order(1)).await, []);
}

async fn an_open_payment_is_stored_with_all_fields<F: Fixture>(fixture: &F) {
    let mut leader = Leader::start(fixture).await;
    let mut with_hashes = payment(1, 1);
    with_hashes.hash = Some(reference(7));
    with_hashes.short_hash = reference(8).short();
    let expected = with_hashes.expected.as_mut().expect("the sample has it");
    expected.amount = Amount::from_minor_units(u64::from(u32::MAX) + 1, Currency::Usd);
    let mut bare = payment(2, 2);
    bare.details = None;
    bare.expected = None;
    for (payment, policy) in [(with_hashes, Policy::INVOICE), (bare, Policy::COUNTER)] {
        let change = Change::Opened {
            payment: Box::new(payment.clone()),
            policy,
            at: after(1),
        };
        assert_eq!(leader.commit(&[change]).await, []);
        // A restart reads the same.
        let store = fixture.open().await;
        let stored = StoredPayment::new(payment.clone(), policy, after(1));
        assert_eq!(find(&store, payment.md5).await, Some(stored));
        let mut open = load(&store).await.open;
        open.retain(|open| open.payment.md5 == payment.md5);
        // The details are optional here: the tracker does not use them.
        open[0].payment.details.clone_from(&payment.details);
        assert_eq!(open, [OpenPayment::new(payment, policy, after(1))]);
    }
}

async fn a_payment_is_opened_once<F: Fixture>(fixture: &F) {
    let mut leader = Leader::start(fixture).await;
    let known = Rejected::new(md5(1), Conflict::Known);
    // Twice in a batch, and again in another one, for any order.
    let batch = [opened(1, 1), opened(1, 2)];
    let rejected = std::slice::from_ref(&known);
    assert_eq!(leader.commit(&batch).await, rejected);
    assert_eq!(leader.commit(&[opened(1, 3)]).await, rejected);
    let stored = find(&leader.store, md5(1)).await.expect("the payment");
    assert_eq!(stored.payment.order, order(1));
    // A final payment is known, too.
    let end = [finished(1, 1, Outcome::Expired)];
    assert_eq!(leader.commit(&end).await, []);
    assert_eq!(leader.commit(&[opened(1, 1)]).await, [known]);
    assert!(load(&leader.store).await.open.is_empty());
}

async fn an_order_can_have_several_payments<F: Fixture>(fixture: &F) {
    let mut leader = Leader::start(fixture).await;
    let changes = [
        opened(2, 1),
        opened(3, 1),
        finished(2, 1, Outcome::Expired),
        opened(4, 1),
        opened(5, 9),
    ];
    assert_eq!(leader.commit(&changes).await, []);
    let found = find_order(&leader.store, order(1)).await;
    let md5s: Vec<_> = found.iter().map(|stored| stored.payment.md5).collect();
    assert_eq!(md5s, [md5(2), md5(3), md5(4)], "the oldest first");
    let open = load(&leader.store).await.open;
    let md5s: Vec<_> = open.iter().map(|open| open.payment.md5).collect();
    assert_eq!(md5s, [md5(3), md5(4), md5(5)], "the oldest first");
}

async fn the_changes_of_an_open_payment_are_stored<F: Fixture>(fixture: &F) {
    let mut leader = Leader::start(fixture).await;
    let short = ShortHash::new("8465d722").expect("a valid hash");
    let learned = |hash, short_hash| Change::Learned {
        md5: md5(1),
        hash,
        short_hash,
    };
    let changes = [
        opened(1, 1),
        Change::Asked {
            md5: md5(1),
            at: after(5),
        },
        learned(Some(reference(7)), None),
        learned(None, Some(short.clone())),
        Change::Cancelled { md5: md5(1) },
        // Changes of unknown payments have no effect.
        Change::Cancelled { md5: md5(2) },
        Change::Withdrawn { md5: md5(2) },
    ];
    assert_eq!(leader.commit(&changes).await, []);
    let store = fixture.open().await;
    let stored = find(&store, md5(1)).await.expect("the payment");
    assert_eq!(stored.payment.hash, Some(reference(7)));
    assert_eq!(stored.payment.short_hash, Some(short));
    assert!(stored.is_cancelled);
    // A store may ignore when a payment was asked about.
    assert!([None, Some(after(5))].contains(&stored.asked_at));
    let open = &load(&store).await.open[0];
    assert_eq!(open.payment.hash, Some(reference(7)));
    assert!(open.is_cancelled);
    // A final payment does not change any more.
    let late = [
        finished(1, 1, Outcome::Expired),
        learned(Some(reference(9)), None),
    ];
    assert_eq!(leader.commit(&late).await, []);
    let stored = find(&store, md5(1)).await.expect("the payment");
    assert_eq!(stored.payment.hash, Some(reference(7)));
}

async fn a_withdrawn_payment_is_removed<F: Fixture>(fixture: &F) {
    let mut leader = Leader::start(fixture).await;
    let withdrawn = |number| Change::Withdrawn { md5: md5(number) };
    let changes = [opened(1, 1), opened(2, 2), finished(2, 2, paid(7))];
    assert_eq!(leader.commit(&changes).await, []);
    assert_eq!(leader.commit(&[withdrawn(1), withdrawn(2)]).await, []);
    assert_eq!(find(&leader.store, md5(1)).await, None);
    assert!(load(&leader.store).await.open.is_empty());
    // A final payment stays, and the code of a withdrawn one can be opened again.
    assert!(find(&leader.store, md5(2)).await.is_some());
    assert_eq!(leader.commit(&[opened(1, 1)]).await, []);
}

async fn every_outcome_is_stored_unchanged<F: Fixture>(fixture: &F) {
    let mut leader = Leader::start(fixture).await;
    let khr = |units| Amount::from_minor_units(units, Currency::Khr);
    let mismatches = vec![
        Mismatch::Short { paid: khr(1) },
        Mismatch::Over {
            paid: khr(u64::from(u32::MAX) + 1),
        },
        Mismatch::OtherCurrency {
            paid: Currency::Usd,
        },
        Mismatch::OtherRecipient {
            paid: "\u{202e}'; drop table payments; --\0\n".to_owned(),
        },
        Mismatch::Unreadable(Detail::Hash),
        Mismatch::SettledAnother { order: order(77) },
        Mismatch::OrderSettled,
        Mismatch::OtherCode,
        Mismatch::BeforeOpened,
        Mismatch::Cancelled,
    ];
    let Outcome::Paid { transaction, .. } = paid(1) else {
        unreachable!("the sample is paid");
    };
    let outcomes = [
        Outcome::Paid {
            transaction: transaction.clone(),
            late: true,
        },
        paid(2),
        Outcome::NeedsReview {
            transaction,
            mismatches,
        },
        Outcome::Failed,
        Outcome::StaticQr,
        Outcome::Expired,
        Outcome::Cancelled,
    ];
    for (number, outcome) in (1..).zip(outcomes) {
        let end = finished(number, number, outcome.clone());
        assert_eq!(leader.commit(&[opened(number, number), end]).await, []);
        let stored = find(&fixture.open().await, md5(number)).await;
        let (found, at) = stored.and_then(|stored| stored.finished).expect("final");
        assert_eq!((found, at), (outcome, after(1_000 + u64::from(number))));
    }
}

async fn several_payments_are_found_at_once<F: Fixture>(fixture: &F) {
    let mut leader = Leader::start(fixture).await;
    let cancel = Change::Cancelled { md5: md5(2) };
    let changes = [
        opened(1, 1),
        opened(2, 2),
        opened(3, 3),
        cancel,
        finished(3, 3, paid(7)),
    ];
    assert_eq!(leader.commit(&changes).await, []);
    let store = fixture.open().await;
    let md5s = [md5(3), md5(9), md5(2)];
    let found = store.find_all(&md5s).await.expect("find payments");
    assert_eq!(found.len(), 2);
    for payment in found {
        assert!(md5s.contains(&payment.payment.md5));
        assert_eq!(find(&store, payment.payment.md5).await, Some(payment));
    }
    assert_eq!(store.find_all(&[]).await.expect("find payments"), []);
}

async fn recent_final_payments_are_loaded<F: Fixture>(fixture: &F) {
    let mut leader = Leader::start(fixture).await;
    let outcomes = [paid(1), needs_review(2), Outcome::Expired];
    for (number, outcome) in (1..).zip(outcomes) {
        let end = finished(number, number, outcome);
        assert_eq!(leader.commit(&[opened(number, number), end]).await, []);
    }
    let finished = load(&leader.store).await.finished;
    let found: Vec<_> = finished
        .iter()
        .map(|finished| (finished.md5, finished.is_settled, finished.hash.is_some()))
        .collect();
    let expected = [
        (md5(1), true, true),
        (md5(2), false, true),
        (md5(3), false, false),
    ];
    assert_eq!(found, expected, "the oldest first");
    let recent = leader.store.load(after(1_002)).await;
    let recent = recent.expect("load the state").finished;
    assert_eq!(recent, finished[1..]);
}

async fn the_usage_and_the_status_of_lists_are_stored<F: Fixture>(fixture: &F) {
    let mut leader = Leader::start(fixture).await;
    let mut usage = WindowUsage::unused(WindowIndex(20_776));
    usage.requests = 7;
    usage.renewals = 1;
    usage.closed_at = Some(after(9));
    usage.demand = 3;
    usage.first_demand_at = Some(after(1));
    usage.usual_demand = 40;
    let refused = ListStatus::RefusedUntil(after(86_400));
    let changes = [
        Change::ListStatus(ListStatus::Work),
        Change::Quota(usage),
        Change::ListStatus(refused),
    ];
    assert_eq!(leader.commit(&changes).await, []);
    let snapshot = load(&fixture.open().await).await;
    assert_eq!(snapshot.usage, Some(usage));
    assert_eq!(snapshot.lists, refused);
    // An earlier count of the same window does not reduce the usage.
    let earlier = WindowUsage {
        requests: 5,
        ..usage
    };
    assert_eq!(leader.commit(&[Change::Quota(earlier)]).await, []);
    assert_eq!(load(&leader.store).await.usage, Some(usage));
    let next = WindowUsage::unused(WindowIndex(20_777));
    assert_eq!(leader.commit(&[Change::Quota(next)]).await, []);
    assert_eq!(load(&leader.store).await.usage, Some(usage.merge(next)));
}
