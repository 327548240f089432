//! The log of requests on standard error.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use bakong_sandbox::Sandbox;

use crate::common::output::note;

/// How many lines wait for a slow reader of standard error. Further lines are dropped.
const MAX_WAITING_LINES: usize = 1_000;

/// How long the end of the command waits for a slow reader.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// The requests that are printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Logged {
    All,
    /// Only refused requests, with the reason.
    Refused,
    None,
}

/// Prints requests on standard error: refused ones with the reason, others with their result.
pub(super) struct RequestLog {
    logged: Logged,
    /// The number of the last request that was seen.
    last: u64,
    groups: Groups,
    /// A separate thread prints these lines: a write to a full pipe blocks, which would stop the sandbox.
    lines: SyncSender<String>,
    /// Closed when the thread has printed all lines.
    printed: Receiver<()>,
}

impl RequestLog {
    pub(super) fn start(logged: Logged) -> Self {
        let (lines, waiting) = sync_channel::<String>(MAX_WAITING_LINES);
        let (printing, printed) = sync_channel(0);
        // The thread ends when the sender is dropped. If it cannot be started, the lines are lost.
        let _ = thread::Builder::new().spawn(move || {
            let _printing: SyncSender<()> = printing;
            for line in waiting {
                note(line);
            }
        });
        Self {
            logged,
            last: 0,
            groups: Groups::default(),
            lines,
            printed,
        }
    }

    /// Prints the requests since the last call.
    pub(super) fn print_new(&mut self, sandbox: &Sandbox) {
        if self.logged == Logged::None {
            return;
        }
        let now = Instant::now();
        for request in sandbox.logged_requests_after(self.last) {
            self.last = request.number;
            if request.why.is_some() || self.logged == Logged::All {
                self.groups.add(request.number, request.description());
                self.groups.take_due(now, |line| send(&self.lines, line));
            }
        }
        self.groups.take_due(now, |line| send(&self.lines, line));
    }

    /// Prints what is left.
    pub(super) fn finish(mut self, sandbox: &Sandbox) {
        self.print_new(sandbox);
        self.groups.take_all(|line| send(&self.lines, line));
        drop(self.lines);
        // The thread sends nothing: the channel is closed, or the time is over.
        let _ = self.printed.recv_timeout(FLUSH_TIMEOUT);
    }
}

fn send(lines: &SyncSender<String>, line: String) {
    match lines.try_send(line) {
        // A lost line is better than a sandbox that waits.
        Ok(()) | Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
    }
}

/// Groups equal lines, so that thousands of polls do not hide the other requests: the first ten are printed one by one, and
/// then at most one line each second.
#[derive(Default)]
struct Groups(HashMap<String, Group>);

/// Equal requests with equal results.
#[derive(Default)]
struct Group {
    /// The requests that are not printed yet.
    waiting: u64,
    /// The numbers of the first and the last of them.
    first: u64,
    last: u64,
    /// When all lines of this group would be printed at one line each second. This is the theoretical arrival time of the
    /// generic cell rate algorithm (ITU-T I.371).
    full_rate: Option<Instant>,
}

impl Groups {
    const BURST: Duration = Duration::from_secs(9);
    const INTERVAL: Duration = Duration::from_secs(1);

    /// The number of groups from which on old ones are forgotten. Paths and reasons of refused requests may be of any number.
    const MANY: usize = 100;

    fn add(&mut self, number: u64, description: String) {
        let group = self.0.entry(description).or_default();
        if group.waiting == 0 {
            group.first = number;
        }
        group.last = number;
        group.waiting = group.waiting.saturating_add(1);
    }

    /// Passes the lines that may be printed now, in the order of the requests.
    fn take_due(&mut self, now: Instant, print: impl FnMut(String)) {
        self.take(now, false, print);
        if self.0.len() > Self::MANY {
            self.0.retain(|_, group| {
                group.waiting > 0 || group.full_rate.is_some_and(|time| time > now)
            });
        }
    }

    /// Passes all lines that wait.
    fn take_all(&mut self, print: impl FnMut(String)) {
        self.take(Instant::now(), true, print);
    }

    fn take(&mut self, now: Instant, all: bool, print: impl FnMut(String)) {
        let mut lines = Vec::new();
        for (description, group) in &mut self.0 {
            let full_rate = group.full_rate.map_or(now, |time| time.max(now));
            if group.waiting > 0 && (all || full_rate <= now + Self::BURST) {
                group.full_rate = Some(full_rate + Self::INTERVAL);
                lines.push((group.first, group.line(description)));
                group.waiting = 0;
            }
        }
        lines.sort_unstable();
        lines.into_iter().map(|(_, line)| line).for_each(print);
    }
}

impl Group {
    fn line(&self, description: &str) -> String {
        let Self {
            waiting,
            first,
            last,
            ..
        } = self;
        match waiting {
            1 => format!("request {first}: {description}"),
            _ => format!("requests {first} to {last} ({waiting} times): {description}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines for polls at a constant interval, with one refused request at the end.
    fn lines_of_polls(count: u64, interval: Duration) -> Vec<String> {
        let mut groups = Groups::default();
        let mut lines = Vec::new();
        let mut now = Instant::now();
        for number in 1..=count {
            groups.add(number, "POST /poll: 200".to_owned());
            groups.take_due(now, |line| lines.push(line));
            now += interval;
        }
        groups.add(count + 1, "POST /poll: 401: no token".to_owned());
        groups.take_all(|line| lines.push(line));
        lines
    }

    #[test]
    fn slow_polls_are_printed_one_by_one() {
        for (count, interval) in [(10, 0), (1_000, 1_000), (12, 500)] {
            let lines = lines_of_polls(count, Duration::from_millis(interval));
            assert_eq!(lines.len() as u64, count + 1, "{interval}");
            assert_eq!(lines[1], "request 2: POST /poll: 200");
        }
    }

    #[test]
    fn ten_thousand_fast_polls_are_grouped_and_counted() {
        let lines = lines_of_polls(10_000, Duration::from_millis(1));
        assert!((20..=22).contains(&lines.len()), "{lines:?}");
        assert_eq!(lines[9], "request 10: POST /poll: 200");
        assert!(
            lines[10].starts_with("requests 11 to 1001 (991 times): "),
            "{lines:?}"
        );
        // No request is lost, and the refused one is not hidden.
        let counted = lines.iter().filter_map(|line| {
            let (_, times) = line.split_once('(')?;
            times.split_once(' ')?.0.parse::<u64>().ok()
        });
        assert_eq!(counted.sum::<u64>() + 10, 10_000);
        assert_eq!(
            lines.last().unwrap(),
            "request 10001: POST /poll: 401: no token"
        );
    }

    #[test]
    fn requests_of_many_kinds_do_not_fill_the_memory() {
        let mut groups = Groups::default();
        let mut lines = 0;
        let mut now = Instant::now();
        for number in 1..10_000 {
            groups.add(number, format!("GET /{number}: 404"));
            groups.take_due(now, |_| lines += 1);
            now += Duration::from_millis(20);
        }
        assert_eq!(lines, 9_999);
        assert!(groups.0.len() <= Groups::MANY + 1);
    }
}
