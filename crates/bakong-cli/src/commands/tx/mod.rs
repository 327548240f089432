//! `bakong tx`: looks up payments.

mod answer;
mod check;
mod comparison;
mod diagnose;

use crate::arguments::TxCommand;
use crate::common::exit::{Exit, Failure, print_json_error};

pub(crate) fn run(command: &TxCommand) -> Result<Exit, Failure> {
    match command {
        TxCommand::Check(arguments) => print_json_error(check::run(arguments), arguments.json),
        TxCommand::Diagnose(arguments) => {
            print_json_error(diagnose::run(arguments), arguments.json)
        }
    }
}
