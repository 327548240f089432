//! What kind of days are simulated.

use std::fmt;

use bakong_flow::Policy;
use fastrand::Rng;

use crate::HOUR;

/// Everything that a simulation is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Scenario {
    /// What all that is random is drawn from.
    pub seed: u64,
    /// For how many days the shop sells.
    pub days: u64,
    /// How many orders there are a day.
    pub orders: u32,
    /// Whether the list endpoint works.
    pub lists: Lists,
    /// How many requests a day Bakong takes; the shop believes 100.
    pub limit: u32,
    /// How many of those another program spends, of which the shop does not know.
    pub others: u32,
    /// How payments are asked about.
    pub policies: Policies,
    /// How long after seven in the morning the shop opens; its day has fourteen hours.
    pub opens_later: u64,
    /// What goes wrong.
    pub trouble: Trouble,
}

/// How payments are asked about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Policies {
    /// All alike, with codes that live for ten minutes.
    Of(Policy),
    /// Some at the counter, some in a web shop, and some invoices that live for hours or days.
    Mixed,
}

/// Whether the list endpoint works.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lists {
    /// Always.
    Work,
    /// Never: each is answered with a 403.
    Refused,
    /// From day to day, or with answers that leave some out.
    Unsteady,
    /// With answers that cannot be read at all, for minutes or hours.
    Garbled,
}

/// What goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Trouble {
    /// Of a thousand requests, so many fail by themselves.
    pub failures: u32,
    /// Whether there are hours in which Bakong does not answer.
    pub outages: bool,
    /// Of a thousand answers, so many are never handed in.
    pub lost: u32,
    /// Of a thousand steps, the process is killed at so many.
    pub crashes: u32,
    /// Whether the token ends, and can be renewed.
    pub token: Option<Renewal>,
    /// Whether customers do what they should not: pay twice, late, or something else; and shops cancel.
    pub customers: bool,
    /// Whether customers show receipts, theirs or others': hashes to ask by.
    pub receipts: bool,
    /// Whether the shop's clock is set back now and then.
    pub clock: bool,
}

/// Whether a token can be renewed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Renewal {
    /// By the program.
    Works,
    /// By a person, hours later.
    ByHand,
}

impl Trouble {
    /// None.
    pub const NONE: Self = Self {
        failures: 0,
        lost: 0,
        outages: false,
        crashes: 0,
        token: None,
        customers: false,
        receipts: false,
        clock: false,
    };
}

impl Scenario {
    /// Days as they are when nothing goes wrong.
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
            trouble: Trouble::NONE,
        }
    }

    /// Days as bad as they come, of a kind that depends on the seed.
    #[must_use]
    pub fn hostile(seed: u64) -> Self {
        let mut random = Rng::with_seed(seed);
        let orders = *pick(&mut random, &[5, 20, 60, 90, 150, 400, 1_000, 2_000]);
        Self {
            seed,
            days: random.u64(1..=3),
            orders,
            lists: *pick(
                &mut random,
                &[Lists::Work, Lists::Refused, Lists::Unsteady, Lists::Garbled],
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
            // Some are open over midnight, when the day of the quota turns.
            opens_later: *pick(&mut random, &[0, 0, 9 * HOUR]),
            trouble: Trouble {
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
            },
        }
    }
}

fn pick<'c, T>(random: &mut Rng, from: &'c [T]) -> &'c T {
    &from[random.usize(0..from.len())]
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "seed {}: {} days of {} orders, lists {:?}, limit {} of which others spend {}, {}, opens {} h later, {:?}",
            self.seed,
            self.days,
            self.orders,
            self.lists,
            self.limit,
            self.others,
            match self.policies {
                Policies::Of(_) => "one policy",
                Policies::Mixed => "mixed policies",
            },
            self.opens_later / HOUR,
            self.trouble
        )
    }
}
