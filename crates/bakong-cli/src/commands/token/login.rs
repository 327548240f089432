//! `bakong login`: gets a token for a project, saves it, and adds a profile that uses it.

use std::path::{Path, PathBuf};

use bakong_api::endpoint::{RenewToken, RequestToken, Verify};
use bakong_api::{AccessToken, BaseUrl, Environment, ErrorClass, ErrorCode};
use bakong_flow::{Clock, SystemClock};
use etcetera::BaseStrategy;
use khqr_core::{Printable, Timestamp};
use serde_json::json;

use super::destination::Destination;
use super::exchange;
use super::prompt::{ask, has_person, read_line};
use crate::arguments::{LoginArguments, Secret, Selection};
use crate::common::config_file::{DEFAULT_PROFILE, shown};
use crate::common::credentials::{Email, TokenSource};
use crate::common::exit::{Exit, Failure};
use crate::common::new_profile::{NewProfile, create_folder};
use crate::common::output::{self, note, print};
use crate::common::remote::{self, Remote};
use crate::common::runtime::block_on_unless_stopped as block_on;
use crate::common::time::in_phnom_penh;
use crate::common::{files, shell};

/// How often a person may enter the code.
const ATTEMPTS: u32 = 3;

/// The message after an interruption.
const NOT_COMPLETE: &str =
    "the login is not complete. Bakong may have sent or accepted a code: run bakong login again";

pub(super) fn run(arguments: &LoginArguments, selection: &Selection) -> Result<Exit, Failure> {
    let base_url = remote::base_url(&arguments.target)?.ok_or_else(|| {
        Failure::usage(
            "no Bakong server selected; use --env sit, --env production or --base-url URL",
        )
    })?;
    let steps = Steps::of(arguments)?;
    let file = token_file(arguments, &base_url, &selection.name)?;
    let destination = Destination::prepare(Some(&file))?;
    let token = block_on(NOT_COMPLETE, async {
        let remote = remote::open_without_token(&arguments.target, "the code")?;
        let token = steps.token(&remote, &destination).await?;
        destination.save(&token)?;
        Ok(token)
    })?;
    let profile = profile(arguments, &base_url, &file, &steps.email.text);
    let stored = Stored::of(&profile, selection);
    report(arguments, &token, &file, &profile, &stored, selection);
    Ok(Exit::Success)
}

/// What the command sends, checked before the first request.
struct Steps {
    email: Email,
    renewal: RenewToken,
    code: Code,
}

/// Where the code comes from.
enum Code {
    /// From an earlier e-mail.
    Given(Verify),
    /// From the e-mail that this request causes: from standard input, which may be a terminal.
    Requested(RequestToken),
}

impl Steps {
    /// Asks for the values that are missing.
    fn of(arguments: &LoginArguments) -> Result<Self, Failure> {
        let given = arguments.code.as_ref().map(Secret::expose);
        let email = Email::find(arguments.email.as_deref())?;
        let is_registration = given.is_none_or(|code| code == "-");
        if !has_person() {
            let mut missing = Vec::new();
            if email.is_none() {
                missing.push("--email ADDRESS");
            }
            if is_registration && arguments.organization.is_none() {
                missing.push("--organization NAME");
            }
            if is_registration && arguments.project.is_none() {
                missing.push("--project NAME");
            }
            if given.is_none() {
                missing.push("--code -, which reads the code from standard input");
            }
            if !missing.is_empty() {
                return Err(Failure::usage(format!(
                    "there is no terminal to ask on; pass {}",
                    missing.join(", ")
                )));
            }
        }
        let email = match email {
            Some(email) => email,
            None => Email::entered(ask("E-mail address of the project")?),
        };
        let renewal = email.renewal()?;
        let code = match given.filter(|_| !is_registration) {
            Some(code) => Code::Given(exchange::verify("--code", code)?),
            None => Code::Requested(registration(arguments, &email)?),
        };
        Ok(Self {
            email,
            renewal,
            code,
        })
    }

    /// Gets the token.
    async fn token(
        &self,
        remote: &Remote,
        destination: &Destination<'_>,
    ) -> Result<AccessToken, Failure> {
        let request = match &self.code {
            Code::Given(verify) => {
                let answer = remote.session.send(verify).await;
                return answer.map_err(|error| exchange::failure(remote, &error));
            }
            Code::Requested(request) => request,
        };
        match remote.session.send(request).await {
            Ok(()) => self.verify_entered_code(remote).await,
            Err(error) if error.code() == Some(ErrorCode::EmailRegistered) => {
                note(format_args!(
                    "The address {} is registered already. Its token is renewed.",
                    Printable(&self.email.text)
                ));
                // Other commands wait for the new token while this one has the lease.
                let _lease = destination.lease(SystemClock.now()).await;
                let answer = remote.session.send(&self.renewal).await;
                answer.map_err(|error| remote.advisor.failure(&error))
            }
            Err(error) => Err(remote.advisor.failure(&error)),
        }
    }

    async fn verify_entered_code(&self, remote: &Remote) -> Result<AccessToken, Failure> {
        note(format_args!(
            "Bakong sends a code of 20 characters to {}.",
            Printable(&self.email.text)
        ));
        if let Some(hint) = exchange::mailbox_hint(&remote.advisor.base_url, &self.email.text) {
            note(hint);
        }
        let mut attempt = 1;
        loop {
            let code = tokio::task::spawn_blocking(enter_code).await;
            let code = code.map_err(|error| Failure::new(Exit::NoAnswer, error.to_string()))??;
            let source = match has_person() {
                true => "the code from the e-mail",
                false => "standard input",
            };
            let failure = match exchange::verify(source, &code) {
                Err(failure) => failure,
                Ok(verify) => match remote.session.send(&verify).await {
                    Ok(token) => return Ok(token),
                    Err(error) if error.class() == ErrorClass::Refused => {
                        exchange::failure(remote, &error)
                    }
                    Err(error) => return Err(exchange::failure(remote, &error)),
                },
            };
            if !has_person() || attempt == ATTEMPTS {
                return Err(failure);
            }
            note(format_args!("{failure}."));
            attempt += 1;
        }
    }
}

/// Reads the code from the terminal or from standard input.
fn enter_code() -> Result<String, Failure> {
    if has_person() {
        return ask("Code from the e-mail");
    }
    let code = read_line()?;
    if code.is_empty() {
        return Err(Failure::usage(exchange::NO_CODE));
    }
    Ok(code)
}

fn registration(arguments: &LoginArguments, email: &Email) -> Result<RequestToken, Failure> {
    let value = |given: &Option<String>, question| match given {
        Some(text) => Ok(text.clone()),
        None => ask(question),
    };
    let organization = value(&arguments.organization, "Name of the organization")?;
    let project = value(&arguments.project, "Name of the project")?;
    RequestToken::new(&email.text, &organization, &project).map_err(|error| match error.field() {
        "email" => email.invalid(error),
        field => Failure::usage(format!("--{field}: {error}")),
    })
}

/// The file of the token as an absolute path. The default is a file for each server and profile in the user's data folder.
fn token_file(
    arguments: &LoginArguments,
    base_url: &BaseUrl,
    profile: &str,
) -> Result<PathBuf, Failure> {
    if let Some(file) = &arguments.token_file {
        return std::path::absolute(file)
            .map_err(|error| Failure::usage(format!("--token-file: {}: {error}", shown(file))));
    }
    let base = etcetera::base_strategy::choose_native_strategy().map_err(|_| {
        Failure::usage("the user has no data folder; pass the file for the token with --token-file")
    })?;
    let folder = base.data_dir().join("bakong");
    create_folder(&folder).map_err(|error| {
        let failure = files::unwritable("cannot create the folder", &folder, &error);
        failure.and("; pass the file for the token with --token-file")
    })?;
    Ok(folder.join(file_name(base_url, profile)))
}

/// `HOST.token`, with the port and the path if there are any, and with the name of a profile other than the default one.
fn file_name(base_url: &BaseUrl, profile: &str) -> String {
    let url = base_url.to_string();
    let place = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
    let place = place.trim_end_matches('/');
    let name = match profile {
        DEFAULT_PROFILE => place.to_owned(),
        profile => format!("{place}.{profile}"),
    };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '_';
    let name = name.replace(|c| !is_plain(c), "-");
    format!("{}.token", name.trim_start_matches('.'))
}

/// The keys with which other commands use the server and the token.
fn profile(arguments: &LoginArguments, base_url: &BaseUrl, file: &Path, email: &str) -> NewProfile {
    let mut profile = NewProfile::default();
    match arguments.target.env {
        Some(environment) => profile.set("env", Environment::name(environment)),
        None => profile.set("base-url", base_url.to_string()),
    }
    profile.set("token-file", file.to_string_lossy());
    profile.set("email", email);
    if arguments.target.allow_plain_http {
        profile.turn_on("allow-plain-http");
    }
    if let Some(file) = &arguments.target.ca_file {
        let file = std::path::absolute(file).unwrap_or_else(|_| file.clone());
        profile.set("ca-file", file.to_string_lossy());
    }
    profile
}

/// What happened to the config file.
enum Stored {
    /// The profile was added.
    Added,
    /// The profile has the keys already.
    Unchanged,
    /// The user has to set the keys. The reason is a part of a sentence.
    Manual(String),
}

impl Stored {
    fn of(profile: &NewProfile, selection: &Selection) -> Self {
        let Some(file) = &selection.file else {
            return Self::Manual("the user has no config folder".to_owned());
        };
        match &selection.profile {
            Some(known) if profile.is_in(known) => Self::Unchanged,
            Some(_) => Self::Manual("the profile exists, and its text is not changed".to_owned()),
            None => match profile.append(&selection.name, file) {
                Ok(()) => Self::Added,
                Err(error) => Self::Manual(error.to_string()),
            },
        }
    }
}

fn report(
    arguments: &LoginArguments,
    token: &AccessToken,
    file: &Path,
    profile: &NewProfile,
    stored: &Stored,
    selection: &Selection,
) {
    let end = token.expires_at();
    if arguments.json {
        output::print_json(&json!({
            "status": "issued",
            "tokenFile": file.to_string_lossy(),
            "expiresAt": end.map(Timestamp::as_millis),
            "config": selection.file.as_deref().map(Path::to_string_lossy),
            "profile": selection.name,
            "profileAdded": matches!(stored, Stored::Added),
            "keysToSet": matches!(stored, Stored::Manual(_)).then(|| profile.lines()),
        }));
        return;
    }
    print(format_args!(
        "The token is in the {}.",
        TokenSource::File(file.into())
    ));
    if let Some(end) = end {
        let end = in_phnom_penh(end);
        print(output::row("expires", format_args!("{end} in Phnom Penh")));
    }
    let (config, name) = (selection.shown_file(), Printable(&selection.name));
    let option = match selection.name.as_str() {
        DEFAULT_PROFILE => String::new(),
        name => shell::option("--profile", name),
    };
    match stored {
        Stored::Added => print(format_args!(
            "The profile \"{name}\" was added to {config}. Next: bakong checkout{option}"
        )),
        Stored::Unchanged => print(format_args!(
            "The profile \"{name}\" of {config} uses the token. Next: bakong checkout{option}"
        )),
        Stored::Manual(reason) => {
            print(format_args!(
                "The profile \"{name}\" was not added: {}. Set these keys in {config}, or choose another name with --profile:",
                Printable(reason)
            ));
            for line in profile.lines() {
                print(format_args!("  {}", Printable(&line)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_server_and_profile_has_its_own_token_file() {
        for (url, profile, name) in [
            (
                "https://sit-api-bakong.nbc.org.kh",
                "default",
                "sit-api-bakong.nbc.org.kh.token",
            ),
            ("http://127.0.0.1:4717", "default", "127.0.0.1-4717.token"),
            (
                "https://proxy.example/bakong",
                "default",
                "proxy.example-bakong.token",
            ),
            (
                "https://proxy.example",
                "till 2",
                "proxy.example.till-2.token",
            ),
            ("http://[::1]:1", "../x", "---1--1...-x.token"),
        ] {
            let url = BaseUrl::new(url).unwrap();
            assert_eq!(file_name(&url, profile), name);
        }
    }
}
