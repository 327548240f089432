//! Commands of followers, and their results.

use bakong_api::ShortHash;

use super::sample::{after, finished, md5, opened, paid, payment, reference};
use super::{Fixture, Leader, cases, find};
use crate::open_error::OpenError;
use crate::policy::Policy;
use crate::store::{Command, CommandId, CommandQueue, CommandResult, Conflict, Rejected};

pub(super) async fn run<F: Fixture>(make: &impl AsyncFn() -> F) {
    cases!(make:
        commands_are_handed_over_in_order,
        a_command_is_submitted_once,
        a_command_gets_its_result_once,
        several_results_are_read_at_once,
        a_rejected_payment_refuses_its_command,
        a_withdrawn_command_is_not_carried_out,
        a_result_comes_before_a_withdrawal,
        a_withdrawn_payment_is_not_opened,
        an_unknown_command_is_an_error,
    );
}

fn open(number: u32) -> Command {
    Command::Open {
        payment: Box::new(payment(number, number)),
        policy: Policy::WEB_SHOP,
    }
}

async fn submit(store: &impl CommandQueue, key: &str, command: &Command) -> CommandId {
    let id = store.submit(key, command).await;
    id.expect("submit a command")
}

async fn pending(store: &impl CommandQueue, limit: usize) -> Vec<(CommandId, Command)> {
    store.pending(limit).await.expect("read commands")
}

async fn commands_are_handed_over_in_order<F: Fixture>(fixture: &F) {
    let follower = fixture.open().await;
    let leader = fixture.open().await;
    let commands = [
        open(1),
        Command::Nudge { md5: md5(1) },
        Command::Cancel { md5: md5(1) },
        Command::AddHash {
            md5: md5(1),
            hash: Some(reference(7)),
            short_hash: ShortHash::new("8465d722").ok(),
        },
        Command::Withdraw { md5: md5(1) },
    ];
    let mut submitted = Vec::new();
    for (key, command) in ["a", "b", "c", "d", "e"].into_iter().zip(commands) {
        submitted.push((submit(&follower, key, &command).await, command));
    }
    assert!(submitted.is_sorted_by_key(|(id, _)| *id));
    assert_eq!(pending(&leader, 10).await, submitted);
    assert_eq!(pending(&leader, 2).await, submitted[..2]);
}

async fn a_command_is_submitted_once<F: Fixture>(fixture: &F) {
    let follower = fixture.open().await;
    let id = submit(&follower, "a", &open(1)).await;
    // The follower did not receive the answer, and submits the command over another connection.
    let again = fixture.open().await;
    assert_eq!(submit(&again, "a", &open(1)).await, id);
    assert_ne!(submit(&again, "b", &open(1)).await, id);
    let withdrawn = follower.withdraw(id).await.expect("withdraw");
    assert_eq!(withdrawn, CommandResult::Withdrawn);
    assert_eq!(submit(&again, "a", &open(1)).await, id);
    assert_eq!(pending(&again, 10).await.len(), 1);
}

async fn several_results_are_read_at_once<F: Fixture>(fixture: &F) {
    let follower = fixture.open().await;
    let mut leader = Leader::start(fixture).await;
    let mut ids = Vec::new();
    for (number, key) in [(1, "a"), (2, "b"), (3, "c")] {
        ids.push(submit(&follower, key, &open(number)).await);
    }
    let results = async || {
        let results = follower.results(&ids).await;
        let mut results = results.expect("read results");
        results.sort_by_key(|(id, _)| *id);
        results
    };
    assert_eq!(results().await, []);
    let answers = [(ids[0], CommandResult::Done)];
    assert_eq!(leader.commit_results(&[opened(1, 1)], &answers).await, []);
    follower.withdraw(ids[2]).await.expect("withdraw");
    let expected = [
        (ids[0], CommandResult::Done),
        (ids[2], CommandResult::Withdrawn),
    ];
    assert_eq!(results().await, expected);
    assert_eq!(follower.results(&[]).await.expect("read results"), []);
}

async fn a_rejected_payment_refuses_its_command<F: Fixture>(fixture: &F) {
    let follower = fixture.open().await;
    let mut leader = Leader::start(fixture).await;
    let changes = [opened(1, 1), opened(2, 2), finished(2, 2, paid(7))];
    assert_eq!(leader.commit(&changes).await, []);
    let of_settled_order = Command::Open {
        payment: Box::new(payment(3, 2)),
        policy: Policy::WEB_SHOP,
    };
    let known = submit(&follower, "a", &open(1)).await;
    let settled = submit(&follower, "b", &of_settled_order).await;
    let other = submit(&follower, "c", &open(4)).await;
    let results = [known, settled, other].map(|id| (id, CommandResult::Done));
    let changes = [opened(1, 1), opened(3, 2), opened(4, 4)];
    let rejected = leader.commit_results(&changes, &results).await;
    assert_eq!(rejected.len(), 2);
    let expected = [
        (known, CommandResult::Refused(OpenError::Known)),
        (settled, CommandResult::Refused(OpenError::OrderSettled)),
        (other, CommandResult::Done),
    ];
    for (id, result) in expected {
        assert_eq!(follower.result(id).await.expect("read"), Some(result));
    }
}

async fn a_command_gets_its_result_once<F: Fixture>(fixture: &F) {
    let follower = fixture.open().await;
    let mut leader = Leader::start(fixture).await;
    let done = submit(&follower, "a", &open(1)).await;
    let refused = submit(&follower, "b", &open(2)).await;
    assert_eq!(follower.result(done).await.expect("read"), None);
    let until = OpenError::NoQuota { until: after(60) };
    let results = [
        (done, CommandResult::Done),
        (refused, CommandResult::Refused(until)),
    ];
    assert_eq!(leader.commit_results(&[opened(1, 1)], &results).await, []);
    for (id, result) in results {
        assert_eq!(follower.result(id).await.expect("read"), Some(result));
    }
    assert_eq!(pending(&leader.store, 10).await, []);
    // The first result stays.
    let other = [(done, CommandResult::Refused(OpenError::Known))];
    assert_eq!(leader.commit_results(&[], &other).await, []);
    let result = follower.result(done).await.expect("read");
    assert_eq!(result, Some(CommandResult::Done));
}

async fn a_withdrawn_command_is_not_carried_out<F: Fixture>(fixture: &F) {
    let follower = fixture.open().await;
    let id = submit(&follower, "a", &open(1)).await;
    for _ in 0..2 {
        let withdrawn = follower.withdraw(id).await.expect("withdraw");
        assert_eq!(withdrawn, CommandResult::Withdrawn);
    }
    assert_eq!(pending(&follower, 10).await, []);
}

async fn a_result_comes_before_a_withdrawal<F: Fixture>(fixture: &F) {
    let follower = fixture.open().await;
    let mut leader = Leader::start(fixture).await;
    let id = submit(&follower, "a", &open(1)).await;
    let results = [(id, CommandResult::Done)];
    assert_eq!(leader.commit_results(&[opened(1, 1)], &results).await, []);
    let result = follower.withdraw(id).await.expect("withdraw");
    assert_eq!(result, CommandResult::Done);
    assert!(find(&follower, md5(1)).await.is_some());
}

async fn a_withdrawn_payment_is_not_opened<F: Fixture>(fixture: &F) {
    let follower = fixture.open().await;
    let mut leader = Leader::start(fixture).await;
    let id = submit(&follower, "a", &open(1)).await;
    assert_eq!(pending(&leader.store, 10).await.len(), 1);
    // The follower gives up after the leader has read the command.
    follower.withdraw(id).await.expect("withdraw");
    let results = [(id, CommandResult::Done)];
    let changes = [opened(1, 1), opened(2, 2)];
    let rejected = leader.commit_results(&changes, &results).await;
    assert_eq!(rejected, [Rejected::new(md5(1), Conflict::Withdrawn)]);
    assert_eq!(find(&follower, md5(1)).await, None);
    assert!(find(&follower, md5(2)).await.is_some());
    let result = follower.result(id).await.expect("read");
    assert_eq!(result, Some(CommandResult::Withdrawn));
}

async fn an_unknown_command_is_an_error<F: Fixture>(fixture: &F) {
    let store = fixture.open().await;
    let id = CommandId::new(1_000_000);
    assert!(store.result(id).await.is_err());
    assert!(store.withdraw(id).await.is_err());
}
