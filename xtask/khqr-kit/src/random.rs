//! Repeatable random choices: from a seed, or from a recorded list that a property test can shrink.

/// A source of choices. The same source gives the same choices on every machine.
#[derive(Debug, Clone)]
pub struct Random(Source);

#[derive(Debug, Clone)]
enum Source {
    /// The state of splitmix64 (Steele, Lea and Flood, 2014).
    Seeded(u64),
    /// Recorded choices, and 0 after the last one.
    Recorded(std::vec::IntoIter<u64>),
}

impl Random {
    /// Creates choices that depend only on `seed`.
    #[must_use]
    pub const fn seeded(seed: u64) -> Self {
        Self(Source::Seeded(seed))
    }

    /// Takes its choices from `choices`. A smaller number leads to a simpler result, and a list that is too short
    /// continues with zeros. A property test that generates this list therefore shrinks to a simple case.
    #[must_use]
    pub fn recorded(choices: Vec<u64>) -> Self {
        Self(Source::Recorded(choices.into_iter()))
    }

    fn next(&mut self) -> u64 {
        match &mut self.0 {
            Source::Recorded(choices) => choices.next().unwrap_or_default(),
            Source::Seeded(state) => {
                *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
                let mut z = *state;
                z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
                z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
                z ^ (z >> 31)
            }
        }
    }

    /// Returns a number below `limit`, or 0 if `limit` is 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        // The bias of the remainder is negligible for the small limits used here.
        self.next().checked_rem(limit).unwrap_or_default()
    }

    /// Returns an index into a slice of length `len`, or 0 if the slice is empty.
    pub fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap_or_default()
    }

    /// Returns `true` with a probability of `percent` in 100.
    pub fn chance(&mut self, percent: u64) -> bool {
        // The choice 0 means `false`, because a recorded list ends with zeros.
        self.below(100) >= 100 - percent
    }

    /// Returns an element of `from`, which must not be empty.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.index(from.len())]
    }

    /// Returns one of the texts in `list`, which are separated by `|`.
    pub fn text<'a>(&mut self, list: &'a str) -> &'a str {
        let at = self.index(list.split('|').count());
        list.split('|').nth(at).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first three numbers of the reference implementation for the seed 1234567.
    #[test]
    fn seeded_numbers_are_those_of_splitmix64() {
        let mut random = Random::seeded(1_234_567);
        assert_eq!(
            [random.next(), random.next(), random.next()],
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423
            ]
        );
    }

    #[test]
    fn a_recorded_list_ends_with_the_simplest_choices() {
        let mut random = Random::recorded(vec![7]);
        assert_eq!((random.below(5), random.below(5)), (2, 0));
        assert!(!random.chance(99) && random.chance(100));
        assert_eq!(random.text("a|b"), "a");
    }
}
