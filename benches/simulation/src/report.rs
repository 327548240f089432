//! Compares schedules on the same days: a table and a plot.

mod plot;

use std::fmt::Write as _;

use crate::peers::Schedule;
use crate::scenario::Scenario;
use crate::world::{Summary, World};

/// The numbers of orders per day.
pub const ORDERS: [u32; 5] = [20, 60, 100, 500, 2_000];

/// The name of this crate in the report.
const OURS: &str = "bakong-flow";

/// The other schedules.
const PEERS: [Schedule; 3] = [Schedule::Every(3), Schedule::Every(5), Schedule::Backoff];

/// A row of the table.
#[derive(Clone, Debug)]
pub struct Row {
    /// Whether the list endpoint works.
    pub lists: bool,
    /// Orders a day.
    pub orders: u32,
    /// The name of the schedule.
    pub name: &'static str,
    /// Whether the schedule is bakong-flow.
    pub is_ours: bool,
    /// The results of all seeds.
    pub sum: Summary,
    /// The number of days.
    pub days: u64,
}

impl Row {
    /// Returns the accepted orders per thousand.
    #[must_use]
    pub fn accepted_per_mille(&self) -> u64 {
        let accepted = u64::from(self.sum.orders - self.sum.refused);
        accepted * 1_000 / u64::from(self.sum.orders.max(1))
    }

    /// Returns how many of a thousand accepted and paid orders were settled within 15 minutes after the expiry.
    #[must_use]
    pub fn settled_per_mille(&self) -> u64 {
        let (settled, paid) = (self.sum.settled_in_grace, self.sum.paid.max(1));
        u64::from(settled) * 1_000 / u64::from(paid)
    }

    /// Returns a percentile of the delays, in seconds.
    #[must_use]
    pub fn delay(&self, percent: usize) -> Option<u64> {
        let mut delays = self.sum.delays.clone();
        delays.sort_unstable();
        let at = delays.len() * percent / 100;
        delays.get(at).map(|delay| delay / 1_000)
    }
}

/// Simulates the scenarios without faults with every schedule.
#[must_use]
pub fn rows(seeds: u64) -> Vec<Row> {
    let mut rows = Vec::new();
    for lists in [false, true] {
        for orders in ORDERS {
            let scenarios = (0..seeds).map(|seed| Scenario::quiet(seed, orders, lists));
            let row = |name, is_ours, play: &dyn Fn(Scenario) -> Summary| Row {
                lists,
                orders,
                name,
                is_ours,
                days: scenarios.clone().map(|scenario| scenario.days).sum(),
                sum: scenarios
                    .clone()
                    .map(play)
                    .fold(Summary::default(), Summary::and),
            };
            for peer in PEERS {
                rows.push(row(peer.name(), false, &|scenario| peer.run(scenario)));
            }
            rows.push(row(OURS, true, &|scenario| World::new(scenario).run()));
        }
    }
    rows
}

/// Returns the table in Markdown.
#[must_use]
pub fn table(rows: &[Row]) -> String {
    let mut table = String::from(
        "| lists | orders a day | schedule | accepted | paid orders settled | median delay | 95th percentile | requests a day | maximum a day |\n\
         | --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for row in rows {
        let sum = &row.sum;
        let delay = |percent| {
            row.delay(percent)
                .map_or_else(|| "–".to_owned(), |s| format!("{s} s"))
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            table,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            if row.lists { "work" } else { "refused" },
            row.orders,
            row.name,
            percent(row.accepted_per_mille()),
            percent(row.settled_per_mille()),
            delay(50),
            delay(95),
            sum.requests / row.days.max(1),
            sum.most_on_a_day,
        );
    }
    table
}

fn percent(per_mille: u64) -> String {
    match (per_mille / 10, per_mille % 10) {
        (whole, 0) => format!("{whole} %"),
        (whole, tenth) => format!("{whole}.{tenth} %"),
    }
}

/// Returns the page: the method and the table.
#[must_use]
pub fn page(rows: &[Row], seeds: u64) -> String {
    format!(
        "# Comparison with polling\n\n\
         The table shows a simulation of the same shop days with four schedules: {seeds} seeds of three days each, one \
         token, 100 requests a day, rejected requests included. A code expires after ten minutes. Orders arrive between \
         07:00 and 21:00, with peaks at noon and in the evening. Half of the customers pay within 40 seconds, one in \
         twenty takes more than five minutes, and eight percent do not pay. No request fails. An order counts as settled \
         in time if the payment is known at most 15 minutes after the code expires. `cargo xtask simulate --report` writes this page.\n\n\
         `bakong-flow` uses `Policy::COUNTER`. It refuses a payment if the quota has no request left for the final check, \
         and the shop does not show that code (column \"accepted\"). The other schedules show every code and miss most of \
         those payments. \"every 3 s\", \"every 5 s\" and the `Backoff` of khqr-api 0.4.1 (2 s, doubling up to a minute) \
         poll each payment independently until its code expires. They do not count requests; after 100 a day, Bakong \
         answers with error code 17.\n\n\
         ![Share of the accepted and paid orders that are settled in time](compare.svg)\n\n{}",
        table(rows)
    )
}

/// Returns the plot as SVG.
#[must_use]
pub fn plot(rows: &[Row]) -> String {
    plot::svg(rows)
}

/// Checks that bakong-flow settles every paid order in time and never exceeds the quota.
///
/// # Errors
/// The row that fails the check.
pub fn verdict(rows: &[Row]) -> Result<(), String> {
    for row in rows {
        let sum = &row.sum;
        let at = format!("{} orders, lists {}, {}", row.orders, row.lists, row.name);
        if row.is_ours && (sum.settled < sum.paid || sum.settled_in_grace < sum.paid) {
            return Err(format!(
                "{at}: {} of {} settled",
                sum.settled_in_grace, sum.paid
            ));
        }
        if row.is_ours && sum.most_on_a_day > 100 {
            return Err(format!("{at}: {} requests on a day", sum.most_on_a_day));
        }
        if row.orders == 60 && !row.lists {
            let all = sum.settled_in_grace == sum.paid && sum.refused == 0;
            if all != row.is_ours {
                return Err(format!(
                    "{at}: {} of {} settled, {} refused",
                    sum.settled_in_grace, sum.paid, sum.refused
                ));
            }
        }
        if row.is_ours && row.lists && sum.refused > 0 {
            return Err(format!("{at}: {} refused", sum.refused));
        }
    }
    Ok(())
}
