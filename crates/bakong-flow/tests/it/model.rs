//! A model of two workers with one store, checked by stateright in every order of events.
//!
//! The trackers and the store are the real ones. Time advances from one possible event to the next. A worker polls,
//! persists, sends and takes a reply in separate steps. It can be slow, and it can be killed between any two steps. The
//! clock of one worker can be wrong until the first response tells Bakong's time.

mod state;
mod worker;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use bakong_flow::bakong_api::ErrorClass;
use bakong_flow::bakong_api::khqr_core::Timestamp;
use bakong_flow::quota::QuotaWindow;
use bakong_flow::{Config, Policy};
use stateright::{Checker, HasDiscoveries, Model, Property};

use self::state::State;
use crate::desk::{DAY, DOWN, NOON};

/// The parameters of a model.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) config: Config,
    pub(crate) policy: Policy,
    /// The time from the opening of the payments to the expiry of their codes.
    pub(crate) life: Duration,
    /// Whether both payments belong to one order.
    pub(crate) one_order: bool,
    /// Whether both payments are found with the same transaction.
    pub(crate) one_transfer: bool,
    /// Whether the second order is cancelled.
    pub(crate) is_cancelled: bool,
    /// The maximum number of failed requests.
    pub(crate) faults: u8,
    /// The maximum number of times that a worker is killed.
    pub(crate) crashes: u8,
    /// How many milliseconds the clock of one worker can be ahead when it starts. An earlier clock has a negative number.
    pub(crate) clocks: Vec<i64>,
    /// The time of the last event.
    pub(crate) end: Timestamp,
}

/// An event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Action {
    /// Time advances to the next possible event.
    Later,
    /// A worker polls.
    Poll(usize),
    /// A worker persists its changes.
    Persist(usize),
    /// A worker sends the request that it polled.
    Send(usize),
    /// A worker takes the reply to its oldest request.
    Answer(usize, Result<Seen, Fault>),
    /// A worker is killed.
    Kill(usize),
    /// A worker is started again.
    Start(usize),
}

/// The payments that an answer is based on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Seen {
    /// The payments that were made when the request was sent.
    Then,
    /// The payments that have been made by now.
    Now,
}

/// Why a request has no answer: the class of its error, or `None` if the worker abandons it.
type Fault = Option<ErrorClass>;

pub(crate) const FAULTS: [Fault; 5] = [
    Some(DOWN),
    Some(ErrorClass::QuotaExhausted),
    Some(ErrorClass::Unauthorized),
    Some(ErrorClass::Blocked),
    None,
];

/// Returns a digest of the `Debug` text of `value`. States with the same digest behave the same.
pub(crate) fn digest(value: &impl std::fmt::Debug) -> u64 {
    let mut hasher = DefaultHasher::new();
    format!("{value:?}").hash(&mut hasher);
    hasher.finish()
}

/// The invariants. A state lists the invariants that it violates.
pub(crate) const SETTLED_ONCE: &str = "an order is settled once, by a transaction of its own";
pub(crate) const FINAL_ONCE: &str = "a payment becomes final once";
pub(crate) const NOT_UNPAID: &str = "only a check after the deadline can mean unpaid";
pub(crate) const NOT_FINAL: &str = "no request asks about a payment that is known to be final";
pub(crate) const NOT_TWICE: &str = "no two requests ask about one payment at once";
pub(crate) const IN_QUOTA: &str = "no worker exceeds the quota";

impl Model for Setting {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let soon = self.life * 3 / 4;
        let never = Duration::from_secs(u64::from(u32::MAX));
        let paid_after = [
            [never, never],
            [never, soon],
            [soon, never],
            [soon, soon],
            [Duration::ZERO, never],
            [Duration::ZERO, soon],
        ];
        let paid_at = paid_after.map(|paid| paid.map(|after| NOON.saturating_add(after)));
        // Without early checks, the last two cases are the same as earlier ones.
        let has_early_checks = self.policy.schedule.first < self.life;
        let different = if has_early_checks { 6 } else { 4 };
        let paid_at = &paid_at[..different];
        let with = |ahead: &i64| {
            paid_at
                .iter()
                .map(|paid_at| State::new(self, *paid_at, *ahead))
                .collect()
        };
        self.clocks
            .iter()
            .flat_map(|ahead| -> Vec<_> { with(ahead) })
            .collect()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        state.actions(self, actions);
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        state.after(self, action)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(SETTLED_ONCE, |_, state: &State| state.holds(SETTLED_ONCE)),
            Property::always(FINAL_ONCE, |_, state: &State| state.holds(FINAL_ONCE)),
            Property::always(NOT_UNPAID, |_, state: &State| state.holds(NOT_UNPAID)),
            Property::always(NOT_FINAL, |_, state: &State| state.holds(NOT_FINAL)),
            Property::always(NOT_TWICE, |_, state: &State| state.holds(NOT_TWICE)),
            Property::always(IN_QUOTA, |_, state: &State| state.holds(IN_QUOTA)),
            Property::always(
                "without failures, all become final",
                |setting: &Self, state: &State| {
                    state.now() < setting.end || !state.is_quiet() || state.ends(setting)
                },
            ),
            Property::sometimes("an order is settled", |_, state: &State| state.is_settled()),
            Property::sometimes("a change is rejected", |_, state: &State| {
                state.has_rejected()
            }),
            Property::sometimes(
                "the last event is reached",
                |setting: &Self, state: &State| state.now() >= setting.end,
            ),
        ]
    }
}

/// Codes with a life of one minute and without early checks.
fn setting() -> Setting {
    let mut config = Config::DEFAULT;
    config.quota.renewals = 0;
    config.lists = false;
    config.max_in_flight = 1;
    let mut policy = Policy::COUNTER;
    policy.schedule.first = Duration::from_secs(100);
    policy.schedule.shortest = Duration::from_secs(60);
    policy.grace.after_expiry = Duration::from_secs(10);
    policy.grace.final_check_window = Duration::from_secs(20);
    Setting {
        config,
        policy,
        life: Duration::from_secs(60),
        one_order: false,
        one_transfer: false,
        is_cancelled: false,
        faults: 1,
        crashes: 1,
        clocks: vec![0],
        end: NOON.saturating_add(Duration::from_secs(100)),
    }
}

/// A quota window that ends `secs` seconds after the start.
fn window_ending_after(secs: u64) -> QuotaWindow {
    let end = NOON.saturating_add(Duration::from_secs(secs)).as_millis();
    QuotaWindow::new(DAY, Duration::from_millis(end))
}

/// Checks every state, or those within `depth` steps.
fn check(setting: Setting, depth: Option<usize>) {
    let mut checker = setting
        .checker()
        .threads(2)
        .finish_when(HasDiscoveries::AnyFailures);
    if let Some(depth) = depth {
        checker = checker.target_max_depth(depth);
    }
    let checker = checker.spawn_bfs().join();
    println!(
        "{} transitions to {} states, {} deep",
        checker.state_count(),
        checker.unique_state_count(),
        checker.max_depth()
    );
    checker.assert_properties();
}

#[test]
fn two_codes_of_one_order_while_the_quota_window_ends() {
    let mut setting = setting();
    setting.one_order = true;
    // Each payment has an early check, if a request is spare.
    setting.policy.schedule.first = Duration::from_secs(30);
    setting.faults = 0;
    setting.crashes = 0;
    setting.config.quota.limit = 3;
    setting.config.quota.window = window_ending_after(65);
    check(setting, Some(20));
}

#[test]
fn a_list_with_one_transaction_for_two_orders() {
    let mut setting = setting();
    setting.one_transfer = true;
    setting.config.lists = true;
    setting.config.quota.limit = 3;
    check(setting, None);
}

#[test]
fn two_codes_of_one_order_and_a_worker_that_is_killed() {
    let mut setting = setting();
    setting.one_order = true;
    setting.faults = 0;
    setting.config.quota.limit = 3;
    check(setting, None);
}

#[test]
fn a_token_that_is_renewed_and_a_cancelled_order() {
    let mut setting = setting();
    setting.crashes = 0;
    setting.config.renewable = true;
    setting.is_cancelled = true;
    setting.config.quota.limit = 4;
    setting.config.quota.renewals = 1;
    check(setting, None);
}

#[test]
fn two_requests_in_flight() {
    let mut setting = setting();
    setting.config.max_in_flight = 2;
    setting.one_transfer = true;
    setting.crashes = 0;
    setting.config.quota.limit = 4;
    check(setting, None);
}

#[test]
fn a_worker_whose_clock_is_wrong_until_the_first_response() {
    let mut setting = setting();
    setting.one_order = true;
    // Ahead, the worker sends its final check before the deadline. Behind, it is late.
    setting.clocks = vec![-30_000, 30_000];
    setting.faults = 0;
    setting.crashes = 0;
    setting.config.quota.limit = 3;
    check(setting, None);
}
