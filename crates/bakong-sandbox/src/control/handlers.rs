//! What each route does.

use std::ops::RangeInclusive;
use std::time::Duration;

use bytes::Bytes;
use http::header::LOCATION;
use http::{HeaderValue, Request, StatusCode};
use khqr_core::{AccountIdBuf, Md5Handle, Timestamp};
use serde_json::{Value, json};

use super::query::{LISTED, Query};
use super::route::{self, Action};
use super::{Refusal, Reply, clock, json_answer, page, pay, scan, view};
use crate::Fault;
use crate::fault;
use crate::input::{Input, InputError, brief};
use crate::state::{Shared, State};
use crate::wire::Answer;

/// How many characters an e-mail address may have, as everywhere in the API.
const EMAIL: RangeInclusive<usize> = 1..=30;

/// How many faults may wait at once.
const FAULTS: usize = 1_000;

type Result<T> = std::result::Result<T, Refusal>;

pub(super) fn perform(shared: &Shared, action: Action, request: &Request<Bytes>) -> Result<Reply> {
    if let Some(answer) = page::answer(action, request.uri().path()) {
        return Ok(Reply::Answer(answer));
    }
    match action {
        Action::Events => return listen(shared),
        Action::Link => return follow(shared, request.uri().path()),
        Action::State => {
            Query::of(request, action.parameters())?;
            let told = shared.with_journal(|state, journal| view::state(state, journal.as_ref()));
            return Ok(Reply::Answer(json_answer(StatusCode::OK, &told)));
        }
        _ => {}
    }
    let body = || Input::read("body", request.body());
    let query = Query::of(request, action.parameters())?;
    let told = shared.with(|state| {
        let now = state.clock.now();
        match action {
            Action::Pay => pay::pay(state, body()?, now),
            Action::Scan => scan::scan(state, body()?, now),
            Action::Payments => payments(state, &query, now),
            Action::Codes => {
                let codes = state.open_codes.all();
                let codes: Vec<_> = codes.iter().map(view::code).collect();
                Ok(json!({ "codes": codes }))
            }
            Action::Faults => Ok(view::faults(&state.faults)),
            Action::AddFaults => add_faults(state, request.body()),
            Action::RemoveFaults => remove_faults(state, &query),
            Action::SandboxClock => Ok(view::clock(&state.clock)),
            Action::MoveClock => clock::move_clock(state, body()?),
            Action::Mailbox => Ok(mailbox(state, &query)),
            Action::IssueToken => issue_token(state, body()?),
            Action::OpenAccount => open_account(state, body()?),
            Action::Requests => {
                let requests: Vec<_> = state.log.last(query.limit()?).collect();
                Ok(json!({ "requests": requests }))
            }
            Action::QuotaLimit => Ok(view::quota(&state.quota, &state.registry, now)),
            Action::SetQuota => set_quota(state, body()?, now),
            Action::Reset => {
                body()?.finish()?;
                state.reset();
                Ok(json!({ "reset": true }))
            }
            // They are answered above.
            Action::Page
            | Action::PageFile
            | Action::Document
            | Action::Link
            | Action::State
            | Action::Events => Ok(Value::Null),
        }
    })?;
    Ok(Reply::Answer(json_answer(StatusCode::OK, &told)))
}

/// Leads from a short link to the page.
fn follow(shared: &Shared, path: &str) -> Result<Reply> {
    let id = route::link_id(path).unwrap_or_default();
    let target = shared.with(|state| state.links.target(id));
    let target = target.and_then(|target| HeaderValue::try_from(target).ok());
    let target = target.ok_or_else(|| {
        let help =
            "ask for another with POST /v1/generate_deeplink_by_qr; the last 1,000 links are kept";
        let error = InputError::new("path", "there is no such link", help);
        Refusal::new(StatusCode::NOT_FOUND, error)
    })?;
    let mut answer = Answer::new(Bytes::new());
    *answer.status_mut() = StatusCode::FOUND;
    answer.headers_mut().insert(LOCATION, target);
    Ok(Reply::Answer(answer))
}

fn listen(shared: &Shared) -> Result<Reply> {
    let events = shared.with(|state| state.events.listen());
    events.map(Reply::Events).ok_or_else(|| {
        let help = "close one of the pages or programs that listen";
        let error = InputError::new("path", "too many are listening", help);
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, error)
    })
}

fn payments(state: &mut State, query: &Query<'_>, now: Timestamp) -> Result<Value> {
    let limit = query.limit()?;
    let md5 = query.get("md5").map(str::parse::<Md5Handle>).transpose();
    let md5 = md5.map_err(|error| {
        let help = "give the 32 hexadecimal digits of a code's MD5";
        InputError::new("query.md5", error.to_string(), help)
    })?;
    let all = state.ledger.all(now);
    let total = all.len();
    let is_meant = |payment: &&crate::Transfer| md5.is_none_or(|md5| payment.md5() == md5);
    let newest = all.rev().filter(is_meant).take(limit);
    let payments: Vec<_> = newest.map(view::payment).collect();
    Ok(json!({ "payments": payments, "total": total }))
}

/// Takes one rule, or a list of them: all, or none if one is wrong.
fn add_faults(state: &mut State, body: &[u8]) -> Result<Value> {
    let is_list = body.trim_ascii_start().starts_with(b"[");
    let rules: Vec<Input> = if is_list {
        let rules: Vec<Box<serde_json::value::RawValue>> =
            serde_json::from_slice(body).map_err(|error| {
                let help = "send a rule, or a list of rules";
                InputError::new("body", error.to_string(), help)
            })?;
        let places = rules.iter().enumerate();
        places
            .map(|(place, rule)| Input::read(format!("body[{place}]"), rule.get().as_bytes()))
            .collect::<std::result::Result<_, _>>()?
    } else {
        vec![Input::read("body", body)?]
    };
    let faults = rules.into_iter().map(fault::read);
    let faults: Vec<Fault> = faults.collect::<std::result::Result<_, _>>()?;
    if state.faults.len().saturating_add(faults.len()) > FAULTS {
        let help = "take some back with DELETE /sandbox/faults";
        return Err(InputError::new("body", format!("more than {FAULTS} faults"), help).into());
    }
    let added: Vec<Value> = faults
        .into_iter()
        .map(|fault| {
            let rule = fault.rule();
            json!({ "number": state.add_fault(fault), "rule": rule })
        })
        .collect();
    Ok(json!({ "faults": added }))
}

fn remove_faults(state: &mut State, query: &Query<'_>) -> Result<Value> {
    let Some(number) = query.get("number") else {
        state.clear_faults();
        return Ok(view::faults(&state.faults));
    };
    let is_gone = number
        .parse()
        .is_ok_and(|number| state.remove_fault(number));
    if is_gone {
        return Ok(view::faults(&state.faults));
    }
    let help = "GET /sandbox/faults lists those that are left";
    let error = InputError::new("query.number", "there is no fault of this number", help);
    Err(Refusal::new(StatusCode::NOT_FOUND, error))
}

fn mailbox(state: &State, query: &Query<'_>) -> Value {
    let email = query.get("email");
    let mut mails: Vec<_> = state
        .registry
        .mails()
        .filter(|(to, _)| email.is_none_or(|email| email == *to))
        .collect();
    // Of one moment, an address's last is the newest.
    mails.reverse();
    mails.sort_by_key(|(_, mail)| std::cmp::Reverse(mail.sent_at));
    let mails = mails.iter().take(LISTED);
    let mails: Vec<_> = mails.map(|(to, mail)| view::mail(to, mail)).collect();
    json!({ "mails": mails })
}

/// An address that the API would take too.
fn email(body: &mut Input) -> Result<String> {
    let help = "give the address of a project, of 1 to 30 characters";
    let email = body.text("email")?;
    let email = body.needed("email", email, help)?;
    if EMAIL.contains(&email.chars().count()) {
        return Ok(email);
    }
    Err(body
        .error("email", "it is too short or too long", help)
        .into())
}

fn issue_token(state: &mut State, mut body: Input) -> Result<Value> {
    let email = email(&mut body)?;
    body.finish()?;
    let issued = state.issue(&email);
    let expires_at = issued.expires_at.as_millis();
    Ok(json!({ "email": email, "token": issued.token, "expiresAt": expires_at }))
}

fn open_account(state: &mut State, mut body: Input) -> Result<Value> {
    let help = "give an account such as name@bank";
    let account: Option<AccountIdBuf> = body.parsed("account", help)?;
    let account = body.needed("account", account, help)?;
    body.finish()?;
    let told = json!({ "account": account.as_str() });
    state.open_account(account);
    Ok(told)
}

fn set_quota(state: &mut State, mut body: Input, now: Timestamp) -> Result<Value> {
    let mut quota = state.quota.quota;
    let turn = match body.text("turnsAt")? {
        None => quota.turn(),
        Some(text) => turn(&text).ok_or_else(|| {
            let help = "give hours and minutes in UTC, such as 17:00";
            body.error("turnsAt", "it is no time of day", help)
        })?,
    };
    if body.has("limit") {
        quota = quota.limited_to(match body.raw("limit").as_deref() {
            None | Some("\"off\"") => None,
            Some(limit) => Some(limit.parse().map_err(|_| {
                let help = "give a whole number of requests a day, or \"off\"";
                body.error("limit", format!("{} is no limit", brief(limit)), help)
            })?),
        });
    }
    quota = match body.text("counts")?.as_deref() {
        None => quota,
        Some("all") => quota.counting(false),
        Some("checks") => quota.counting(true),
        Some(_) => {
            let help = "give all or checks";
            return Err(body.error("counts", "there is no such kind", help).into());
        }
    };
    let used = body.small("used")?;
    let address = if used.is_some() || body.has("email") {
        let email = email(&mut body)?;
        let id = state.registry.id(&email).map(str::to_owned);
        let help = "POST /sandbox/tokens registers it";
        Some(id.ok_or_else(|| body.error("email", "it is not registered", help))?)
    } else {
        None
    };
    body.finish()?;
    state.quota.set(quota.resets_at(turn), now);
    if let (Some(id), Some(used)) = (address, used) {
        state.quota.set_used(&id, used, now);
    }
    state.tell_of_quota();
    Ok(view::quota(&state.quota, &state.registry, now))
}

/// A time of day such as `17:00`.
fn turn(text: &str) -> Option<Duration> {
    let (hours, minutes) = text.split_once(':')?;
    let two_digits = |text: &str| {
        let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u64>().ok().filter(|_| is_number)
    };
    let hours = two_digits(hours).filter(|it| *it < 24)?;
    let minutes = two_digits(minutes).filter(|it| *it < 60)?;
    Some(Duration::from_secs((hours * 60 + minutes) * 60))
}
