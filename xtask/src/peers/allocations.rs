//! What `benches/peers/allocations.rs` printed: a line each of what was done, by whom, how many
//! allocations, how many bytes.

use std::fmt;

use crate::failure::Failure;

/// How often who allocated.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Allocations(Vec<(String, String, Count)>);

/// So many allocations of so many bytes together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Count {
    times: u64,
    bytes: u64,
}

pub(super) fn parse(output: &str) -> Result<Allocations, Failure> {
    let line = |line: &str| {
        let mut words = line.split(' ').map(str::to_owned);
        let (what, who) = (words.next()?, words.next()?);
        let mut number = || words.next()?.parse().ok();
        let (times, bytes) = (number()?, number()?);
        words
            .next()
            .is_none()
            .then_some((what, who, Count { times, bytes }))
    };
    let lines: Option<Vec<_>> = output.lines().map(line).collect();
    lines.map(Allocations).ok_or_else(|| {
        Failure::new(format!(
            "benches/peers/allocations.rs is to print lines such as `read ours 0 0`, not:\n{output}"
        ))
    })
}

impl Allocations {
    pub(super) fn of(&self, what: &str, who: &str) -> Result<Count, Failure> {
        self.0
            .iter()
            .find(|line| line.0 == what && line.1 == who)
            .map(|line| line.2)
            .ok_or_else(|| {
                Failure::new(format!(
                    "benches/peers/allocations.rs counted no `{what} {who}`"
                ))
            })
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.times == 0 {
            f.write_str("none")
        } else {
            write!(f, "{} ({})", self.times, self.bytes)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_found_by_what_was_done_and_by_whom() {
        let counted = parse("read ours 0 0\nread peer 61 2496\n").expect("two lines");
        let told = |who| counted.of("read", who).map(|count| count.to_string());
        assert_eq!(told("ours").as_deref(), Ok("none"));
        assert_eq!(told("peer").as_deref(), Ok("61 (2496)"));
        let missing = counted.of("write", "peer").expect_err("not counted");
        assert!(missing.to_string().contains("`write peer`"), "{missing}");
    }

    #[test]
    fn anything_else_is_refused() {
        for output in ["read ours 0", "read ours none 0", "read ours 0 0 0", "\n"] {
            assert!(parse(output).is_err(), "{output}");
        }
    }
}
