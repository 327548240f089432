//! Advice on what to do about an error.
//!
//! [`ApiError`] describes what happened. What to do next also depends on the command's options, its token and the
//! time, so it is decided here.

use std::path::Path;
use std::time::Duration;

use bakong_api::server_time::SharedServerTime;
use bakong_api::transport::{TransportError, TransportErrorKind};
use bakong_api::{ApiError, BaseUrl, Environment, ErrorClass, ErrorCode, RetryAfter};
use bakong_flow::{Clock, SystemClock};
use http::StatusCode;
use khqr_core::Timestamp;

use crate::common::credentials::TokenSource;
use crate::common::exit::{Exit, Failure, Reason, sentences};
use crate::common::options::TransportOptions;
use crate::common::shell;
use crate::common::time::{QuotaReset, in_phnom_penh, left};

/// The server that a command sends requests to, and the token it uses.
#[derive(Clone, Debug)]
pub(crate) struct Advisor {
    pub(crate) base_url: BaseUrl,
    pub(crate) token: TokenSource,
    pub(crate) transport: TransportOptions,
    /// The estimate of Bakong's time of the session whose errors are explained.
    pub(crate) server_time: SharedServerTime,
}

impl Advisor {
    /// The options with which another command reaches the same Bakong with the same token, quoted for a shell.
    pub(crate) fn target_options(&self) -> String {
        let token_file = self.token.file().map(Path::to_string_lossy);
        let token_file = token_file.map(|path| shell::option("--token-file", &path));
        format!(
            "{}{}{}",
            shell::option("--base-url", &self.base_url.to_string()),
            self.transport.to_options(),
            token_file.unwrap_or_default()
        )
    }

    /// The failure of a request, with advice.
    pub(crate) fn failure(&self, error: &ApiError) -> Failure {
        failure(self.reason(error))
    }

    /// The failure of a request, with the given advice.
    pub(crate) fn failure_with_advice(&self, error: &ApiError, advice: &str) -> Failure {
        failure(Reason {
            advice: Some(advice.to_owned().into()),
            ..self.reason(error)
        })
    }

    /// The error and the advice, without a full stop at the end.
    pub(crate) fn describe(&self, error: &ApiError) -> String {
        text(&self.reason(error))
    }

    /// The JSON error object.
    pub(crate) fn reason(&self, error: &ApiError) -> Reason {
        let now = self.server_time.correct(SystemClock.now());
        Reason {
            code: error.code().map(ErrorCode::number),
            advice: self.advice(error, now).map(Into::into),
            status: error.status().map(|status| status.as_u16()),
            retry_at: retry_at(error.class(), now).map(Timestamp::as_millis),
            ..Reason::new(error.class().name(), error.to_string())
        }
    }

    /// What to do next, without a full stop at the end. `None` if the error needs no advice.
    fn advice(&self, error: &ApiError, now: Timestamp) -> Option<String> {
        if is_not_bakong(error) {
            return Some(self.check_base_url());
        }
        if error.is_of_another_transaction() {
            return Some(OTHER_TRANSACTION.to_owned());
        }
        let retry = |otherwise: &str| {
            let moment = retry_at(error.class(), now);
            Some(moment.map_or_else(|| otherwise.to_owned(), |moment| retry_text(moment, now)))
        };
        match error.class() {
            ErrorClass::Unauthorized => Some(self.unauthorized(error)),
            ErrorClass::Store => Some(self.renew()),
            ErrorClass::QuotaExhausted => Some(QuotaReset::after(now).to_string()),
            ErrorClass::Blocked => Some(BLOCKED.to_owned()),
            ErrorClass::RateLimited { .. } => {
                retry("Try again in a minute, and send requests less often")
            }
            ErrorClass::Unavailable { .. } => retry("Try again in a few minutes"),
            ErrorClass::Refused => match error.code()? {
                ErrorCode::EmailRegistered => Some(
                    "The address already has a token. Use bakong token renew to get a new one"
                        .to_owned(),
                ),
                ErrorCode::NotRegistered => Some(
                    "Check the e-mail address. Use bakong token request to register it".to_owned(),
                ),
                ErrorCode::MissingFields => Some(
                    "Bakong rejects a value on the command line. Bakong's message may name the value"
                        .to_owned(),
                ),
                _ => None,
            },
            ErrorClass::Malformed => Some(format!("Try again. {}", self.check_base_url())),
            ErrorClass::Transport(kind) => self.transport_advice(error, kind),
            _ => None,
        }
    }

    /// Advice for a missing or rejected token.
    fn unauthorized(&self, error: &ApiError) -> String {
        match &self.token {
            // The request has no token, so a new token would not help.
            _ if error.is_of_renewal() && error.status().is_some() => {
                format!(
                    "A renewal needs no token, but this server requires one. {}",
                    self.check_base_url()
                )
            }
            TokenSource::None if error.status().is_some() => {
                format!(
                    "The request has no token, but this server requires one. {}",
                    self.check_base_url()
                )
            }
            _ => self.renew(),
        }
    }

    /// Advice for a request without a response.
    fn transport_advice(&self, error: &ApiError, kind: TransportErrorKind) -> Option<String> {
        use TransportErrorKind as Kind;
        let at_proxy = error.transport().is_some_and(TransportError::is_at_proxy);
        Some(match kind {
            Kind::Resolve | Kind::Connect if at_proxy => {
                "Check the address in HTTPS_PROXY or ALL_PROXY and that the proxy is running, or add this host to \
                 NO_PROXY"
                    .to_owned()
            }
            Kind::NotAllowed if error.is_of_renewal() => self.renew(),
            Kind::Resolve => match Environment::of_host(self.base_url.host()) {
                // The error message names the other host.
                Some(environment) => {
                    format!("Try --env {}", environment.other_domain().name())
                }
                None => self.other_hosts(),
            },
            Kind::Connect => match Environment::of_host(self.base_url.host()) {
                Some(_) => format!("Check the network. {}", self.other_hosts()),
                None => "Check the port, and that the server is running".to_owned(),
            },
            Kind::Tls => {
                "Check this machine's clock, and whether a firewall or proxy intercepts TLS. To trust a private certificate \
                 authority, use --ca-file FILE or SSL_CERT_FILE"
                    .to_owned()
            }
            Kind::Proxy => {
                "Check the proxy's address, credentials and access rules".to_owned()
            }
            Kind::Busy => "Try again in a moment, with fewer requests at the same time".to_owned(),
            Kind::CircuitOpen => "Try again in a minute".to_owned(),
            Kind::Timeout | Kind::Interrupted => "Check the network, and try again".to_owned(),
            Kind::AnswerTooLarge => self.check_base_url(),
            _ => return None,
        })
    }

    fn check_base_url(&self) -> String {
        format!(
            "Check that {} is the address of a Bakong API",
            self.base_url
        )
    }

    /// NBC's other hosts and the options that select them.
    fn other_hosts(&self) -> String {
        let choice = |environment: Environment| {
            format!("--env {} ({})", environment.name(), environment.host())
        };
        match Environment::of_host(self.base_url.host()) {
            Some(environment) => {
                format!("Try the other host: {}", choice(environment.other_domain()))
            }
            None => format!(
                "Check the host in --base-url, and the network. NBC's hosts are {}",
                Environment::ALL.map(choice).join(", ")
            ),
        }
    }

    /// How to get a new token.
    fn renew(&self) -> String {
        let renew = format!(
            "Get a new token: bakong token renew --email {}{}",
            self.token.email_word(),
            self.target_options()
        );
        match &self.token {
            TokenSource::None => renew,
            source => format!("The token is from {source}. {renew}"),
        }
    }
}

/// Whether the HTTP status is one that Bakong never sends, so another web server responded.
pub(crate) fn is_not_bakong(error: &ApiError) -> bool {
    let is_foreign =
        |status: StatusCode| status.is_redirection() || matches!(status.as_u16(), 404 | 405 | 501);
    error.status().is_some_and(is_foreign)
}

fn failure(reason: Reason) -> Failure {
    let text = format!("could not ask Bakong: {}", text(&reason));
    Failure::new(Exit::NoAnswer, text).because(reason)
}

/// The message and the advice.
fn text(reason: &Reason) -> String {
    match &reason.advice {
        Some(advice) => sentences(&reason.message, advice),
        None => reason.message.clone(),
    }
}

/// The response is about a different transaction than the request.
const OTHER_TRANSACTION: &str = "Check that the hash or reference was copied completely and belongs to this payment. If \
     it is right, report the response to NBC: it does not show whether the payment was made";

/// Bakong sends HTTP 403 with the same HTML page for three different causes.
const BLOCKED: &str = "Outside Cambodia, send requests through a proxy there: set HTTPS_PROXY, or use \
     --base-url for a reverse proxy. This command sends a User-Agent: check that no proxy removes it. If the path is \
     closed to your token, ask NBC to open it, or look the payment up in another way";

/// When a retry may succeed; `None` if unknown.
fn retry_at(class: ErrorClass, now: Timestamp) -> Option<Timestamp> {
    /// A later `Retry-After` is ignored.
    const FAR: Duration = Duration::from_secs(31 * 86_400);
    let moment = match (class, class.retry_after()) {
        (ErrorClass::QuotaExhausted, _) => Some(QuotaReset::after(now).first),
        (_, Some(RetryAfter::Delay(delay))) => Some(now.saturating_add(delay)),
        (_, Some(RetryAfter::At(moment))) => Some(moment),
        (_, None) => None,
    };
    moment.filter(|moment| moment.saturating_since(now) <= FAR)
}

fn retry_text(moment: Timestamp, now: Timestamp) -> String {
    if moment <= now {
        return "Try again".to_owned();
    }
    format!(
        "Try again at {} in Phnom Penh, in {}",
        in_phnom_penh(moment),
        left(moment.saturating_since(now))
    )
}

#[cfg(test)]
mod tests;
