//! Who may send now: so many at once and no more, the rest in the order in which they came, and nobody to
//! a host that is given up for a while.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use bakong_api::transport::{TransportError, TransportErrorKind};
use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tokio::time::Instant;

use crate::circuit::{Blocked, Circuit, CircuitBreaker, Signal, Ticket};
use crate::deadline::Deadline;
use crate::destination::Destination;

/// How many hosts something may be held against at once.
const HOSTS: usize = 64;

pub(crate) struct Gate {
    permits: Semaphore,
    max_in_flight: usize,
    breaker: CircuitBreaker,
    /// The hosts that something is held against; of most programs, none.
    suspects: Mutex<HashMap<Destination, Suspect>>,
    /// Told whenever a circuit opens, so that nobody waits in order to be refused.
    opened: Notify,
}

struct Suspect {
    circuit: Circuit,
    /// What went wrong last, as a person reads it.
    last_failure: String,
    touched: Instant,
}

impl Gate {
    pub(crate) fn new(max_in_flight: usize, breaker: CircuitBreaker) -> Self {
        let max_in_flight = max_in_flight.min(Semaphore::MAX_PERMITS);
        Self {
            permits: Semaphore::new(max_in_flight),
            max_in_flight,
            breaker,
            suspects: Mutex::default(),
            opened: Notify::new(),
        }
    }

    /// Waits for the right to one attempt.
    pub(crate) async fn enter<'g>(
        &'g self,
        to: &'g Destination,
        deadline: Deadline,
    ) -> Result<Passage<'g>, TransportError> {
        let permit = match self.permits.try_acquire() {
            Ok(permit) => permit,
            // Apart, so that those who need not wait are small.
            Err(_) => Box::pin(self.queue(to, deadline)).await?,
        };
        let ticket = self.admit(to)?;
        Ok(Passage {
            gate: self,
            to,
            ticket: Some(ticket),
            _permit: permit,
        })
    }

    /// Waits in the order of coming.
    async fn queue(
        &self,
        to: &Destination,
        deadline: Deadline,
    ) -> Result<SemaphorePermit<'_>, TransportError> {
        let time = deadline.remaining();
        let mut permit = pin!(self.permits.acquire());
        let mut late = pin!(tokio::time::sleep(time));
        loop {
            let mut opened = pin!(self.opened.notified());
            // From here on nothing is missed, so it can be looked at.
            opened.as_mut().enable();
            self.check(to)?;
            let waited = poll_fn(|context| {
                if let Poll::Ready(permit) = permit.as_mut().poll(context) {
                    return Poll::Ready(Some(permit.map_err(|_| self.busy(to, time))));
                }
                if opened.as_mut().poll(context).is_ready() {
                    return Poll::Ready(None);
                }
                let late = late.as_mut().poll(context);
                late.map(|()| Some(Err(self.busy(to, time))))
            });
            if let Some(waited) = waited.await {
                return waited;
            }
        }
    }

    fn busy(&self, to: &Destination, waited: Duration) -> TransportError {
        let detail = format!(
            "{to}: {} were sent and none was answered within {} ms; see max_in_flight",
            self.max_in_flight,
            waited.as_millis()
        );
        TransportError::new(TransportErrorKind::Busy, "the deadline passed in the queue")
            .with_detail(detail)
    }

    /// Whether another attempt may be made once `wait` is over, as things stand.
    pub(crate) fn would_admit(&self, to: &Destination, wait: Duration) -> bool {
        let suspects = self.suspects();
        let Some(suspect) = suspects.get(to) else {
            return true;
        };
        Instant::now()
            .checked_add(wait)
            .is_none_or(|then| suspect.circuit.check(then).is_ok())
    }

    fn check(&self, to: &Destination) -> Result<(), TransportError> {
        match self.suspects().get(to) {
            Some(suspect) => {
                let now = Instant::now();
                let checked = suspect.circuit.check(now);
                checked.map_err(|blocked| suspect.refusal(to, blocked, now))
            }
            None => Ok(()),
        }
    }

    fn admit(&self, to: &Destination) -> Result<Ticket, TransportError> {
        match self.suspects().get_mut(to) {
            Some(suspect) => {
                let now = Instant::now();
                let admitted = suspect.circuit.admit(now);
                admitted.map_err(|blocked| suspect.refusal(to, blocked, now))
            }
            None => Ok(Ticket::Ordinary),
        }
    }

    fn record(&self, to: &Destination, ticket: Ticket, signal: Signal, failure: String) {
        if self.breaker.is_never() {
            return;
        }
        let mut suspects = self.suspects();
        if signal != Signal::Dead {
            if let Some(suspect) = suspects.get_mut(to) {
                suspect.circuit.record(ticket, signal, Instant::now());
                if suspect.circuit.is_clean() {
                    suspects.remove(to);
                }
            }
            return;
        }
        if !suspects.contains_key(to) {
            make_room(&mut suspects);
        }
        let now = Instant::now();
        let suspect = suspects.entry(to.clone()).or_insert_with(|| Suspect {
            circuit: Circuit::new(self.breaker),
            last_failure: String::new(),
            touched: now,
        });
        suspect.last_failure = failure;
        suspect.touched = now;
        let opened = suspect.circuit.record(ticket, signal, now);
        drop(suspects);
        if opened {
            self.opened.notify_waiters();
        }
    }

    fn suspects(&self) -> MutexGuard<'_, HashMap<Destination, Suspect>> {
        // Nothing panics while it is held, and each entry is whole at any time.
        self.suspects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets the host that was asked longest ago, if there are too many.
fn make_room(suspects: &mut HashMap<Destination, Suspect>) {
    if suspects.len() < HOSTS {
        return;
    }
    let oldest = suspects.iter().min_by_key(|(_, suspect)| suspect.touched);
    if let Some(oldest) = oldest.map(|(to, _)| to.clone()) {
        suspects.remove(&oldest);
    }
}

impl Suspect {
    fn refusal(&self, to: &Destination, blocked: Blocked, now: Instant) -> TransportError {
        let when = match blocked {
            Blocked::Until(until) => {
                let wait = until.saturating_duration_since(now);
                format!("it is tried again in {} ms", wait.as_millis())
            }
            Blocked::Probing => "it is being tried again just now".to_owned(),
        };
        let detail = format!("{to}: {when}; what failed last: {}", self.last_failure);
        TransportError::new(TransportErrorKind::CircuitOpen, "the circuit is open")
            .with_detail(detail)
    }
}

/// The right to one attempt. Dropping it gives it back.
pub(crate) struct Passage<'g> {
    gate: &'g Gate,
    to: &'g Destination,
    ticket: Option<Ticket>,
    _permit: SemaphorePermit<'g>,
}

impl Passage<'_> {
    /// The attempt came to an end; `failure` says how, if its host seems dead.
    pub(crate) fn finish(mut self, signal: Signal, failure: String) {
        if let Some(ticket) = self.ticket.take() {
            self.gate.record(self.to, ticket, signal, failure);
        }
    }
}

impl Drop for Passage<'_> {
    fn drop(&mut self) {
        // The caller left: that tells nothing of the host, and the place is free again.
        if let Some(ticket) = self.ticket.take() {
            let signal = Signal::Unclear;
            self.gate.record(self.to, ticket, signal, String::new());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http::Uri;

    use super::*;

    fn host(number: usize) -> Destination {
        let uri: Uri = format!("https://host-{number}.example").parse().unwrap();
        Destination::of(&uri, false).unwrap()
    }

    fn patient() -> Deadline {
        Deadline::after(Duration::from_secs(30))
    }

    fn breaker(failures: u32) -> CircuitBreaker {
        CircuitBreaker::default().failures(failures)
    }

    async fn fail(gate: &Gate, to: &Destination) {
        let passage = gate.enter(to, patient()).await.unwrap();
        passage.finish(Signal::Dead, "it was dead".to_owned());
    }

    async fn kind(gate: &Gate, to: &Destination) -> Option<TransportErrorKind> {
        gate.enter(to, patient())
            .await
            .err()
            .map(|error| error.kind())
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_wait_enter_in_the_order_of_their_coming() {
        let gate = Arc::new(Gate::new(2, breaker(5)));
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut callers = tokio::task::JoinSet::new();
        for number in 0..1_000 {
            let (gate, order) = (Arc::clone(&gate), Arc::clone(&order));
            callers.spawn(async move {
                let to = host(0);
                let passage = gate.enter(&to, patient()).await.unwrap();
                order.lock().unwrap().push(number);
                assert!(gate.permits.available_permits() < 2);
                tokio::time::sleep(Duration::from_millis(10)).await;
                passage.finish(Signal::Alive, String::new());
            });
        }
        callers.join_all().await;
        assert!(order.lock().unwrap().is_sorted());
        assert_eq!(gate.permits.available_permits(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_counts_the_wait() {
        let gate = Gate::new(1, breaker(5));
        let to = host(0);
        let first = gate.enter(&to, patient()).await.unwrap();
        let start = Instant::now();
        let short = Deadline::after(Duration::from_millis(1_500));
        let error = gate.enter(&to, short).await.err().unwrap();
        assert_eq!(error.kind(), TransportErrorKind::Busy);
        assert!(error.to_string().contains("1500 ms"), "{error}");
        assert!(start.elapsed() >= Duration::from_millis(1_500));
        assert!(start.elapsed() < Duration::from_millis(1_600));
        drop(first);
        assert_eq!(kind(&gate, &to).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_is_told_at_once_that_the_host_is_given_up() {
        let gate = Arc::new(Gate::new(1, breaker(1)));
        let (dead, other) = (host(0), host(1));
        let first = gate.enter(&dead, patient()).await.unwrap();
        let waiting = |to: Destination| {
            let gate = Arc::clone(&gate);
            tokio::spawn(async move {
                let start = Instant::now();
                (kind(&gate, &to).await, start.elapsed())
            })
        };
        let (refused, admitted) = (waiting(dead.clone()), waiting(other));
        tokio::time::sleep(Duration::from_secs(1)).await;
        first.finish(Signal::Dead, "it was dead".to_owned());
        let (kind, waited) = refused.await.unwrap();
        assert_eq!(kind, Some(TransportErrorKind::CircuitOpen));
        assert_eq!(waited.as_secs(), 1);
        // Another host's callers only move up.
        assert_eq!(admitted.await.unwrap().0, None);
    }

    #[tokio::test(start_paused = true)]
    async fn an_open_circuit_says_when_and_why() {
        let gate = Gate::new(8, breaker(2));
        let to = host(0);
        fail(&gate, &to).await;
        fail(&gate, &to).await;
        let error = gate.enter(&to, patient()).await.err().unwrap();
        assert_eq!(error.kind(), TransportErrorKind::CircuitOpen);
        assert!(!error.kind().may_have_arrived());
        let text = error.to_string();
        for said in ["host-0.example", "5000 ms", "it was dead"] {
            assert!(text.contains(said), "{text}");
        }
        assert!(!gate.would_admit(&to, Duration::from_secs(4)));
        assert!(gate.would_admit(&to, Duration::from_secs(5)));
        assert!(gate.would_admit(&to, Duration::MAX));
    }

    #[tokio::test(start_paused = true)]
    async fn one_probe_is_let_through_and_none_is_lost() {
        let gate = Gate::new(8, breaker(1));
        let to = host(0);
        fail(&gate, &to).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        for _ in 0..3 {
            let probe = gate.enter(&to, patient()).await.unwrap();
            let circuit_open = Some(TransportErrorKind::CircuitOpen);
            assert_eq!(kind(&gate, &to).await, circuit_open);
            // Its caller leaves.
            drop(probe);
        }
        let probe = gate.enter(&to, patient()).await.unwrap();
        probe.finish(Signal::Alive, String::new());
        assert_eq!(kind(&gate, &to).await, None);
        assert!(gate.suspects().is_empty());
        assert_eq!(gate.permits.available_permits(), 8);
    }

    #[tokio::test(start_paused = true)]
    async fn the_hosts_held_in_mind_are_bounded() {
        let gate = Gate::new(8, breaker(1));
        for number in 0..2 * HOSTS {
            fail(&gate, &host(number)).await;
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        assert_eq!(gate.suspects().len(), HOSTS);
        assert_eq!(kind(&gate, &host(0)).await, None);
        let last = kind(&gate, &host(2 * HOSTS - 1)).await;
        assert_eq!(last, Some(TransportErrorKind::CircuitOpen));
    }

    #[tokio::test(start_paused = true)]
    async fn switched_off_it_holds_nothing_against_anybody() {
        let gate = Gate::new(8, CircuitBreaker::never());
        for _ in 0..100 {
            fail(&gate, &host(0)).await;
        }
        assert!(gate.suspects().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn who_leaves_while_waiting_leaves_no_gap() {
        let gate = Gate::new(1, breaker(5));
        let to = host(0);
        let first = gate.enter(&to, patient()).await.unwrap();
        for _ in 0..10 {
            let wait = Duration::from_millis(10);
            let left = tokio::time::timeout(wait, gate.enter(&to, patient()));
            assert!(left.await.is_err());
        }
        drop(first);
        assert_eq!(kind(&gate, &to).await, None);
        assert_eq!(gate.permits.available_permits(), 1);
    }
}
