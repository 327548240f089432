//! The lease: one leader at a time, and no write by an earlier one.

use std::time::Duration;

use super::sample::{TERM, md5, opened};
use super::{Fixture, Leader, cases, find};
use crate::store::{Acquired, LeaderLease, StoreErrorKind, WorkerId};

pub(super) async fn run<F: Fixture>(make: &impl AsyncFn() -> F) {
    cases!(make:
        one_worker_leads_at_a_time,
        a_released_lease_is_free,
        an_expired_lease_is_free,
        a_deposed_leader_cannot_write,
        a_restarted_worker_deposes_its_earlier_process,
        an_expired_lease_that_nobody_took_can_be_renewed,
    );
}

fn is_fenced<T: std::fmt::Debug>(result: Result<T, crate::store::StoreError>) -> bool {
    result.expect_err("the epoch is not current").kind() == StoreErrorKind::Fenced
}

async fn one_worker_leads_at_a_time<F: Fixture>(fixture: &F) {
    let workers = ["a", "b", "c", "d"].map(WorkerId::new);
    let [a, b, c, d] = &workers;
    let (s, t, u, v) = (
        fixture.open().await,
        fixture.open().await,
        fixture.open().await,
        fixture.open().await,
    );
    let (first, second, third, fourth) = tokio::join!(
        s.acquire(a, TERM),
        t.acquire(b, TERM),
        u.acquire(c, TERM),
        v.acquire(d, TERM),
    );
    let mut leaders = 0;
    for acquired in [first, second, third, fourth] {
        match acquired.expect("acquire the lease") {
            Acquired::Leader(_) => leaders += 1,
            Acquired::Follower { expires_in } => {
                assert!(expires_in <= TERM, "{expires_in:?}");
                assert!(expires_in > TERM / 2, "{expires_in:?}");
            }
        }
    }
    assert_eq!(leaders, 1);
}

async fn a_released_lease_is_free<F: Fixture>(fixture: &F) {
    let first = Leader::start(fixture).await;
    first.store.release(first.epoch).await.expect("release");
    let second = Leader::of(fixture.open().await, "second").await;
    assert!(second.epoch > first.epoch);
    // An earlier leader cannot release the lease of another one.
    first.store.release(first.epoch).await.expect("release");
    let third = fixture.open().await;
    let acquired = third.acquire(&WorkerId::new("third"), TERM).await;
    assert!(matches!(acquired, Ok(Acquired::Follower { .. })));
}

async fn an_expired_lease_is_free<F: Fixture>(fixture: &F) {
    let first = Leader::start(fixture).await;
    fixture.expire_lease().await;
    let second = Leader::of(fixture.open().await, "second").await;
    assert!(second.epoch > first.epoch);
}

async fn a_deposed_leader_cannot_write<F: Fixture>(fixture: &F) {
    let mut first = Leader::start(fixture).await;
    assert_eq!(first.commit(&[opened(1, 1)]).await, []);
    fixture.expire_lease().await;
    let mut second = Leader::of(fixture.open().await, "second").await;
    assert!(is_fenced(first.try_commit(&[opened(2, 2)]).await));
    assert!(is_fenced(first.store.renew(first.epoch, TERM).await));
    assert_eq!(find(&second.store, md5(2)).await, None);
    assert_eq!(second.commit(&[opened(3, 3)]).await, []);
}

async fn a_restarted_worker_deposes_its_earlier_process<F: Fixture>(fixture: &F) {
    let mut before = Leader::start(fixture).await;
    let mut after = Leader::start(fixture).await;
    assert!(after.epoch > before.epoch);
    assert!(is_fenced(before.try_commit(&[opened(1, 1)]).await));
    assert_eq!(after.commit(&[opened(1, 1)]).await, []);
}

async fn an_expired_lease_that_nobody_took_can_be_renewed<F: Fixture>(fixture: &F) {
    let mut leader = Leader::start(fixture).await;
    fixture.expire_lease().await;
    assert_eq!(leader.commit(&[opened(1, 1)]).await, []);
    let term = Duration::from_secs(3_600);
    leader.store.renew(leader.epoch, term).await.expect("renew");
    let store = fixture.open().await;
    let acquired = store.acquire(&WorkerId::new("second"), TERM).await;
    let Ok(Acquired::Follower { expires_in }) = acquired else {
        panic!("the lease was renewed");
    };
    assert!(
        expires_in > term / 2 && expires_in <= term,
        "{expires_in:?}"
    );
}
