//! The command line of `bakong store`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::common::location::LocationArguments;

const HELP: &str = "\
Exit codes: 0 success, 4 the check found a problem, 1 the store cannot be used, 2 usage error.";

/// The `bakong store` commands.
#[derive(Subcommand, Debug)]
#[command(after_help = HELP)]
pub(crate) enum StoreCommand {
    /// Check the store: the database, the version of its schema, and the rules that its rows must keep
    Check(StoreCommandArguments),
    /// Migrate the store to the schema of this version. Opening a store does the same
    Migrate(StoreCommandArguments),
    /// Copy the store into a new file while other commands use it. Copy a PostgreSQL database with its own tools
    Backup(BackupArguments),
}

#[derive(Args, Debug)]
pub(crate) struct StoreCommandArguments {
    #[command(flatten)]
    pub(crate) location: LocationArguments,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct BackupArguments {
    /// The new file. An existing file is not replaced
    #[arg(value_name = "FILE")]
    pub(crate) destination: PathBuf,
    #[command(flatten)]
    pub(crate) location: LocationArguments,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
