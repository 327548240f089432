//! Asks whether a code was paid, with an HTTP client of one's own: no transport, no session, no async.
//!
//! ```console
//! $ BAKONG_BASE_URL=http://127.0.0.1:8080 BAKONG_MD5=d60f3db96913029a2af979a1662c1e72 BAKONG_TOKEN=… \
//!       cargo run -p bakong-api --example own_http_stack
//! ```
//!
//! The client is ureq as this workspace has it, without TLS, which is enough for a server on this machine. With
//! ureq's feature `rustls` the same code asks NBC's hosts.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is a command")]

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use bakong_api::endpoint::CheckTransactionByMd5;
use bakong_api::khqr_core::{Md5Handle, Printable};
use bakong_api::{AccessToken, ApiError, BaseUrl, CheckAnswer, Endpoint, Reading, Remedy};
use bytes::Bytes;
use http::Response;

/// More than any answer has.
const LARGEST_ANSWER: u64 = 1024 * 1024;

#[allow(dead_code, reason = "tests use the rest of this file as a module")]
fn main() -> ExitCode {
    match run() {
        Ok(sentence) => {
            println!("{sentence}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("nothing was asked: {error}");
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

/// Asks once, and says what may be concluded.
pub(crate) fn ask(
    base: &BaseUrl,
    token: &AccessToken,
    md5: Md5Handle,
) -> Result<String, Box<dyn Error>> {
    let check = CheckTransactionByMd5::new(md5);
    let request = check.to_request(base, Some(token))?;
    let client = ureq::Agent::new_with_config(
        ureq::Agent::config_builder()
            // What a status means is for `read` to say.
            .http_status_as_error(false)
            // A redirect would carry the question, and perhaps the token, elsewhere.
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
            format!("No answer came, which says nothing of the payment; ask again: {error}")
        }
    })
}

/// What may be concluded, in plain words.
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
                "Paid: {amount} to {account}. Compare both with the order before the goods go out."
            )
        }
        Ok(CheckAnswer::NotFound) => {
            "Not paid so far. Ask again until the code has expired, and once after that.".to_owned()
        }
        Ok(CheckAnswer::Failed) => "The payment was tried and failed.".to_owned(),
        Ok(CheckAnswer::StaticQr) => {
            "The code is static: whether it was paid cannot be asked by its MD5.".to_owned()
        }
        Err(error) => {
            let then = match error.class().remedy() {
                Remedy::AskAgain => "ask again later",
                Remedy::NextDay => "ask again tomorrow",
                Remedy::NewToken => "get a new token",
                Remedy::Attention => "something has to be changed first",
            };
            format!("Not known, which is not unpaid; {then}: {error}")
        }
    }
}
