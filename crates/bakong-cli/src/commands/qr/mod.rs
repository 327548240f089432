//! `bakong qr`: reads, verifies, generates and draws codes, one or many.

mod bulk;
mod checksum;
mod decode;
mod generate;
mod read;
mod render;
mod request;
mod tree;

use bulk::Operation;

use crate::arguments::{QrCommand, TextArguments};
use crate::common::exit::{Exit, Failure, print_json_error};
use crate::common::lines;
use crate::common::refusal::Refusal;

pub(crate) fn run(command: &QrCommand) -> Result<Exit, Failure> {
    let json = match command {
        QrCommand::Decode(arguments)
        | QrCommand::Verify(arguments)
        | QrCommand::Inspect(arguments) => arguments.json,
        QrCommand::Generate(arguments) => arguments.json,
        QrCommand::Render(arguments) => arguments.json,
        QrCommand::Read(arguments) => arguments.json,
    };
    print_json_error(run_command(command), json)
}

fn run_command(command: &QrCommand) -> Result<Exit, Failure> {
    match command {
        QrCommand::Decode(arguments) => run_text(arguments, Operation::Decode, decode::decode),
        QrCommand::Verify(arguments) => run_text(arguments, Operation::Verify, decode::verify),
        QrCommand::Inspect(arguments) => run_text(arguments, Operation::Inspect, tree::inspect),
        QrCommand::Generate(arguments) if arguments.jsonl => {
            bulk::run(Operation::Generate, arguments.now)
        }
        QrCommand::Generate(arguments) => generate::run(arguments),
        QrCommand::Render(arguments) => render::run(arguments),
        QrCommand::Read(arguments) => read::run(arguments),
    }
}

/// Runs a command on one text, or on every line of standard input.
fn run_text(
    arguments: &TextArguments,
    operation: Operation,
    single: fn(&str, &TextArguments) -> Result<Exit, Failure>,
) -> Result<Exit, Failure> {
    if arguments.jsonl {
        return bulk::run(operation, arguments.now);
    }
    match lines::text_or_line(arguments.text.as_deref().unwrap_or_default())? {
        Ok(text) => single(&text, arguments),
        Err(reason) => Err(Refusal::from(reason).failure_of(Exit::NotValid, "not a code")),
    }
}
