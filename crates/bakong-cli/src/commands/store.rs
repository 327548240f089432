//! `bakong store`: checks, migrates and copies the store.

use bakong_store::sqlite::SqliteOptions;
use khqr_core::Printable;
use serde_json::json;

use crate::arguments::{BackupArguments, StoreCommand, StoreCommandArguments};
use crate::common::exit::{Exit, Failure, print_json_error};
use crate::common::location::{Location, PostgresLocation};
use crate::common::output::{counted, print, print_json};
use crate::common::runtime::block_on;
use crate::common::shop_store;

pub(crate) fn run(command: &StoreCommand) -> Result<Exit, Failure> {
    match command {
        StoreCommand::Check(arguments) => {
            print_json_error(block_on(check(arguments)), arguments.json)
        }
        StoreCommand::Migrate(arguments) => {
            print_json_error(block_on(migrate(arguments)), arguments.json)
        }
        StoreCommand::Backup(arguments) => {
            print_json_error(block_on(backup(arguments)), arguments.json)
        }
    }
}

async fn check(arguments: &StoreCommandArguments) -> Result<Exit, Failure> {
    let location = arguments.location.location()?;
    let report = match &location {
        Location::File(path) => SqliteOptions::default().check(path).await,
        Location::Postgres(database) => PostgresLocation::options().check(database.url()).await,
    };
    let report = report.map_err(|error| shop_store::failure(&error))?;
    if arguments.json {
        print_json(&json!({
            "store": location.to_string(),
            "schema": report.version,
            "registrations": report.registrations,
            "payments": report.payments,
            "open": report.open,
            "events": report.events,
            "exchanges": report.exchanges,
            "problems": report.problems,
        }));
    } else {
        print(format_args!(
            "{location}: schema {}, {}, {} ({} open), {}, {}",
            report.version,
            counted(report.registrations, "registration"),
            counted(report.payments, "payment"),
            report.open,
            counted(report.events, "event"),
            counted(report.exchanges, "request")
        ));
        for problem in &report.problems {
            print(format_args!("problem: {}", Printable(problem)));
        }
        if report.problems.is_empty() {
            print("No problem was found.");
        }
    }
    Ok(if report.problems.is_empty() {
        Exit::Success
    } else {
        Exit::NeedsAttention
    })
}

async fn migrate(arguments: &StoreCommandArguments) -> Result<Exit, Failure> {
    let location = arguments.location.location()?;
    let migrated = match &location {
        Location::File(path) => SqliteOptions::default().migrate(path).await,
        Location::Postgres(database) => PostgresLocation::options().migrate(database.url()).await,
    };
    let migrated = migrated.map_err(|error| shop_store::failure(&error))?;
    let (from, to) = (migrated.from, migrated.to);
    if arguments.json {
        print_json(&json!({ "store": location.to_string(), "from": from, "to": to }));
    } else if from == to {
        print(format_args!(
            "{location}: the schema is current (version {to})."
        ));
    } else {
        print(format_args!(
            "{location}: migrated from version {from} to {to}."
        ));
    }
    Ok(Exit::Success)
}

async fn backup(arguments: &BackupArguments) -> Result<Exit, Failure> {
    let location = arguments.location.location()?;
    let copied = match &location {
        Location::File(path) => {
            SqliteOptions::default()
                .backup(path, &arguments.destination)
                .await
        }
        Location::Postgres(database) => PostgresLocation::options().backup(database.url()),
    };
    copied.map_err(|error| shop_store::failure(&error))?;
    let destination = arguments.destination.to_string_lossy();
    if arguments.json {
        print_json(&json!({ "store": location.to_string(), "backup": destination }));
    } else {
        print(format_args!(
            "{location}: copied to {}.",
            Printable(&destination)
        ));
    }
    Ok(Exit::Success)
}
