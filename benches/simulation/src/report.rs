//! The same days with each schedule, side by side: a table, and a plot.

mod plot;

use std::fmt::Write as _;

use crate::peers::Schedule;
use crate::scenario::Scenario;
use crate::world::{Summary, World};

/// How many orders a day the rows have.
pub const ORDERS: [u32; 5] = [20, 60, 100, 500, 2_000];

/// Our name.
const OURS: &str = "bakong-flow";

/// Who is compared.
const PEERS: [Schedule; 3] = [Schedule::Every(3), Schedule::Every(5), Schedule::Backoff];

/// A row of the table.
#[derive(Clone, Debug)]
pub struct Row {
    /// Whether the list endpoint works.
    pub lists: bool,
    /// Orders a day.
    pub orders: u32,
    /// Whose schedule.
    pub name: &'static str,
    /// Whether it is ours.
    pub is_ours: bool,
    /// What came of it, over all seeds.
    pub sum: Summary,
    /// Over how many days.
    pub days: u64,
}

impl Row {
    /// How many of a thousand orders were accepted.
    #[must_use]
    pub fn accepted_per_mille(&self) -> u64 {
        let accepted = u64::from(self.sum.orders - self.sum.refused);
        accepted * 1_000 / u64::from(self.sum.orders.max(1))
    }

    /// How many of a thousand orders that were accepted and paid were settled by their expiry and a quarter of an
    /// hour.
    #[must_use]
    pub fn settled_per_mille(&self) -> u64 {
        let (settled, paid) = (self.sum.settled_in_grace, self.sum.paid.max(1));
        u64::from(settled) * 1_000 / u64::from(paid)
    }

    /// The delay that so many percent of the settled stay below, in seconds.
    #[must_use]
    pub fn delay(&self, percent: usize) -> Option<u64> {
        let mut delays = self.sum.delays.clone();
        delays.sort_unstable();
        let at = delays.len() * percent / 100;
        delays.get(at).map(|delay| delay / 1_000)
    }
}

/// Plays the quiet days of these seeds with every schedule.
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
                rows.push(row(peer.name(), false, &|scenario| peer.play(scenario)));
            }
            rows.push(row(OURS, true, &|scenario| World::new(scenario).run()));
        }
    }
    rows
}

/// The table, in Markdown.
#[must_use]
pub fn table(rows: &[Row]) -> String {
    let mut table = String::from(
        "| lists | orders a day | schedule | accepted | settled of the paid | median delay | 95th percentile | requests a day | most on a day |\n\
         | --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for row in rows {
        let sum = &row.sum;
        let delay = |percent| {
            row.delay(percent)
                .map_or_else(|| "–".to_owned(), |s| format!("{s} s"))
        };
        // A table in a text cannot fail to be written.
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

/// The page: what was played, and the table.
#[must_use]
pub fn page(rows: &[Row], seeds: u64) -> String {
    format!(
        "# Compared with what people do today\n\n\
         The same days of a shop, simulated with four schedules: {seeds} seeds of three days each, one token, 100 \
         requests a day, refused ones included. Codes live ten minutes. Orders come from seven in the morning until \
         nine in the evening, most of them at noon and towards the end; half of the customers pay within 40 seconds, \
         one in twenty takes more than five minutes, eight in a hundred walk away, and nothing else goes wrong. A \
         payment is settled in time if that is known a quarter of an hour after its code's expiry. Written by \
         `cargo xtask simulate --report`.\n\n\
         `bakong-flow` runs with `Policy::COUNTER`. It refuses a payment whose last check it cannot promise, so that its \
         code is not shown; the others show every code and lose most of those payments: that is the column \
         \"accepted\". \"every 3 s\", \"every 5 s\" and the `Backoff` of khqr-api 0.4.1 (2 s, doubling up to a \
         minute) ask until the expiry, each payment by itself, and count nothing: what is asked beyond 100 a day is \
         answered with a 17.\n\n\
         ![Of the accepted orders that were paid, those settled in time](compare.svg)\n\n{}",
        table(rows)
    )
}

/// The plot, as SVG.
#[must_use]
pub fn plot(rows: &[Row]) -> String {
    plot::svg(rows)
}

/// What the rows have to show.
///
/// # Errors
/// What they do not.
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
