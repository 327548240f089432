//! Whether a host is given up for a while, so that callers do not queue up behind one that is dead.
//!
//! Pure: it is told what came of each attempt and what time it is.

use std::time::Duration;

use tokio::time::Instant;

/// When to stop asking a host that does not answer, and for how long.
///
/// After [`failures`](Self::failures) in a row that say that the host is dead, requests to it fail at once
/// with [`TransportErrorKind::CircuitOpen`](bakong_api::transport::TransportErrorKind::CircuitOpen) until a
/// [`pause`](Self::pause) is over. Then a single one is sent. If it fails too, the next pause is twice as
/// long, up to [`longest_pause`](Self::longest_pause); if it gets an answer, all is as before.
///
/// A failed look-up, connection or handshake, a connection that broke, a timeout, and HTTP 502, 503 and 504
/// say that the host is dead. A certificate that is not trusted or a proxy that refuses do not: waiting
/// does not mend them, and the caller should learn of them each time.
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
    /// Asks on, however dead the host seems.
    #[must_use]
    pub fn never() -> Self {
        Self::default().failures(u32::MAX)
    }

    /// How many failures in a row it takes; 5 unless said, at least 1, and [`u32::MAX`] for never.
    #[must_use]
    pub const fn failures(mut self, count: u32) -> Self {
        self.failures = if count == 0 { 1 } else { count };
        self
    }

    /// How long the first pause is; 5 s unless said.
    #[must_use]
    pub const fn pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// How long a pause grows at most; 60 s unless said.
    #[must_use]
    pub const fn longest_pause(mut self, pause: Duration) -> Self {
        self.longest_pause = pause;
        self
    }

    pub(crate) const fn is_never(self) -> bool {
        self.failures == u32::MAX
    }
}

/// What an attempt tells of its host.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Signal {
    /// It answered.
    Alive,
    /// It did not.
    Dead,
    /// Nothing: the caller left, or something else stood in between.
    Unclear,
}

/// The right to one attempt. To be handed back with what came of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ticket {
    Ordinary,
    /// The one attempt that finds out whether the host is back.
    Probe,
}

/// No attempt may be made for now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Blocked {
    Until(Instant),
    /// A probe is under way.
    Probing,
}

/// One host's standing.
///
/// ```text
///    Alive, or Dead but not often enough
///           ┌───┐
///           ▼   │    Dead, for the n-th time in a row
///        ┌────────┐ ───────────────────────────▶ ┌────────┐
///  ─────▶│ Closed │                              │  Open  │◀──┐
///        └────────┘ ◀───────────┐                └────────┘   │
///             ▲       Alive     │   pause is over, │    ▲     │ Dead: the pause
///             │  (a late answer)│   the next admit │    │     │ doubles
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
    /// How long the next pause is.
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

    /// Whether an attempt could be made now.
    pub(crate) fn check(&self, now: Instant) -> Result<(), Blocked> {
        match self.state {
            State::Closed { .. } => Ok(()),
            State::Open { until } if now >= until => Ok(()),
            State::Open { until } => Err(Blocked::Until(until)),
            State::Probing => Err(Blocked::Probing),
        }
    }

    /// Lets an attempt be made.
    pub(crate) fn admit(&mut self, now: Instant) -> Result<Ticket, Blocked> {
        self.check(now)?;
        match self.state {
            State::Closed { .. } => Ok(Ticket::Ordinary),
            State::Open { .. } | State::Probing => {
                self.state = State::Probing;
                Ok(Ticket::Probe)
            }
        }
    }

    /// Takes what came of an attempt. Says whether the circuit opened by it.
    pub(crate) fn record(&mut self, ticket: Ticket, signal: Signal, now: Instant) -> bool {
        match (self.state, ticket, signal) {
            // A late answer of an earlier attempt is as good as a probe's.
            (_, _, Signal::Alive) => {
                *self = Self::new(self.settings);
                false
            }
            (State::Probing, Ticket::Probe, Signal::Unclear) => {
                self.state = State::Open { until: now };
                false
            }
            (State::Probing, Ticket::Probe, Signal::Dead) => {
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
            // Attempts from before it opened tell nothing new.
            (State::Open { .. } | State::Probing, _, Signal::Dead) | (_, _, Signal::Unclear) => {
                false
            }
        }
    }

    /// Whether nothing is held against the host.
    pub(crate) fn is_clean(&self) -> bool {
        self.state == State::Closed { failures: 0 }
    }

    fn open(&mut self, now: Instant) {
        let pause = self.pause.min(self.settings.longest_pause);
        // A pause beyond the clock's end is one until the end of a very long day.
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
            assert_eq!(circuit.admit(now), Ok(Ticket::Ordinary));
            let opens = circuit.record(Ticket::Ordinary, Signal::Dead, now);
            assert_eq!(opens, failure == 5);
        }
        circuit
    }

    #[test]
    fn it_opens_for_pauses_that_double_up_to_a_minute() {
        let mut now = Instant::now();
        let mut circuit = opened(now);
        for pause in [5, 10, 20, 40, 60, 60] {
            let until = now + seconds(pause);
            assert_eq!(circuit.admit(now), Err(Blocked::Until(until)));
            let nearly = until - Duration::from_nanos(1);
            assert_eq!(circuit.admit(nearly), Err(Blocked::Until(until)));
            now = until;
            assert_eq!(circuit.admit(now), Ok(Ticket::Probe));
            assert_eq!(circuit.admit(now), Err(Blocked::Probing));
            assert!(circuit.record(Ticket::Probe, Signal::Dead, now));
        }
    }

    #[test]
    fn a_probe_that_gets_an_answer_forgets_it_all() {
        let now = Instant::now();
        let mut circuit = opened(now);
        assert_eq!(circuit.admit(now + seconds(5)), Ok(Ticket::Probe));
        circuit.record(Ticket::Probe, Signal::Alive, now);
        assert!(circuit.is_clean());
        // The next pause is a first one.
        for _ in 0..5 {
            circuit.record(Ticket::Ordinary, Signal::Dead, now);
        }
        assert_eq!(circuit.check(now), Err(Blocked::Until(now + seconds(5))));
    }

    #[test]
    fn a_probe_that_is_given_up_makes_room_for_another() {
        let now = Instant::now();
        let mut circuit = opened(now);
        let later = now + seconds(5);
        assert_eq!(circuit.admit(later), Ok(Ticket::Probe));
        circuit.record(Ticket::Probe, Signal::Unclear, later);
        assert_eq!(circuit.admit(later), Ok(Ticket::Probe));
    }

    #[test]
    fn what_began_before_it_opened_can_only_close_it() {
        let now = Instant::now();
        let mut circuit = opened(now);
        let until = now + seconds(5);
        assert!(!circuit.record(Ticket::Ordinary, Signal::Dead, now + seconds(4)));
        assert_eq!(circuit.check(now), Err(Blocked::Until(until)));
        assert_eq!(circuit.admit(until), Ok(Ticket::Probe));
        assert!(!circuit.record(Ticket::Ordinary, Signal::Dead, until));
        assert!(!circuit.record(Ticket::Ordinary, Signal::Unclear, until));
        assert_eq!(circuit.check(until), Err(Blocked::Probing));
        circuit.record(Ticket::Ordinary, Signal::Alive, until);
        assert_eq!(circuit.admit(until), Ok(Ticket::Ordinary));
    }

    #[test]
    fn the_longest_pause_is_a_pause() {
        let now = Instant::now();
        let longest = breaker().failures(0).pause(Duration::MAX);
        let mut circuit = Circuit::new(longest.longest_pause(Duration::MAX));
        assert!(circuit.record(Ticket::Ordinary, Signal::Dead, now));
        assert!(circuit.check(now).is_err());
        let mut never = Circuit::new(CircuitBreaker::never());
        for _ in 0..1_000 {
            assert!(!never.record(Ticket::Ordinary, Signal::Dead, now));
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
        fn whatever_happens(steps in prop::collection::vec(step(), 0..200)) {
            let settings = breaker();
            let mut circuit = Circuit::new(settings);
            let mut now = Instant::now();
            let mut out: Vec<Ticket> = Vec::new();
            let mut dead_in_a_row = 0;
            // A late answer may close it while a probe is out, so that there may be another.
            let mut overtaken = 0;
            for step in steps {
                match step {
                    Step::Ask => match circuit.admit(now) {
                        Ok(ticket) => out.push(ticket),
                        // Nobody is kept out for longer than the longest pause, or without a probe.
                        Err(Blocked::Until(until)) => {
                            prop_assert!(until > now && until - now <= settings.longest_pause);
                        }
                        Err(Blocked::Probing) => prop_assert!(out.contains(&Ticket::Probe)),
                    },
                    Step::Answer(which, signal) if !out.is_empty() => {
                        let ticket = out.swap_remove(which % out.len());
                        match signal {
                            Signal::Alive => {
                                dead_in_a_row = 0;
                                overtaken += usize::from(out.contains(&Ticket::Probe));
                            }
                            Signal::Dead => dead_in_a_row += 1,
                            Signal::Unclear => {}
                        }
                        let opened = circuit.record(ticket, signal, now);
                        prop_assert!(!opened || dead_in_a_row >= settings.failures);
                        if signal == Signal::Alive {
                            prop_assert!(circuit.is_clean());
                        }
                    }
                    Step::Answer(..) => {}
                    Step::Wait(millis) => now += Duration::from_millis(millis),
                }
                let probes = out.iter().filter(|ticket| **ticket == Ticket::Probe).count();
                prop_assert!(probes <= 1 + overtaken);
            }
            // Whoever comes back and waits long enough is let through.
            for ticket in out {
                circuit.record(ticket, Signal::Unclear, now);
            }
            prop_assert!(circuit.admit(now + settings.longest_pause).is_ok());
        }
    }
}
