//! The command line. Some words and few options do not earn an argument parser, which everyone's
//! first `cargo xtask` would have to compile.

use crate::conformance;
use crate::failure::Failure;
use crate::fuzz;

/// What `cargo xtask help` prints.
pub(crate) const HELP: &str = "\
Usage: cargo xtask <chore>

Chores that need only Rust:
  test                    layers, formatting, clippy, all tests, docs; stops at the first failure
  layers                  the dependency rule: which crate may know which
  bench [FILTER]          criterion benches whose name contains FILTER
  bench-peers             khqr-core beside the crate of others that has its name: times, ratios, allocations
  bench-http              the HTTP client beside a bare hyper and khqr-api: processor time, throughput,
                          memory, crates, build times; takes ten minutes
  simulate [ARGS]         days of a shop in virtual time, against the guarantees of bakong-flow; `--seeds N`,
                          `--seed N` plays one again, `--report` compares with other schedules
  help                    this text

Chores that say what to install when it is missing:
  no-std                  khqr-core for a microcontroller and for wasm, and what a whole image weighs
  msrv                    the libraries on the workspace's `rust-version`
  fuzz [--seconds N] [TARGET...]
                          each fuzz target, or those named, for N seconds (60 unless told)
  instructions            instructions of each step of khqr-core, counted by valgrind
  miri                    khqr-core's tests under Miri; takes minutes
  mutants [CRATE] [ARGS]  the tests of a crate (khqr-core) against each line changed; ARGS as `cargo mutants` takes them
  conformance [--generate N] [--texts N] [--seed S] [--record]
                          every answer beside that of NBC's SDK, run by Node: its own tests,
                          N random inputs, N changed texts (50000 each unless told)
  page                    the sandbox's page in a headless Chromium, driven by Node
  foreign-clients         clients of others against the sandbox: NBC's SDK from npm, bakong-khqr from PyPI,
                          khqr-api from crates.io
  deny                    licences, banned crates and sources, by cargo-deny, without network
  ci                      test, no-std, msrv, conformance, page, foreign-clients, fuzz
";

/// One thing to do, as the command line asked for it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Chore {
    Test,
    Layers,
    NoStd,
    Msrv,
    Fuzz { seconds: u32, targets: Vec<String> },
    Conformance(conformance::Options),
    Page,
    ForeignClients,
    Bench { filter: Option<String> },
    BenchPeers,
    BenchHttp,
    Simulate { args: Vec<String> },
    Instructions,
    Miri,
    Mutants { args: Vec<String> },
    Deny,
    Ci,
    Help,
}

impl Chore {
    /// Reads the arguments that follow the program's name.
    pub(crate) fn parse(mut args: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let Some(name) = args.next() else {
            return Err(Failure::new("no chore was named"));
        };
        let chore = match name.as_str() {
            "test" => Self::Test,
            "layers" => Self::Layers,
            "no-std" => Self::NoStd,
            "msrv" => Self::Msrv,
            "fuzz" => return Self::parse_fuzz(args),
            "conformance" => return conformance::Options::parse(args).map(Self::Conformance),
            "bench" => Self::Bench {
                filter: args.next(),
            },
            "bench-peers" => Self::BenchPeers,
            "bench-http" => Self::BenchHttp,
            "instructions" => Self::Instructions,
            "miri" => Self::Miri,
            "mutants" => {
                return Ok(Self::Mutants {
                    args: args.collect(),
                });
            }
            "simulate" => {
                return Ok(Self::Simulate {
                    args: args.collect(),
                });
            }
            "page" => Self::Page,
            "foreign-clients" => Self::ForeignClients,
            "deny" => Self::Deny,
            "ci" => Self::Ci,
            "help" | "--help" | "-h" => Self::Help,
            other => return Err(Failure::new(format!("there is no chore named `{other}`"))),
        };
        match args.next() {
            None => Ok(chore),
            Some(extra) => Err(Failure::new(format!(
                "`{name}` does not take the argument `{extra}`"
            ))),
        }
    }

    fn parse_fuzz(mut args: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut seconds = fuzz::DEFAULT_SECONDS;
        let mut targets = Vec::new();
        while let Some(arg) = args.next() {
            if arg == "--seconds" {
                seconds = parse_seconds(args.next().as_deref())?;
            } else if let Some(value) = arg.strip_prefix("--seconds=") {
                seconds = parse_seconds(Some(value))?;
            } else if arg.starts_with('-') {
                return Err(Failure::new(format!("`fuzz` has no option `{arg}`")));
            } else {
                targets.push(arg);
            }
        }
        Ok(Self::Fuzz { seconds, targets })
    }
}

// libFuzzer reads 0 as "for ever", which nobody asks of a chore on purpose.
fn parse_seconds(value: Option<&str>) -> Result<u32, Failure> {
    match value.map(str::parse) {
        Some(Ok(seconds)) if seconds > 0 => Ok(seconds),
        _ => Err(Failure::new(
            "`--seconds` takes a whole number of seconds above 0, as in `--seconds 60`",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Chore, Failure> {
        Chore::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn every_chore_in_the_help_is_understood() {
        for name in [
            "test",
            "layers",
            "bench",
            "bench-peers",
            "bench-http",
            "simulate",
            "help",
            "no-std",
            "msrv",
            "fuzz",
            "instructions",
            "miri",
            "mutants",
            "conformance",
            "page",
            "foreign-clients",
            "deny",
            "ci",
        ] {
            assert!(
                HELP.contains(&format!("\n  {name} ")),
                "{name} is not in the help"
            );
            assert!(parse(name).is_ok(), "{name} is not understood");
        }
    }

    #[test]
    fn fuzz_takes_seconds_and_targets_in_any_order() {
        let wanted = Chore::Fuzz {
            seconds: 5,
            targets: vec!["read".to_owned(), "write".to_owned()],
        };
        assert_eq!(parse("fuzz read --seconds 5 write").as_ref(), Ok(&wanted));
        assert_eq!(parse("fuzz --seconds=5 read write").as_ref(), Ok(&wanted));
    }

    #[test]
    fn mutants_hands_its_arguments_on() {
        let args = ["-f", "crates/khqr-core/src/tag.rs", "-j", "2"];
        assert_eq!(
            parse(&format!("mutants {}", args.join(" "))),
            Ok(Chore::Mutants {
                args: args.map(str::to_owned).to_vec()
            })
        );
    }

    #[test]
    fn what_is_not_understood_is_refused_by_name() {
        for (line, word) in [
            ("", "no chore"),
            ("tset", "`tset`"),
            ("test --fast", "`--fast`"),
            ("conformance --fast", "`--fast`"),
            ("bench read write", "`write`"),
            ("bench-peers read", "`read`"),
            ("bench-http cpu", "`cpu`"),
            ("fuzz --second 5", "`--second`"),
            ("fuzz --seconds", "whole number"),
            ("fuzz --seconds 0", "whole number"),
            ("fuzz --seconds soon", "whole number"),
        ] {
            let refusal = parse(line).expect_err(line).to_string();
            assert!(refusal.contains(word), "{line}: {refusal}");
        }
    }
}
