//! Tracks whether payments can be checked in lists.

use std::time::Duration;

use bakong_api::ErrorClass;
use bakong_api::khqr_core::Timestamp;

use crate::change::ListStatus;
use crate::policy::exponential;

/// How long lists are not tried after they were refused.
const REFUSED_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// The first pause after failed lists.
const FIRST_PAUSE: Duration = Duration::from_secs(5 * 60);
/// The maximum pause after failed lists. It is short, because a list replaces up to 50 requests.
const MAX_PAUSE: Duration = Duration::from_secs(60 * 60);

/// The state of the list endpoint.
///
/// ```text
///                            refused (see `Proof`)
///            ┌──────────┐ ──────────────────────────▶ ┌─────────┐ ──┐ after a day, one list is
///  start ──▶ │ Untried  │ ◀── single checks are ───── │ Refused │   │ tried; refused again
///            └──────────┘     refused too             └─────────┘ ◀─┘
///               │    ▲
///      answered │    │ failed, refused
///               ▼    │
///            ┌──────────┐ ◀────────── answered ────────── ┌────────┐ ──┐ after 5 minutes, one list is
///            │   Work   │                                 │ Paused │   │ tried; failed again: the
///            └──────────┘                                 └────────┘ ◀─┘ pause doubles, up to an hour
///                 Untried ── failed twice in a row ──────────▲
/// ```
///
/// After a list failed, reservations do not count on lists until one is answered: `Work` becomes `Untried` at once.
/// An unreadable list is a failed list: Bakong did answer. Every other failure is a [`Suspicion`]: single checks
/// find out whether only lists fail or Bakong as a whole. In the latter case, the status before the list is restored.
///
/// An answered list always leads to `Work`. `Off` is a state of its own, set by the configuration.
///
/// `Paused` and `Refused` are both [`ListStatus::RefusedUntil`]. A list may also be refused because
/// Bakong blocks this client altogether. So `before` keeps the earlier status until a single check is answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct ListEndpoint {
    status: ListStatus,
    /// Failed lists in a row. Two or more mean `Paused`.
    failures: u8,
    /// The status before the last failure, until a single check is answered.
    before: Option<ListStatus>,
    suspicion: Suspicion,
    proof: Proof,
}

/// Why a list failed, if that is not known yet. Meanwhile no list is sent.
///
/// ```text
///  ┌──────┐ ──────── list failed ───────▶ ┌───────┐
///  │ None │ ◀─ single check answered: ─── │ Lists │
///  └──────┘    a failed list              └───────┘
///      ▲                                      │ single check failed: the list is no failed list
///      │                                      ▼
///      │                                  ┌────────┐
///      └── single check answered ──────── │ Outage │
///                                         └────────┘
/// ```
///
/// Only single checks that are sent after the list count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Suspicion {
    None,
    /// A list failed. Contains the number of the last request at that time.
    Lists(u64),
    /// A list failed, and so did a single check. Contains the number of the last request when the list failed.
    Outage(u64),
}

/// How many refusals (HTTP 403, for example) show that Bakong closes lists to this client.
///
/// ```text
///  ┌──────────┐ ── answered ─▶ ┌────────┐ ── refused ─▶ ┌─────────────┐
///  │ Unproven │                │ Worked │               │ RefusedOnce │
///  └──────────┘ ◀─┐            └────────┘ ◀─ answered,  └─────────────┘
///       │         │                          or an outage      │
///       └─────────┴── refused: no lists for a day ─────────────┘
/// ```
///
/// A CDN sends a single 403 between good answers now and then. A day without lists then costs up to fifty times as many
/// requests. So lists that have worked must be refused twice, with an answered single check between the refusals.
/// One refusal is enough for unproven lists: most tokens have no lists, each trial costs a request, and no
/// reservation depends on unproven lists.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Proof {
    /// No list was answered since the start, or since lists were refused for a day.
    Unproven,
    /// A list was answered.
    Worked,
    /// A list was answered, and a later one was refused. Contains the number of the last request at that time.
    RefusedOnce(u64),
}

/// The conclusion from a failed list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ListFailure {
    /// Other requests may fail too, so all requests pause.
    Ordinary,
    /// Lists do not work for the time being. Single checks can continue.
    Lists,
}

impl ListEndpoint {
    pub(super) const fn new(status: ListStatus) -> Self {
        Self {
            status,
            failures: 0,
            before: None,
            suspicion: Suspicion::None,
            proof: match status {
                ListStatus::Work => Proof::Worked,
                _ => Proof::Unproven,
            },
        }
    }

    pub(super) const fn status(self) -> ListStatus {
        self.status
    }

    /// Returns the status to persist: a pause is not persisted.
    pub(super) const fn persistent_status(self) -> ListStatus {
        match self.status {
            ListStatus::Off => ListStatus::Untried,
            _ if self.paused_until().is_some() => ListStatus::Untried,
            status => status,
        }
    }

    /// Whether lists work, so that reservations can count on them.
    pub(super) const fn works(self) -> bool {
        matches!(self.status, ListStatus::Work)
    }

    /// Whether a list may be sent now.
    pub(super) fn is_usable(self, now: Timestamp) -> bool {
        let is_usable = match self.status {
            ListStatus::Untried | ListStatus::Work => true,
            ListStatus::RefusedUntil(until) => until <= now,
            ListStatus::Off => false,
        };
        is_usable && self.suspicion == Suspicion::None
    }

    /// Whether no list was tried, or none since lists were refused for a day.
    pub(super) fn is_untried(self, now: Timestamp) -> bool {
        self.is_usable(now) && !self.works() && self.failures == 0 && self.proof == Proof::Unproven
    }

    /// Returns the end of the pause, if lists are paused.
    pub(super) const fn paused_until(self) -> Option<Timestamp> {
        match self.status {
            ListStatus::RefusedUntil(until) if self.failures > 1 => Some(until),
            _ => None,
        }
    }

    /// A list was answered.
    pub(super) const fn answered(&mut self) {
        *self = Self::new(ListStatus::Work);
    }

    /// List `request` failed. `last_request` is the number of the last request.
    pub(super) fn failed(
        &mut self,
        class: ErrorClass,
        request: u64,
        last_request: u64,
        now: Timestamp,
    ) -> ListFailure {
        match class {
            ErrorClass::Blocked | ErrorClass::Refused
                if self.proof.refused(request, last_request) =>
            {
                self.failures = 0;
                self.suspicion = Suspicion::None;
                self.set_aside();
                self.status = ListStatus::RefusedUntil(now.saturating_add(REFUSED_FOR));
                ListFailure::Lists
            }
            ErrorClass::Malformed => {
                self.set_aside();
                self.lists_failed(now)
            }
            _ => {
                self.set_aside();
                self.suspicion = Suspicion::Lists(last_request);
                ListFailure::Ordinary
            }
        }
    }

    /// Saves the status in `before`, and no longer counts on lists.
    fn set_aside(&mut self) {
        self.before.get_or_insert(match self.status {
            ListStatus::RefusedUntil(_) if self.failures < 2 => ListStatus::Untried,
            status => status,
        });
        if self.works() {
            self.status = ListStatus::Untried;
        }
    }

    /// Counts a failed list, and pauses after two in a row.
    fn lists_failed(&mut self, now: Timestamp) -> ListFailure {
        self.failures = self.failures.saturating_add(1);
        let Some(doublings) = u32::from(self.failures).checked_sub(2) else {
            return ListFailure::Ordinary;
        };
        let pause = exponential(FIRST_PAUSE, doublings, MAX_PAUSE);
        self.status = ListStatus::RefusedUntil(now.saturating_add(pause));
        ListFailure::Lists
    }

    /// Single check `request` was answered, so Bakong is up and does not block this client.
    pub(super) fn single_answered(&mut self, request: u64, now: Timestamp) {
        match self.suspicion {
            Suspicion::None => {}
            Suspicion::Lists(last) | Suspicion::Outage(last) if request <= last => return,
            Suspicion::Lists(_) => {
                self.lists_failed(now);
            }
            Suspicion::Outage(_) => {}
        }
        self.suspicion = Suspicion::None;
        self.before = None;
    }

    /// Single check `request` failed. So lists are not the cause of a failure, or of a refusal if the check was `blocked`.
    pub(super) const fn single_failed(&mut self, request: u64, blocked: bool) {
        let is_outage = match self.suspicion {
            Suspicion::Lists(last) if request > last => {
                self.suspicion = Suspicion::Outage(last);
                if let Proof::RefusedOnce(_) = self.proof {
                    self.proof = Proof::Worked;
                }
                true
            }
            _ => false,
        };
        if (is_outage || blocked)
            && let Some(before) = self.before.take()
        {
            self.status = before;
        }
    }
}

impl Proof {
    /// List `request` was refused. Returns whether this ends lists for a day.
    const fn refused(&mut self, request: u64, last_request: u64) -> bool {
        match *self {
            Self::Worked => {
                *self = Self::RefusedOnce(last_request);
                false
            }
            // Lists that are refused together are refused once.
            Self::RefusedOnce(last) if request <= last => false,
            Self::RefusedOnce(_) | Self::Unproven => {
                *self = Self::Unproven;
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::from_millis(1_795_237_200_000);
    const DOWN: ErrorClass = ErrorClass::Unavailable { retry_after: None };
    const MALFORMED: ErrorClass = ErrorClass::Malformed;

    #[test]
    fn one_failed_list_after_a_day_of_refusal_is_no_pause() {
        let refused = ListStatus::RefusedUntil(NOON);
        let mut lists = ListEndpoint::new(refused);
        assert_eq!(lists.failed(MALFORMED, 1, 1, NOON), ListFailure::Ordinary);
        assert_eq!(lists.paused_until(), None);
        assert_eq!(lists.persistent_status(), refused);
        assert_eq!(lists.failed(MALFORMED, 2, 2, NOON), ListFailure::Lists);
        let end = NOON.saturating_add(FIRST_PAUSE);
        assert_eq!(lists.paused_until(), Some(end));
        assert_eq!(lists.persistent_status(), ListStatus::Untried);
    }

    #[test]
    fn a_pause_continues_after_an_outage() {
        let mut lists = ListEndpoint::new(ListStatus::Untried);
        lists.failed(MALFORMED, 1, 1, NOON);
        lists.failed(MALFORMED, 2, 2, NOON);
        lists.single_answered(3, NOON);
        let paused = lists.status();
        assert!(matches!(paused, ListStatus::RefusedUntil(_)));
        lists.failed(DOWN, 4, 4, NOON);
        lists.single_failed(5, false);
        assert_eq!(lists.status(), paused);
    }

    #[test]
    fn only_single_checks_after_the_failed_list_tell_the_cause() {
        let mut lists = ListEndpoint::new(ListStatus::Work);
        lists.failed(DOWN, 3, 5, NOON);
        assert_eq!(lists.status(), ListStatus::Untried);
        // These were sent before the list failed.
        lists.single_answered(5, NOON);
        assert!(!lists.is_usable(NOON));
        lists.single_failed(5, false);
        assert_eq!(lists.status(), ListStatus::Untried);
        lists.single_failed(6, false);
        assert_eq!(lists.status(), ListStatus::Work);
        // In an outage, too.
        lists.single_answered(5, NOON);
        assert!(!lists.is_usable(NOON));
        lists.single_answered(7, NOON);
        assert!(lists.is_usable(NOON) && lists.works());
    }
}
