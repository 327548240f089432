//! Whether payments can be checked in lists.

use std::time::Duration;

use bakong_api::ErrorClass;
use bakong_api::khqr_core::Timestamp;

use crate::change::ListStatus;
use crate::policy::exponential;

/// How long lists are not tried after they were refused.
const REFUSED_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// The first pause after unreadable lists.
const FIRST_PAUSE: Duration = Duration::from_secs(5 * 60);
/// The maximum pause after unreadable lists. It is short, because a list replaces up to 50 requests.
const MAX_PAUSE: Duration = Duration::from_secs(60 * 60);

/// The state of the list endpoint.
///
/// ```text
///                                refused with 403
///            ┌──────────┐ ──────────────────────────▶ ┌─────────┐
///  start ──▶ │ Untried  │ ◀── single checks are ───── │ Refused │ ──┐
///            └──────────┘     refused too (or back    └─────────┘   │ after a day, one list is tried
///                 │           to Work)                  ▲     ▲     │
///        answered │                            refused  │     └─────┘ refused again
///                 ▼                                     │
///            ┌──────────┐ ──────────────────────────────┘
///            │   Work   │ ── unreadable twice in a row ─▶ ┌────────┐ ──┐ after 5 minutes, one list is
///            └──────────┘ ◀────────── answered ────────── │ Paused │   │ tried; unreadable again: the
///                                                         └────────┘ ◀─┘ pause doubles, up to an hour
/// ```
///
/// `Untried` lists pause in the same way, and an answered list always leads to `Work`. `Off` is a state of its own, set by
/// the configuration.
///
/// `Paused` and `Refused` are both [`ListStatus::RefusedUntil`]. Lists that were refused may be refused because
/// Bakong blocks this client altogether. So `before` keeps the earlier status until a single check is answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct ListEndpoint {
    status: ListStatus,
    /// Unreadable lists in a row. Two or more mean `Paused`.
    unreadable: u8,
    /// The status before the refusal or pause, until a single check is answered.
    before: Option<ListStatus>,
}

/// What a failed list means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ListFailure {
    /// Other requests would fail too, so lists are not the cause.
    Ordinary,
    /// Lists do not work for the time being. Single checks can go on.
    Paused,
    /// Lists are refused. The store must know.
    Refused,
}

impl ListEndpoint {
    pub(super) const fn new(status: ListStatus) -> Self {
        Self {
            status,
            unreadable: 0,
            before: None,
        }
    }

    pub(super) const fn status(self) -> ListStatus {
        self.status
    }

    /// Returns the status to persist: a pause is not persisted.
    pub(super) fn persistent_status(self) -> ListStatus {
        match self.status {
            ListStatus::Off => ListStatus::Untried,
            _ if self.paused_until().is_some() => self.before.unwrap_or(ListStatus::Untried),
            status => status,
        }
    }

    /// Whether lists work, so that reservations can count on them.
    pub(super) const fn works(self) -> bool {
        matches!(self.status, ListStatus::Work)
    }

    /// Whether a list may be sent now.
    pub(super) fn is_usable(self, now: Timestamp) -> bool {
        match self.status {
            ListStatus::Untried | ListStatus::Work => true,
            ListStatus::RefusedUntil(until) => until <= now,
            ListStatus::Off => false,
        }
    }

    /// Returns the end of the pause, if lists are paused.
    pub(super) const fn paused_until(self) -> Option<Timestamp> {
        match self.status {
            ListStatus::RefusedUntil(until) if self.unreadable > 1 => Some(until),
            _ => None,
        }
    }

    /// A list was answered. Returns `true` if the status changed.
    pub(super) fn answered(&mut self) -> bool {
        self.unreadable = 0;
        let is_new = !self.works();
        self.status = ListStatus::Work;
        is_new
    }

    /// A list failed.
    pub(super) fn failed(&mut self, class: ErrorClass, now: Timestamp) -> ListFailure {
        let (rest, failure) = match class {
            ErrorClass::Blocked | ErrorClass::Refused => {
                self.unreadable = 0;
                (REFUSED_FOR, ListFailure::Refused)
            }
            ErrorClass::Malformed => {
                self.unreadable = self.unreadable.saturating_add(1);
                let Some(doublings) = u32::from(self.unreadable).checked_sub(2) else {
                    return ListFailure::Ordinary;
                };
                let pause = exponential(FIRST_PAUSE, doublings, MAX_PAUSE);
                (pause, ListFailure::Paused)
            }
            _ => return ListFailure::Ordinary,
        };
        self.before.get_or_insert(match self.status {
            ListStatus::RefusedUntil(_) => ListStatus::Untried,
            status => status,
        });
        self.status = ListStatus::RefusedUntil(now.saturating_add(rest));
        failure
    }

    /// A single check was answered, so this client is not blocked altogether.
    pub(super) const fn single_answered(&mut self) {
        self.before = None;
    }

    /// A single check was refused with 403, so lists are not the cause. Returns `true` if the status changed.
    pub(super) fn single_blocked(&mut self) -> bool {
        let before = self.before.take();
        self.status = before.unwrap_or(self.status);
        before.is_some()
    }
}
