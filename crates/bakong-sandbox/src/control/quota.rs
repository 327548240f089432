//! `/sandbox/quota`: shows and sets the quota limit and the number of requests made today.

use std::time::Duration;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::call::{Call, Reply};
use super::handlers::check_email;
use super::refusal::Refusal;
use crate::backend::view;
use crate::input::{InputError, brief};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct QuotaBody {
    /// Null and "off" remove the limit.
    #[serde(default, deserialize_with = "present")]
    limit: Option<Value>,
    resets_at: Option<String>,
    counts: Option<Counts>,
    email: Option<String>,
    used: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum Counts {
    All,
    Checks,
}

/// Distinguishes null from an absent field.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

pub(super) fn show(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    Ok(Reply::json(&view::quota(call.backend.state())))
}

pub(super) fn set_quota(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let body: QuotaBody = call.body()?;
    let mut quota = call.backend.state().quota.limit;
    if let Some(text) = &body.resets_at {
        quota = quota.resets_at(time_of_day(text).ok_or_else(|| {
            let help = "specify hours and minutes in UTC, such as 17:00";
            InputError::new("body.resetsAt", "the text is not a time of day", help)
        })?);
    }
    if let Some(limit) = body.limit {
        quota = quota.with_limit(read_limit(&limit)?);
    }
    if let Some(counts) = body.counts {
        quota = quota.with_checks_only(matches!(counts, Counts::Checks));
    }
    let id = if body.used.is_some() || body.email.is_some() {
        let email = check_email(body.email)?;
        let id = call.backend.state().registry.id(&email).map(str::to_owned);
        let help = "register it with POST /sandbox/tokens";
        let unknown = || InputError::new("body.email", "the address is not registered", help);
        Some(id.ok_or_else(unknown)?)
    } else {
        None
    };
    call.backend.set_quota(quota);
    if let (Some(id), Some(used)) = (id, body.used) {
        call.backend.set_used(&id, used, call.now);
        call.backend.emit_quota();
    }
    show(call)
}

fn read_limit(limit: &Value) -> Result<Option<u32>, InputError> {
    if limit.is_null() || *limit == "off" {
        return Ok(None);
    }
    let number = limit.as_u64().and_then(|limit| u32::try_from(limit).ok());
    number.map(Some).ok_or_else(|| {
        let what = format!("{} is not a limit", brief(&limit.to_string()));
        let help = "specify a whole number of requests per day, or \"off\"";
        InputError::new("body.limit", what, help)
    })
}

/// A time of day such as `17:00`.
fn time_of_day(text: &str) -> Option<Duration> {
    let (hours, minutes) = text.split_once(':')?;
    let two_digits = |text: &str| {
        let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u64>().ok().filter(|_| is_number)
    };
    let hours = two_digits(hours).filter(|it| *it < 24)?;
    let minutes = two_digits(minutes).filter(|it| *it < 60)?;
    Some(Duration::from_secs((hours * 60 + minutes) * 60))
}
