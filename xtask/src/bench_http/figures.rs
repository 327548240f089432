//! What `benches/peers-http` printed: a line for each figure, such as `cpu ours 20481`.

use std::fmt;

use crate::failure::Failure;

/// Who is measured, in the order in which they are told.
pub(super) const SIDES: [&str; 3] = ["ours", "bare", "peer"];

/// All lines, in their order.
#[derive(Debug)]
pub(super) struct Figures(Vec<Line>);

#[derive(Debug)]
struct Line {
    measure: String,
    side: String,
    numbers: Vec<u64>,
}

/// One figure of one side, a number for each round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rounds(Vec<u64>);

impl Figures {
    pub(super) fn parse(output: &str) -> Result<Self, Failure> {
        let line = |line: &str| {
            let mut words = line.split(' ').map(str::to_owned);
            let (measure, side) = (words.next()?, words.next()?);
            let numbers: Option<Vec<u64>> = words.map(|word| word.parse().ok()).collect();
            Some(Line {
                measure,
                side,
                numbers: numbers?,
            })
        };
        let lines: Option<Vec<_>> = output.lines().map(line).collect();
        lines.map(Self).ok_or_else(|| {
            Failure::new(format!(
                "benches/peers-http is to print lines such as `cpu ours 20481`, not:\n{output}"
            ))
        })
    }

    /// The numbers that stand at `place` in the lines of this measure and side.
    pub(super) fn of(&self, measure: &str, side: &str, place: usize) -> Result<Rounds, Failure> {
        let lines = self
            .0
            .iter()
            .filter(|line| line.measure == measure && line.side == side);
        let numbers: Option<Vec<u64>> =
            lines.map(|line| line.numbers.get(place).copied()).collect();
        match numbers {
            Some(numbers) if !numbers.is_empty() => Ok(Rounds(numbers)),
            _ => Err(Failure::new(format!(
                "benches/peers-http printed no figure {place} of `{measure} {side}`"
            ))),
        }
    }
}

impl Rounds {
    pub(super) fn least(&self) -> u64 {
        self.0.iter().copied().min().unwrap_or_default()
    }

    pub(super) fn most(&self) -> u64 {
        self.0.iter().copied().max().unwrap_or_default()
    }

    /// The middle one; of an even number the lower of the two.
    pub(super) fn median(&self) -> u64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let middle = sorted.len().saturating_sub(1) / 2;
        sorted.get(middle).copied().unwrap_or_default()
    }
}

impl fmt::Display for Rounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, number) in self.0.iter().enumerate() {
            let space = if index == 0 { "" } else { " " };
            write!(f, "{space}{number}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_found_by_measure_side_and_place() {
        let output = "cpu ours 3\ncpu bare 9\ncpu ours 1\ncpu ours 2\nmemory ours 70 5\n";
        let figures = Figures::parse(output).expect("lines");
        let cpu = figures.of("cpu", "ours", 0).expect("rounds");
        assert_eq!(cpu.to_string(), "3 1 2");
        assert_eq!((cpu.least(), cpu.median(), cpu.most()), (1, 2, 3));
        let failed = figures.of("memory", "ours", 1).expect("rounds");
        assert_eq!(failed, Rounds(vec![5]));
        for (side, place) in [("peer", 0), ("ours", 1)] {
            assert!(figures.of("cpu", side, place).is_err(), "{side} {place}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for output in ["cpu", "cpu ours fast", "cpu ours -1", "\n"] {
            assert!(Figures::parse(output).is_err(), "{output}");
        }
    }
}
