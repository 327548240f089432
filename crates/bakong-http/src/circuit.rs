//! A circuit breaker: rejects requests to a host that does not respond, so that callers do not queue up.
//!
//! The state machine does no I/O. Its caller passes in the result of each attempt and the time.

use std::time::Duration;

use tokio::time::Instant;

/// When requests to a host that does not respond are rejected, and for how long.
///
/// After a number of consecutive [`failures`](Self::failures), the circuit of the host opens: requests fail at
/// once with [`TransportErrorKind::CircuitOpen`](bakong_api::transport::TransportErrorKind::CircuitOpen) for a
/// [`pause`](Self::pause). Then one request is sent as a probe. If the probe fails, the next pause is twice as
/// long, up to [`longest_pause`](Self::longest_pause). Any response closes the circuit.
///
/// These count as failures: a failed name lookup, connection or handshake, a broken connection, a timeout,
/// and HTTP 502, 503 and 504. An untrusted certificate and a proxy that refuses do not count: waiting does
/// not help there, so the caller gets the actual error each time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CircuitBreaker {
    failures: u32,
    pause: Duration,
    longest_pause: Duration,
}

impl Default for CircuitBreaker {
    fn default() -> Self {
        Self {
            failures: 5,
            pause: Duration::from_secs(5),
            longest_pause: Duration::from_secs(60),
        }
    }
}

impl CircuitBreaker {
    /// Never rejects a request.
    #[must_use]
    pub fn never() -> Self {
        Self::default().failures(u32::MAX)
    }

    /// Sets how many consecutive failures open the circuit. Defaults to 5. The minimum is 1. [`u32::MAX`]
    /// disables the circuit breaker.
    #[must_use]
    pub const fn failures(mut self, count: u32) -> Self {
        self.failures = if count == 0 { 1 } else { count };
        self
    }

    /// Sets the length of the first pause. Defaults to 5 s.
    #[must_use]
    pub const fn pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// Sets the maximum length of a pause. Defaults to 60 s.
    #[must_use]
    pub const fn longest_pause(mut self, pause: Duration) -> Self {
        self.longest_pause = pause;
        self
    }

    pub(crate) const fn is_never(self) -> bool {
        self.failures == u32::MAX
    }
}

/// The conclusion from an attempt about its host.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Signal {
    /// The host responded.
    Alive,
    /// The host did not respond, or a gateway in front of it reported that.
    Dead,
    /// The attempt shows nothing about the host: for example, it was cancelled, or ended before reaching the host.
    Unclear,
}

/// Permission for one attempt. Passed back to [`Circuit::record`] with the result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Admission {
    Ordinary,
    /// The only attempt while the circuit is half open.
    Probe,
}

/// The circuit is open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Denied {
    Until(Instant),
    /// A probe is in flight.
    Probing,
}

/// The state of one host's circuit.
///
/// ```text
///    Alive, or Dead but not often enough
///           ┌───┐
///           ▼   │    Dead, for the n-th time in a row
///        ┌────────┐ ───────────────────────────▶ ┌────────┐
///  ─────▶│ Closed │                              │  Open  │◀──┐
///        └────────┘ ◀───────────┐                └────────┘   │
///             ▲       Alive     │   pause is over, │    ▲     │ Dead: the pause
///             │  (also late)    │   the next admit │    │     │ doubles
///             │                 │                  ▼    │     │
///             │                 │              ┌─────────┐    │
///             └─────────────────┴───────────── │ Probing │ ───┘
///                                      Alive   └─────────┘
///                                                  │ Unclear: Open, with its pause over
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Closed { failures: u32 },
    Open { until: Instant },
    Probing,
}

#[derive(Clone, Debug)]
pub(crate) struct Circuit {
    settings: CircuitBreaker,
    state: State,
    /// The length of the next pause.
    pause: Duration,
}

impl Circuit {
    pub(crate) const fn new(settings: CircuitBreaker) -> Self {
        Self {
            settings,
            state: State::Closed { failures: 0 },
            pause: settings.pause,
        }
    }

    /// Whether an attempt would be admitted now.
    pub(crate) fn check(&self, now: Instant) -> Result<(), Denied> {
        match self.state {
            State::Closed { .. } => Ok(()),
            State::Open { until } if now >= until => Ok(()),
            State::Open { until } => Err(Denied::Until(until)),
            State::Probing => Err(Denied::Probing),
        }
    }

    /// Admits an attempt, as a probe if the pause is over.
    pub(crate) fn admit(&mut self, now: Instant) -> Result<Admission, Denied> {
        self.check(now)?;
        match self.state {
            State::Closed { .. } => Ok(Admission::Ordinary),
            State::Open { .. } | State::Probing => {
                self.state = State::Probing;
                Ok(Admission::Probe)
            }
        }
    }

    /// Records the result of an attempt. Returns whether it opened the circuit.
    pub(crate) fn record(&mut self, admission: Admission, signal: Signal, now: Instant) -> bool {
        match (self.state, admission, signal) {
            // This includes a late response to an attempt that began before the circuit opened.
            (_, _, Signal::Alive) => {
                *self = Self::new(self.settings);
                false
            }
            (State::Probing, Admission::Probe, Signal::Unclear) => {
                self.state = State::Open { until: now };
                false
            }
            (State::Probing, Admission::Probe, Signal::Dead) => {
                self.open(now);
                true
            }
            (State::Closed { failures }, _, Signal::Dead) => {
                let failures = failures.saturating_add(1);
                self.state = State::Closed { failures };
                let opens = failures >= self.settings.failures && !self.settings.is_never();
                if opens {
                    self.open(now);
                }
                opens
            }
            // A late failure of an attempt that began before the circuit opened.
            (State::Open { .. } | State::Probing, _, Signal::Dead) | (_, _, Signal::Unclear) => {
                false
            }
        }
    }

    /// Whether the circuit is closed and no failure is counted.
    pub(crate) fn is_clean(&self) -> bool {
        self.state == State::Closed { failures: 0 }
    }

    fn open(&mut self, now: Instant) {
        let pause = self.pause.min(self.settings.longest_pause);
        // If the clock cannot represent the end of the pause, the pause lasts a year.
        let until = now
            .checked_add(pause)
            .unwrap_or_else(|| now + Duration::from_secs(86_400 * 365));
        self.state = State::Open { until };
        self.pause = pause.saturating_mul(2);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn breaker() -> CircuitBreaker {
        CircuitBreaker::default()
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// A circuit that opened at `now`.
    fn opened(now: Instant) -> Circuit {
        let mut circuit = Circuit::new(breaker());
        for failure in 1..=5 {
            assert_eq!(circuit.admit(now), Ok(Admission::Ordinary));
            let opens = circuit.record(Admission::Ordinary, Signal::Dead, now);
            assert_eq!(opens, failure == 5);
        }
        circuit
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let mut now = Instant::now();
        let mut circuit = opened(now);
        for pause in [5, 10, 20, 40, 60, 60] {
            let until = now + seconds(pause);
            assert_eq!(circuit.admit(now), Err(Denied::Until(until)));
            let nearly = until - Duration::from_nanos(1);
            assert_eq!(circuit.admit(nearly), Err(Denied::Until(until)));
            now = until;
            assert_eq!(circuit.admit(now), Ok(Admission::Probe));
            assert_eq!(circuit.admit(now), Err(Denied::Probing));
            assert!(circuit.record(Admission::Probe, Signal::Dead, now));
        }
    }

    #[test]
    fn a_response_to_the_probe_resets_the_circuit() {
        let now = Instant::now();
        let mut circuit = opened(now);
        assert_eq!(circuit.admit(now + seconds(5)), Ok(Admission::Probe));
        circuit.record(Admission::Probe, Signal::Alive, now);
        assert!(circuit.is_clean());
        // The next pause has the first length again.
        for _ in 0..5 {
            circuit.record(Admission::Ordinary, Signal::Dead, now);
        }
        assert_eq!(circuit.check(now), Err(Denied::Until(now + seconds(5))));
    }

    #[test]
    fn an_attempt_from_before_the_circuit_opened_can_only_close_it() {
        let now = Instant::now();
        let mut circuit = opened(now);
        let until = now + seconds(5);
        assert!(!circuit.record(Admission::Ordinary, Signal::Dead, now + seconds(4)));
        assert_eq!(circuit.check(now), Err(Denied::Until(until)));
        assert_eq!(circuit.admit(until), Ok(Admission::Probe));
        assert!(!circuit.record(Admission::Ordinary, Signal::Dead, until));
        assert!(!circuit.record(Admission::Ordinary, Signal::Unclear, until));
        assert_eq!(circuit.check(until), Err(Denied::Probing));
        circuit.record(Admission::Ordinary, Signal::Alive, until);
        assert_eq!(circuit.admit(until), Ok(Admission::Ordinary));
    }

    #[test]
    fn the_longest_pause_does_not_overflow() {
        let now = Instant::now();
        let longest = breaker().failures(0).pause(Duration::MAX);
        let mut circuit = Circuit::new(longest.longest_pause(Duration::MAX));
        assert!(circuit.record(Admission::Ordinary, Signal::Dead, now));
        assert!(circuit.check(now).is_err());
        let mut never = Circuit::new(CircuitBreaker::never());
        for _ in 0..1_000 {
            assert!(!never.record(Admission::Ordinary, Signal::Dead, now));
        }
        assert_eq!(never.check(now), Ok(()));
    }

    #[derive(Clone, Debug)]
    enum Step {
        Ask,
        Answer(usize, Signal),
        Wait(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        let signal = prop_oneof![
            1 => Just(Signal::Alive),
            6 => Just(Signal::Dead),
            2 => Just(Signal::Unclear),
        ];
        prop_oneof![
            4 => Just(Step::Ask),
            4 => (any::<usize>(), signal).prop_map(|(which, signal)| Step::Answer(which, signal)),
            1 => (0_u64..70_000).prop_map(Step::Wait),
        ]
    }

    proptest! {
        #[test]
        fn at_most_one_probe_and_no_endless_rejection(steps in prop::collection::vec(step(), 0..200)) {
            let settings = breaker();
            let mut circuit = Circuit::new(settings);
            let mut now = Instant::now();
            let mut in_flight: Vec<Admission> = Vec::new();
            let mut dead_in_a_row = 0;
            // A late response may close the circuit while a probe is in flight, so a second probe is possible.
            let mut overtaken = 0;
            for step in steps {
                match step {
                    Step::Ask => match circuit.admit(now) {
                        Ok(admission) => in_flight.push(admission),
                        // A rejection lasts no longer than the longest pause, or until a probe ends.
                        Err(Denied::Until(until)) => {
                            prop_assert!(until > now && until - now <= settings.longest_pause);
                        }
                        Err(Denied::Probing) => prop_assert!(in_flight.contains(&Admission::Probe)),
                    },
                    Step::Answer(which, signal) if !in_flight.is_empty() => {
                        let admission = in_flight.swap_remove(which % in_flight.len());
                        match signal {
                            Signal::Alive => {
                                dead_in_a_row = 0;
                                overtaken += usize::from(in_flight.contains(&Admission::Probe));
                            }
                            Signal::Dead => dead_in_a_row += 1,
                            Signal::Unclear => {}
                        }
                        let opened = circuit.record(admission, signal, now);
                        prop_assert!(!opened || dead_in_a_row >= settings.failures);
                        if signal == Signal::Alive {
                            prop_assert!(circuit.is_clean());
                        }
                    }
                    Step::Answer(..) => {}
                    Step::Wait(millis) => now += Duration::from_millis(millis),
                }
                let probes = in_flight.iter().filter(|admission| **admission == Admission::Probe).count();
                prop_assert!(probes <= 1 + overtaken);
            }
            // Once all attempts have ended, the circuit admits again after the longest pause.
            for admission in in_flight {
                circuit.record(admission, Signal::Unclear, now);
            }
            prop_assert!(circuit.admit(now + settings.longest_pause).is_ok());
        }
    }
}
