//! When orders come, and what customers do.

use bakong_flow::Policy;
use bakong_flow::bakong_api::khqr_core::Currency;
use fastrand::Rng;

use crate::scenario::{Policies, Scenario};
use crate::{CODE_LIFE, DAY, HOUR, MINUTE, SECOND, START};

/// An order, and what its customer will do.
#[derive(Clone, Debug)]
pub struct Order {
    /// When the code is shown.
    pub at: u64,
    /// How long its code can be paid.
    pub life: u64,
    /// How it is asked about.
    pub policy: Policy,
    /// What it asks for, in riel.
    pub amount: u64,
    /// The transfers that the customer makes.
    pub transfers: Vec<Transfer>,
    /// When the customer says that they have paid.
    pub nudge_at: Option<u64>,
    /// When the shop cancels the order.
    pub cancel_at: Option<u64>,
    /// Whether Bakong says of it that the payment failed.
    pub fails: bool,
    /// Whether it is a second code for the order before.
    pub is_second_code: bool,
    /// Whether the customer pays by another code than the one that is watched, so that Bakong finds the
    /// transfers by their hashes only.
    pub by_another_code: bool,
    /// The receipt that the customer shows.
    pub receipt: Option<Receipt>,
}

impl Order {
    /// When its last check is due.
    #[must_use]
    pub fn deadline(&self) -> u64 {
        let grace = self.policy.grace.after_expiry.as_millis();
        self.at + self.life + u64::try_from(grace).unwrap_or(u64::MAX)
    }
}

/// What a customer shows to prove a transfer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Receipt {
    /// When.
    pub at: u64,
    /// The order whose first transfer it is of; most often the customer's own.
    pub of: usize,
    /// Whether it says the full hash.
    pub full: bool,
    /// Whether it says the short one.
    pub short: bool,
}

/// Money that moves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Transfer {
    /// When it is made.
    pub created_at: u64,
    /// From when on Bakong tells of it.
    pub visible_at: u64,
    /// How much.
    pub amount: u64,
    /// Of what.
    pub currency: Currency,
    /// Whether it goes to the shop.
    pub to_shop: bool,
}

/// How many of a day's orders come in each hour from seven in the morning on: a noon and an evening.
const BY_HOUR: [u32; 14] = [2, 3, 4, 5, 8, 10, 9, 5, 5, 6, 9, 12, 10, 6];
const OPENS_AT: u64 = 7 * HOUR;

/// How long customers take, in seconds, by twentieths: half of them up to 40 seconds, one in twenty more than
/// five minutes.
const DELAYS: [u64; 21] = [
    5, 8, 11, 14, 17, 20, 24, 28, 32, 36, 40, 46, 53, 62, 73, 88, 110, 145, 205, 310, 590,
];

/// All orders of a scenario, the earliest first.
#[must_use]
pub fn orders(scenario: &Scenario) -> Vec<Order> {
    let mut random = Rng::with_seed(scenario.seed ^ 0x6f72_6465_7273);
    let mut orders = Vec::new();
    for day in 0..scenario.days {
        for _ in 0..scenario.orders {
            let at = START + day * DAY + moment_of_day(&mut random);
            let at = at + scenario.opens_later;
            let (policy, life) = kind(&mut random, scenario.policies);
            let order = order(&mut random, (at, life, policy), scenario.trouble.customers);
            orders.push(order);
        }
    }
    orders.sort_by_key(|order| order.at);
    if let Some(first) = orders.first_mut() {
        first.is_second_code = false;
    }
    if scenario.trouble.receipts {
        show_receipts(&mut random, &mut orders);
    }
    orders
}

/// How an order's payment is asked about, and how long its code lives.
fn kind(random: &mut Rng, policies: Policies) -> (Policy, u64) {
    match policies {
        Policies::Of(policy) => (policy, CODE_LIFE),
        Policies::Mixed => match random.u32(0..10) {
            0..=4 => (Policy::COUNTER, random.u64(2..=10) * MINUTE),
            5..=7 => (Policy::WEB_SHOP, random.u64(10..=30) * MINUTE),
            _ => (Policy::INVOICE, random.u64(2..=48) * HOUR),
        },
    }
}

/// Some customers show a receipt, a few of them somebody else's, and some paid by another code.
fn show_receipts(random: &mut Rng, orders: &mut [Order]) {
    for at in 0..orders.len() {
        let number = match random.u32(0..100) {
            0..=14 => at,
            // Of an order before: an honest mistake, or not.
            15..=17 => random.usize(0..=at),
            _ => continue,
        };
        let Some(transfer) = orders[number].transfers.first() else {
            continue;
        };
        let shown_at = transfer.visible_at.max(orders[at].at) + random.u64(0..5 * MINUTE);
        let which = random.u32(0..3);
        orders[at].receipt = Some(Receipt {
            at: shown_at,
            of: number,
            full: which > 0,
            short: which < 2,
        });
        orders[at].by_another_code = number == at && random.u32(0..4) == 0;
    }
}

fn moment_of_day(random: &mut Rng) -> u64 {
    let mut ticket = random.u32(0..BY_HOUR.iter().sum());
    let mut hour = 0;
    for weight in BY_HOUR {
        if ticket < weight {
            break;
        }
        ticket -= weight;
        hour += 1;
    }
    OPENS_AT + hour * HOUR + random.u64(0..HOUR)
}

fn order(random: &mut Rng, (at, life, policy): (u64, u64, Policy), odd: bool) -> Order {
    let amount = random.u64(1..200) * 500;
    // Whoever has more time takes more.
    let delay = delay(random) * (life / 1_000) / (CODE_LIFE / 1_000);
    let expires_at = at + life;
    let mut order = Order {
        at,
        life,
        policy,
        amount,
        transfers: Vec::new(),
        nudge_at: None,
        cancel_at: None,
        fails: false,
        is_second_code: false,
        by_another_code: false,
        receipt: None,
    };
    let transfer = |created_at: u64, random: &mut Rng| Transfer {
        created_at,
        visible_at: created_at + random.u64(SECOND..8 * SECOND),
        amount,
        currency: Currency::Khr,
        to_shop: true,
    };
    let in_time = transfer(at + delay, random);
    // Eight in a hundred walk away.
    if random.u32(0..100) < 8 {
        return order;
    }
    if random.u32(0..5) == 0 {
        order.nudge_at = Some(in_time.created_at + random.u64(2..20) * SECOND);
    }
    if !odd {
        order.transfers.push(in_time);
        return order;
    }
    order.transfers.push(match random.u32(0..100) {
        0..=2 => Transfer {
            amount: amount - 100,
            ..in_time
        },
        3..=4 => Transfer {
            amount: amount + 100,
            ..in_time
        },
        5..=6 => Transfer {
            currency: Currency::Usd,
            ..in_time
        },
        7 => Transfer {
            to_shop: false,
            ..in_time
        },
        8..=11 => transfer(expires_at - random.u64(0..10 * SECOND), random),
        12..=15 => transfer(expires_at + random.u64(0..20 * MINUTE), random),
        _ => in_time,
    });
    match random.u32(0..100) {
        0..=4 => {
            let again = in_time.created_at + random.u64(0..5 * MINUTE);
            order.transfers.push(transfer(again, random));
        }
        5..=7 => {
            order.transfers.clear();
            order.fails = true;
        }
        8..=11 => order.cancel_at = Some(at + random.u64(0..life)),
        12..=14 => order.is_second_code = true,
        _ => {}
    }
    order.transfers.sort_by_key(|transfer| transfer.visible_at);
    order
}

fn delay(random: &mut Rng) -> u64 {
    let at = random.usize(0..DELAYS.len() - 1);
    let (from, to) = (DELAYS[at] * SECOND, DELAYS[at + 1] * SECOND);
    random.u64(from..to)
}
