//! Our implementation beside the official SDK, case by case: the same bytes, the same codes, the same
//! fields, or a row of the list of deviations that says why not.
//!
//! The SDK runs in Node, from npm (see `node/`); ours is the command `bakong qr … --jsonl`, as people run
//! it. What the rows prescribe is worked out from the input alone, with a reader of this chore's own, so
//! that no answer of ours explains itself. ts-khqr is asked too, for the record.

mod case;
mod generate;
mod harm;
mod input;
mod mutate;
mod naive;
mod node;
mod options;
mod payable;
mod peer;
mod random;
mod record;
mod rows;
mod shapes;
mod shown;
mod spoil;
mod tally;
mod wanted;
mod words;
mod written;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;

use crate::failure::Failure;
use crate::invocation::Invocation;
use crate::plan::Step;
use crate::tools::Tool;
use crate::workspace::Workspace;

use case::{Case, Question, What};
use input::Input;
use node::Node;
use peer::Peer;
use random::Random;
use tally::Tally;

pub(crate) use options::Options;

/// The moment that all clocks stand at.
const NOW: u64 = 1_795_000_000_000;

/// The moment at which the SDK's own tests pass: after what they take for expired.
const NOW_OF_TESTS: u64 = 1_727_300_000_000;

/// How many codes of the SDK the changed texts are made from.
const POOL: usize = 1_000;

/// The one test file without a call to compare: it asks the network.
const ASKS_THE_NETWORK: &str = "test/bakongAccountExist.test.js";

/// The chore's one step.
pub(crate) fn step(workspace: &Workspace, options: Options) -> Step {
    let root = workspace.root().to_owned();
    let folder = root.join(workspace.target_folder("debug"));
    let command = options.command();
    Step::function("conformance", command, move || {
        run(&root, &folder, &options)
    })
    .needing(Tool::Node)
    .needing(Tool::Npm)
}

fn run(root: &Path, folder: &Path, options: &Options) -> Result<(), Failure> {
    Invocation::cargo(root, &["build", "-p", "bakong-cli", "--bin", "bakong"]).run()?;
    let bakong = folder.join(format!("bakong{}", std::env::consts::EXE_SUFFIX));
    let mut sides = Sides {
        bakong,
        node: Node::start()?,
    };
    let mut tally = Tally::default();
    let mut cases = Vec::new();
    let mut keep = |part, new: Vec<Case>| {
        new.iter().for_each(|case| tally.add(part, case));
        if options.record {
            cases.extend(new);
        }
    };
    for (what, questions) in own_tests(&mut sides)? {
        keep(
            "the SDK's tests",
            sides.compare(what, questions, NOW_OF_TESTS)?,
        );
    }
    let mut random = Random::new(options.seed);
    let inputs = (0..options.generate).map(|_| generate::input(&mut random, NOW));
    let inputs = inputs.map(Question::Input).collect();
    keep("random inputs", sides.compare(What::Generate, inputs, NOW)?);

    let pool = pool(&mut sides, options.seed)?;
    let mut random = Random::new(!options.seed);
    let texts = (0..options.texts).map(|_| Question::Text(mutate::text(&mut random, &pool, NOW)));
    let texts: Vec<Question> = texts.collect();
    for what in [What::Verify, What::Decode, What::Inspect] {
        keep("changed texts", sides.compare(what, texts.clone(), NOW)?);
    }
    println!("{}", tally.report());
    match tally.unexplained() {
        0 if options.record => record::write(root, &cases),
        0 => Ok(()),
        count => Err(Failure::new(format!(
            "{count} differences from the official SDK are explained by no row; \
             to see them again: {}",
            options.command()
        ))),
    }
}

/// All that are asked.
struct Sides {
    bakong: PathBuf,
    node: Node,
}

impl Sides {
    fn compare(
        &mut self,
        what: What,
        questions: Vec<Question>,
        now: u64,
    ) -> Result<Vec<Case>, Failure> {
        let official = self.ask_node("official", what, &questions, now)?;
        let other = match what {
            What::Inspect => vec![None; questions.len()],
            _ => {
                let answers = self.ask_node("other", what, &questions, now)?;
                answers.into_iter().map(Some).collect()
            }
        };
        let ours = self.ask_ours(what, &questions, now)?;
        let answers = official.into_iter().zip(ours).zip(other);
        Ok(questions
            .into_iter()
            .zip(answers)
            .map(|(question, ((official, ours), other))| {
                Case::new(what, question, now, official, ours, other)
            })
            .collect())
    }

    fn ask_node(
        &mut self,
        side: &str,
        what: What,
        questions: &[Question],
        now: u64,
    ) -> Result<Vec<Json>, Failure> {
        let lines: Vec<String> = questions
            .iter()
            .map(|question| question.request(side, what, now))
            .collect();
        parsed(&self.node.peer.ask(&lines)?)
    }

    fn ask_ours(&self, what: What, questions: &[Question], now: u64) -> Result<Vec<Json>, Failure> {
        let mut command = Command::new(&self.bakong);
        command.args(["qr", what.word(), "--jsonl", "--now", &now.to_string()]);
        let lines: Vec<String> = questions.iter().map(Question::line).collect();
        let name = format!("bakong qr {}", what.word());
        parsed(&Peer::start(name, command)?.finish(&lines)?)
    }
}

fn parsed(lines: &[String]) -> Result<Vec<Json>, Failure> {
    let answers = lines.iter().map(|line| {
        serde_json::from_str(line)
            .map_err(|error| Failure::new(format!("an answer is no JSON ({error}): {line}")))
    });
    answers.collect()
}

/// The calls in the SDK's own test files.
fn own_tests(sides: &mut Sides) -> Result<Vec<(What, Vec<Question>)>, Failure> {
    let request = format!(r#"{{"what":"jest","now":{NOW_OF_TESTS}}}"#);
    let answer = sides.node.peer.ask(&[request])?;
    let answer = parsed(&answer)?.pop().unwrap_or_default();
    let files = answer["files"].as_array().cloned().unwrap_or_default();
    println!(
        "\n{:<56} {:>5} {:>7} {:>6}",
        "the SDK's own test file", "tests", "failing", "calls"
    );
    let mut found: Vec<(What, Vec<Question>)> = What::ALL.map(|what| (what, Vec::new())).into();
    let mut empty = Vec::new();
    for file in &files {
        let name = file["file"].as_str().unwrap_or_default();
        let calls = file["calls"].as_array().cloned().unwrap_or_default();
        let [tests, failed] =
            ["tests", "failed"].map(|count| file[count].as_u64().unwrap_or_default());
        println!("{name:<56} {tests:>5} {failed:>7} {:>6}", calls.len());
        if calls.is_empty() && name != ASKS_THE_NETWORK {
            empty.push(name.to_owned());
        }
        for call in calls {
            let of_this_kind = found
                .iter_mut()
                .find(|(what, _)| call["what"] == what.word());
            let Some((what, questions)) = of_this_kind else {
                return Err(Failure::new(format!("nobody compares this call: {call}")));
            };
            let question = match (*what, call["input"].as_str()) {
                (What::Generate, _) => {
                    Question::Input(Input::from_json(&call["input"].to_string())?)
                }
                // Our command reads lines.
                (_, Some(text)) if !text.contains('\n') => Question::Text(text.to_owned()),
                _ => continue,
            };
            questions.push(question);
        }
    }
    if files.is_empty() {
        return Err(Failure::new("the SDK came without its tests"));
    }
    if empty.is_empty() {
        Ok(found)
    } else {
        Err(Failure::new(format!(
            "the harness found no call in: {}",
            empty.join(", ")
        )))
    }
}

/// Texts to change: codes that the SDK wrote, and shapes from elsewhere.
fn pool(sides: &mut Sides, seed: u64) -> Result<Vec<String>, Failure> {
    let mut random = Random::new(seed ^ 0x5EED);
    let inputs = (0..POOL).map(|_| Question::Input(generate::valid(&mut random, NOW)));
    let inputs: Vec<Question> = inputs.collect();
    let answers = sides.ask_node("official", What::Generate, &inputs, NOW)?;
    let mut pool = Vec::new();
    for (answer, input) in answers.iter().zip(&inputs) {
        match answer["qr"].as_str() {
            Some(text) if answer["verified"]["valid"] == true => pool.push(text.to_owned()),
            _ => {
                return Err(Failure::new(format!(
                    "a valid input is none to the SDK, which says {answer}: {}",
                    input.line()
                )));
            }
        }
    }
    let shapes = shapes::texts(NOW);
    let rounds = pool.len() / shapes.len() / 2;
    pool.extend(std::iter::repeat_n(shapes, rounds.max(1)).flatten());
    Ok(pool)
}
