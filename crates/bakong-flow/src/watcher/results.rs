//! The commands of a follower that wait for a result, so that one query can read the results of all of them.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot};

use crate::store::{CommandId, CommandResult, StoreError};

/// The commands that wait for a result.
#[derive(Default, Debug)]
pub(super) struct Results {
    waiting: Mutex<BTreeMap<CommandId, oneshot::Sender<CommandResult>>>,
    added: Notify,
}

impl Results {
    /// Waits for the result of a command. This method is cancel safe.
    ///
    /// # Errors
    /// [`StoreError`] if the results cannot be read for good.
    pub(super) async fn of(&self, id: CommandId) -> Result<CommandResult, StoreError> {
        let (sender, result) = oneshot::channel();
        self.lock().insert(id, sender);
        self.added.notify_one();
        let result = result.await;
        result.map_err(|_| StoreError::fatal("the results of commands cannot be read"))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<CommandId, oneshot::Sender<CommandResult>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a command is added.
    pub(super) async fn added(&self) {
        self.added.notified().await;
    }

    /// Forgets the commands that nobody waits for, and returns the others.
    pub(super) fn pending(&self) -> Vec<CommandId> {
        let mut waiting = self.lock();
        waiting.retain(|_, sender| !sender.is_closed());
        waiting.keys().copied().collect()
    }

    pub(super) fn deliver(&self, results: Vec<(CommandId, CommandResult)>) {
        let mut waiting = self.lock();
        for (id, result) in results {
            if let Some(sender) = waiting.remove(&id) {
                // A caller that stopped waiting needs no result.
                let _ = sender.send(result);
            }
        }
    }

    /// The results cannot be read for good.
    pub(super) fn fail(&self) {
        self.lock().clear();
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
        let mut context = Context::from_waker(Waker::noop());
        pin!(future).poll(&mut context)
    }

    fn id(number: i64) -> CommandId {
        CommandId::new(number)
    }

    #[test]
    fn each_caller_gets_the_result_of_its_command() {
        let results = Results::default();
        let mut first = Box::pin(results.of(id(1)));
        let mut second = Box::pin(results.of(id(2)));
        assert!(poll(&mut first).is_pending() && poll(&mut second).is_pending());
        assert_eq!(results.pending(), [id(1), id(2)]);
        results.deliver(vec![
            (id(2), CommandResult::Withdrawn),
            (id(3), CommandResult::Done),
        ]);
        assert!(poll(&mut first).is_pending());
        let Poll::Ready(Ok(result)) = poll(&mut second) else {
            unreachable!("the result was delivered");
        };
        assert_eq!(result, CommandResult::Withdrawn);
        assert_eq!(results.pending(), [id(1)]);
    }

    #[test]
    fn a_command_that_nobody_waits_for_is_forgotten() {
        let results = Results::default();
        let mut given_up = Box::pin(results.of(id(1)));
        let mut waiting = Box::pin(results.of(id(2)));
        assert!(poll(&mut given_up).is_pending() && poll(&mut waiting).is_pending());
        drop(given_up);
        assert_eq!(results.pending(), [id(2)]);
        results.deliver(vec![(id(1), CommandResult::Done)]);
        assert!(poll(&mut waiting).is_pending());
    }

    #[test]
    fn all_callers_learn_that_results_cannot_be_read() {
        let results = Results::default();
        let mut waiting = Box::pin(results.of(id(1)));
        assert!(poll(&mut waiting).is_pending());
        results.fail();
        let Poll::Ready(Err(error)) = poll(&mut waiting) else {
            unreachable!("the results failed");
        };
        assert_eq!(error.kind(), crate::store::StoreErrorKind::Fatal);
        assert_eq!(results.pending(), []);
    }

    #[test]
    fn a_command_wakes_the_reader_of_results() {
        let results = Results::default();
        let mut added = Box::pin(results.added());
        assert!(poll(&mut added).is_pending());
        let mut waiting = Box::pin(results.of(id(1)));
        assert!(poll(&mut waiting).is_pending());
        assert!(poll(&mut added).is_ready());
    }
}
