//! How much is compared, and from which seed.

use crate::failure::Failure;

/// What `cargo xtask conformance` was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Options {
    /// How many random inputs are written as codes.
    pub(crate) generate: usize,
    /// How many changed texts are read.
    pub(crate) texts: usize,
    pub(crate) seed: u64,
    /// Whether to write the recorded vectors, and to compare only them.
    pub(crate) record: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            generate: 50_000,
            texts: 50_000,
            seed: 1,
            record: false,
        }
    }
}

impl Options {
    /// Enough for every push: below a minute.
    pub(crate) fn brief() -> Self {
        Self {
            generate: 5_000,
            texts: 5_000,
            ..Self::default()
        }
    }

    pub(crate) fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut options = Self::default();
        while let Some(arg) = args.next() {
            let (name, mut value) = match arg.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (arg.as_str(), None),
            };
            match name {
                "--record" if value.is_none() => options.record = true,
                "--generate" | "--texts" | "--seed" => {
                    value = value.or_else(|| args.next());
                    let number = parse_number(name, value.as_deref())?;
                    let count = || usize::try_from(number).unwrap_or(usize::MAX);
                    match name {
                        "--generate" => options.generate = count(),
                        "--texts" => options.texts = count(),
                        _ => options.seed = number,
                    }
                }
                _ => {
                    return Err(Failure::new(format!(
                        "`conformance` does not take the argument `{arg}`"
                    )));
                }
            }
        }
        Ok(options)
    }

    /// The command line that does the same again.
    pub(crate) fn command(&self) -> String {
        let record = if self.record { " --record" } else { "" };
        format!(
            "cargo xtask conformance --generate {} --texts {} --seed {}{record}",
            self.generate, self.texts, self.seed
        )
    }
}

fn parse_number(name: &str, value: Option<&str>) -> Result<u64, Failure> {
    value.and_then(|value| value.parse().ok()).ok_or_else(|| {
        Failure::new(format!(
            "`{name}` takes a whole number, as in `{name} 5000`"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, Failure> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn counts_and_seed_are_taken_in_any_order() {
        let wanted = Options {
            generate: 10,
            texts: 0,
            seed: 7,
            record: true,
        };
        assert_eq!(
            parse("--seed=7 --record --texts 0 --generate 10").as_ref(),
            Ok(&wanted)
        );
        assert_eq!(parse(""), Ok(Options::default()));
        let again = wanted.command();
        let again = again.strip_prefix("cargo xtask conformance").unwrap();
        assert_eq!(parse(again).as_ref(), Ok(&wanted));
    }

    #[test]
    fn what_is_not_understood_is_refused_by_name() {
        for (line, word) in [
            ("--text 5", "`--text`"),
            ("5000", "`5000`"),
            ("--record=yes", "`--record=yes`"),
            ("--seed", "whole number"),
            ("--texts -1", "whole number"),
            ("--generate many", "whole number"),
        ] {
            let refusal = parse(line).expect_err(line).to_string();
            assert!(refusal.contains(word), "{line}: {refusal}");
        }
    }
}
