//! Virtual time and its events.

use std::collections::BTreeMap;

use bakong_flow::bakong_api::ErrorClass;
use bakong_flow::bakong_api::khqr_core::Timestamp;
use bakong_flow::server_time::{ServerTime, Skew};
use bakong_flow::{Outcome, Question, Reply};
use fastrand::Rng;

use crate::bakong::Bakong;
use crate::customers::orders;
use crate::oracle::Oracle;
#[cfg(doc)]
use crate::scenario::ClockSkew;
use crate::scenario::{Renewal, Scenario};
use crate::shop::{Killed, Shop};
use crate::store::StoreKind;
use crate::{DAY, HOUR, MINUTE, START};

/// The maximum number of days after the last order. With 40 requests a day, half of them failing, the payments that were
/// accepted for a quota of 100 take weeks to become final.
const MAX_DAYS: u64 = 40;

/// A simulation.
#[derive(Debug)]
pub struct World {
    scenario: Scenario,
    now: u64,
    random: Rng,
    bakong: Bakong,
    shop: Shop,
    oracle: Oracle,
    /// The events by time and number.
    queue: BTreeMap<(u64, u64), Event>,
    events: u64,
    /// The current wake-up. Earlier wake-ups are ignored.
    wakeup: Option<u64>,
    requests: u64,
    crashes: u32,
    wakeups: u64,
    /// How far the shop's clock is behind.
    clock_behind: u64,
    /// How far the shop's clock is ahead.
    clock_ahead: u64,
    /// Milliseconds by which a clock with [`ClockSkew`] is ahead of Bakong's, without its drift.
    skew: i64,
    /// What the running process knows of Bakong's time.
    /// The day on the shop's clock when the process started.
    first_day: u64,
    server_time: ServerTime,
    /// The local times at which requests were sent.
    sent_at: BTreeMap<u64, u64>,
}

#[derive(Debug)]
enum Event {
    Order(usize),
    Nudge(usize),
    Cancel(usize),
    Receipt(usize),
    Answer(u64, Reply, u32),
    WakeUp,
    Restart,
    NewToken,
    SetClockBack(u64),
    /// The system clock with [`ClockSkew`] is set, and the process restarts. The clock is then ahead by this many milliseconds.
    SetClock(i64),
    /// From now on, the clock is ahead by `by`. `restart` tells whether the process restarts.
    SetClockAhead {
        by: u64,
        restart: bool,
    },
}

/// The results of a simulation.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Summary {
    /// Orders.
    pub orders: u32,
    /// Orders whose payment was refused for lack of quota.
    pub refused: u32,
    /// Accepted orders that were paid in full.
    pub paid: u32,
    /// Orders of `paid` that were settled.
    pub settled: u32,
    /// Orders of `paid` that were settled within 15 minutes after the expiry.
    pub settled_in_grace: u32,
    /// The time from each transfer to its settlement, in milliseconds.
    pub delays: Vec<u64>,
    /// Requests that were sent.
    pub requests: u64,
    /// The maximum number of requests on one day.
    pub most_on_a_day: u32,
    /// Requests that were rejected with error code 17.
    pub over: u32,
    /// How often the process was killed.
    pub crashes: u32,
    /// How often the process woke up.
    pub wakeups: u64,
}

impl Summary {
    /// Adds two results.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.orders += other.orders;
        self.refused += other.refused;
        self.paid += other.paid;
        self.settled += other.settled;
        self.settled_in_grace += other.settled_in_grace;
        self.delays.extend(other.delays);
        self.requests += other.requests;
        self.most_on_a_day = self.most_on_a_day.max(other.most_on_a_day);
        self.over += other.over;
        self.crashes += other.crashes;
        self.wakeups += other.wakeups;
        self
    }
}

impl World {
    /// Creates a simulation before its first day, with the store in memory.
    #[must_use]
    pub fn new(scenario: Scenario) -> Self {
        Self::with_store(scenario, StoreKind::Memory)
    }

    /// Creates a simulation before its first day.
    #[must_use]
    pub fn with_store(scenario: Scenario, store: StoreKind) -> Self {
        let orders = orders(&scenario);
        let shop = Shop::new(scenario, store, START);
        let mut world = Self {
            scenario,
            now: START,
            random: Rng::with_seed(scenario.seed),
            bakong: Bakong::new(scenario),
            oracle: Oracle::new(scenario, shop.quota(), orders.clone()),
            shop,
            queue: BTreeMap::new(),
            events: 0,
            wakeup: None,
            requests: 0,
            crashes: 0,
            wakeups: 0,
            clock_behind: 0,
            clock_ahead: 0,
            skew: scenario.faults.skew.map_or(0, |skew| skew.ahead),
            first_day: 0,
            server_time: ServerTime::new(),
            sent_at: BTreeMap::new(),
        };
        for (number, order) in orders.iter().enumerate() {
            world.at(order.at, Event::Order(number));
            if let Some(at) = order.nudge_at {
                world.at(at, Event::Nudge(number));
            }
            if let Some(receipt) = order.receipt {
                world.at(receipt.at, Event::Receipt(number));
            }
            if let Some(at) = order.cancel_at {
                world.at(at, Event::Cancel(number));
            }
        }
        if let (Some(end), Some(Renewal::ByHand)) = world.bakong.token() {
            let after = world.random.u64(MINUTE..5 * HOUR);
            world.at(end + after, Event::NewToken);
        }
        if scenario.faults.clock {
            for day in 0..scenario.days {
                let at = START + day * DAY + world.random.u64(0..DAY);
                let by = world.random.u64(1..5 * MINUTE);
                world.at(at, Event::SetClockBack(by));
            }
        }
        if scenario.faults.skew.is_some_and(|skew| skew.steps) {
            for day in 0..scenario.days * 4 {
                let at = START + day * DAY / 4 + world.random.u64(0..DAY / 4);
                let ahead = world.random.i64(-2 * HOUR_I64..2 * HOUR_I64);
                world.at(at, Event::SetClock(ahead));
            }
        }
        if scenario.faults.turns {
            for day in 1..=scenario.days {
                // The shop's clock passes midnight too early, and is corrected before the real midnight.
                let turn = START + day * DAY;
                let from = world.random.u64(20 * MINUTE..58 * MINUTE);
                let to = world.random.u64(MINUTE..from);
                let ahead = Event::SetClockAhead {
                    by: HOUR,
                    restart: true,
                };
                let right = Event::SetClockAhead {
                    by: 0,
                    restart: world.random.bool(),
                };
                world.at(turn - from, ahead);
                world.at(turn - to, right);
            }
        }
        world
    }

    /// Runs the simulation to its end.
    ///
    /// # Panics
    /// If a guarantee is violated.
    #[must_use]
    pub fn run(mut self) -> Summary {
        let end = START + (self.scenario.days + MAX_DAYS) * DAY;
        while let Some(((at, _), event)) = self.queue.pop_first() {
            // An idle shop wakes up only to renew its token.
            if at >= end && self.shop.is_idle() {
                break;
            }
            assert!(at < end, "3: a payment stays open forever");
            self.now = at;
            if matches!(event, Event::WakeUp) && self.wakeup != Some(at) {
                continue;
            }
            if self.handle(event) == Err(Killed) || self.drive() == Err(Killed) {
                self.crashes += 1;
                let down = self.random.u64(0..20 * MINUTE);
                self.at(self.now + down, Event::Restart);
            }
        }
        assert!(self.shop.is_idle(), "3: a payment is left open");
        self.oracle.ended();
        self.shop.check_store();
        let summary = self.summary();
        // With a wrong clock, some requests count for another day on Bakong's clock.
        let faults = &self.scenario.faults;
        let is_clock_wrong = faults.clock || faults.turns || faults.skew.is_some();
        assert!(
            is_clock_wrong || summary.most_on_a_day <= self.shop.quota().limit,
            "4: the quota was exceeded: {summary:?}"
        );
        // A tracker sometimes wakes up to look for a spare request.
        let max = 8 * summary.requests
            + 6 * u64::from(summary.orders)
            + 200 * (self.scenario.days + MAX_DAYS);
        assert!(summary.wakeups <= max, "too many wake-ups: {summary:?}");
        summary
    }

    fn at(&mut self, at: u64, event: Event) {
        self.events += 1;
        self.queue.insert((at, self.events), event);
    }

    /// The time that the shop's process goes by.
    fn shop_time(&self) -> u64 {
        if self.scenario.faults.skew.is_some() {
            return self
                .server_time
                .correct(moment(self.local_time()))
                .as_millis();
        }
        self.now + self.clock_ahead - self.clock_behind
    }

    /// The time on a clock with [`ClockSkew`].
    fn local_time(&self) -> u64 {
        let drift = self.scenario.faults.skew.map_or(0, |skew| skew.drift);
        let since = i64::try_from(self.now - START).unwrap_or(i64::MAX);
        self.now
            .saturating_add_signed(self.skew + since * drift / 1_000_000)
    }

    /// The shop's process learns Bakong's time from an HTTP response, and judges its request by that time.
    fn observe_date(&mut self, number: u64, reply: &Reply) {
        let sent_at = self.sent_at.remove(&number);
        let has_response = !matches!(
            reply,
            Reply::Check(Err(ErrorClass::Transport(_)))
                | Reply::List(Err(ErrorClass::Transport(_)))
                | Reply::Renewal(Err(ErrorClass::Transport(_)))
        );
        if let Some(sent_at) = sent_at.filter(|_| has_response) {
            let date = moment(self.now / 1_000 * 1_000);
            let received_at = moment(self.local_time());
            self.server_time.observe(moment(sent_at), received_at, date);
            if let Some(at) = self.server_time.revised(moment(sent_at)) {
                self.shop.set_sent_at(number, at);
            }
        }
    }

    fn handle(&mut self, event: Event) -> Result<(), Killed> {
        if self.scenario.faults.skew.is_some() {
            self.shop.set_right_now(self.now);
            if let Event::Answer(number, reply, _) = &event {
                self.observe_date(*number, reply);
            }
        }
        let now = self.shop_time();
        match event {
            Event::Order(number) => self.shop.open(number, &mut self.oracle, now)?,
            Event::Nudge(number) => self.shop.nudge(number, now),
            Event::Cancel(number) => self.shop.cancel(number, &mut self.oracle, now)?,
            Event::Receipt(number) => self.shop.learn(number, &mut self.oracle, now)?,
            Event::Answer(number, reply, sent) => {
                let answer = (number, sent, reply);
                self.shop.answer(answer, &mut self.oracle, now)?;
            }
            Event::WakeUp => {
                self.wakeup = None;
                self.wakeups += 1;
            }
            Event::Restart => self.restart(),
            Event::NewToken => {
                self.bakong.renew();
                self.shop.set_token(now);
            }
            Event::SetClockBack(by) => self.clock_behind += by,
            Event::SetClock(ahead) => {
                // A running process has a monotonic clock, so the new time takes effect with a new process.
                self.skew = ahead;
                if self.shop.runs() {
                    self.shop.kill(&mut self.oracle);
                    self.restart();
                }
            }
            Event::SetClockAhead { by, restart } => {
                self.oracle
                    .clock_set_ahead(by.saturating_sub(self.clock_ahead));
                self.clock_ahead = by;
                if restart && self.shop.runs() {
                    self.shop.kill(&mut self.oracle);
                    self.shop.restart(self.bakong.token().0, self.shop_time());
                }
            }
        }
        Ok(())
    }

    /// Starts a new process, which does not know Bakong's time before the first answer.
    fn restart(&mut self) {
        self.server_time = ServerTime::new();
        self.sent_at.clear();
        let now = self.shop_time();
        self.first_day = now.saturating_sub(START) / DAY;
        if self.scenario.faults.skew.is_some() {
            self.oracle.clock_set_ahead(now.saturating_sub(self.now));
        }
        self.shop.restart(self.bakong.token().0, now);
    }

    /// Runs the loop of a driver: sends the requests that are due, then sleeps.
    fn drive(&mut self) -> Result<(), Killed> {
        let now = self.shop_time();
        // Until the first answer, a clock that is ahead tells the wrong quota window. After that, the process knows
        // Bakong's time. A request in a new window at Bakong is right by each clock. If midnight passes on a clock that is
        // behind, nothing tells a process without an answer that the window is not a new one.
        let is_new_day = (now.saturating_sub(START) / DAY) > self.first_day;
        let quota_now = match self.scenario.faults.skew {
            Some(_) if self.server_time.skew() == Skew::Unknown && is_new_day => {
                self.now.saturating_add(DAY)
            }
            Some(_) if self.server_time.skew() == Skew::Unknown => now.max(self.now),
            Some(_) => self.now,
            None => now,
        };
        loop {
            let number = self.requests;
            let times = (now, quota_now, self.now);
            let ask = self.shop.poll(number, &mut self.oracle, times)?;
            let Some(ask) = ask else {
                break;
            };
            self.requests += 1;
            self.sent_at.insert(number, self.local_time());
            if ask.question == Question::Renewal && self.scenario.faults.skew.is_some() {
                self.check_renewal();
            }
            let answer = self
                .bakong
                .ask(&ask.question, &self.oracle.orders, self.now);
            self.oracle.sent(number, ask.question);
            self.at(answer.at, Event::Answer(number, answer.reply, answer.sent));
        }
        if let Some(next) = self.shop.next_wakeup() {
            assert!(next > now, "the loop spins");
            let next = if self.scenario.faults.skew.is_some() {
                let local = self.server_time.to_local(moment(next)).as_millis();
                // The timer measures the duration.
                self.now + local.saturating_sub(self.local_time()).max(1)
            } else {
                (next + self.clock_behind).saturating_sub(self.clock_ahead)
            };
            // A clock that is ahead can pass the end of a wait.
            let next = next.max(self.now);
            if self.wakeup != Some(next) {
                self.wakeup = Some(next);
                self.at(next, Event::WakeUp);
            }
        } else {
            self.wakeup = None;
        }
        Ok(())
    }

    /// Checks that the token is not renewed because the shop's clock is ahead.
    fn check_renewal(&self) {
        let due_before = self.now + 3 * DAY + MINUTE;
        let end = self.bakong.token().0;
        assert!(
            end.is_none_or(|end| end <= due_before),
            "the token is renewed at {} although it expires at {end:?}",
            self.now
        );
    }

    fn summary(&self) -> Summary {
        let count = |what: usize| u32::try_from(what).unwrap_or(u32::MAX);
        let mut summary = Summary {
            orders: count(self.oracle.orders.len()),
            requests: self.requests,
            most_on_a_day: self.bakong.requests.values().copied().max().unwrap_or(0),
            over: self.bakong.over_quota,
            crashes: self.crashes,
            wakeups: self.wakeups,
            ..Summary::default()
        };
        for (order, known) in self.oracle.orders.iter().zip(&self.oracle.known) {
            summary.refused += u32::from(known.is_refused);
            let paid = order
                .transfers
                .first()
                .filter(|transfer| transfer.amount == order.amount && transfer.to_shop);
            let (Some(transfer), true) = (paid, known.is_accepted) else {
                continue;
            };
            summary.paid += 1;
            if let Some((Outcome::Paid { .. }, at)) = &known.outcome {
                summary.settled += 1;
                summary.delays.push(at.saturating_sub(transfer.created_at));
                let end = order.at + order.life + 15 * MINUTE;
                summary.settled_in_grace += u32::from(*at <= end);
            }
        }
        summary
    }
}

const HOUR_I64: i64 = 60 * 60 * 1_000;

const fn moment(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}
