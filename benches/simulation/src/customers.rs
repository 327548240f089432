//! The orders, and the actions of the customers.

use bakong_flow::Policy;
use bakong_flow::bakong_api::khqr_core::Currency;
use fastrand::Rng;

use crate::scenario::{Policies, Scenario};
use crate::{CODE_LIFE, DAY, HOUR, MINUTE, SECOND, START};

/// An order, and the actions of its customer.
#[derive(Clone, Debug)]
pub struct Order {
    /// When the shop opens the payment.
    pub at: u64,
    /// The time until the code expires.
    pub life: u64,
    /// The policy of the payment.
    pub policy: Policy,
    /// The amount in riel.
    pub amount: u64,
    /// The transfers of the customer.
    pub transfers: Vec<Transfer>,
    /// When the customer claims to have paid.
    pub nudge_at: Option<u64>,
    /// When the shop cancels the order.
    pub cancel_at: Option<u64>,
    /// Whether Bakong reports that the payment failed.
    pub fails: bool,
    /// Whether this is a second code for the previous order.
    pub is_second_code: bool,
    /// Whether the customer pays a code other than the watched one, so that only lookups by hash find the transfers.
    pub by_another_code: bool,
    /// The receipt that the customer shows.
    pub receipt: Option<Receipt>,
}

impl Order {
    /// Returns the deadline: the expiry plus the grace period.
    #[must_use]
    pub fn deadline(&self) -> u64 {
        let grace = self.policy.grace.after_expiry.as_millis();
        self.at + self.life + u64::try_from(grace).unwrap_or(u64::MAX)
    }
}

/// A receipt that a customer shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Receipt {
    /// When the receipt is shown.
    pub at: u64,
    /// The order that the receipt's transfer pays: usually the customer's own order.
    pub of: usize,
    /// Whether the receipt has the full hash.
    pub full: bool,
    /// Whether the receipt has the short hash.
    pub short: bool,
}

/// A transfer of money.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Transfer {
    /// When the transfer is made.
    pub created_at: u64,
    /// When Bakong begins to report the transfer.
    pub visible_at: u64,
    /// The amount in minor units.
    pub amount: u64,
    /// The currency.
    pub currency: Currency,
    /// Whether the recipient is the shop.
    pub to_shop: bool,
}

/// The share of a day's orders in each hour from 07:00 on, with peaks at noon and in the evening.
const BY_HOUR: [u32; 14] = [2, 3, 4, 5, 8, 10, 9, 5, 5, 6, 9, 12, 10, 6];
const OPENS_AT: u64 = 7 * HOUR;

/// The time that customers take to pay, in seconds: the 5th, 10th, 15th, … percentile. The median is 40 seconds, and
/// one customer in twenty takes more than five minutes.
const DELAYS: [u64; 21] = [
    5, 8, 11, 14, 17, 20, 24, 28, 32, 36, 40, 46, 53, 62, 73, 88, 110, 145, 205, 310, 590,
];

/// Returns the orders of a scenario, the earliest first.
#[must_use]
pub fn orders(scenario: &Scenario) -> Vec<Order> {
    let mut random = Rng::with_seed(scenario.seed ^ 0x6f72_6465_7273);
    let mut orders = Vec::new();
    for day in 0..scenario.days {
        for _ in 0..scenario.orders {
            let moment = if scenario.rush {
                12 * HOUR + random.u64(0..MINUTE)
            } else {
                moment_of_day(&mut random)
            };
            let at = START + day * DAY + moment + scenario.opens_later;
            let (policy, life) = kind(&mut random, scenario.policies);
            let order = order(&mut random, (at, life, policy), scenario.faults.customers);
            orders.push(order);
        }
    }
    orders.sort_by_key(|order| order.at);
    if let Some(first) = orders.first_mut() {
        first.is_second_code = false;
    }
    if scenario.faults.receipts {
        show_receipts(&mut random, &mut orders);
    }
    orders
}

/// Returns the policy of a payment and the life of its code.
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

/// Gives some orders a receipt, a few of them of another order, and makes some customers pay another code.
fn show_receipts(random: &mut Rng, orders: &mut [Order]) {
    for at in 0..orders.len() {
        let number = match random.u32(0..100) {
            0..=14 => at,
            // The receipt of an earlier order, by mistake or in fraud.
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

fn order(random: &mut Rng, (at, life, policy): (u64, u64, Policy), with_faults: bool) -> Order {
    let amount = random.u64(1..200) * 500;
    // Customers take longer if the code is valid for longer.
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
    // Eight percent of the customers do not pay.
    if random.u32(0..100) < 8 {
        return order;
    }
    if random.u32(0..5) == 0 {
        order.nudge_at = Some(in_time.created_at + random.u64(2..20) * SECOND);
    }
    if !with_faults {
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
