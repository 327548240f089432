//! Handlers that have no module of their own.

use std::cmp::Reverse;

use http::StatusCode;
use khqr_core::{AccountIdBuf, Md5Handle};
use serde::Deserialize;
use serde_json::json;

use super::call::{Call, Reply};
use super::query::DEFAULT_LIMIT;
use super::refusal::Refusal;
use crate::api::EMAIL;
use crate::backend::{redacted, view};
use crate::bank::Transfer;
use crate::input::{self, InputError};
use crate::persist::Journal;

type Result<T> = std::result::Result<T, Refusal>;

pub(super) fn payments(call: &mut Call<'_>) -> Result<Reply> {
    let limit = call.query.limit()?;
    let help = "specify the MD5 of a code: 32 hexadecimal digits";
    let md5: Option<Md5Handle> = input::parsed("query.md5", call.query.get("md5"), help)?;
    let all = call.backend.settled_ledger(call.now).transfers();
    let total = all.len();
    let matches = |transfer: &&Transfer| md5.is_none_or(|md5| transfer.md5() == md5);
    let newest = all.rev().filter(matches).take(limit);
    let payments: Vec<_> = newest.map(view::transfer).collect();
    Ok(Reply::json(
        &json!({ "payments": payments, "total": total }),
    ))
}

pub(super) fn codes(call: &mut Call<'_>) -> Result<Reply> {
    let codes = call.backend.state().open_codes.sorted();
    let codes: Vec<_> = codes.into_iter().map(view::code).collect();
    Ok(Reply::json(&json!({ "codes": codes })))
}

pub(super) fn mailbox(call: &mut Call<'_>) -> Result<Reply> {
    let email = call.query.get("email");
    let mails = call.backend.state().registry.mails();
    let mut mails: Vec<_> = mails
        .filter(|(to, _)| email.is_none_or(|email| email == *to))
        .collect();
    // If one address received several e-mails at the same time, the last is the newest.
    mails.reverse();
    mails.sort_by_key(|(_, mail)| Reverse(mail.sent_at));
    let mails = mails.iter().take(DEFAULT_LIMIT);
    let mails: Vec<_> = mails.map(|(to, mail)| view::mail(to, mail)).collect();
    Ok(Reply::json(&json!({ "mails": mails })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenBody {
    email: Option<String>,
}

pub(super) fn issue_token(call: &mut Call<'_>) -> Result<Reply> {
    let TokenBody { email } = call.body()?;
    let email = check_email(email)?;
    let issued = call.backend.issue_token(&email, call.now);
    let expires_at = issued.expires_at().as_millis();
    let token = issued.token;
    Ok(Reply::json(
        &json!({ "email": email, "token": token, "expiresAt": expires_at }),
    ))
}

/// Checks an address as the Open API does.
pub(super) fn check_email(email: Option<String>) -> Result<String> {
    let help = "specify an e-mail address of 1 to 30 characters";
    let email = email.ok_or_else(|| InputError::missing("body.email", help))?;
    if EMAIL.contains(&email.chars().count()) {
        return Ok(email);
    }
    Err(InputError::new("body.email", "the address is empty or too long", help).into())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountBody {
    account: Option<String>,
}

pub(super) fn open_account(call: &mut Call<'_>) -> Result<Reply> {
    let AccountBody { account } = call.body()?;
    let help = "specify an account such as name@bank";
    let account: Option<AccountIdBuf> = input::parsed("body.account", account.as_deref(), help)?;
    let account = account.ok_or_else(|| InputError::missing("body.account", help))?;
    let opened = json!({ "account": account.as_str() });
    call.backend.open_account(account);
    Ok(Reply::json(&opened))
}

pub(super) fn requests(call: &mut Call<'_>) -> Result<Reply> {
    let requests: Vec<_> = call.backend.log.latest(call.query.limit()?).collect();
    Ok(Reply::json(&json!({ "requests": requests })))
}

/// The state file, its errors, and the ID of the key that signs tokens.
pub(super) fn state(call: &mut Call<'_>) -> Result<Reply> {
    let journal = call.journal;
    Ok(Reply::json(&json!({
        "keyId": call.backend.state().token_key.id(),
        "file": journal.map(|journal| redacted(&journal.path().display().to_string())),
        "loadWarning": journal.and_then(Journal::load_warning),
        "saveError": journal.and_then(Journal::error),
    })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoFields {}

pub(super) fn reset(call: &mut Call<'_>) -> Result<Reply> {
    call.body::<NoFields>()?;
    call.backend.reset();
    Ok(Reply::json(&json!({ "reset": true })))
}

pub(super) fn events(call: &mut Call<'_>) -> Result<Reply> {
    let events = call.backend.events.listen();
    events.map(Reply::Events).ok_or_else(|| {
        let help = "close a page or a program that listens to events";
        let error = InputError::new("path", "too many listeners", help);
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, error)
    })
}
