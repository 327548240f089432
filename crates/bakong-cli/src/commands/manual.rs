//! `bakong completions` and `bakong man`: scripts for shells, and manual pages. Both are made from the command line's definition.

use std::fs;
use std::path::Path;

use clap::{Command, CommandFactory as _, ValueHint};

use crate::arguments::Arguments;
use crate::common::exit::{Exit, Failure};
use crate::common::{files, output};

pub(crate) fn completions(shell: clap_complete::Shell) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    let mut command = without_file_names(Arguments::command());
    clap_complete::generate(shell, &mut command, "bakong", &mut script);
    output::print_again(String::from_utf8_lossy(&script).trim_end());
    Ok(Exit::Success)
}

/// Without a hint, a shell completes the value of each option with file names.
fn without_file_names(command: Command) -> Command {
    let command = command.mut_args(|argument| {
        let is_option = !argument.is_positional() && argument.get_action().takes_values();
        match argument.get_value_hint() {
            ValueHint::Unknown if is_option => argument.value_hint(ValueHint::Other),
            _ => argument,
        }
    });
    command.mut_subcommands(without_file_names)
}

pub(crate) fn pages(folder: &Path) -> Result<Exit, Failure> {
    let written = fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(Arguments::command(), folder));
    written.map_err(|error| files::unwritable("cannot write manual pages to", folder, &error))?;
    Ok(Exit::Success)
}
