//! Which callers share a transaction.

use std::cell::RefCell;
use std::sync::mpsc::{Sender, channel};

use super::*;

/// So long that a test never reaches it.
const HOUR: Duration = Duration::from_secs(3_600);

/// Work that is only gathered.
#[derive(Default)]
struct Caller {
    is_batch: bool,
    /// Sends a batch when the writer asks whether this is one.
    then: RefCell<Option<Sender<Message>>>,
}

impl Work for Caller {
    fn run(&mut self, _: &Session<'_>) -> Result<(), ()> {
        Ok(())
    }

    fn answer(self: Box<Self>, _: Result<(), &Failure>, _: &Place) {}

    fn is_batch(&self) -> bool {
        if let Some(sender) = self.then.take() {
            sender.send(batch()).unwrap();
        }
        self.is_batch
    }

    fn is_stopped(&self) -> bool {
        false
    }
}

fn caller() -> Message {
    Message::Work(Box::new(Caller::default()))
}

fn batch() -> Message {
    Message::Work(Box::new(Caller {
        is_batch: true,
        ..Caller::default()
    }))
}

/// Returns which members of the group are batches.
fn gathered(
    messages: &Receiver<Message>,
    first: Option<Message>,
    wait: Option<Duration>,
) -> Vec<bool> {
    let mut group = Vec::new();
    let closed = gather(messages, first, &mut group, wait);
    assert!(closed.is_none());
    group.iter().map(|work| work.is_batch()).collect()
}

#[test]
fn all_callers_that_wait_share_a_transaction() {
    let (sender, messages) = channel();
    for message in [caller(), Message::Watch, batch(), caller()] {
        sender.send(message).unwrap();
    }
    let group = gathered(&messages, Some(caller()), None);
    assert_eq!(group, [false, false, true, false]);
}

#[test]
fn a_transaction_has_a_maximum_of_callers() {
    let (sender, messages) = channel();
    for _ in 0..MAX_GROUP {
        sender.send(caller()).unwrap();
    }
    let group = gathered(&messages, Some(caller()), Some(HOUR));
    assert_eq!(group.len(), MAX_GROUP);
    assert_eq!(gathered(&messages, None, None).len(), 1);
}

#[test]
fn callers_wait_for_the_batch_of_the_leader_of_the_last_transaction() {
    let (sender, messages) = channel();
    let first = || {
        let then = RefCell::new(Some(sender.clone()));
        Some(Message::Work(Box::new(Caller {
            then,
            ..Caller::default()
        })))
    };
    // The batch is sent after the writer has found no other message.
    assert_eq!(gathered(&messages, first(), Some(HOUR)), [false, true]);
    // The limit has passed.
    let zero = Some(Duration::ZERO);
    assert_eq!(gathered(&messages, first(), zero), [false]);
    assert_eq!(gathered(&messages, None, None), [true]);
}

#[test]
fn a_batch_a_poll_and_callers_without_a_leader_do_not_wait() {
    let (_sender, messages) = channel();
    assert_eq!(gathered(&messages, Some(batch()), Some(HOUR)), [true]);
    assert_eq!(gathered(&messages, None, Some(HOUR)), [false; 0]);
    assert_eq!(gathered(&messages, Some(caller()), None), [false]);
}

#[test]
fn closing_ends_the_group_and_keeps_its_callers() {
    let (sender, messages) = channel();
    let (confirm, closed) = oneshot::channel();
    sender.send(Message::Close(confirm)).unwrap();
    sender.send(caller()).unwrap();
    let mut group = Vec::new();
    let confirm = gather(&messages, Some(caller()), &mut group, Some(HOUR));
    assert_eq!(group.len(), 1);
    confirm.unwrap().send(()).unwrap();
    closed.blocking_recv().unwrap();
}

#[test]
fn the_work_of_a_leader_says_so() {
    for is_batch in [false, true] {
        let work = Write {
            run: |_: &Session<'_>| Ok(()),
            is_batch,
            result: None,
            reply: oneshot::channel().0,
            notify: None,
        };
        assert_eq!(work.is_batch(), is_batch);
    }
}
