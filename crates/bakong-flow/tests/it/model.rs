//! Everything that can happen to two workers over one store, in every order, by the model checker stateright.
//!
//! The trackers and the store are the real ones. Time goes on from one moment at which something may happen to
//! the next. Each step of a worker is one of its own: to poll, to persist, to send, to take an answer; a worker
//! may be killed between any two, or be slow.

mod digest;
mod state;
mod worker;

use std::time::Duration;

use bakong_flow::bakong_api::khqr_core::Timestamp;
use bakong_flow::quota::QuotaWindow;
use bakong_flow::{Config, Policy};
use stateright::{Checker, HasDiscoveries, Model, Property};

use self::state::State;
use crate::desk::NOON;

/// What a model is like.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) config: Config,
    pub(crate) policy: Policy,
    /// How long the codes live.
    pub(crate) life: Duration,
    /// Whether both payments are for one order.
    pub(crate) one_order: bool,
    /// Whether what is transferred for the first is found for the second, too.
    pub(crate) one_transfer: bool,
    /// The second order was cancelled.
    pub(crate) is_cancelled: bool,
    /// How many requests may fail.
    pub(crate) faults: u8,
    /// How often a worker may be killed.
    pub(crate) crashes: u8,
    /// Nothing more happens after this.
    pub(crate) end: Timestamp,
}

/// Something that happens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Action {
    /// Time goes on to the next moment of interest.
    Later,
    /// A worker polls.
    Poll(usize),
    /// It persists what changed.
    Keep(usize),
    /// It sends what it asked for.
    Send(usize),
    /// It takes the answer to its oldest request.
    Answer(usize, Says),
    /// It is killed.
    Kill(usize),
    /// It is started again.
    Start(usize),
}

/// What Bakong says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Says {
    /// What it knew when the request was sent.
    Then,
    /// What it knows now.
    Now,
    /// 503.
    Unavailable,
    /// Error code 17.
    Exhausted,
    /// 401.
    Unauthorized,
    /// 403.
    Blocked,
    /// Nothing, and the worker gives up.
    Nothing,
}

impl Says {
    pub(crate) const FAULTS: [Self; 5] = [
        Self::Unavailable,
        Self::Exhausted,
        Self::Unauthorized,
        Self::Blocked,
        Self::Nothing,
    ];
}

/// What must hold in every state. Each is a word that a state has in its list of what is broken.
pub(crate) const SETTLED_ONCE: &str = "an order is settled once, by a transaction of its own";
pub(crate) const FINAL_ONCE: &str = "a payment becomes final once";
pub(crate) const NOT_UNPAID: &str = "only who was asked after the deadline is called unpaid";
pub(crate) const NOT_FINAL: &str = "nothing is asked about a payment that is known to be final";
pub(crate) const NOT_TWICE: &str = "nothing is asked twice at once";
pub(crate) const IN_QUOTA: &str = "no worker sends more than the quota";
pub(crate) const ENDS: &str = "all become final when nothing fails any more";

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
        // Who is asked only at the end cannot tell when it was paid.
        let is_asked_early = self.policy.schedule.first < self.life;
        let different = if is_asked_early { 6 } else { 4 };
        let states = paid_at.map(|paid_at| State::new(self, paid_at));
        states.into_iter().take(different).collect()
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        state.actions(self, actions);
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        state.after(self, action)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(SETTLED_ONCE, |_: &Self, state: &State| {
                state.holds(SETTLED_ONCE)
            }),
            Property::always(FINAL_ONCE, |_: &Self, state: &State| {
                state.holds(FINAL_ONCE)
            }),
            Property::always(NOT_UNPAID, |_: &Self, state: &State| {
                state.holds(NOT_UNPAID)
            }),
            Property::always(NOT_FINAL, |_: &Self, state: &State| state.holds(NOT_FINAL)),
            Property::always(NOT_TWICE, |_: &Self, state: &State| state.holds(NOT_TWICE)),
            Property::always(IN_QUOTA, |_: &Self, state: &State| state.holds(IN_QUOTA)),
            Property::always(ENDS, |setting: &Self, state: &State| {
                !(state.now() >= setting.end && state.is_quiet()) || state.ends(setting)
            }),
            Property::sometimes("an order is settled", |_: &Self, state: &State| {
                state.is_settled()
            }),
            Property::sometimes("a change loses to another's", |_: &Self, state: &State| {
                state.has_lost()
            }),
            Property::sometimes("the end is reached", |setting: &Self, state: &State| {
                state.now() >= setting.end
            }),
        ]
    }
}

/// Codes that live a minute, and are asked about when it is over.
fn setting() -> Setting {
    let mut config = Config::DEFAULT;
    config.quota.renewals = 0;
    config.lists = false;
    config.at_once = 1;
    let mut policy = Policy::COUNTER;
    policy.schedule.first = Duration::from_secs(100);
    policy.schedule.shortest = Duration::from_secs(60);
    policy.grace.after_expiry = Duration::from_secs(10);
    policy.grace.last_check_within = Duration::from_secs(20);
    Setting {
        config,
        policy,
        life: Duration::from_secs(60),
        one_order: false,
        one_transfer: false,
        is_cancelled: false,
        faults: 1,
        crashes: 1,
        end: NOON.saturating_add(Duration::from_secs(100)),
    }
}

/// Whose day turns so long after the start.
fn turning_after(secs: u64) -> QuotaWindow {
    let moment = NOON.saturating_add(Duration::from_secs(secs)).as_millis();
    QuotaWindow::after_midnight_utc(Duration::from_millis(moment))
}

/// Looks at every state, or at those that so many steps lead to.
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
fn two_codes_of_one_order_while_the_day_turns() {
    let mut setting = setting();
    setting.one_order = true;
    // Each is asked about early, too, if there is a request for it.
    setting.policy.schedule.first = Duration::from_secs(30);
    setting.faults = 0;
    setting.crashes = 0;
    setting.config.quota.limit = 3;
    setting.config.quota.turn = turning_after(65);
    check(setting, Some(20));
}

#[test]
fn one_transfer_that_two_orders_find_in_a_list() {
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
fn two_requests_out_at_once() {
    let mut setting = setting();
    setting.config.at_once = 2;
    setting.one_transfer = true;
    setting.crashes = 0;
    setting.config.quota.limit = 4;
    check(setting, None);
}
