//! `bakong doctor`: checks the configuration, the network, the clock, the token and the store.

mod check;
mod network;
mod store;
mod token;

use bakong_flow::{Clock, SystemClock};
use bakong_store::Registration;
use khqr_core::Printable;
use serde_json::json;

use self::check::{Check, State};
use self::network::Network;
use crate::arguments::{DoctorArguments, Selection};
use crate::common::credentials::TokenSource;
use crate::common::exit::{Exit, Failure, print_json_error};
use crate::common::location::has_password;
use crate::common::output::{print, print_json};
use crate::common::remote;
use crate::common::runtime::block_on_unless_stopped;
use crate::common::{files, shell};

pub(crate) fn run(arguments: &DoctorArguments, selection: &Selection) -> Result<Exit, Failure> {
    let result = block_on_unless_stopped("the checks are not complete", async {
        let mut report = Report {
            checks: Vec::new(),
            json: arguments.json,
        };
        report.add(config(selection));
        // Settings of a profile that cannot be used may be what the later checks miss.
        let lacks_settings = selection.problem.is_some();
        examine(arguments, lacks_settings, &mut report).await;
        Ok(report.finish())
    });
    print_json_error(result, arguments.json)
}

/// The checks so far. As text, each is printed at once, because the next one may take seconds.
struct Report {
    checks: Vec<Check>,
    json: bool,
}

impl Report {
    fn add(&mut self, check: Check) {
        if !self.json {
            print(&check);
        }
        self.checks.push(check);
    }

    fn finish(self) -> Exit {
        let worst = self.checks.iter().map(|check| check.state).max();
        let worst = worst.unwrap_or(State::Ok);
        if self.json {
            print_json(&json!({ "status": worst, "checks": self.checks }));
        }
        match worst {
            State::Problem => Exit::NoAnswer,
            State::Ok | State::Warning => Exit::Success,
        }
    }
}

/// Runs the checks after that of the config file. With `lacks_settings`, a server, a token or a store that is not named is
/// no finding of its own.
async fn examine(arguments: &DoctorArguments, lacks_settings: bool, report: &mut Report) {
    let source = TokenSource::of_arguments(&arguments.token);
    let is_server_missing = matches!(remote::base_url(&arguments.target), Ok(None));
    let base_url = match remote::trusted_base_url(&arguments.target, "the token") {
        Ok(base_url) => Some(base_url),
        Err(_) if lacks_settings && is_server_missing => None,
        Err(failure) => {
            report.add(Check::problem("server", failure.to_string()));
            None
        }
    };
    let mut now = SystemClock.now();
    if let Some(base_url) = &base_url {
        let network = Network::of(arguments, base_url, &source);
        report.add(network.server());
        if network.is_usable() {
            let (checks, corrected) = network.examine().await;
            checks.into_iter().for_each(|check| report.add(check));
            now = corrected;
        }
    }
    let (check, token) = token::examine(arguments, &source, base_url.as_ref(), now);
    if !(lacks_settings && source.is_absent()) {
        report.add(check);
    }
    let registration = base_url.as_ref().zip(token.as_ref());
    let registration =
        registration.and_then(|(base_url, token)| Registration::of(base_url, token).ok());
    if lacks_settings && !arguments.location.is_named() {
        return;
    }
    let store = store::examine(arguments, registration.as_ref(), now).await;
    store.into_iter().for_each(|check| report.add(check));
}

/// The config file and the profile.
fn config(selection: &Selection) -> Check {
    const NAME: &str = "config";
    if let Some(failure) = &selection.problem {
        return Check::problem(NAME, failure.to_string());
    }
    let (file, name) = (selection.shown_file(), Printable(&selection.name));
    match (&selection.file, &selection.profile) {
        (None, _) => Check::ok(
            NAME,
            "the user has no config folder, so there is no profile",
        ),
        (Some(path), Some(profile)) => {
            let text = format!("profile \"{name}\" of {file}");
            let store = profile.get("store");
            let has_password = store.is_some_and(|store| has_password(&store.value));
            if !has_password || !files::is_exposed(path) {
                return Check::ok(NAME, text);
            }
            let path = shell::word(&path.to_string_lossy());
            Check::warning(
                NAME,
                format!(
                    "{text}: other users of this machine can read the password of the store in it"
                ),
            )
            .advise(format!("Run chmod 600 {path}"))
        }
        (Some(path), None) if path.exists() => {
            Check::ok(NAME, format!("{file} has no profile \"{name}\""))
        }
        (Some(_), None) => Check::ok(NAME, format!("there is no config file {file}")),
    }
}
