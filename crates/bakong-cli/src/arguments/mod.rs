//! The command line.

mod account;
mod checkout;
mod deeplink;
mod doctor;
mod draw;
mod payments;
mod qr;
mod sandbox;
mod secrets;
mod serve;
mod settings;
mod store;
mod token;
mod tx;
mod watch;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser, Subcommand};
use khqr_core::Printable;
use serde_json::json;

use crate::common::exit::{self, Exit, Failure, Reason, sentences};
use crate::common::origin::Origins;
use crate::common::output;

pub(crate) use self::account::{AccountCheckArguments, AccountCommand};
pub(crate) use self::checkout::CheckoutArguments;
pub(crate) use self::deeplink::DeeplinkArguments;
pub(crate) use self::doctor::DoctorArguments;
pub(crate) use self::draw::DrawArguments;
pub(crate) use self::payments::{
    DecisionName, ExportArguments, ExportFormat, ListArguments, ListState, PaymentsCommand,
    ReconcileArguments, ResolveArguments, ShowArguments,
};
pub(crate) use self::qr::{
    GenerateArguments, QrCommand, ReadArguments, RenderArguments, TextArguments,
};
pub(crate) use self::sandbox::{ClockMode, QuotaArgument, SandboxArguments, SandboxControl};
use self::secrets::without_secrets;
pub(crate) use self::serve::ServeArguments;
pub(crate) use self::settings::Selection;
use self::settings::Settings;
pub(crate) use self::store::{BackupArguments, StoreCommand, StoreCommandArguments};
pub(crate) use self::token::{
    LoginArguments, RenewArguments, RequestArguments, Secret, StatusArguments, TokenCommand,
    VerifyArguments,
};
pub(crate) use self::tx::{CheckArguments, DiagnoseArguments, LookupArguments, TxCommand};
pub(crate) use self::watch::WatchArguments;

const HELP: &str = "\
Settings: an option such as --base-url can also be the variable BAKONG_BASE_URL, or the key base-url of a profile in the config \
file. The command line takes precedence over a variable, and a variable over the profile. An option for one payment, such \
as --amount, is no setting. serve and sandbox use no profile.

Environment variables:
  BAKONG_CONFIG                 the config file, instead of bakong/config.toml
  BAKONG_PROFILE                the profile, without --profile
  BAKONG_TOKEN                  the access token, without --token-file
  BAKONG_EMAIL                  the project's e-mail address, without --email
  BAKONG_STORE                  the store of the payments, without --store
  BAKONG_ENV, BAKONG_ACCOUNT …  the value of any other setting
  PGPASSWORD                    the password of a PostgreSQL store, if its URL has none
  BAKONG_USER_AGENT             replaces the User-Agent of all requests
  HTTPS_PROXY, NO_PROXY         the proxy for requests, and the hosts to reach directly
  SSL_CERT_FILE, SSL_CERT_DIR   replace the built-in certificate authorities
  NO_COLOR                      prints outcomes and draws codes without colours

Closed standard output is an error: the command stops its checks and exits with code 1. Ctrl-C or another signal \
stops a command; a second one ends it at once.";

/// Take KHQR payments over Bakong, and read, verify and generate KHQR codes.
#[derive(Parser, Debug)]
#[command(name = "bakong", version = env!("BAKONG_VERSION"), arg_required_else_help = true, after_help = HELP)]
pub(crate) struct Arguments {
    /// The profile of the config file [default: "default", if there is such a profile]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Print each request and its answer on standard error, without tokens and codes
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Take one payment: show a code, wait until it is paid, print a receipt
    #[command(after_help = checkout::HELP)]
    Checkout(Box<CheckoutArguments>),
    /// Watch many codes until each is paid, failed or expired
    #[command(after_help = watch::HELP)]
    Watch(WatchArguments),
    /// List, show and export stored payments, compare them with the bank's list, and record decisions
    #[command(subcommand)]
    Payments(PaymentsCommand),
    /// Check, migrate and copy the store of the payments
    #[command(subcommand)]
    Store(StoreCommand),
    /// Read, verify and generate codes
    #[command(subcommand)]
    Qr(QrCommand),
    /// Look up payments
    #[command(subcommand)]
    Tx(TxCommand),
    /// Get a token for the project, save it, and add a profile, so that other commands need no options
    #[command(after_help = token::LOGIN_HELP)]
    Login(LoginArguments),
    /// Check the config file, the network, the clock, the token and the store
    #[command(after_help = doctor::HELP)]
    Doctor(DoctorArguments),
    /// Get and renew the access token for Bakong's API
    #[command(subcommand)]
    Token(TokenCommand),
    /// Look up accounts
    #[command(subcommand)]
    Account(AccountCommand),
    /// Get a link that opens a bank's app with the code
    #[command(after_help = deeplink::HELP)]
    Deeplink(DeeplinkArguments),
    /// Run a payment server for shops in any language: API, pages, events
    #[command(after_help = serve::HELP)]
    Serve(ServeArguments),
    /// Run a Bakong sandbox on this machine, for development
    #[command(after_help = sandbox::HELP)]
    Sandbox(SandboxArguments),
    /// Print a script that completes commands and options in a shell
    #[command(after_help = COMPLETIONS_HELP)]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the manual pages of all commands into a folder
    Man {
        /// The folder, for example ~/.local/share/man/man1
        folder: PathBuf,
    },
}

const COMPLETIONS_HELP: &str = "\
Bash: mkdir -p ~/.local/share/bash-completion/completions
      bakong completions bash > ~/.local/share/bash-completion/completions/bakong
Fish: bakong completions fish > ~/.config/fish/completions/bakong.fish
Zsh:  bakong completions zsh > a file _bakong in a folder of $fpath";

/// Parses the command line, with the values of variables and of the profile. Prints the help, or the error of an invalid
/// command line or config file.
pub(crate) fn parse() -> Result<(Arguments, Selection), ExitCode> {
    let given: Vec<OsString> = std::env::args_os().collect();
    let settings = Settings::apply(Arguments::command(), given.clone())
        .map_err(|failure| refuse_settings(&failure, &given))?;
    let Settings {
        arguments,
        selection,
        origins,
    } = settings;
    let parsed = Arguments::try_parse_from(&arguments)
        .map_err(|error| refuse(&error, &arguments, &origins))?;
    origins.publish();
    Ok((parsed, selection))
}

/// Prints the error of the config file or of a variable.
fn refuse_settings(failure: &Failure, arguments: &[OsString]) -> ExitCode {
    output::print_error(&failure.to_string());
    if has_json_error(arguments) {
        output::print_json(&json!({ "error": failure.reason() }));
    }
    failure.exit().into()
}

/// Prints the help, or the error of an invalid command line.
///
/// clap repeats the arguments that it rejects. They may contain escape sequences, or a secret in the wrong place.
fn refuse(error: &clap::Error, arguments: &[OsString], origins: &Origins) -> ExitCode {
    if !error.use_stderr() {
        output::print_again(error.render().to_string().trim_end());
        return Exit::Success.into();
    }
    let origin = origin_of(error, origins);
    let texts: Vec<_> = arguments
        .iter()
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    let text = without_secrets(&error.render().to_string(), &texts);
    text.lines().for_each(|line| output::note(Printable(line)));
    if let Some(origin) = &origin {
        output::note(format_args!("{origin}."));
    }
    if has_json_error(arguments) {
        let message = first_paragraph(&text);
        let message = match origin {
            Some(origin) => sentences(&message, &origin),
            None => message,
        };
        let reason = Reason {
            advice: Some("Add --help to the command to see its options".into()),
            ..Reason::new(exit::USAGE, message)
        };
        output::print_json(&json!({ "error": reason }));
    }
    Exit::Usage.into()
}

/// Whether the error is printed as JSON too.
fn has_json_error(arguments: &[OsString]) -> bool {
    arguments
        .iter()
        .any(|word| word == "--json" || word == "--jsonl")
}

/// Where the rejected values come from, if they are not on the command line.
fn origin_of(error: &clap::Error, origins: &Origins) -> Option<String> {
    if error.kind() == ErrorKind::MissingRequiredArgument {
        return origins.of_all();
    }
    let text = |kind| match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) => Some(texts.join(" ")),
        _ => None,
    };
    let named = [ContextKind::InvalidArg, ContextKind::PriorArg].map(text);
    origins.of_text(&named.map(Option::unwrap_or_default).join(" "))
}

/// The error and clap's suggestions on one line, without the usage.
fn first_paragraph(text: &str) -> String {
    let is_usage = |line: &&str| line.starts_with("Usage:") || line.starts_with("For more");
    let lines = text.lines().map(str::trim);
    let lines = lines.take_while(|line| !is_usage(line));
    let lines: Vec<_> = lines.filter(|line| !line.is_empty()).collect();
    let text = lines.join(" ");
    text.strip_prefix("error: ").unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::options::REDACTED;

    const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.e30.c2VjcmV0";
    const CODE: &str = "abcdefghijklmnopqrst";
    const DATABASE: &str = "postgres://shop:geheim@db.example/pay";

    fn error_text(arguments: &[&str]) -> String {
        let arguments = [&["bakong"], arguments].concat();
        let error = Arguments::try_parse_from(&arguments).unwrap_err();
        let arguments: Vec<_> = arguments.iter().map(ToString::to_string).collect();
        without_secrets(&error.render().to_string(), &arguments)
    }

    #[test]
    fn the_definition_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_misplaced_secret_is_not_repeated() {
        for misplaced in [
            TOKEN,
            &format!("--token={TOKEN}"),
            &format!("{TOKEN},"),
            &format!("Authorization: Bearer {TOKEN}"),
            &format!("{{\"token\":\"{TOKEN}\"}}"),
            &TOKEN[..22],
            "--token=a.e30.b",
            // A token without its start, and one that is split by a line break.
            &format!("c2ln.{}", "Sf1KxwRJSMeKKF2QT4fwpM"),
            &format!("--token={}\n{}", &TOKEN[..12], &TOKEN[12..]),
        ] {
            let text = error_text(&["tx", "diagnose", misplaced]);
            assert!(
                !text.contains(&TOKEN[..12])
                    && !text.contains("a.e30.b")
                    && !text.contains("KxwRJSMeKK"),
                "{text}"
            );
        }
        for arguments in [
            &["tx", "check", "--token", TOKEN][..],
            &["token", "status", TOKEN],
            &["token", "verify", CODE],
            &["token", "verify", &format!("--cod={CODE}")],
            &["token", "verify", "--code", CODE, CODE],
            &["store", "check", DATABASE],
            &["checkout", &format!("--stor={DATABASE}")],
            &["checkout", "--sandbox", "--store", DATABASE],
        ] {
            let text = error_text(arguments);
            assert!(
                !text.contains(&TOKEN[..12]) && !text.contains(CODE) && !text.contains("geheim"),
                "{text}"
            );
        }
    }

    #[test]
    fn other_arguments_are_repeated() {
        let text = error_text(&["tx", "check", "--env", "live"]);
        assert!(text.contains("live"), "{text}");
        let verify = ["token", "verify", "--code", "-"];
        let text =
            error_text(&[&verify[..], &["--allow-plain-http", "--allow-plain-https"]].concat());
        assert!(text.contains("--allow-plain-https"), "{text}");
        assert!(!text.contains(REDACTED), "{text}");
    }
}
