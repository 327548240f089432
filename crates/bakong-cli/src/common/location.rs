//! Where a store is: a file, or a PostgreSQL database. The URL of a database may have a password, which is not printed.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use bakong_store::PostgresOptions;
use bakong_store::postgres::{self, Password, SCHEMES};
use clap::{Args, ValueHint};
use etcetera::BaseStrategy;
use khqr_core::Printable;

use crate::common::exit::Failure;
use crate::common::options::REDACTED;
use crate::common::shell;

const STORE: &str = "The store of the payments: a file, or the URL of a PostgreSQL database, \
     postgres://USER@HOST/DATABASE. Other users of this machine can read a command line, so do not put a password into it: set \
     PGPASSWORD, or pass the whole URL in BAKONG_STORE [env: BAKONG_STORE] [default: bakong/payments.db in the user's data folder]";

/// The environment variable that names the store.
const VARIABLE: &str = "BAKONG_STORE";

/// The environment variable with the password for a URL that has none, as for `psql`.
const PASSWORD_VARIABLE: &str = "PGPASSWORD";

/// The option that says where the store is.
#[derive(Args, Clone, Debug)]
pub(crate) struct LocationArguments {
    #[arg(long, value_name = "STORE", help = STORE, value_hint = ValueHint::FilePath)]
    pub(crate) store: Option<StoreText>,
}

/// A file or a URL as it was passed. The URL may have a password, so `Debug` prints nothing of it.
#[derive(Clone)]
pub(crate) struct StoreText(OsString);

impl From<OsString> for StoreText {
    fn from(text: OsString) -> Self {
        Self(text)
    }
}

impl fmt::Debug for StoreText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

/// The place of a store. `Display` shows no password.
#[derive(Clone, Debug)]
pub(crate) enum Location {
    File(PathBuf),
    Postgres(PostgresLocation),
}

/// A PostgreSQL database.
#[derive(Clone)]
pub(crate) struct PostgresLocation {
    /// May have a password.
    url: String,
    /// The URL without a password.
    shown: String,
}

impl LocationArguments {
    /// Returns the place that the option, the variable or the default names.
    pub(crate) fn location(&self) -> Result<Location, Failure> {
        self.given().map_or_else(default_file, Location::parse)
    }

    /// Whether an option, a variable or a profile names the store. If not, the default is used.
    pub(crate) fn is_named(&self) -> bool {
        self.given().is_some()
    }

    fn given(&self) -> Option<OsString> {
        let variable = std::env::var_os(VARIABLE).filter(|value| !value.is_empty());
        self.store.as_ref().map(|text| text.0.clone()).or(variable)
    }

    /// The option for a shell, if it was passed, without a password.
    pub(crate) fn to_options(&self) -> String {
        let location = self.store.as_ref().map(|_| self.location());
        let Some(Ok(location)) = location else {
            return String::new();
        };
        shell::option("--store", &location.text())
    }
}

impl Location {
    fn parse(given: OsString) -> Result<Self, Failure> {
        let Some(text) = given.to_str().filter(|text| text.contains("://")) else {
            return Ok(Self::File(given.into()));
        };
        if !SCHEMES.iter().any(|scheme| text.starts_with(scheme)) {
            // The text is not repeated, because a URL may have a password.
            return Err(Failure::usage(format!(
                "the store in --store or {VARIABLE} is a URL of another kind. Pass a file, or the URL of a PostgreSQL database, \
                 which starts with {}",
                SCHEMES[0]
            )));
        }
        let shown = postgres::without_password(text).map_err(|error| {
            let error = error.to_string();
            Failure::usage(format!("--store or {VARIABLE}: {}", Printable(&error)))
        })?;
        let url = text.to_owned();
        Ok(Self::Postgres(PostgresLocation { url, shown }))
    }

    /// The text that names the store in an option, without a password.
    fn text(&self) -> String {
        match self {
            Self::File(path) => path.to_string_lossy().into_owned(),
            Self::Postgres(location) => location.shown.clone(),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Printable(&self.text()).fmt(f)
    }
}

impl PostgresLocation {
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// How to connect: with the password from the environment, if the URL has none.
    pub(crate) fn options() -> PostgresOptions {
        let password = std::env::var(PASSWORD_VARIABLE).ok();
        let mut options = PostgresOptions::default();
        options.password = password.filter(|text| !text.is_empty()).map(Password::new);
        options
    }
}

impl fmt::Debug for PostgresLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// The file in the user's data folder.
fn default_file() -> Result<Location, Failure> {
    let base = etcetera::base_strategy::choose_native_strategy().map_err(|_| {
        Failure::usage("the user has no data folder; pass --store FILE or --no-store")
    })?;
    let file = base.data_dir().join("bakong").join("payments.db");
    Ok(Location::File(file))
}

/// Returns the part of an argument that is the URL of a PostgreSQL database.
pub(crate) fn postgres_url_in(argument: &str) -> Option<&str> {
    let starts = SCHEMES.iter().filter_map(|scheme| argument.find(scheme));
    starts.min().map(|start| &argument[start..])
}

/// Whether the text is a URL with a password.
pub(crate) fn has_password(text: &str) -> bool {
    let credentials = postgres_url_in(text)
        .and_then(|url| url.split_once("://"))
        .and_then(|(_, rest)| rest.split_once('@'));
    credentials.is_some_and(|(credentials, _)| credentials.contains(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(store: &str) -> LocationArguments {
        let store = Some(StoreText(store.into()));
        LocationArguments { store }
    }

    #[test]
    fn no_text_of_a_location_has_the_secret_password() {
        let arguments = arguments("postgres://shop:geheim@db.example/pay?sslmode=require");
        let location = arguments.location().unwrap();
        let shown = "postgres://shop@db.example/pay?sslmode=require";
        assert_eq!(location.to_string(), shown);
        assert_eq!(arguments.to_options(), format!(" --store '{shown}'"));
        for text in [format!("{location:?}"), format!("{arguments:?}")] {
            assert!(!text.contains("geheim"), "{text}");
        }
    }

    #[test]
    fn a_url_that_is_not_of_postgresql_is_no_file() {
        for url in [
            "mysql://shop:geheim@h/d",
            "postgress://shop:geheim@h/d",
            "postgres://shop:geheim@h:port/d",
            "postgres://shop:ge/heim@h/d",
            "POSTGRES://shop:geheim@h/d",
        ] {
            let failure = arguments(url).location().unwrap_err();
            assert_eq!(failure.exit().code(), 2);
            assert!(!failure.to_string().contains("heim"), "{failure}");
        }
        let file = arguments("till/payments.db").location().unwrap();
        assert!(matches!(file, Location::File(path) if *path == *"till/payments.db"));
    }

    #[test]
    fn a_password_is_found_in_a_url() {
        assert!(has_password("postgres://shop:geheim@h/d"));
        assert!(!has_password("postgres://shop@h:5432/d"));
        assert!(!has_password("till:1@home/payments.db"));
    }

    #[test]
    fn a_url_is_found_in_an_argument() {
        let url = "postgresql://shop:geheim@h/d";
        assert_eq!(postgres_url_in(&format!("--stor={url}")), Some(url));
        assert_eq!(postgres_url_in("payments.db"), None);
    }
}
