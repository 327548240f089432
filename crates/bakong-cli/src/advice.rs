//! What to do about an error, as this command has it.
//!
//! An error says what happened. What to try next also depends on which Bakong was asked, with which token, and
//! on the time.

use bakong_api::{
    ApiError, BaseUrl, Environment, ErrorClass, ErrorCode, RetryAfter, TransportErrorKind,
};
use bakong_flow::{Clock, SystemClock};
use http::StatusCode;
use khqr_core::Timestamp;

use crate::credentials::TokenSource;
use crate::exit::{Exit, Failure, Reason};
use crate::time::{DayTurn, in_phnom_penh, left};

/// Which Bakong is asked, and with which token.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) base_url: BaseUrl,
    pub(crate) token: TokenSource,
}

impl Asked {
    /// The failure that an error is, with what to try next.
    pub(crate) fn could_not_ask(&self, error: &ApiError) -> Failure {
        let reason = format!("could not ask Bakong: {}", self.tell(error));
        Failure::new(Exit::CouldNotAsk, reason).because(self.reason(error))
    }

    /// The error and what to try next, without a full stop.
    pub(crate) fn tell(&self, error: &ApiError) -> String {
        match self.advice(error, SystemClock.now()) {
            Some(advice) => format!("{error}. {advice}"),
            None => error.to_string(),
        }
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
        // What Bakong never answers with, and a web server does that is none.
        let elsewhere = |status: StatusCode| {
            status.is_redirection() || matches!(status.as_u16(), 404 | 405 | 501)
        };
        if error.status().is_some_and(elsewhere) {
            return Some(self.is_it_a_bakong());
        }
        let again = retry_at(error.class(), now);
        match error.class() {
            ErrorClass::Unauthorized => Some(self.renew()),
            ErrorClass::QuotaExhausted => Some(DayTurn::after(now).to_string()),
            ErrorClass::Blocked => Some(BLOCKED.to_owned()),
            ErrorClass::RateLimited { .. } | ErrorClass::Unavailable { .. } => {
                again.map(|moment| at(moment, now))
            }
            ErrorClass::Refused => match error.code()? {
                ErrorCode::EmailRegistered => {
                    Some("It has a token already: bakong token renew brings a new one".to_owned())
                }
                ErrorCode::NotRegistered => Some(
                    "Is the e-mail address the project's? bakong token request registers it"
                        .to_owned(),
                ),
                _ => None,
            },
            ErrorClass::Malformed => Some(format!("Ask again. {}", self.is_it_a_bakong())),
            ErrorClass::Transport(kind) => self.on_the_way(kind),
            _ => None,
        }
    }

    /// What to try where no answer came.
    fn on_the_way(&self, kind: TransportErrorKind) -> Option<String> {
        use TransportErrorKind as Kind;
        Some(match kind {
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
            "Get a new one: bakong token renew --email ADDRESS --base-url {}{token_file}",
            self.base_url
        );
        match &self.token {
            TokenSource::None => renew,
            source => format!("It came from {source}. {renew}"),
        }
    }
}

/// A 403 is a page of a web server, and the same for all three causes.
const BLOCKED: &str = "Outside Cambodia: ask through a proxy there, by HTTPS_PROXY, or --base-url. \
     The User-Agent: this command sends one, so look for a proxy on the way that takes it off. \
     A closed path: have NBC open it to your token, or ask in another way";

/// From when on asking again may help; `None` if that is not known.
fn retry_at(class: ErrorClass, now: Timestamp) -> Option<Timestamp> {
    match (class, class.retry_after()) {
        (ErrorClass::QuotaExhausted, _) => Some(DayTurn::after(now).first),
        (_, Some(RetryAfter::Delay(delay))) => Some(now.saturating_add(delay)),
        (_, Some(RetryAfter::At(moment))) => Some(moment),
        (_, None) => None,
    }
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
mod tests {
    use std::time::Duration;

    use bakong_api::{CheckTransactionByMd5, Endpoint, TransportError};
    use http::Response;

    use super::*;

    /// 2026-11-18 18:06:40 in Phnom Penh.
    const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

    fn asked(environment: Environment) -> Asked {
        Asked {
            base_url: environment.into(),
            token: TokenSource::Environment,
        }
    }

    fn failed(kind: TransportErrorKind) -> ApiError {
        TransportError::new(kind, "it did not work").into()
    }

    /// The error that such an answer is.
    fn answered(status: u16, retry_after: Option<&str>, body: &'static str) -> ApiError {
        let mut response = Response::builder().status(status);
        if let Some(text) = retry_after {
            response = response.header("retry-after", text);
        }
        let md5 = "d60f3db96913029a2af979a1662c1e72".parse().unwrap();
        let response = response.body(body.into()).unwrap();
        CheckTransactionByMd5::new(md5).read(&response).unwrap_err()
    }

    fn advice(error: &ApiError) -> String {
        let advice = asked(Environment::Sit).advice(error, NOW);
        advice.unwrap_or_else(|| panic!("no advice on {error}"))
    }

    #[test]
    fn where_a_host_is_not_found_the_others_are_told_once() {
        for environment in Environment::ALL {
            let error = failed(TransportErrorKind::Resolve);
            let advice = asked(environment).advice(&error, NOW).unwrap();
            let other = environment.other_domain();
            assert_eq!(advice, format!("Try --env {}", other.name()));
            // The error of one that is not reached names none.
            let error = failed(TransportErrorKind::Connect);
            let advice = asked(environment).advice(&error, NOW).unwrap();
            assert!(advice.contains(&format!("--env {}", other.name())));
            assert!(advice.contains(other.host()), "{advice}");
        }
        let elsewhere = Asked {
            base_url: BaseUrl::new("https://bakong.example").unwrap(),
            token: TokenSource::None,
        };
        let error = failed(TransportErrorKind::Resolve);
        let advice = elsewhere.advice(&error, NOW).unwrap();
        for environment in Environment::ALL {
            assert!(advice.contains(environment.host()), "{advice}");
        }
    }

    #[test]
    fn whatever_fails_on_the_way_has_advice() {
        use TransportErrorKind as Kind;
        for kind in [
            Kind::Connect,
            Kind::Tls,
            Kind::Proxy,
            Kind::Busy,
            Kind::CircuitOpen,
            Kind::Timeout,
            Kind::Interrupted,
            Kind::AnswerTooLarge,
        ] {
            let advice = advice(&failed(kind));
            assert!(!advice.ends_with('.'), "{advice}");
        }
    }

    #[test]
    fn a_403_has_three_causes() {
        let error = answered(403, None, "<html>");
        let text = asked(Environment::Sit).tell(&error);
        for cause in [
            "outside Cambodia",
            "without a User-Agent",
            "closed to the token",
        ] {
            assert!(text.contains(cause), "{text}");
        }
        for remedy in ["HTTPS_PROXY", "takes it off", "have NBC open it"] {
            assert!(text.contains(remedy), "{text}");
        }
    }

    #[test]
    fn a_17_says_when_to_try_again() {
        let error = answered(
            200,
            None,
            r#"{"responseCode":1,"errorCode":17,"responseMessage":"Daily request limit of 100 exceeded.","data":null}"#,
        );
        let text = advice(&error);
        assert!(text.contains("2026-11-19 00:00:00"), "{text}");
        assert!(text.contains("5 h 54 min"), "{text}");
        assert!(text.contains("as far as is known"), "{text}");
        let reason = asked(Environment::Sit).reason(&error);
        assert_eq!(reason.class, Some("quota_exhausted"));
        assert!(reason.retry_at > Some(0));
    }

    #[test]
    fn a_server_that_says_when_is_repeated() {
        let error = answered(429, Some("90"), "");
        assert_eq!(
            advice(&error),
            "Ask again at 2026-11-18 18:08:10 in Phnom Penh, in 2 min"
        );
        let error = answered(503, Some("Wed, 18 Nov 2026 12:06:40 GMT"), "");
        assert!(advice(&error).contains("19:06:40 in Phnom Penh, in 1 h"));
        assert_eq!(
            retry_at(error.class(), NOW),
            Some(NOW.saturating_add(Duration::from_secs(3_600)))
        );
        let error = answered(503, Some("Wed, 18 Nov 2020 12:06:40 GMT"), "");
        assert_eq!(advice(&error), "Ask again");
        let error = answered(503, None, "");
        assert_eq!(asked(Environment::Sit).advice(&error, NOW), None);
    }

    #[test]
    fn a_refused_token_says_where_it_came_from_and_how_to_get_another() {
        let error = answered(401, None, "");
        let text = advice(&error);
        assert!(text.contains("BAKONG_TOKEN") && text.contains("bakong token renew"));
        let asked = Asked {
            base_url: Environment::Sit.into(),
            token: TokenSource::File("my tokens/a".into()),
        };
        let text = asked.tell(&error);
        assert!(text.contains("--token-file 'my tokens/a'"), "{text}");
    }
}
