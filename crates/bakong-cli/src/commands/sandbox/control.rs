//! `bakong sandbox pay|clock|fault|mailbox`: requests to the control API of a running sandbox.

use bakong_api::{BaseUrl, Transport as _};
use bakong_http::HyperTransport;
use bytes::Bytes;
use http::{Method, Request, header};
use khqr_core::Printable;
use serde_json::{Map, Value};

use super::{invalid_fault, rules_text};
use crate::arguments::{ClockMode, SandboxControl};
use crate::common::exit::{Exit, Failure};
use crate::common::lines;
use crate::common::output::print_json;
use crate::common::runtime::block_on;
use crate::common::verbose::VerboseTransport;

pub(super) fn run(control: &SandboxControl) -> Result<Exit, Failure> {
    match control {
        SandboxControl::Pay(arguments) => {
            let mut body = Map::new();
            body.insert(
                "qr".to_owned(),
                lines::readable_text(&arguments.code)?.into(),
            );
            body.insert("from".to_owned(), arguments.from.as_str().into());
            if let Some(amount) = &arguments.amount {
                body.insert("amount".to_owned(), amount.as_str().into());
            }
            if let Some(after) = arguments.after {
                body.insert("delayMs".to_owned(), millis(after));
            }
            show(&arguments.url.url, vec![post("pay", &body.into())])
        }
        SandboxControl::Clock(arguments) => {
            let mut body = Map::new();
            if let Some(advance) = arguments.advance {
                body.insert("advanceMs".to_owned(), millis(advance));
            }
            if arguments.reset {
                body.insert("aheadMs".to_owned(), 0.into());
            }
            if let Some(mode) = arguments.mode {
                let name = match mode {
                    ClockMode::Running => "running",
                    ClockMode::Frozen => "frozen",
                };
                body.insert("mode".to_owned(), name.into());
            }
            let call = if body.is_empty() {
                get("clock")
            } else {
                post("clock", &body.into())
            };
            show(&arguments.url.url, vec![call])
        }
        SandboxControl::Fault(arguments) => {
            let mut calls = Vec::new();
            if arguments.clear {
                calls.push(Call {
                    method: Method::DELETE,
                    ..get("faults")
                });
            }
            for rules in &arguments.rules {
                let (text, _) = rules_text(rules)?;
                let rules = serde_json::from_str(&text)
                    .map_err(|error: serde_json::Error| invalid_fault(&error.to_string()))?;
                calls.push(post("faults", &rules));
            }
            if calls.is_empty() {
                calls.push(get("faults"));
            }
            show(&arguments.url.url, calls)
        }
        SandboxControl::Mailbox(arguments) => {
            let mut call = get("mailbox");
            if let Some(email) = &arguments.email {
                let email: String = form_urlencoded::byte_serialize(email.as_bytes()).collect();
                call.path = format!("mailbox?email={email}");
            }
            show(&arguments.url.url, vec![call])
        }
    }
}

fn millis(duration: std::time::Duration) -> Value {
    u64::try_from(duration.as_millis())
        .unwrap_or(u64::MAX)
        .into()
}

/// A request to the control API.
struct Call {
    method: Method,
    path: String,
    body: Bytes,
}

fn get(path: &str) -> Call {
    Call {
        method: Method::GET,
        path: path.to_owned(),
        body: Bytes::new(),
    }
}

fn post(path: &str, body: &Value) -> Call {
    Call {
        method: Method::POST,
        path: path.to_owned(),
        body: body.to_string().into(),
    }
}

/// Sends the requests and prints the last answer.
fn show(url: &BaseUrl, calls: Vec<Call>) -> Result<Exit, Failure> {
    let failed = |reason: String| Failure::new(Exit::NoAnswer, reason);
    let answer = block_on(async {
        // No secret is sent, so the network need not be trusted.
        let builder = HyperTransport::builder().allow_plain_http(true);
        let transport = builder.build().map(VerboseTransport);
        let transport = transport.map_err(|error| failed(error.to_string()))?;
        let mut last = Value::Null;
        for call in calls {
            let request = Request::builder()
                .method(call.method)
                .uri(format!("{url}/sandbox/{}", call.path))
                .header(header::CONTENT_TYPE, "application/json")
                .body(call.body)
                .map_err(|error| failed(error.to_string()))?;
            let response = transport.send(request).await.map_err(|error| {
                failed(format!(
                    "no sandbox answers at {url}: {error}. Start one with bakong sandbox"
                ))
            })?;
            let answer: Value = serde_json::from_slice(response.body())
                .map_err(|_| failed(format!("{url} is not the address of a sandbox")))?;
            if !response.status().is_success() {
                return Err(failed(refusal(&answer)));
            }
            last = answer;
        }
        Ok(last)
    })?;
    print_json(&answer);
    Ok(Exit::Success)
}

/// The message and the advice of the sandbox's error object.
fn refusal(answer: &Value) -> String {
    let text = |name| answer.pointer(name).and_then(Value::as_str);
    let what = text("/error/what").unwrap_or("the sandbox refused the request");
    let help = text("/error/help").map(|help| format!(". To continue: {help}"));
    Printable(&format!("{what}{}", help.unwrap_or_default())).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_refusal_is_safe_to_print_and_has_the_advice() {
        let answer = json!({ "error": { "what": "no\u{1b}[2J", "help": "try again" } });
        assert_eq!(refusal(&answer), r"no\u{1b}[2J. To continue: try again");
        assert_eq!(refusal(&Value::Null), "the sandbox refused the request");
    }
}
