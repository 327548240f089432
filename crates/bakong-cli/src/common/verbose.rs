//! `--verbose`: prints each request and its answer on standard error.
//!
//! Headers are not printed, because they contain the token. Of requests and answers that contain a token or a code from an
//! e-mail, only the keys are printed. An answer is hostile: it may repeat the request, and it may contain escape sequences.
//! So the token of the request is removed from it, and all texts are printed through [`Printable`].

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bakong_api::endpoint::EndpointInfo;
use bakong_api::observe::{AnswerSummary, Attempt, SessionObserver};
use bakong_api::token::without_tokens;
use bakong_api::transport::TransportError;
use bakong_api::{AccessToken, ErrorCode, Transport};
use bytes::Bytes;
use http::{Request, Response, header};
use khqr_core::Printable;
use serde_json::Value;

use crate::common::output::note;

/// The number of characters of a body that are printed.
const LONGEST_BODY: usize = 2_000;

/// The number of bytes of a body that are searched for secrets. The rest is not printed.
const LONGEST_SEARCH: usize = 64 << 10;

/// The paths whose bodies contain a token or a code from an e-mail, in requests or in answers. The last one is of the
/// sandbox.
const SECRET_PATHS: [&str; 3] = ["/v1/verify", "/v1/renew_token", "/sandbox/mailbox"];

/// The keys that are printed of a body with secrets. A server may send a secret as a key, so other keys are not printed.
const KNOWN_KEYS: [&str; 9] = [
    "code",
    "data",
    "email",
    "errorCode",
    "mails",
    "responseCode",
    "responseMessage",
    "status",
    "token",
];

/// Whether `--verbose` is given. The option is global, and each command creates its transport deep inside.
static IS_ON: AtomicBool = AtomicBool::new(false);

/// Prints each request from now on.
pub(crate) fn enable() {
    IS_ON.store(true, Ordering::Relaxed);
}

/// Whether `--verbose` is given.
pub(crate) fn is_on() -> bool {
    IS_ON.load(Ordering::Relaxed)
}

tokio::task_local! {
    /// The request that this task sends, for [`RepetitionLog`].
    static EXCHANGE: Arc<Exchange>;
}

/// A transport that prints each request and its answer, if `--verbose` is given.
#[derive(Debug)]
pub(crate) struct VerboseTransport<T>(pub(crate) T);

#[async_trait]
impl<T: Transport> Transport for VerboseTransport<T> {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        if !is_on() {
            return self.0.send(request).await;
        }
        let exchange = Arc::new(Exchange::start(&request));
        let mut abandoned = Abandoned(Some(Arc::clone(&exchange)));
        let sending = self.0.send(request);
        let result = EXCHANGE.scope(Arc::clone(&exchange), sending).await;
        abandoned.0 = None;
        exchange.print_answer(result.as_ref());
        result
    }
}

/// Prints the result of each attempt that the transport repeats. The transport prints the last attempt.
#[derive(Debug)]
pub(crate) struct RepetitionLog;

impl SessionObserver for RepetitionLog {
    fn finished(&self, attempt: Attempt, result: Result<&Response<Bytes>, &TransportError>) {
        // After the last attempt, the task has left the scope.
        let _ = EXCHANGE.try_with(|exchange| exchange.print_repeated(attempt.number, result));
    }
}

/// Prints that nothing waits for the answer any more.
struct Abandoned(Option<Arc<Exchange>>);

impl Drop for Abandoned {
    fn drop(&mut self) {
        if let Some(exchange) = &self.0 {
            let (number, elapsed) = (exchange.number, millis(exchange.started.elapsed()));
            note(format_args!(
                "answer {number}: none in {elapsed}: the command stopped waiting"
            ));
        }
    }
}

/// A request and the state of its answer.
struct Exchange {
    /// The number of the request in this process, from 1.
    number: u64,
    /// The token of the request, to remove it from the answer.
    token: Option<AccessToken>,
    /// Whether only the keys of the bodies are printed.
    has_secrets: bool,
    started: Instant,
    /// The number of attempts that were repeated.
    repeated: AtomicU32,
}

impl Exchange {
    /// Prints the request.
    fn start(request: &Request<Bytes>) -> Self {
        static REQUESTS: AtomicU64 = AtomicU64::new(1);
        let path = match request.extensions().get::<EndpointInfo>() {
            Some(endpoint) => endpoint.path,
            None => request.uri().path(),
        };
        let token = request.headers().get(header::AUTHORIZATION);
        let token = token.and_then(|value| AccessToken::new(value.to_str().ok()?).ok());
        let exchange = Self {
            number: REQUESTS.fetch_add(1, Ordering::Relaxed),
            token,
            has_secrets: SECRET_PATHS.iter().any(|secret| path.ends_with(secret)),
            started: Instant::now(),
            repeated: AtomicU32::new(0),
        };
        let (number, method) = (exchange.number, request.method());
        let url = request.uri().to_string();
        let url = without_tokens(&url);
        let body = match request.body() {
            body if body.is_empty() => String::new(),
            body => format!(" {}", exchange.body(body, false)),
        };
        note(format_args!(
            "request {number}: {} {}{body}",
            Printable(method.as_str()),
            Printable(&url)
        ));
        exchange
    }

    /// Prints the result of the last attempt.
    fn print_answer(&self, result: Result<&Response<Bytes>, &TransportError>) {
        let attempt = match self.repeated.load(Ordering::Relaxed) {
            0 => String::new(),
            repeated => format!(", attempt {}", repeated.saturating_add(1)),
        };
        note(format_args!(
            "answer {}{attempt}: {}",
            self.number,
            self.describe(result)
        ));
    }

    /// Prints the result of an attempt that is repeated now.
    fn print_repeated(&self, attempt: u32, result: Result<&Response<Bytes>, &TransportError>) {
        self.repeated.store(attempt, Ordering::Relaxed);
        note(format_args!(
            "answer {}, attempt {attempt}: {}; sending the request again",
            self.number,
            self.describe(result)
        ));
    }

    /// The status, the codes, the time since the first attempt and the body; or why there is no answer.
    fn describe(&self, result: Result<&Response<Bytes>, &TransportError>) -> String {
        let elapsed = millis(self.started.elapsed());
        let response = match result {
            Ok(response) => response,
            Err(error) => {
                let reason = self.redacted(&error.to_string(), true);
                return format!("none in {elapsed}: {reason}");
            }
        };
        let summary = AnswerSummary::of(response);
        let mut text = format!("HTTP {}", response.status().as_u16());
        // Writing to a string does not fail.
        if let Some(code) = summary.response_code {
            let _ = write!(text, ", response code {code}");
        }
        if let Some(code) = summary.error_code.map(ErrorCode::number) {
            let _ = write!(text, ", error code {code}");
        }
        let body = self.body(response.body(), true);
        let _ = write!(text, ", {elapsed}: {body}");
        text
    }

    /// A body, or its keys if it may contain secrets.
    fn body(&self, body: &Bytes, is_answer: bool) -> String {
        if body.is_empty() {
            return "no body".to_owned();
        }
        if self.has_secrets {
            return serde_json::from_slice(body).map_or_else(
                |_| format!("{} bytes that are not JSON (hidden)", body.len()),
                |value| keys(&value),
            );
        }
        let searched = body.get(..LONGEST_SEARCH).unwrap_or(body);
        let text = String::from_utf8_lossy(searched);
        let shown = self.redacted(&text, is_answer);
        if searched.len() < body.len() || shown.chars().count() > LONGEST_BODY {
            let start: String = shown.chars().take(LONGEST_BODY).collect();
            return format!("{start}… ({} bytes in total)", body.len());
        }
        shown
    }

    /// A text without the request's token, safe to print. Other tokens are removed from answers only: a request has none,
    /// and a code may look like one.
    fn redacted(&self, text: &str, is_answer: bool) -> String {
        let text = match &self.token {
            Some(token) => token.removed_from(text),
            None => Cow::Borrowed(text),
        };
        let text = if is_answer {
            without_tokens(&text)
        } else {
            Cow::Borrowed(&*text)
        };
        Printable(&text).to_string()
    }
}

fn millis(duration: Duration) -> String {
    format!("{} ms", duration.as_millis())
}

/// The known keys of JSON, in its structure: `{"data":{"token":…}}`.
fn keys(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| {
                let name = if KNOWN_KEYS.contains(&name.as_str()) {
                    format!("\"{name}\"")
                } else {
                    "…".to_owned()
                };
                format!("{name}:{}", keys(value))
            };
            let fields: Vec<_> = fields.iter().map(field).collect();
            format!("{{{}}}", fields.join(","))
        }
        _ => "…".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjE4MDMwMDAwMDB9.c2VjcmV0";
    const CHECK: &str = "http://127.0.0.1:1/v1/check_transaction_by_md5";

    fn exchange(url: &str, token: &str) -> Exchange {
        let request = Request::post(url)
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .body(Bytes::new())
            .unwrap();
        Exchange::start(&request)
    }

    #[test]
    fn bodies_with_secrets_show_known_keys_only() {
        let verify = exchange("https://bank.example/relay/v1/verify", TOKEN);
        for (body, expected) in [
            (r#"{"code":"abc"}"#, r#"{"code":…}"#),
            (
                r#"{"responseCode":0,"data":{"token":"x"},"x.y.z":["code"]}"#,
                r#"{"data":{"token":…},"responseCode":…,…:…}"#,
            ),
            (r#""secret""#, "…"),
            ("secret", "6 bytes that are not JSON (hidden)"),
            ("", "no body"),
        ] {
            let body = Bytes::from_static(body.as_bytes());
            assert_eq!(verify.body(&body, true), expected);
            assert_eq!(verify.body(&body, false), expected);
        }
    }

    #[test]
    fn an_answer_that_repeats_a_token_of_any_form_does_not_show_it() {
        for token in [TOKEN, "relay-Password-1"] {
            let exchange = exchange(CHECK, token);
            for shown in [
                token,
                &token[..8],
                &token[4..],
                &format!("\u{1b}[2J{token}"),
            ] {
                let body = Bytes::from(format!("before {shown} after"));
                let text = exchange.body(&body, true);
                assert!(!text.contains(&token[4..]), "{text}");
                assert!(
                    text.starts_with("before ") && text.ends_with(" after"),
                    "{text}"
                );
                assert!(!text.contains('\u{1b}'), "{text}");
            }
        }
    }

    #[test]
    fn a_long_body_is_cut() {
        let exchange = exchange(CHECK, TOKEN);
        for len in [LONGEST_BODY, LONGEST_BODY + 1, LONGEST_SEARCH + 1] {
            let text = exchange.body(&Bytes::from("x ".repeat(len / 2 + 1)), true);
            assert!(text.chars().count() < LONGEST_BODY + 40, "{len}");
            assert!(text.ends_with(" bytes in total)"), "{len}");
        }
        let short = "x ".repeat(LONGEST_BODY / 2);
        assert_eq!(exchange.body(&Bytes::from(short.clone()), true), short);
    }
}
