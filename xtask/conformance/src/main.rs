//! Compares khqr-core with the official SDK, case by case. Both must give the same text, the same error code and the same
//! fields, unless a known deviation explains the difference.
//!
//! The SDK runs in Node and comes from npm (see `../node`). khqr-core runs as the command `bakong qr … --jsonl`. The
//! answers of ts-khqr, a port of the SDK, are counted for information. Run this program with `cargo xtask conformance`,
//! which builds the command first. With `--drop-in`, the drop-in of the npm package khqr-wasm takes the place of the
//! command, in the same process of Node as the SDK.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line program"
)]

mod case;
mod deviation;
mod expected;
mod node;
mod record;
mod tally;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail, ensure};
use clap::Parser;
use khqr_kit::generate::{self, NOW};
use khqr_kit::{Random, SdkInput, Value, known_codes, mutate_text};
use serde_json::Value as Json;
use xshell::{Shell, cmd};

use case::{Case, Function, Question};
use deviation::Deviation;
use node::Node;
use tally::Tally;

/// Compares khqr-core with the official SDK.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask conformance")]
struct Options {
    /// Number of random inputs to write as codes.
    #[arg(long, value_name = "N", default_value_t = 50_000)]
    generate: usize,
    /// Number of mutated texts to read.
    #[arg(long, value_name = "N", default_value_t = 50_000)]
    texts: usize,
    /// Seed of the random inputs and mutations.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Write some cases of each kind to the vectors of khqr-core, if no difference is unexplained.
    #[arg(long, conflicts_with = "drop_in")]
    record: bool,
    /// Compare the drop-in of this npm package instead of the command.
    #[arg(long, value_name = "FOLDER")]
    drop_in: Option<PathBuf>,
}

/// A time at which the SDK's own tests pass: it is before the fixed expiry in those tests.
const NOW_OF_SDK_TESTS: u64 = 1_727_300_000_000;

/// The number of codes that the SDK generates for the pool of texts to mutate.
const POOL: usize = 1_000;

/// The one test file of the SDK that calls none of the compared functions.
const NETWORK_TEST: &str = "test/bakongAccountExist.test.js";

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("conformance: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    let program = std::env::current_exe()?;
    let sides = Sides {
        bakong: program.with_file_name(format!("bakong{}", std::env::consts::EXE_SUFFIX)),
        shell: Shell::new()?,
        node: Node::install()?,
        drop_in: options.drop_in.is_some(),
    };
    if let Some(package) = &options.drop_in {
        sides.node.link(package)?;
    }
    let mut tally = Tally::default();
    let mut explained: Vec<(Case, Option<Deviation>)> = Vec::new();
    let mut judge = |part, cases: Vec<Case>| {
        for case in cases {
            let verdict = case.verdict();
            tally.add(part, &case, &verdict);
            if let (true, Ok(deviation)) = (options.record, verdict) {
                explained.push((case, deviation));
            }
        }
    };
    for (function, questions) in sdk_tests(&sides)? {
        let cases = sides.compare(function, questions, NOW_OF_SDK_TESTS)?;
        judge("tests of the SDK", cases);
    }
    let mut random = Random::seeded(options.seed);
    let inputs = (0..options.generate).map(|_| generate::sdk_input(&mut random, NOW));
    // JavaScript rounds such a number before the drop-in or the SDK sees it.
    let inputs = inputs.filter(|input| !(sides.drop_in && has_long_fraction(input)));
    let inputs = inputs.map(Question::Input).collect();
    judge(
        "random inputs",
        sides.compare(Function::Generate, inputs, NOW)?,
    );

    let pool = pool(&sides, options.seed)?;
    let mut random = Random::seeded(!options.seed);
    let texts = (0..options.texts).map(|_| mutate_text(&mut random, &pool, NOW));
    let texts: Vec<Question> = texts.map(Question::Text).collect();
    for function in [Function::Verify, Function::Decode, Function::Inspect] {
        judge(
            "mutated texts",
            sides.compare(function, texts.clone(), NOW)?,
        );
    }
    println!("{}", tally.report());
    ensure!(
        tally.unexplained() == 0,
        "no deviation explains {} differences from the official SDK, listed above",
        tally.unexplained()
    );
    if options.record {
        record::write(&explained)?;
    }
    Ok(())
}

/// Returns whether the amount is a JSON number with more digits than a JavaScript number can have.
fn has_long_fraction(input: &SdkInput) -> bool {
    matches!(input.get("amount"), Some(Value::Number(text)) if text.contains('.') && text.len() > 17)
}

/// The programs whose answers are compared.
struct Sides {
    bakong: PathBuf,
    shell: Shell,
    node: Node,
    /// Whether the npm package answers instead of the command.
    drop_in: bool,
}

impl Sides {
    fn compare(&self, function: Function, questions: Vec<Question>, now: u64) -> Result<Vec<Case>> {
        if questions.is_empty() {
            return Ok(Vec::new());
        }
        let (official, ours) = if self.drop_in {
            self.ask_both(function, &questions, now)?
        } else {
            let official = self.ask_node("official", function, &questions, now)?;
            (official, self.ask_ours(function, &questions, now)?)
        };
        let other = match function {
            _ if self.drop_in => vec![None; questions.len()],
            Function::Inspect => vec![None; questions.len()],
            _ => {
                let answers = self.ask_node("other", function, &questions, now)?;
                answers.into_iter().map(Some).collect()
            }
        };
        let answers = official.into_iter().zip(ours).zip(other);
        let cases = questions.into_iter().zip(answers);
        Ok(cases
            .map(|(question, ((official, ours), other))| Case {
                function,
                question,
                now,
                official,
                ours,
                other,
            })
            .collect())
    }

    /// Asks the SDK and the drop-in in one process.
    fn ask_both(
        &self,
        function: Function,
        questions: &[Question],
        now: u64,
    ) -> Result<(Vec<Json>, Vec<Json>)> {
        let of = |side| {
            questions
                .iter()
                .map(move |question| question.request(side, function, now))
        };
        let requests: Vec<String> = of("official").chain(of("drop_in")).collect();
        let mut official = self.node.ask(&requests)?;
        let drop_in = official.split_off(questions.len());
        Ok((official, drop_in))
    }

    fn ask_node(
        &self,
        side: &str,
        function: Function,
        questions: &[Question],
        now: u64,
    ) -> Result<Vec<Json>> {
        let request = |question: &Question| question.request(side, function, now);
        self.node
            .ask(&questions.iter().map(request).collect::<Vec<_>>())
    }

    fn ask_ours(&self, function: Function, questions: &[Question], now: u64) -> Result<Vec<Json>> {
        let Self { bakong, shell, .. } = self;
        let (function, now) = (function.name(), now.to_string());
        let lines: Vec<String> = questions.iter().map(Question::line).collect();
        // The exit status is not 0 if any line is invalid, so it is ignored.
        let answers = cmd!(shell, "{bakong} qr {function} --jsonl --now {now}")
            .quiet()
            .ignore_status()
            .stdin(lines.join("\n") + "\n")
            .read()?;
        parse_answers(&answers, questions.len())
    }
}

/// Parses one JSON answer on each line.
fn parse_answers(answers: &str, expected: usize) -> Result<Vec<Json>> {
    let parse =
        |line: &str| serde_json::from_str(line).with_context(|| format!("not JSON: {line}"));
    let answers: Vec<Json> = answers.split('\n').map(parse).collect::<Result<_>>()?;
    ensure!(
        answers.len() == expected,
        "{} answers to {expected} questions",
        answers.len()
    );
    Ok(answers)
}

/// Runs the test files of the SDK and returns the arguments of all calls of the compared functions.
fn sdk_tests(sides: &Sides) -> Result<Vec<(Function, Vec<Question>)>> {
    let request = format!(r#"{{"what":"jest","now":{NOW_OF_SDK_TESTS}}}"#);
    let answers = sides.node.ask(&[request])?;
    let files = answers[0]["files"]
        .as_array()
        .context("the SDK has no tests")?;
    println!(
        "\n{:<56} {:>5} {:>7} {:>6}",
        "test file of the SDK", "tests", "failing", "calls"
    );
    let mut questions = Function::ALL.map(|function| (function, Vec::new()));
    for file in files {
        let name = file["file"].as_str().unwrap_or_default();
        let calls = file["calls"].as_array().map_or(&[][..], Vec::as_slice);
        let [tests, failed] =
            ["tests", "failed"].map(|count| file[count].as_u64().unwrap_or_default());
        println!("{name:<56} {tests:>5} {failed:>7} {:>6}", calls.len());
        ensure!(
            !calls.is_empty() || name == NETWORK_TEST,
            "the harness found no call in {name}"
        );
        for call in calls {
            let same = |(function, _): &&mut (Function, _)| call["what"] == function.name();
            let Some((function, questions)) = questions.iter_mut().find(same) else {
                bail!("unknown call: {call}");
            };
            match (function, call["input"].as_str()) {
                (Function::Generate, _) => {
                    let input = SdkInput::from_json(&call["input"].to_string())?;
                    questions.push(Question::Input(input));
                }
                // `bakong qr` reads one text per line.
                (_, Some(text)) if !text.contains('\n') => {
                    questions.push(Question::Text(text.to_owned()));
                }
                _ => {}
            }
        }
    }
    Ok(questions.into())
}

/// Returns the texts to mutate: two thirds are codes that the SDK wrote, and one third are codes of other issuers.
fn pool(sides: &Sides, seed: u64) -> Result<Vec<String>> {
    let mut random = Random::seeded(seed ^ 0x5EED);
    let inputs = (0..POOL).map(|_| Question::Input(generate::valid_sdk_input(&mut random, NOW)));
    let inputs: Vec<Question> = inputs.collect();
    let answers = sides.ask_node("official", Function::Generate, &inputs, NOW)?;
    let mut pool = Vec::new();
    for (answer, input) in answers.iter().zip(&inputs) {
        match answer["qr"].as_str() {
            Some(text) if answer["verified"]["valid"] == true => pool.push(text.to_owned()),
            _ => bail!(
                "the SDK rejects a valid input with {answer}: {}",
                input.line()
            ),
        }
    }
    let shapes = known_codes::texts(NOW);
    let rounds = pool.len() / shapes.len() / 2;
    pool.extend(std::iter::repeat_n(shapes, rounds).flatten());
    Ok(pool)
}
