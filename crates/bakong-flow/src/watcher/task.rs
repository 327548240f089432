//! The task that holds the tracker.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bakong_api::khqr_core::{Md5Handle, Timestamp};
use bakong_api::transport::{TransportError, TransportErrorKind};
use bakong_api::{Session, ShortHash, TransactionHash, Transport};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::task::{Id, JoinError, JoinSet};

use super::sending::{Answered, Counter, Errors, Sent, ask};
use super::watched::Progress;
use super::{Stopped, WatchError};
use crate::ask::{Ask, Ticket};
use crate::change::Change;
use crate::clock::Clock;
use crate::payment::Payment;
use crate::policy::Policy;
use crate::store::{PaymentStore, StoreError};
use crate::tracker::Tracker;

/// What a watcher's user wants.
#[derive(Debug)]
pub(super) enum Command {
    Watch {
        payment: Box<Payment>,
        policy: Policy,
        reply: oneshot::Sender<Result<watch::Receiver<Progress>, WatchError>>,
    },
    Attach {
        md5: Md5Handle,
        reply: oneshot::Sender<Option<watch::Receiver<Progress>>>,
    },
    List {
        reply: oneshot::Sender<Vec<Md5Handle>>,
    },
    Nudge(Md5Handle),
    Cancel(Md5Handle, oneshot::Sender<()>),
    Learn {
        md5: Md5Handle,
        hash: Option<TransactionHash>,
        short_hash: Option<ShortHash>,
        kept: oneshot::Sender<()>,
    },
    NewToken(Option<Timestamp>),
}

/// What the task works with.
pub(super) struct Means<T, S, C> {
    pub(super) store: S,
    pub(super) clock: C,
    pub(super) session: Arc<Session<T>>,
    pub(super) counter: Arc<Counter>,
    pub(super) changes: broadcast::Sender<Change>,
    /// How long a request may take.
    pub(super) timeout: Duration,
}

pub(super) struct Task<T, S, C> {
    pub(super) tracker: Tracker,
    pub(super) means: Means<T, S, C>,
    /// How the open payments stand.
    pub(super) open: HashMap<Md5Handle, watch::Sender<Progress>>,
    /// Whoever waits for a payment to be kept.
    pub(super) opening:
        HashMap<Md5Handle, oneshot::Sender<Result<watch::Receiver<Progress>, WatchError>>>,
    /// Whoever waits for what else they did to be kept.
    keeping: Vec<oneshot::Sender<()>>,
    /// What the store has not taken yet.
    unkept: Vec<Change>,
    out: JoinSet<Option<Answered>>,
    tickets: HashMap<Id, (Ticket, Sent)>,
}

/// How long answers are waited for when the watcher stops.
const FAREWELL: Duration = Duration::from_secs(10);
/// How long a store that fails is left alone, at first and at most.
const STORE_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_STORE_PAUSE: Duration = Duration::from_secs(30);
/// A tracker never wants to be woken at once; should it, this keeps the machine usable.
const SHORTEST_SLEEP: Duration = Duration::from_millis(20);

impl<T: Transport + 'static, S: PaymentStore, C: Clock> Task<T, S, C> {
    pub(super) fn new(tracker: Tracker, means: Means<T, S, C>) -> Self {
        let open = tracker.snapshot().open.into_iter().map(|open| {
            let mut progress = standing(&open.payment);
            progress.is_cancelled = open.is_cancelled;
            (open.payment.md5, watch::Sender::new(progress))
        });
        Self {
            open: open.collect(),
            tracker,
            means,
            opening: HashMap::new(),
            keeping: Vec::new(),
            unkept: Vec::new(),
            out: JoinSet::new(),
            tickets: HashMap::new(),
        }
    }

    /// Runs until it is told to stop, and the last answers are there.
    pub(super) async fn run(
        mut self,
        mut commands: mpsc::Receiver<Command>,
        mut stop: watch::Receiver<bool>,
    ) {
        while self.step(&mut commands, &mut stop).await == Ok(()) {}
        commands.close();
        let farewell = tokio::time::sleep(FAREWELL);
        tokio::pin!(farewell);
        while !self.out.is_empty() {
            tokio::select! {
                Some(answer) = self.out.join_next_with_id() => drop(self.take(answer)),
                () = &mut farewell => break,
            }
        }
        self.count();
        let none = Errors::default();
        let kept = tokio::time::timeout(FAREWELL, self.keep_once(&none));
        if !matches!(kept.await, Ok(Ok(()))) {
            tracing::error!("what came last is not kept, and asked again after a start");
        }
    }

    /// Does what there is to do, and waits for what comes next.
    async fn step(
        &mut self,
        commands: &mut mpsc::Receiver<Command>,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<(), Stopped> {
        self.count();
        self.keep(&Errors::default(), stop).await?;
        while let Some(ask) = self.tracker.poll(self.means.clock.now()) {
            self.keep(&Errors::default(), stop).await?;
            self.send(ask);
        }
        let now = self.means.clock.now();
        let wakeup = self.tracker.next_wakeup();
        let wakeup = wakeup.map(|wakeup| wakeup.max(now.saturating_add(SHORTEST_SLEEP)));
        let clock = &self.means.clock;
        let sleep = async {
            match wakeup {
                Some(wakeup) => clock.sleep_until(wakeup).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = stopped(stop) => return Err(Stopped),
            command = commands.recv() => match command {
                Some(command) => self.obey(command),
                // The watcher is gone, and says so in the same moment.
                None => stopped(stop).await,
            },
            Some(answer) = self.out.join_next_with_id() => {
                let errors = self.take(answer);
                self.keep(&errors, stop).await?;
            }
            () = sleep => {}
        }
        Ok(())
    }

    fn obey(&mut self, command: Command) {
        let now = self.means.clock.now();
        match command {
            Command::Watch {
                payment,
                policy,
                reply,
            } => {
                let (md5, standing) = (payment.md5, standing(&payment));
                match self.tracker.open(*payment, policy, now) {
                    Ok(()) => {
                        self.open.insert(md5, watch::Sender::new(standing));
                        self.opening.insert(md5, reply);
                    }
                    // Whoever asked is gone: then it does not matter to them.
                    Err(error) => drop(reply.send(Err(error.into()))),
                }
            }
            Command::Attach { md5, reply } => {
                let progress = self.open.get(&md5).map(watch::Sender::subscribe);
                drop(reply.send(progress));
            }
            Command::List { reply } => drop(reply.send(self.open.keys().copied().collect())),
            Command::Nudge(md5) => self.tracker.nudge(&md5, now),
            Command::Cancel(md5, kept) => {
                self.tracker.cancel(&md5, now);
                self.keeping.push(kept);
            }
            Command::Learn {
                md5,
                hash,
                short_hash,
                kept,
            } => {
                self.tracker.learn(&md5, hash, short_hash, now);
                self.keeping.push(kept);
            }
            Command::NewToken(expires_at) => self.tracker.set_token(expires_at, now),
        }
    }

    fn send(&mut self, ask_now: Ask) {
        let Ask { ticket, question } = ask_now;
        tracing::debug!(?question, "asking");
        let sent = Sent::default();
        let asked = ask(Arc::clone(&self.means.session), question, sent.clone());
        let asked = tokio::time::timeout(self.means.timeout, asked);
        let task = self.out.spawn(async { asked.await.ok() });
        self.tickets.insert(task.id(), (ticket, sent));
    }

    /// Hands an answer to the tracker.
    fn take(&mut self, answer: Result<(Id, Option<Answered>), JoinError>) -> Errors {
        let (id, answered) = match answer {
            Ok((id, answered)) => (id, answered),
            Err(error) => (error.id(), None),
        };
        let Some((ticket, sent)) = self.tickets.remove(&id) else {
            return Errors::default();
        };
        let now = self.means.clock.now();
        match answered {
            Some(answered) => {
                self.tracker
                    .answer(ticket, sent.count(), answered.reply, now);
                answered.errors
            }
            None => {
                tracing::warn!("a request got no answer in time and is given up");
                self.tracker.abandon(ticket, sent.count(), now);
                let reason = "the request was given up without an answer";
                Errors::of_all(TransportError::new(TransportErrorKind::Timeout, reason))
            }
        }
    }

    /// Takes note of what the session sent and renewed by itself.
    fn count(&mut self) {
        let now = self.means.clock.now();
        self.tracker
            .add_external_usage(self.means.counter.take_elsewhere(), now);
        if let Some(expires_at) = self.means.counter.take_renewed() {
            self.tracker.token_renewed(expires_at, now);
        }
    }

    /// Keeps what changed, however long the store takes, and tells of it.
    async fn keep(
        &mut self,
        errors: &Errors,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<(), Stopped> {
        let mut pause = STORE_PAUSE;
        loop {
            let kept = tokio::select! {
                kept = self.keep_once(errors) => kept,
                () = stopped(stop) => return Err(Stopped),
            };
            match kept {
                Ok(()) => return Ok(()),
                Err(error) => tracing::error!(%error, "nothing is asked until it works"),
            }
            tokio::select! {
                () = stopped(stop) => return Err(Stopped),
                () = tokio::time::sleep(pause) => {}
            }
            pause = (pause * 2).min(LONGEST_STORE_PAUSE);
        }
    }

    /// The same, once. What is not kept, or whose keeping is given up, is kept the next time.
    async fn keep_once(&mut self, errors: &Errors) -> Result<(), StoreError> {
        loop {
            self.unkept.extend(self.tracker.take_changes());
            if self.unkept.is_empty() {
                // Whoever waits for it may be gone.
                for kept in self.keeping.drain(..) {
                    let _ = kept.send(());
                }
                return Ok(());
            }
            let lost = self.means.store.keep(&self.unkept).await?;
            let changes = std::mem::take(&mut self.unkept);
            self.publish(changes, &lost, errors);
        }
    }
}

fn standing(payment: &Payment) -> Progress {
    Progress {
        md5: payment.md5,
        order: payment.order.clone(),
        expires_at: payment.expires_at,
        checks: 0,
        is_asking: false,
        next_check: None,
        trouble: None,
        is_cancelled: false,
        outcome: None,
    }
}

/// Waits until the watcher is to stop.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // If whoever could say so is gone, it is.
    let _ = stop.wait_for(|stop| *stop).await;
}
