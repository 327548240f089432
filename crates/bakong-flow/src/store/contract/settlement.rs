//! What becomes final or settled once.

use super::sample::{finished, md5, needs_review, opened, order, paid, transaction_with_hash};
use super::{Fixture, Leader, cases, find, load};
use crate::outcome::Outcome;
use crate::store::{Conflict, Rejected};

pub(super) async fn run<F: Fixture>(make: &impl AsyncFn() -> F) {
    cases!(make:
        a_payment_becomes_final_once,
        an_unknown_payment_cannot_become_final,
        an_order_is_settled_once,
        a_settled_order_gets_no_new_payment,
        a_transaction_settles_one_order,
        a_review_settles_nothing,
        a_rejection_spares_the_rest_of_the_batch,
    );
}

async fn a_payment_becomes_final_once<F: Fixture>(fixture: &F) {
    let mut leader = Leader::start(fixture).await;
    let changes = [opened(1, 1), finished(1, 1, Outcome::Expired)];
    assert_eq!(leader.commit(&changes).await, []);
    for outcome in [paid(7), Outcome::Expired, needs_review(8)] {
        let stored = Box::new(Outcome::Expired);
        let expected = Rejected::new(md5(1), Conflict::Final(stored));
        let rejected = leader.commit(&[finished(1, 1, outcome)]).await;
        assert_eq!(rejected, [expected]);
    }
    // The rejected outcome settled nothing.
    assert_eq!(leader.commit(&[opened(2, 1)]).await, []);
    assert_eq!(leader.commit(&[finished(2, 1, paid(7))]).await, []);
}

async fn an_unknown_payment_cannot_become_final<F: Fixture>(fixture: &F) {
    let mut leader = Leader::start(fixture).await;
    let unknown = Rejected::new(md5(1), Conflict::Unknown);
    let rejected = leader.commit(&[finished(1, 1, paid(7))]).await;
    assert_eq!(rejected, [unknown]);
    assert_eq!(leader.commit(&[opened(1, 1)]).await, []);
    let open = find(&leader.store, md5(1)).await.expect("the payment");
    assert_eq!(open.finished, None);
}

async fn an_order_is_settled_once<F: Fixture>(fixture: &F) {
    let mut leader = Leader::start(fixture).await;
    let changes = [
        opened(1, 1),
        opened(2, 1),
        opened(3, 1),
        finished(1, 1, paid(7)),
    ];
    assert_eq!(leader.commit(&changes).await, []);
    let settled = Rejected::new(md5(2), Conflict::OrderSettled);
    let rejected = leader.commit(&[finished(2, 1, paid(8))]).await;
    assert_eq!(rejected, [settled]);
    // The payment is still open, and can become final with an outcome that settles nothing.
    assert_eq!(leader.commit(&[finished(2, 1, needs_review(8))]).await, []);
    let end = finished(3, 1, Outcome::Expired);
    assert_eq!(leader.commit(&[end]).await, []);
}

async fn a_settled_order_gets_no_new_payment<F: Fixture>(fixture: &F) {
    let mut leader = Leader::start(fixture).await;
    let changes = [opened(1, 1), finished(1, 1, paid(7)), opened(2, 1)];
    let settled = Rejected::new(md5(2), Conflict::OrderSettled);
    let rejected = std::slice::from_ref(&settled);
    assert_eq!(leader.commit(&changes).await, rejected);
    assert_eq!(leader.commit(&[opened(2, 1)]).await, [settled]);
    assert_eq!(find(&leader.store, md5(2)).await, None);
    // Another order may use the code.
    assert_eq!(leader.commit(&[opened(2, 2)]).await, []);
}

async fn a_transaction_settles_one_order<F: Fixture>(fixture: &F) {
    let mut leader = Leader::start(fixture).await;
    let hash = "ABCDEF".repeat(11)[..64].to_owned();
    let paid_by = |hash: &str| Outcome::Paid {
        transaction: Box::new(transaction_with_hash(hash)),
        late: false,
    };
    let changes = [opened(1, 1), opened(2, 2), finished(1, 1, paid_by(&hash))];
    assert_eq!(leader.commit(&changes).await, []);
    let conflict = Conflict::TransactionSettledAnother { order: order(1) };
    let another = Rejected::new(md5(2), conflict);
    for hash in [hash.clone(), hash.to_lowercase()] {
        let rejected = leader.commit(&[finished(2, 2, paid_by(&hash))]).await;
        assert_eq!(rejected, std::slice::from_ref(&another));
    }
    // The outcome that settles nothing may have the same hash.
    let review = Outcome::NeedsReview {
        transaction: Box::new(transaction_with_hash(&hash)),
        mismatches: vec![crate::Mismatch::SettledAnother { order: order(1) }],
    };
    assert_eq!(leader.commit(&[finished(2, 2, review)]).await, []);
}

async fn a_review_settles_nothing<F: Fixture>(fixture: &F) {
    let mut leader = Leader::start(fixture).await;
    let changes = [
        opened(1, 1),
        opened(2, 1),
        opened(3, 3),
        finished(1, 1, needs_review(7)),
    ];
    assert_eq!(leader.commit(&changes).await, []);
    // Neither the order nor the transaction is settled.
    assert_eq!(leader.commit(&[finished(3, 3, paid(7))]).await, []);
    assert_eq!(leader.commit(&[finished(2, 1, paid(8))]).await, []);
    // Final payments without a hash do not conflict with each other.
    let unpaid = |number| finished(number, number, Outcome::Failed);
    let changes = [opened(4, 4), opened(5, 5), unpaid(4), unpaid(5)];
    assert_eq!(leader.commit(&changes).await, []);
}

async fn a_rejection_spares_the_rest_of_the_batch<F: Fixture>(fixture: &F) {
    let mut leader = Leader::start(fixture).await;
    let changes = [
        opened(1, 1),
        opened(1, 1),
        opened(2, 2),
        finished(1, 1, paid(7)),
        finished(2, 2, paid(7)),
        opened(3, 1),
        opened(4, 4),
    ];
    let another = Conflict::TransactionSettledAnother { order: order(1) };
    let expected = [
        Rejected::new(md5(1), Conflict::Known),
        Rejected::new(md5(2), another),
        Rejected::new(md5(3), Conflict::OrderSettled),
    ];
    assert_eq!(leader.commit(&changes).await, expected, "in order");
    let open = load(&fixture.open().await).await.open;
    let md5s: Vec<_> = open.iter().map(|open| open.payment.md5).collect();
    assert_eq!(md5s, [md5(2), md5(4)]);
}
