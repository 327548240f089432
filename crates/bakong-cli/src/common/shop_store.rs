//! The store of the shop's payments, as the command line names it.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bakong_api::ErrorClass;
use bakong_flow::quota::WindowUsage;
use bakong_flow::store::{EventId, StoreError};
use bakong_flow::{Clock, MemoryStore, OpenError, PaymentStore, SystemClock, WatchError};
use bakong_store::sqlite::SqliteOptions;
use bakong_store::{
    Books, CheckReport, PaymentFilter, PostgresDatabase, Registration, SqliteDatabase, StateFilter,
};
use clap::Args;
use jiff::civil::Date;
use khqr_core::{Md5Handle, Printable, Timestamp};

use crate::common::advice::Advisor;
use crate::common::exit::{CONFLICT, Exit, Failure, LOCAL, Reason};
use crate::common::location::{Location, LocationArguments, PostgresLocation};
use crate::common::new_profile;
use crate::common::output::note;
use crate::common::remote::{HttpWatcher, Remote};
use crate::common::shell;
use crate::common::time::{date_in_phnom_penh, in_phnom_penh, midnight_in_phnom_penh};

/// How long the requests of other commands wait if the command that sends them is killed.
pub(crate) const LEASE_TERM: Duration = Duration::from_secs(10);

/// How long a command waits for the store, or for the command that leads. If that was killed, its lease ends within
/// [`LEASE_TERM`], and then this command leads.
pub(crate) const STORE_TIMEOUT: Duration = Duration::from_secs(15);

/// How long to wait for the error of a store that does not answer.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);

/// How many payments [`examine`] reads at once.
const REVIEWS_PER_PAGE: usize = 500;

/// A store with payments that can be watched and listed.
pub(crate) trait ShopStore: PaymentStore + Books + 'static {}

impl<S: PaymentStore + Books + 'static> ShopStore for S {}

/// The store of one registration.
pub(crate) type SharedStore = Arc<dyn ShopStore>;

/// The store and the registration whose payments a command reads.
#[derive(Args, Clone, Debug)]
pub(crate) struct StoreArguments {
    #[command(flatten)]
    pub(crate) location: LocationArguments,
    /// The registration, if the store has several: the API's host and the registration's id
    #[arg(long, value_name = "HOST/ID")]
    pub(crate) registration: Option<String>,
}

/// Where `bakong checkout` and `bakong watch` store payments.
#[derive(Args, Clone, Debug)]
pub(crate) struct KeepArguments {
    #[command(flatten)]
    pub(crate) location: LocationArguments,
    /// Store no payment. Payments that are open when the command ends are not watched any more
    #[arg(long, conflicts_with = "store")]
    pub(crate) no_store: bool,
}

impl StoreArguments {
    /// Opens the store of the registration. The store must exist.
    pub(crate) async fn open(&self) -> Result<SharedStore, Failure> {
        let database = Database::open(&self.location.location()?, true).await?;
        let names = database.registrations().await?;
        let is_chosen = |name: &&String| self.registration.as_ref().is_none_or(|it| it == *name);
        let mut chosen = names.iter().filter(is_chosen);
        if let (Some(name), None) = (chosen.next(), chosen.next()) {
            return database.store_of(name).await;
        }
        // A command whose token was rejected leaves a registration without payments.
        let mut used = Vec::new();
        for name in &names {
            let store = database.store_of(name).await?;
            let newest = store.payments(&PaymentFilter::default(), None, 1).await;
            let newest = newest.map_err(|error| failure(&error))?.items.pop();
            used.extend(newest.map(|payment| (name, store, payment.opened_at)));
        }
        match (&self.registration, used.as_slice()) {
            (None, [(_, store, _)]) => Ok(Arc::clone(store)),
            (_, []) => {
                let message =
                    "the store has no payments; bakong checkout and bakong watch add them";
                Err(Failure::new(Exit::NotFound, message))
            }
            (_, used) => {
                let names = used.iter().map(|(name, _, at)| {
                    let (name, at) = (Printable(name), in_phnom_penh(*at));
                    format!("{name} (its newest payment is of {at})")
                });
                let names: Vec<_> = names.collect();
                Err(Failure::usage(format!(
                    "select a registration of the store with --registration: {}",
                    names.join(", ")
                )))
            }
        }
    }

    /// The options of the command line, for a shell.
    pub(crate) fn to_options(&self) -> String {
        let mut options = self.location.to_options();
        if let Some(name) = &self.registration {
            options.push_str(&shell::option("--registration", name));
        }
        options
    }
}

impl KeepArguments {
    /// Whether the store is a file that does not exist.
    pub(crate) fn is_missing(&self) -> Result<bool, Failure> {
        Ok(match self.location.location()? {
            Location::File(file) => !file.exists(),
            Location::Postgres(_) => false,
        })
    }

    /// Opens the store for payments of the token's registration; a store in memory for `--no-store`.
    pub(crate) async fn open(&self, remote: &Remote) -> Result<KeptStore, Failure> {
        if self.no_store {
            return Ok(KeptStore::in_memory());
        }
        let location = self.location.location()?;
        if let Location::File(file) = &location {
            match self.location.is_named() {
                true => require_folder(file)?,
                false => create_folder(file)?,
            }
        }
        let database = Database::open(&location, false).await?;
        let registration = remote.registration().await?;
        Ok(KeptStore {
            store: database.store(&registration).await?,
            resume_options: Some(self.location.to_options()),
        })
    }
}

/// The store of `bakong checkout` and `bakong watch`, which records the receipts that were printed.
#[derive(Clone)]
pub(crate) struct KeptStore {
    pub(crate) store: Arc<dyn PaymentStore>,
    /// The options that name the store for `bakong watch --resume`; `None` if the payments end with the process.
    resume_options: Option<String>,
}

impl KeptStore {
    pub(crate) fn in_memory() -> Self {
        Self {
            store: Arc::new(MemoryStore::new()),
            resume_options: None,
        }
    }

    /// Returns the command that watches the open payments again, if the store outlives the process.
    pub(crate) fn resume_command(&self, advisor: &Advisor) -> Option<String> {
        let options = self.resume_options.as_ref()?;
        let target = advisor.target_options();
        Some(format!("bakong watch --resume{options}{target}"))
    }

    /// The failure of a payment that is not watched.
    pub(crate) async fn failure(&self, watcher: &HttpWatcher, error: &WatchError) -> Failure {
        let message = self.explain(watcher, error).await;
        let class = match error {
            WatchError::NoLeader { .. } | WatchError::StoreUnavailable => ErrorClass::Store.name(),
            WatchError::Refused(OpenError::NoQuota { .. }) => ErrorClass::QuotaExhausted.name(),
            WatchError::Refused(OpenError::TokenRejected) => ErrorClass::Unauthorized.name(),
            WatchError::Refused(_) => CONFLICT,
            _ => LOCAL,
        };
        let reason = Reason {
            retry_at: error.until().map(Timestamp::as_millis),
            ..Reason::new(class, message.clone())
        };
        Failure::new(Exit::NoAnswer, message).because(reason)
    }

    /// Explains why a payment is not watched. If the store did not confirm it in time, the reason is the error of the last
    /// commit. A command that commits nothing itself writes to the store to find out why.
    async fn explain(&self, watcher: &HttpWatcher, error: &WatchError) -> String {
        if let WatchError::NoLeader { .. } | WatchError::StoreUnavailable = error {
            if let Some(cause) = watcher.commit_error() {
                return Printable(cause.trim_end_matches('.')).to_string();
            }
            // A consumer that has acknowledged nothing.
            let probe = self.store.acknowledge("probe", EventId::START);
            if let Ok(Err(cause)) = tokio::time::timeout(PROBE_TIMEOUT, probe).await {
                let cause = cause.to_string();
                return Printable(cause.trim_end_matches('.')).to_string();
            }
        }
        error.to_string()
    }

    /// Whether the outcome of the payment was printed.
    pub(crate) async fn is_receipt_printed(&self, md5: &Md5Handle) -> Result<bool, StoreError> {
        let acknowledged = self.store.acknowledged(&receipt_consumer(md5)).await?;
        Ok(acknowledged > EventId::START)
    }

    /// Records that the outcome of the payment was printed, so that `bakong watch --resume` does not print it again.
    pub(crate) async fn receipt_printed(&self, md5: &Md5Handle) {
        let first = EventId::new(1);
        let recorded = self.store.acknowledge(&receipt_consumer(md5), first).await;
        if let Err(error) = recorded {
            note(format_args!(
                "{}; bakong watch --resume may print the receipt again.",
                Printable(&error.to_string())
            ));
        }
    }
}

/// Each payment has a consumer of its own, because several commands print receipts at once. It acknowledges the first
/// event when the outcome was printed.
fn receipt_consumer(md5: &Md5Handle) -> String {
    format!("receipt:{md5}")
}

/// An open database.
enum Database {
    Sqlite(SqliteDatabase),
    Postgres(PostgresDatabase),
}

impl Database {
    /// Opens the database. Creates a file or the tables, unless the store `must_exist`.
    async fn open(location: &Location, must_exist: bool) -> Result<Self, Failure> {
        let missing = |what: &str| {
            let message = format!("there is no store {what} {location}; name it with --store");
            Failure::new(Exit::NotFound, message)
        };
        match location {
            Location::File(path) => {
                if must_exist && !path.exists() {
                    return Err(missing("at"));
                }
                let opened = SqliteDatabase::open(path).await;
                Ok(Self::Sqlite(opened.map_err(|error| failure(&error))?))
            }
            Location::Postgres(database) => {
                let (options, url) = (PostgresLocation::options(), database.url());
                let opened = if must_exist {
                    options.find(url).await
                } else {
                    options.open(url).await.map(Some)
                };
                let opened = opened.map_err(|error| failure(&error))?;
                Ok(Self::Postgres(opened.ok_or_else(|| missing("in"))?))
            }
        }
    }

    async fn registrations(&self) -> Result<Vec<String>, Failure> {
        let names = match self {
            Self::Sqlite(database) => database.registrations().await,
            Self::Postgres(database) => database.registrations().await,
        };
        names.map_err(|error| failure(&error))
    }

    /// The store of a registration that the database has.
    async fn store_of(&self, name: &str) -> Result<SharedStore, Failure> {
        let (host, id) = name.split_once('/').unwrap_or((name, ""));
        let registration = Registration::new(host, id);
        let registration = registration.map_err(|error| Failure::usage(error.to_string()))?;
        self.store(&registration).await
    }

    async fn store(&self, name: &Registration) -> Result<SharedStore, Failure> {
        let failure = |error| failure(&error);
        Ok(match self {
            Self::Sqlite(database) => Arc::new(database.store(name).await.map_err(failure)?),
            Self::Postgres(database) => Arc::new(database.store(name).await.map_err(failure)?),
        })
    }
}

/// The state of a store, for `bakong doctor`.
pub(crate) struct Findings {
    pub(crate) report: CheckReport,
    /// How many payments a person must decide about.
    pub(crate) reviews: usize,
    /// The requests that were counted for the registration.
    pub(crate) usage: Option<WindowUsage>,
}

/// Examines an existing store; `None` if there is none. `registration` is the one whose requests are counted.
pub(crate) async fn examine(
    location: &Location,
    registration: Option<&Registration>,
    now: Timestamp,
) -> Result<Option<Findings>, Failure> {
    let report = match location {
        Location::File(path) if !path.exists() => return Ok(None),
        Location::File(path) => SqliteOptions::default().check(path).await,
        Location::Postgres(database) => {
            let options = PostgresLocation::options();
            let found = options.find(database.url()).await;
            if found.map_err(|error| failure(&error))?.is_none() {
                return Ok(None);
            }
            options.check(database.url()).await
        }
    };
    let report = report.map_err(|error| failure(&error))?;
    let database = Database::open(location, true).await?;
    let (mut reviews, mut usage) = (0, None);
    for name in database.registrations().await? {
        let store = database.store_of(&name).await?;
        let mut filter = PaymentFilter::default();
        filter.state = StateFilter::NeedsReview;
        let mut after = None;
        loop {
            let page = store.payments(&filter, after, REVIEWS_PER_PAGE).await;
            let page = page.map_err(|error| failure(&error))?;
            reviews += page.items.len();
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        if registration.is_some_and(|registration| registration.as_str() == name) {
            let snapshot = store.load(now).await.map_err(|error| failure(&error))?;
            usage = snapshot.usage;
        }
    }
    Ok(Some(Findings {
        report,
        reviews,
        usage,
    }))
}

/// Returns the failure of a command that cannot use the store.
pub(crate) fn failure(error: &StoreError) -> Failure {
    unusable(Printable(&error.to_string()).to_string())
}

/// The failure of a store that cannot be used.
fn unusable(message: String) -> Failure {
    let reason = Reason::new(ErrorClass::Store.name(), message.clone());
    Failure::new(Exit::NoAnswer, message).because(reason)
}

/// Rejects a file whose folder does not exist. The name is probably misspelt.
fn require_folder(file: &Path) -> Result<(), Failure> {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() && !folder.exists() => {
            let folder = folder.to_string_lossy();
            Err(Failure::usage(format!(
                "--store: there is no folder {}; create the folder, or name another file",
                Printable(&folder)
            )))
        }
        _ => Ok(()),
    }
}

/// Creates the folder of the file, for its owner only.
fn create_folder(file: &Path) -> Result<(), Failure> {
    let Some(folder) = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    else {
        return Ok(());
    };
    new_profile::create_folder(folder).map_err(|error| {
        let folder = folder.to_string_lossy();
        let message = format!(
            "cannot create the folder {} of the store: {error}; pass --store FILE or --no-store",
            Printable(&folder)
        );
        unusable(message)
    })
}

/// Parses a day: `2026-11-28`, `today` or `yesterday` in Phnom Penh.
pub(crate) fn parse_day(text: &str) -> Result<Date, String> {
    let today = date_in_phnom_penh(SystemClock.now());
    let day = match text {
        "today" => Some(today),
        "yesterday" => today.yesterday().ok(),
        text => text.parse().ok(),
    };
    day.ok_or_else(|| "expected a day such as 2026-11-28, today or yesterday".to_owned())
}

/// The day in Phnom Penh, from midnight to midnight.
pub(crate) fn period(day: Date) -> Range<Timestamp> {
    let start = midnight_in_phnom_penh(day);
    let end = day
        .tomorrow()
        .map_or(Timestamp::from_millis(u64::MAX), midnight_in_phnom_penh);
    start..end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_in_phnom_penh() {
        let day = parse_day("2026-11-28").unwrap();
        // 2026-11-27T17:00:00Z.
        let start = Timestamp::from_millis(1_795_798_800_000);
        let end = Timestamp::from_millis(1_795_798_800_000 + 86_400_000);
        assert_eq!(period(day), start..end);
        assert!(parse_day("28.11.2026").is_err());
        assert_eq!(
            parse_day("yesterday").unwrap().tomorrow().unwrap(),
            parse_day("today").unwrap()
        );
    }
}
