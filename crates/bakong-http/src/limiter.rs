//! Limits concurrent requests (first in, first out) and rejects requests to a host whose circuit is open.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use bakong_api::transport::{TransportError, TransportErrorKind};
use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tokio::time::Instant;

use crate::circuit::{Admission, Circuit, CircuitBreaker, Denied, Signal};
use crate::deadline::Deadline;
use crate::destination::Destination;

/// How many hosts with failures are remembered.
const HOSTS: usize = 64;

pub(crate) struct Limiter {
    semaphore: Semaphore,
    max_in_flight: usize,
    breaker: CircuitBreaker,
    /// Contains only hosts that failed, so the map is empty in most programs.
    hosts: Mutex<HashMap<Destination, HostState>>,
    /// Notified when a circuit opens, so that queued requests to its host fail at once.
    opened: Notify,
}

struct HostState {
    circuit: Circuit,
    /// The text of the last failure, for error messages.
    last_failure: String,
    failed_at: Instant,
}

impl Limiter {
    pub(crate) fn new(max_in_flight: usize, breaker: CircuitBreaker) -> Self {
        let max_in_flight = max_in_flight.min(Semaphore::MAX_PERMITS);
        Self {
            semaphore: Semaphore::new(max_in_flight),
            max_in_flight,
            breaker,
            hosts: Mutex::default(),
            opened: Notify::new(),
        }
    }

    /// Waits for a permit for one attempt.
    ///
    /// # Errors
    /// `Busy` if the deadline passes first, `CircuitOpen` if the circuit of the host is open.
    pub(crate) async fn acquire<'l>(
        &'l self,
        to: &'l Destination,
        deadline: Deadline,
    ) -> Result<Permit<'l>, TransportError> {
        let permit = match self.semaphore.try_acquire() {
            Ok(permit) => permit,
            // Boxed, so that the future stays small for callers that do not wait.
            Err(_) => Box::pin(self.queue(to, deadline)).await?,
        };
        let admission = self.with_host(to, Circuit::admit)?;
        Ok(Permit {
            limiter: self,
            to,
            admission: Some(admission.unwrap_or(Admission::Ordinary)),
            _permit: permit,
        })
    }

    /// Waits in the queue.
    async fn queue(
        &self,
        to: &Destination,
        deadline: Deadline,
    ) -> Result<SemaphorePermit<'_>, TransportError> {
        let time = deadline.remaining();
        let mut permit = pin!(self.semaphore.acquire());
        let mut timeout = pin!(tokio::time::sleep(time));
        loop {
            let mut opened = pin!(self.opened.notified());
            // Registers for notifications before the check, so that none is missed.
            opened.as_mut().enable();
            self.with_host(to, |circuit, now| circuit.check(now))?;
            let waited = poll_fn(|context| {
                if let Poll::Ready(permit) = permit.as_mut().poll(context) {
                    return Poll::Ready(Some(permit.map_err(|_| self.busy(to, time))));
                }
                if opened.as_mut().poll(context).is_ready() {
                    return Poll::Ready(None);
                }
                let timeout = timeout.as_mut().poll(context);
                timeout.map(|()| Some(Err(self.busy(to, time))))
            });
            if let Some(waited) = waited.await {
                return waited;
            }
        }
    }

    fn busy(&self, to: &Destination, waited: Duration) -> TransportError {
        let detail = format!(
            "{to}: {} requests were in flight and none finished within {} ms; to allow more, raise max_in_flight",
            self.max_in_flight,
            waited.as_millis()
        );
        TransportError::new(
            TransportErrorKind::Busy,
            "the deadline passed in the request queue",
        )
        .with_detail(detail)
    }

    /// Whether the circuit would admit another attempt after `wait`, as far as is known now.
    pub(crate) fn would_admit(&self, to: &Destination, wait: Duration) -> bool {
        let hosts = self.hosts();
        let Some(host) = hosts.get(to) else {
            return true;
        };
        Instant::now()
            .checked_add(wait)
            .is_none_or(|then| host.circuit.check(then).is_ok())
    }

    /// Applies `ask` to the circuit of a host that failed before. Returns `None` for any other host.
    fn with_host<T>(
        &self,
        to: &Destination,
        ask: impl FnOnce(&mut Circuit, Instant) -> Result<T, Denied>,
    ) -> Result<Option<T>, TransportError> {
        let mut hosts = self.hosts();
        let Some(host) = hosts.get_mut(to) else {
            return Ok(None);
        };
        let now = Instant::now();
        let result = ask(&mut host.circuit, now);
        result
            .map(Some)
            .map_err(|denied| host.rejection(to, denied, now))
    }

    fn record(&self, to: &Destination, admission: Admission, signal: Signal, failure: String) {
        if self.breaker.is_never() {
            return;
        }
        let mut hosts = self.hosts();
        let now = Instant::now();
        if signal != Signal::Dead {
            if let Some(host) = hosts.get_mut(to) {
                host.circuit.record(admission, signal, now);
                if host.circuit.is_clean() {
                    hosts.remove(to);
                }
            }
            return;
        }
        if !hosts.contains_key(to) {
            evict_oldest(&mut hosts);
        }
        let host = hosts.entry(to.clone()).or_insert_with(|| HostState {
            circuit: Circuit::new(self.breaker),
            last_failure: String::new(),
            failed_at: now,
        });
        host.last_failure = failure;
        host.failed_at = now;
        let opened = host.circuit.record(admission, signal, now);
        drop(hosts);
        if opened {
            self.opened.notify_waiters();
        }
    }

    fn hosts(&self) -> MutexGuard<'_, HashMap<Destination, HostState>> {
        // No code panics while it holds the lock.
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// If the map is full, removes the host whose last failure is the oldest.
fn evict_oldest(hosts: &mut HashMap<Destination, HostState>) {
    if hosts.len() < HOSTS {
        return;
    }
    let oldest = hosts.iter().min_by_key(|(_, host)| host.failed_at);
    if let Some(oldest) = oldest.map(|(to, _)| to.clone()) {
        hosts.remove(&oldest);
    }
}

impl HostState {
    fn rejection(&self, to: &Destination, denied: Denied, now: Instant) -> TransportError {
        let when = match denied {
            Denied::Until(until) => {
                let wait = until.saturating_duration_since(now);
                format!("a new attempt is possible in {} ms", wait.as_millis())
            }
            Denied::Probing => "another request is testing the host now".to_owned(),
        };
        let detail = format!("{to}: {when}; the last failure: {}", self.last_failure);
        TransportError::new(TransportErrorKind::CircuitOpen, "the circuit is open")
            .with_detail(detail)
    }
}

/// The permit for one attempt. Dropping the permit releases its place.
pub(crate) struct Permit<'l> {
    limiter: &'l Limiter,
    to: &'l Destination,
    admission: Option<Admission>,
    _permit: SemaphorePermit<'l>,
}

impl Permit<'_> {
    /// Records the result of the attempt. `failure` describes it if the host seems dead.
    pub(crate) fn finish(mut self, signal: Signal, failure: String) {
        if let Some(admission) = self.admission.take() {
            self.limiter.record(self.to, admission, signal, failure);
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        // The caller dropped its future, which shows nothing about the host.
        if let Some(admission) = self.admission.take() {
            let signal = Signal::Unclear;
            self.limiter
                .record(self.to, admission, signal, String::new());
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

    fn later() -> Deadline {
        Deadline::after(Duration::from_secs(30))
    }

    fn breaker(failures: u32) -> CircuitBreaker {
        CircuitBreaker::default().failures(failures)
    }

    async fn fail(limiter: &Limiter, to: &Destination) {
        let permit = limiter.acquire(to, later()).await.unwrap();
        permit.finish(Signal::Dead, "connection refused".to_owned());
    }

    async fn rejection(limiter: &Limiter, to: &Destination) -> Option<TransportErrorKind> {
        let acquired = limiter.acquire(to, later()).await;
        acquired.err().map(|error| error.kind())
    }

    #[tokio::test(start_paused = true)]
    async fn queued_requests_proceed_in_order() {
        let limiter = Arc::new(Limiter::new(2, breaker(5)));
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut callers = tokio::task::JoinSet::new();
        for number in 0..1_000 {
            let (limiter, order) = (Arc::clone(&limiter), Arc::clone(&order));
            callers.spawn(async move {
                let to = host(0);
                let permit = limiter.acquire(&to, later()).await.unwrap();
                order.lock().unwrap().push(number);
                assert!(limiter.semaphore.available_permits() < 2);
                tokio::time::sleep(Duration::from_millis(10)).await;
                permit.finish(Signal::Alive, String::new());
            });
        }
        callers.join_all().await;
        assert!(order.lock().unwrap().is_sorted());
        assert_eq!(limiter.semaphore.available_permits(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn the_deadline_includes_the_time_in_the_queue() {
        let limiter = Limiter::new(1, breaker(5));
        let to = host(0);
        let first = limiter.acquire(&to, later()).await.unwrap();
        let start = Instant::now();
        let short = Deadline::after(Duration::from_millis(1_500));
        let error = limiter.acquire(&to, short).await.err().unwrap();
        assert_eq!(error.kind(), TransportErrorKind::Busy);
        assert!(error.to_string().contains("1500 ms"), "{error}");
        assert!(start.elapsed() >= Duration::from_millis(1_500));
        assert!(start.elapsed() < Duration::from_millis(1_600));
        drop(first);
        assert_eq!(rejection(&limiter, &to).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_queued_request_fails_as_soon_as_the_circuit_opens() {
        let limiter = Arc::new(Limiter::new(1, breaker(1)));
        let (dead, other) = (host(0), host(1));
        let first = limiter.acquire(&dead, later()).await.unwrap();
        let waiting = |to: Destination| {
            let limiter = Arc::clone(&limiter);
            tokio::spawn(async move {
                let start = Instant::now();
                (rejection(&limiter, &to).await, start.elapsed())
            })
        };
        let (rejected, admitted) = (waiting(dead.clone()), waiting(other));
        tokio::time::sleep(Duration::from_secs(1)).await;
        first.finish(Signal::Dead, "connection refused".to_owned());
        let (kind, waited) = rejected.await.unwrap();
        assert_eq!(kind, Some(TransportErrorKind::CircuitOpen));
        assert_eq!(waited.as_secs(), 1);
        // Requests to other hosts only move up in the queue.
        assert_eq!(admitted.await.unwrap().0, None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_error_of_an_open_circuit_names_the_time_and_the_cause() {
        let limiter = Limiter::new(8, breaker(2));
        let to = host(0);
        fail(&limiter, &to).await;
        fail(&limiter, &to).await;
        let error = limiter.acquire(&to, later()).await.err().unwrap();
        assert_eq!(error.kind(), TransportErrorKind::CircuitOpen);
        assert!(!error.kind().may_have_arrived());
        let text = error.to_string();
        for part in ["host-0.example", "5000 ms", "connection refused"] {
            assert!(text.contains(part), "{text}");
        }
        assert!(!limiter.would_admit(&to, Duration::from_secs(4)));
        assert!(limiter.would_admit(&to, Duration::from_secs(5)));
        assert!(limiter.would_admit(&to, Duration::MAX));
    }

    #[tokio::test(start_paused = true)]
    async fn a_dropped_probe_makes_room_for_another() {
        let limiter = Limiter::new(8, breaker(1));
        let to = host(0);
        fail(&limiter, &to).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        for _ in 0..3 {
            let probe = limiter.acquire(&to, later()).await.unwrap();
            let circuit_open = Some(TransportErrorKind::CircuitOpen);
            assert_eq!(rejection(&limiter, &to).await, circuit_open);
            drop(probe);
        }
        let probe = limiter.acquire(&to, later()).await.unwrap();
        probe.finish(Signal::Alive, String::new());
        assert_eq!(rejection(&limiter, &to).await, None);
        assert!(limiter.hosts().is_empty());
        assert_eq!(limiter.semaphore.available_permits(), 8);
    }

    #[tokio::test(start_paused = true)]
    async fn the_number_of_remembered_hosts_is_limited() {
        let limiter = Limiter::new(8, breaker(1));
        for number in 0..2 * HOSTS {
            fail(&limiter, &host(number)).await;
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        assert_eq!(limiter.hosts().len(), HOSTS);
        assert_eq!(rejection(&limiter, &host(0)).await, None);
        let last = rejection(&limiter, &host(2 * HOSTS - 1)).await;
        assert_eq!(last, Some(TransportErrorKind::CircuitOpen));
    }

    #[tokio::test(start_paused = true)]
    async fn a_disabled_breaker_remembers_no_host() {
        let limiter = Limiter::new(8, CircuitBreaker::never());
        for _ in 0..100 {
            fail(&limiter, &host(0)).await;
        }
        assert!(limiter.hosts().is_empty());
    }
}
