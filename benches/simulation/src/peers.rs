//! Polling schedules without `bakong-flow`: each payment polls independently until it is paid or its code expires, and the
//! requests are not counted.

use bakong_flow::Question;
use bakong_flow::Reply;
use bakong_flow::bakong_api::CheckAnswer;

use crate::bakong::{Bakong, md5};
use crate::customers::orders;
use crate::scenario::Scenario;
use crate::world::Summary;
use crate::{CODE_LIFE, MINUTE, SECOND};

/// A polling schedule.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Schedule {
    /// A fixed interval in seconds.
    Every(u64),
    /// After 2, 4, 8, 16, 32 seconds, then every minute, like the `Backoff` of `khqr-api` 0.4.1.
    Backoff,
}

impl Schedule {
    /// Returns the name in the report.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Every(3) => "every 3 s",
            Self::Every(5) => "every 5 s",
            Self::Every(_) => "at an interval",
            Self::Backoff => "khqr-api's Backoff",
        }
    }

    fn gap(self, sent: u32) -> u64 {
        match self {
            Self::Every(seconds) => seconds * SECOND,
            Self::Backoff => 2u64.saturating_pow(sent.saturating_add(1)).min(60) * SECOND,
        }
    }

    /// Simulates a scenario with this schedule.
    #[must_use]
    pub fn run(self, scenario: Scenario) -> Summary {
        let orders = orders(&scenario);
        let mut bakong = Bakong::new(scenario);
        // The next request of each order, by time.
        let mut queue = std::collections::BinaryHeap::new();
        for (number, order) in orders.iter().enumerate() {
            let first = order.at + self.gap(0);
            queue.push(std::cmp::Reverse((first, number, 0u32)));
        }
        let mut settled_at = vec![None; orders.len()];
        let mut requests = 0;
        while let Some(std::cmp::Reverse((now, number, sent))) = queue.pop() {
            let order = &orders[number];
            if now > order.at + CODE_LIFE {
                continue;
            }
            requests += 1;
            let answer = bakong.ask(&Question::Md5(md5(number)), &orders, now);
            if let Reply::Check(Ok(CheckAnswer::Paid(_))) = answer.reply {
                settled_at[number] = Some(answer.at);
                continue;
            }
            let next = answer.at.max(now) + self.gap(sent + 1);
            queue.push(std::cmp::Reverse((next, number, sent + 1)));
        }
        let count = |what: usize| u32::try_from(what).unwrap_or(u32::MAX);
        let mut summary = Summary {
            orders: count(orders.len()),
            requests,
            most_on_a_day: bakong.requests.values().copied().max().unwrap_or(0),
            over: bakong.over_quota,
            ..Summary::default()
        };
        for (order, at) in orders.iter().zip(settled_at) {
            let Some(transfer) = order.transfers.first() else {
                continue;
            };
            summary.paid += 1;
            if let Some(at) = at {
                summary.settled += 1;
                summary.delays.push(at.saturating_sub(transfer.created_at));
                summary.settled_in_grace += u32::from(at <= order.at + CODE_LIFE + 15 * MINUTE);
            }
        }
        summary
    }
}
