//! The parameters of a simulation.

use std::fmt;

use bakong_flow::Policy;
use fastrand::Rng;

use crate::HOUR;

/// The parameters of a simulation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Scenario {
    /// The seed of all random numbers.
    pub seed: u64,
    /// How many days the shop sells.
    pub days: u64,
    /// Orders per day.
    pub orders: u32,
    /// Whether the list endpoint works.
    pub lists: Lists,
    /// The quota of Bakong per day. The shop assumes 100.
    pub limit: u32,
    /// Requests per day of another program, which the shop does not know about.
    pub others: u32,
    /// The policies of the payments.
    pub policies: Policies,
    /// How long after 07:00 the shop opens, in milliseconds. It is open for 14 hours.
    pub opens_later: u64,
    /// Whether all orders of a day arrive in the same minute at noon, so that their final checks are due together.
    pub rush: bool,
    /// The faults that the simulation injects.
    pub faults: Faults,
}

/// The policies of the payments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Policies {
    /// One policy, with codes that expire after ten minutes.
    Of(Policy),
    /// A mix of counter, web shop and invoices with codes that expire after hours or days.
    Mixed,
}

/// Whether the list endpoint works.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lists {
    /// Lists work.
    Work,
    /// Lists are refused with 403.
    Refused,
    /// Lists are refused every other day, and leave out some payments.
    Unsteady,
    /// Lists are unreadable for minutes or hours.
    Unreadable,
    /// Lists fail as in an outage (5xx, 429, timeouts, cut connections), but single checks are answered.
    Down,
    /// The same, for minutes or hours.
    DownAtTimes,
    /// Lists work, but a CDN refuses some of them with 403, never two in a row.
    RefusedAtTimes,
}

/// The faults that the simulation injects.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Faults {
    /// Failing requests per thousand.
    pub failures: u32,
    /// Whether Bakong has outages of minutes or hours.
    pub outages: bool,
    /// Replies per thousand that the shop abandons.
    pub lost: u32,
    /// Steps per thousand at which the process is killed.
    pub crashes: u32,
    /// Whether the token expires, and how it is renewed.
    pub token: Option<Renewal>,
    /// Whether customers pay twice, too late or the wrong amount, and shops cancel orders.
    pub customers: bool,
    /// Whether customers show receipts, their own or others'.
    pub receipts: bool,
    /// Whether the shop's clock is sometimes set back.
    pub clock: bool,
    /// Whether the shop restarts before each midnight with a clock that is an hour ahead, and the clock is corrected
    /// before the real midnight.
    pub turns: bool,
    /// How the shop's clock differs from Bakong's, if the shop learns Bakong's time from the answers.
    pub skew: Option<ClockSkew>,
}

/// A clock that is wrong from the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClockSkew {
    /// Milliseconds by which the clock is ahead at the start.
    pub ahead: i64,
    /// By how much the clock is too fast, in millionths.
    pub drift: i64,
    /// Whether the clock is set and the process restarts several times a day.
    pub steps: bool,
}

/// How the token is renewed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Renewal {
    /// The program renews the token.
    Works,
    /// A person renews the token hours later.
    ByHand,
}

impl Faults {
    /// No faults.
    pub const NONE: Self = Self {
        failures: 0,
        lost: 0,
        outages: false,
        crashes: 0,
        token: None,
        customers: false,
        receipts: false,
        clock: false,
        turns: false,
        skew: None,
    };
}

impl Scenario {
    /// Creates a scenario without faults.
    #[must_use]
    pub const fn quiet(seed: u64, orders: u32, lists: bool) -> Self {
        Self {
            seed,
            days: 3,
            orders,
            lists: if lists { Lists::Work } else { Lists::Refused },
            limit: 100,
            others: 0,
            policies: Policies::Of(Policy::COUNTER),
            opens_later: 0,
            rush: false,
            faults: Faults::NONE,
        }
    }

    /// Creates a scenario with faults that depend on the seed.
    #[must_use]
    pub fn hostile(seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        let orders = *pick(&mut random, &[5, 20, 60, 90, 150, 400, 1_000, 2_000]);
        let scenario = Self {
            seed,
            days: random.u64(1..=3),
            orders,
            lists: *pick(
                &mut random,
                &[
                    Lists::Work,
                    Lists::Refused,
                    Lists::Unsteady,
                    Lists::Unreadable,
                ],
            ),
            limit: *pick(&mut random, &[100, 100, 100, 60]),
            others: *pick(&mut random, &[0, 0, 0, 20]),
            policies: *pick(
                &mut random,
                &[
                    Policies::Of(Policy::COUNTER),
                    Policies::Of(Policy::WEB_SHOP),
                    Policies::Mixed,
                ],
            ),
            // Some shops are open at midnight, when the quota window ends.
            opens_later: *pick(&mut random, &[0, 0, 9 * HOUR]),
            rush: false,
            faults: Faults {
                failures: *pick(&mut random, &[0, 10, 100, 300]),
                outages: random.bool(),
                lost: *pick(&mut random, &[0, 2, 20]),
                crashes: *pick(&mut random, &[0, 1, 10, 50]),
                token: *pick(
                    &mut random,
                    &[None, Some(Renewal::Works), Some(Renewal::ByHand)],
                ),
                customers: random.u8(0..4) > 0,
                receipts: random.bool(),
                clock: random.u8(0..4) == 0,
                turns: false,
                skew: None,
            },
        };
        scenario.varied(&mut random)
    }

    /// Changes some scenarios to situations that are rare otherwise.
    fn varied(self, random: &mut Rng) -> Self {
        let sick = [Lists::Down, Lists::DownAtTimes];
        match random.u8(0..10) {
            // A failing list endpoint, in addition to all other faults.
            0 => Self {
                lists: *pick(random, &sick),
                ..self
            },
            // The quota is reserved for final checks that fall in the same minute, and nothing else fails.
            1 | 2 => Self {
                orders: *pick(random, &[20, 90, 97, 98, 99, 150, 400]),
                lists: *pick(random, &[Lists::Refused, Lists::Down, Lists::Work]),
                limit: 100,
                others: 0,
                policies: Policies::Of(Policy::COUNTER),
                opens_later: 0,
                rush: random.u8(0..4) > 0,
                faults: Faults {
                    customers: random.bool(),
                    ..Faults::NONE
                },
                ..self
            },
            // Other programs use up the quota, and the clock is wrong while the shop is closed.
            3 => Self {
                orders: *pick(random, &[60, 90, 150]),
                limit: 100,
                others: *pick(random, &[20, 40, 90]),
                policies: Policies::Of(Policy::COUNTER),
                opens_later: 0,
                faults: Faults {
                    clock: false,
                    turns: true,
                    ..self.faults
                },
                ..self
            },
            // A CDN refuses single lists.
            4 => Self {
                lists: Lists::RefusedAtTimes,
                faults: *pick(random, &[Faults::NONE, self.faults]),
                ..self
            },
            // The shop's clock is wrong, and Bakong's answers tell its time.
            5 => Self {
                faults: Faults {
                    clock: false,
                    skew: Some(ClockSkew {
                        ahead: *pick(random, &[0, 11, -11, 120, -120, 1_500, -1_500]) * MINUTE_I64
                            + random.i64(-900..900),
                        drift: random.i64(-100..=100),
                        steps: random.bool(),
                    }),
                    ..*pick(random, &[Faults::NONE, self.faults])
                },
                ..self
            },
            _ => self,
        }
    }

    /// Whether nothing but single refusals can happen to lists.
    #[must_use]
    pub fn has_only_single_refusals(&self) -> bool {
        self.lists == Lists::RefusedAtTimes
            && Faults {
                customers: false,
                receipts: false,
                ..self.faults
            } == Faults::NONE
            && (self.limit, self.others) == (100, 0)
    }
}

const MINUTE_I64: i64 = 60 * 1_000;

fn pick<'c, T>(random: &mut Rng, from: &'c [T]) -> &'c T {
    &from[random.usize(0..from.len())]
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "seed {}: {} days of {} orders{}, lists {:?}, limit {}, external requests {}, {}, opens {} h later, {:?}",
            self.seed,
            self.days,
            self.orders,
            if self.rush { " at noon" } else { "" },
            self.lists,
            self.limit,
            self.others,
            match self.policies {
                Policies::Of(_) => "one policy",
                Policies::Mixed => "mixed policies",
            },
            self.opens_later / HOUR,
            self.faults
        )
    }
}
