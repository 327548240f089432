//! `bakong completions` and `bakong man`: scripts for shells, and manual pages. Both are made from the command line's definition.

use std::fs;
use std::path::Path;

use clap::CommandFactory as _;
use khqr_core::Printable;

use crate::arguments::Arguments;
use crate::common::exit::{Exit, Failure};
use crate::common::output;

pub(crate) fn completions(shell: clap_complete::Shell) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "bakong", &mut script);
    output::print(String::from_utf8_lossy(&script).trim_end());
    Ok(Exit::Success)
}

pub(crate) fn pages(folder: &Path) -> Result<Exit, Failure> {
    let written = fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(Arguments::command(), folder));
    written.map_err(|error| {
        let folder = folder.to_string_lossy();
        Failure::usage(format!(
            "cannot write manual pages to {}: {error}",
            Printable(&folder)
        ))
    })?;
    Ok(Exit::Success)
}
