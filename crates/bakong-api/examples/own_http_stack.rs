//! Uses another HTTP client to check whether a code was paid, without a `Transport`, a session or async.
//!
//! ```console
//! $ BAKONG_BASE_URL=http://127.0.0.1:8080 BAKONG_MD5=d60f3db96913029a2af979a1662c1e72 BAKONG_TOKEN=… \
//!       cargo run -p bakong-api --example own_http_stack
//! ```
//!
//! The client is ureq without TLS, which suffices for a server on this machine. With ureq's feature `rustls`, the
//! same code works with NBC's hosts.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the example is a command"
)]

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use bakong_api::endpoint::CheckTransactionByMd5;
use bakong_api::khqr_core::{Md5Handle, Printable};
use bakong_api::{AccessToken, ApiError, BaseUrl, CheckAnswer, Endpoint, Reading, Remedy};
use bytes::Bytes;
use http::Response;

/// More bytes than any answer has.
const LARGEST_ANSWER: u64 = 1024 * 1024;

#[allow(dead_code, reason = "tests use the rest of this file as a module")]
fn main() -> ExitCode {
    match run() {
        Ok(sentence) => {
            println!("{sentence}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("no request was sent: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<String, Box<dyn Error>> {
    let variable = |name: &str| std::env::var(name).map_err(|error| format!("{name}: {error}"));
    let base = BaseUrl::new(&variable("BAKONG_BASE_URL")?)?;
    let token = AccessToken::new(&variable("BAKONG_TOKEN")?)?;
    let md5: Md5Handle = variable("BAKONG_MD5")?.parse()?;
    ask(&base, &token, md5)
}

/// Sends one check, and returns the conclusion.
pub(crate) fn ask(
    base: &BaseUrl,
    token: &AccessToken,
    md5: Md5Handle,
) -> Result<String, Box<dyn Error>> {
    let check = CheckTransactionByMd5::new(md5);
    let request = check.to_request(base, Some(token))?;
    let client = ureq::Agent::new_with_config(
        ureq::Agent::config_builder()
            // `read` interprets the status, so an error status must not end the call.
            .http_status_as_error(false)
            // Redirects are not followed: a request with a token must not go to another host.
            .max_redirects(0)
            .timeout_global(Some(Duration::from_secs(20)))
            .build(),
    );
    let answer = client.run(request.map(Vec::from)).and_then(|answer| {
        let (head, mut body) = answer.into_parts();
        let body = body.with_config().limit(LARGEST_ANSWER).read_to_vec()?;
        Ok(Response::from_parts(head, Bytes::from(body)))
    });
    Ok(match answer {
        Ok(answer) => conclude(&check.read(&answer)),
        Err(error) => {
            let error = error.to_string();
            let error = Printable(&error);
            format!("No answer, which says nothing about the payment; ask again: {error}")
        }
    })
}

/// Returns the conclusion in a sentence.
pub(crate) fn conclude(answer: &Result<CheckAnswer, ApiError>) -> String {
    match answer {
        Ok(CheckAnswer::Paid(transaction)) => {
            let amount = match &transaction.amount {
                Reading::Known(amount) => amount.to_string(),
                Reading::Absent | Reading::Unreadable(_) => "an unreadable amount".to_owned(),
            };
            let account = transaction.to_account_id.as_deref();
            let account = Printable(account.unwrap_or("an unreadable account"));
            format!(
                "Paid: {amount} to {account}. Compare both with the order before handing over the goods."
            )
        }
        Ok(CheckAnswer::NotFound) => {
            "Not paid yet. Ask again until the code has expired, and once after that.".to_owned()
        }
        Ok(CheckAnswer::Failed) => "The payment was attempted and failed.".to_owned(),
        Ok(CheckAnswer::StaticQr) => {
            "The code is static, so it cannot be checked by MD5.".to_owned()
        }
        Ok(_) => "Unknown, which does not mean unpaid; update this program.".to_owned(),
        Err(error) => {
            let then = match error.class().remedy() {
                Remedy::AskAgain => "ask again later",
                Remedy::NextDay => "ask again tomorrow",
                Remedy::NewToken => "get a new token",
                Remedy::Attention => "change the request or the network first",
            };
            format!("Unknown, which does not mean unpaid; {then}: {error}")
        }
    }
}
