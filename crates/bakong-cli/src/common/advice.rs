//! What to do about an error, as this command has it.
//!
//! An error says what happened. What to try next also depends on which Bakong was asked, with which token, and
//! on the time.

use std::time::Duration;

use bakong_api::transport::{TransportError, TransportErrorKind};
use bakong_api::{ApiError, BaseUrl, Environment, ErrorClass, ErrorCode, RetryAfter};
use bakong_flow::{Clock, SystemClock};
use http::StatusCode;
use khqr_core::Timestamp;

use crate::common::credentials::TokenSource;
use crate::common::exit::{Exit, Failure, Reason, sentences};
use crate::common::time::{DayTurn, in_phnom_penh, left};

/// Which Bakong is asked, and with which token.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) base_url: BaseUrl,
    pub(crate) token: TokenSource,
}

impl Asked {
    /// The failure that an error is, with what to try next.
    pub(crate) fn could_not_ask(&self, error: &ApiError) -> Failure {
        failure(self.reason(error))
    }

    /// The same, with this to try next in place of what is usual.
    pub(crate) fn could_not_ask_but(&self, error: &ApiError, advice: &str) -> Failure {
        failure(Reason {
            advice: Some(advice.to_owned()),
            ..self.reason(error)
        })
    }

    /// The error and what to try next, without a full stop.
    pub(crate) fn tell(&self, error: &ApiError) -> String {
        told(&self.reason(error))
    }

    /// The same for machines.
    pub(crate) fn reason(&self, error: &ApiError) -> Reason {
        let now = SystemClock.now();
        Reason {
            class: Some(error.class().name()),
            code: error.code().map(ErrorCode::number),
            status: error.status().map(|status| status.as_u16()),
            message: error.to_string(),
            advice: self.advice(error, now),
            retry_at: retry_at(error.class(), now).map(Timestamp::as_millis),
        }
    }

    /// What to try next, in sentences without a full stop at the end; `None` if the error says it all.
    fn advice(&self, error: &ApiError, now: Timestamp) -> Option<String> {
        if is_elsewhere(error) {
            return Some(self.is_it_a_bakong());
        }
        if error.is_of_another_transaction() {
            return Some(OF_ANOTHER.to_owned());
        }
        let again = retry_at(error.class(), now);
        match error.class() {
            ErrorClass::Unauthorized => Some(self.unauthorized(error)),
            ErrorClass::QuotaExhausted => Some(DayTurn::after(now).to_string()),
            ErrorClass::Blocked => Some(BLOCKED.to_owned()),
            ErrorClass::RateLimited { .. } => Some(again.map_or_else(
                || "Ask again in a minute, and less often".to_owned(),
                |moment| at(moment, now),
            )),
            ErrorClass::Unavailable { .. } => Some(again.map_or_else(
                || "Ask again in a few minutes".to_owned(),
                |moment| at(moment, now),
            )),
            ErrorClass::Refused => match error.code()? {
                ErrorCode::EmailRegistered => {
                    Some("It has a token already: bakong token renew brings a new one".to_owned())
                }
                ErrorCode::NotRegistered => Some(
                    "Is the e-mail address the project's? bakong token request registers it"
                        .to_owned(),
                ),
                ErrorCode::MissingFields => Some(
                    "Something that the command was told does not suit Bakong: its message says what, \
                     if anything does"
                        .to_owned(),
                ),
                _ => None,
            },
            ErrorClass::Malformed => Some(format!("Ask again. {}", self.is_it_a_bakong())),
            ErrorClass::Transport(kind) => self.on_the_way(error, kind),
            _ => None,
        }
    }

    /// What to try where a token is wanted, or another.
    fn unauthorized(&self, error: &ApiError) -> String {
        match &self.token {
            // None was sent, so another would not help.
            _ if error.is_of_renewal() && error.status().is_some() => {
                format!(
                    "A renewal needs no token, and this server wants one. {}",
                    self.is_it_a_bakong()
                )
            }
            TokenSource::None if error.status().is_some() => {
                format!(
                    "No token was sent, and this server wants one. {}",
                    self.is_it_a_bakong()
                )
            }
            _ => self.renew(),
        }
    }

    /// What to try where no answer came.
    fn on_the_way(&self, error: &ApiError, kind: TransportErrorKind) -> Option<String> {
        use TransportErrorKind as Kind;
        let at_proxy = error.transport().is_some_and(TransportError::is_at_proxy);
        Some(match kind {
            Kind::Resolve | Kind::Connect if at_proxy => {
                "Check the proxy in HTTPS_PROXY or ALL_PROXY: its address, and that it runs; or exempt this \
                 host from it in NO_PROXY"
                    .to_owned()
            }
            Kind::NotAllowed if error.is_of_renewal() => self.renew(),
            Kind::Resolve => match Environment::of_host(self.base_url.host()) {
                // The error names the other host.
                Some(environment) => {
                    format!("Try --env {}", environment.other_domain().name())
                }
                None => self.other_hosts(),
            },
            Kind::Connect => match Environment::of_host(self.base_url.host()) {
                Some(_) => format!("Check the network. {}", self.other_hosts()),
                None => "Check that it runs, and the port".to_owned(),
            },
            Kind::Tls => {
                "Check this machine's clock, and whether something on the way opens the connection"
                    .to_owned()
            }
            Kind::Proxy => {
                "Check the proxy's address, its credentials and what it lets through".to_owned()
            }
            Kind::Busy => "Ask again in a moment, and less at once".to_owned(),
            Kind::CircuitOpen => "Ask again in a minute".to_owned(),
            Kind::Timeout | Kind::Interrupted => "Check the network, and ask again".to_owned(),
            Kind::AnswerTooLarge => self.is_it_a_bakong(),
            _ => return None,
        })
    }

    fn is_it_a_bakong(&self) -> String {
        format!("Is there a Bakong at {}?", self.base_url)
    }

    /// NBC's hosts for the same purpose, and how to choose them.
    fn other_hosts(&self) -> String {
        let choice = |environment: Environment| {
            format!("--env {} ({})", environment.name(), environment.host())
        };
        match Environment::of_host(self.base_url.host()) {
            Some(environment) => {
                format!("Try the other host: {}", choice(environment.other_domain()))
            }
            None => format!(
                "Check the host in --base-url, and the network. NBC's own hosts are {}",
                Environment::ALL.map(choice).join(", ")
            ),
        }
    }

    /// How to get another token.
    fn renew(&self) -> String {
        let token_file = match &self.token {
            TokenSource::File(_) => format!(" --token-file {}", self.token.shell_word()),
            TokenSource::Environment | TokenSource::None => String::new(),
        };
        let renew = format!(
            "Get a new one: bakong token renew --email {} --base-url {}{token_file}",
            self.token.email_word(),
            self.base_url
        );
        match &self.token {
            TokenSource::None => renew,
            source => format!("It came from {source}. {renew}"),
        }
    }
}

/// Whether it is what Bakong never answers with, and a web server does that is none.
pub(crate) fn is_elsewhere(error: &ApiError) -> bool {
    let elsewhere =
        |status: StatusCode| status.is_redirection() || matches!(status.as_u16(), 404 | 405 | 501);
    error.status().is_some_and(elsewhere)
}

/// The failure that a reason is.
fn failure(reason: Reason) -> Failure {
    let text = format!("could not ask Bakong: {}", told(&reason));
    Failure::new(Exit::CouldNotAsk, text).because(reason)
}

/// The reason and what to try next, for people.
fn told(reason: &Reason) -> String {
    match &reason.advice {
        Some(advice) => sentences(&reason.message, advice),
        None => reason.message.clone(),
    }
}

/// Bakong answered, and not to the question.
const OF_ANOTHER: &str = "Look at what was asked by: is it copied whole, and of this payment? If it is, have \
     NBC look at the answer; it says nothing of the payment";

/// A 403 is a page of a web server, and the same for all three causes.
const BLOCKED: &str = "Outside Cambodia: ask through a proxy there, by HTTPS_PROXY, or --base-url. \
     The User-Agent: this command sends one, so look for a proxy on the way that takes it off. \
     A closed path: have NBC open it to your token, or ask in another way";

/// From when on asking again may help; `None` if that is not known.
fn retry_at(class: ErrorClass, now: Timestamp) -> Option<Timestamp> {
    /// A server that names a later moment names none.
    const FAR: Duration = Duration::from_secs(31 * 86_400);
    let moment = match (class, class.retry_after()) {
        (ErrorClass::QuotaExhausted, _) => Some(DayTurn::after(now).first),
        (_, Some(RetryAfter::Delay(delay))) => Some(now.saturating_add(delay)),
        (_, Some(RetryAfter::At(moment))) => Some(moment),
        (_, None) => None,
    };
    moment.filter(|moment| moment.saturating_since(now) <= FAR)
}

fn at(moment: Timestamp, now: Timestamp) -> String {
    if moment <= now {
        return "Ask again".to_owned();
    }
    format!(
        "Ask again at {} in Phnom Penh, in {}",
        in_phnom_penh(moment),
        left(moment.saturating_since(now))
    )
}

#[cfg(test)]
mod tests;
