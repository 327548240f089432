//! What each route does.

use bytes::Bytes;
use http::header::LOCATION;
use http::{HeaderValue, Request, StatusCode};
use khqr_core::{AccountIdBuf, Md5Handle, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::query::{DEFAULT_LIMIT, Query};
use super::refusal::{Refusal, json_answer};
use super::route::{self, Action};
use super::{clock, page, pay, quota};
use crate::api::EMAIL;
use crate::backend::{Backend, view};
use crate::bank::Transfer;
use crate::fault::{Fault, read_rule};
use crate::input::{self, InputError};
use crate::persist::{Journal, Shared};
use crate::wire::Answer;

/// The maximum number of faults at a time.
const MAX_FAULTS: usize = 1_000;

type Result<T> = std::result::Result<T, Refusal>;

/// The result of a request to the control API.
pub(crate) enum Reply {
    Answer(Answer),
    /// A stream of events.
    Events(mpsc::Receiver<Bytes>),
}

/// A body without fields.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Empty {}

pub(super) fn perform(shared: &Shared, action: Action, request: &Request<Bytes>) -> Result<Reply> {
    if let Some(answer) = page::answer(action, request.uri().path()) {
        return Ok(Reply::Answer(answer));
    }
    if action == Action::Link {
        return follow_link(shared, request.uri().path());
    }
    let query = Query::of(request, action.parameters())?;
    if action == Action::Events {
        return listen(shared);
    }
    let body = request.body();
    let value = shared.with_journal(|backend, journal| {
        let now = backend.state().clock.now();
        match action {
            Action::Pay => pay::pay(backend, input::read("body", body)?, now),
            Action::Scan => pay::scan(backend, input::read("body", body)?, now),
            Action::Payments => payments(backend, &query, now),
            Action::Codes => {
                let codes = backend.state().open_codes.sorted();
                let codes: Vec<_> = codes.into_iter().map(view::code).collect();
                Ok(json!({ "codes": codes }))
            }
            Action::Faults => Ok(view::faults(&backend.state().faults)),
            Action::AddFaults => add_faults(backend, body),
            Action::RemoveFaults => remove_faults(backend, &query),
            Action::Clock => Ok(view::clock(&backend.state().clock)),
            Action::MoveClock => clock::move_clock(backend, input::read("body", body)?),
            Action::Mailbox => Ok(mailbox(backend, &query)),
            Action::IssueToken => issue_token(backend, input::read("body", body)?, now),
            Action::OpenAccount => open_account(backend, input::read("body", body)?),
            Action::Requests => {
                let requests: Vec<_> = backend.log.latest(query.limit()?).collect();
                Ok(json!({ "requests": requests }))
            }
            Action::Quota => Ok(view::quota(backend.state())),
            Action::SetQuota => quota::set_quota(backend, input::read("body", body)?, now),
            Action::State => Ok(state(backend, journal.as_ref())),
            Action::Reset => {
                input::read::<Empty>("body", body)?;
                backend.reset();
                Ok(json!({ "reset": true }))
            }
            // Answered above.
            Action::Page | Action::PageFile | Action::Document | Action::Link | Action::Events => {
                Ok(Value::Null)
            }
        }
    })?;
    Ok(Reply::Answer(json_answer(StatusCode::OK, &value)))
}

/// Redirects a short link to the page.
fn follow_link(shared: &Shared, path: &str) -> Result<Reply> {
    let id = route::link_id(path).unwrap_or_default();
    let target = shared.with(|backend| backend.state().links.target(id));
    let target = target.and_then(|target| HeaderValue::try_from(target).ok());
    let target = target.ok_or_else(|| {
        let help = "create a link with POST /v1/generate_deeplink_by_qr; the latest 1,000 links are stored";
        let error = InputError::new("path", "no such link", help);
        Refusal::new(StatusCode::NOT_FOUND, error)
    })?;
    let mut answer = Answer::new(Bytes::new());
    *answer.status_mut() = StatusCode::FOUND;
    answer.headers_mut().insert(LOCATION, target);
    Ok(Reply::Answer(answer))
}

fn listen(shared: &Shared) -> Result<Reply> {
    let events = shared.with(|backend| backend.events.listen());
    events.map(Reply::Events).ok_or_else(|| {
        let help = "close another page or program that listens";
        let error = InputError::new("path", "too many listeners", help);
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, error)
    })
}

fn payments(backend: &mut Backend, query: &Query<'_>, now: Timestamp) -> Result<Value> {
    let limit = query.limit()?;
    let help = "give the MD5 of a code: 32 hexadecimal digits";
    let md5: Option<Md5Handle> = input::parsed("query.md5", query.get("md5"), help)?;
    let all = backend.settled_ledger(now).transfers();
    let total = all.len();
    let matches = |transfer: &&Transfer| md5.is_none_or(|md5| transfer.md5() == md5);
    let newest = all.rev().filter(matches).take(limit);
    let payments: Vec<_> = newest.map(view::transfer).collect();
    Ok(json!({ "payments": payments, "total": total }))
}

/// Adds one rule or a list of rules. If one of them is invalid, none is added.
fn add_faults(backend: &mut Backend, body: &[u8]) -> Result<Value> {
    let is_list = body.trim_ascii_start().starts_with(b"[");
    let faults: Vec<Fault> = if is_list {
        let rules: Vec<&RawValue> = serde_json::from_slice(body).map_err(|error| {
            let help = "send a rule, or a list of rules";
            InputError::new("body", error.to_string(), help)
        })?;
        let rules = rules.iter().enumerate();
        rules
            .map(|(index, rule)| read_rule(&format!("body[{index}]"), rule.get().as_bytes()))
            .collect::<std::result::Result<_, _>>()?
    } else {
        vec![read_rule("body", body)?]
    };
    let count = backend.state().faults.len().saturating_add(faults.len());
    if count > MAX_FAULTS {
        let what = format!("the sandbox stores at most {MAX_FAULTS} faults");
        let help = "remove some with DELETE /sandbox/faults";
        return Err(InputError::new("body", what, help).into());
    }
    let added: Vec<Value> = faults
        .into_iter()
        .map(|fault| {
            let rule = json!(fault);
            json!({ "number": backend.add_fault(fault), "rule": rule })
        })
        .collect();
    Ok(json!({ "faults": added }))
}

fn remove_faults(backend: &mut Backend, query: &Query<'_>) -> Result<Value> {
    let is_removed = match query.get("number") {
        None => {
            backend.clear_faults();
            true
        }
        Some(number) => number
            .parse()
            .is_ok_and(|number| backend.remove_fault(number)),
    };
    if is_removed {
        return Ok(view::faults(&backend.state().faults));
    }
    let help = "GET /sandbox/faults lists the faults";
    let error = InputError::new("query.number", "no fault has this number", help);
    Err(Refusal::new(StatusCode::NOT_FOUND, error))
}

fn mailbox(backend: &Backend, query: &Query<'_>) -> Value {
    let email = query.get("email");
    let mails = backend.state().registry.mails();
    let mut mails: Vec<_> = mails
        .filter(|(to, _)| email.is_none_or(|email| email == *to))
        .collect();
    // Of mails with the same time, the last of an address is the newest.
    mails.reverse();
    mails.sort_by_key(|(_, mail)| std::cmp::Reverse(mail.sent_at));
    let mails = mails.iter().take(DEFAULT_LIMIT);
    let mails: Vec<_> = mails.map(|(to, mail)| view::mail(to, mail)).collect();
    json!({ "mails": mails })
}

/// Checks an address as the Open API does.
pub(super) fn email(email: Option<String>) -> Result<String> {
    let help = "give an e-mail address of 1 to 30 characters";
    let email = email.ok_or_else(|| InputError::missing("body.email", help))?;
    if EMAIL.contains(&email.chars().count()) {
        return Ok(email);
    }
    Err(InputError::new("body.email", "the address is empty or too long", help).into())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenBody {
    email: Option<String>,
}

fn issue_token(backend: &mut Backend, body: TokenBody, now: Timestamp) -> Result<Value> {
    let email = email(body.email)?;
    let issued = backend.issue_token(&email, now);
    let expires_at = issued.expires_at().as_millis();
    Ok(json!({ "email": email, "token": issued.token, "expiresAt": expires_at }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountBody {
    account: Option<String>,
}

fn open_account(backend: &mut Backend, body: AccountBody) -> Result<Value> {
    let help = "give an account such as name@bank";
    let account: Option<AccountIdBuf> =
        input::parsed("body.account", body.account.as_deref(), help)?;
    let account = account.ok_or_else(|| InputError::missing("body.account", help))?;
    let opened = json!({ "account": account.as_str() });
    backend.open_account(account);
    Ok(opened)
}

/// The state file, its errors, and the ID of the key that signs tokens.
fn state(backend: &Backend, journal: Option<&Journal>) -> Value {
    json!({
        "keyId": backend.state().token_key.id(),
        "file": journal.map(|journal| journal.path().display().to_string()),
        "loadWarning": journal.and_then(Journal::load_warning),
        "saveError": journal.and_then(Journal::error),
    })
}
