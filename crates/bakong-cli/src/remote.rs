//! A Bakong elsewhere: its address from the command line, its token from the environment.

use bakong_api::{
    AccessToken, ApiError, BaseUrl, Environment, ErrorClass, ErrorCode, Session, TransportErrorKind,
};
use bakong_flow::{Clock, SystemClock};
use bakong_http::HyperTransport;
use http::StatusCode;
use serde_json::Value;

use crate::arguments::TargetArguments;
use crate::exit::{Exit, Failure, reason_json};
use crate::output::note;
use crate::time::in_phnom_penh;

/// A session with whichever Bakong, over HTTP.
pub(crate) type HttpSession = Session<HyperTransport>;

const TOKEN: &str = "BAKONG_TOKEN";

/// The address that was asked for, if one was.
pub(crate) fn base_url(target: &TargetArguments) -> Result<Option<BaseUrl>, Failure> {
    match (&target.base_url, target.env) {
        // Read here and not by the parser of arguments, which repeats what it refuses: there may be a
        // password in it.
        (Some(text), _) => BaseUrl::new(text)
            .map(Some)
            .map_err(|error| Failure::usage(format!("--base-url: {error}"))),
        (None, environment) => Ok(environment.map(BaseUrl::from)),
    }
}

/// A session with the token from the environment. Sends nothing.
pub(crate) fn open(target: &TargetArguments) -> Result<HttpSession, Failure> {
    let base_url = base_url(target)?.ok_or_else(|| {
        Failure::usage("say which Bakong to ask: --env sit, --env production or --base-url URL")
    })?;
    if !base_url.is_https() && !base_url.is_loopback() && !target.allow_plain_http {
        return Err(Failure::usage(
            "--base-url is http, which shows the token to the network; use https, or say \
             --allow-plain-http if the network is trusted",
        ));
    }
    let token = std::env::var(TOKEN).map_err(|_| {
        Failure::usage(format!(
            "set the environment variable {TOKEN} to your project's access token"
        ))
    })?;
    let token = AccessToken::new(&token).map_err(|error| {
        let message = format!("{TOKEN}: {error}");
        let details = reason_json(Some(ErrorClass::Unauthorized), None, None, &message);
        Failure::new(Exit::CouldNotAsk, message).with_details(details)
    })?;
    if let Some(expired) = token.expires_at().filter(|at| *at < SystemClock.now()) {
        note(format_args!(
            "{TOKEN}: the token says that it expired on {}.",
            in_phnom_penh(expired)
        ));
    }
    Ok(Session::new(transport(target.allow_plain_http)?, base_url).with_token(token))
}

pub(crate) fn transport(allow_plain_http: bool) -> Result<HyperTransport, Failure> {
    HyperTransport::builder()
        .user_agent(concat!("bakong-cli/", env!("CARGO_PKG_VERSION")))
        .allow_plain_http(allow_plain_http)
        .build()
        .map_err(|error| Failure::new(Exit::CouldNotAsk, error.to_string()))
}

/// What to try next after an error, as this command has it; empty if the error says it all.
pub(crate) fn advice(error: &ApiError, base_url: &BaseUrl) -> String {
    // What Bakong never answers with, and a web server does that is none.
    let elsewhere =
        |status: StatusCode| status.is_redirection() || matches!(status.as_u16(), 404 | 405 | 501);
    if error.status().is_some_and(elsewhere) {
        return format!("; is there a Bakong at {base_url}?");
    }
    match error.class() {
        ErrorClass::Transport(TransportErrorKind::Resolve) => {
            match Environment::of_host(base_url.host()) {
                Some(environment) => {
                    format!("; try --env {}", environment.other_domain().name())
                }
                None => "; check the host in --base-url, and the network".to_owned(),
            }
        }
        ErrorClass::Transport(TransportErrorKind::Connect) => {
            "; check that it runs, and the port".to_owned()
        }
        ErrorClass::Unauthorized => format!(" ({TOKEN})"),
        _ => String::new(),
    }
}

/// The failure that an error is, with what to try next.
pub(crate) fn could_not_ask(error: &ApiError, base_url: &BaseUrl) -> Failure {
    let reason = format!("could not ask Bakong: {error}{}", advice(error, base_url));
    Failure::new(Exit::CouldNotAsk, reason).with_details(error_json(error))
}

/// An error for machines.
pub(crate) fn error_json(error: &ApiError) -> Value {
    reason_json(
        Some(error.class()),
        error.code().map(ErrorCode::number),
        error.status().map(|status| status.as_u16()),
        &error.to_string(),
    )
}
