//! `bakong payments`: what the store knows, for people and accounting.

mod entry;
mod export;
mod list;
mod reconcile;
mod resolve;
mod show;

use crate::arguments::{ExportFormat, PaymentsCommand};
use crate::common::exit::{Exit, Failure, print_json_error};
use crate::common::runtime::block_on;

pub(crate) fn run(command: &PaymentsCommand) -> Result<Exit, Failure> {
    match command {
        PaymentsCommand::List(arguments) => {
            print_json_error(block_on(list::run(arguments)), arguments.json)
        }
        PaymentsCommand::Show(arguments) => {
            print_json_error(block_on(show::run(arguments)), arguments.json)
        }
        PaymentsCommand::Export(arguments) => {
            let json = arguments.format == ExportFormat::Json;
            print_json_error(block_on(export::run(arguments)), json)
        }
        PaymentsCommand::Reconcile(arguments) => {
            print_json_error(block_on(reconcile::run(arguments)), arguments.json)
        }
        PaymentsCommand::Resolve(arguments) => {
            print_json_error(block_on(resolve::run(arguments)), arguments.json)
        }
    }
}
