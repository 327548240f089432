//! `/sandbox/clock`: shows and moves the clock.

use std::time::Duration;

use khqr_core::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::call::{Call, Reply};
use super::refusal::Refusal;
use crate::backend::view;
use crate::clock::{LAST, SandboxClock};
use crate::input::InputError;

/// Times are raw numbers, so that an excessive number gets the same error as any time after 9999.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ClockBody {
    advance_ms: Option<Box<RawValue>>,
    ahead_ms: Option<Box<RawValue>>,
    set_to: Option<Box<RawValue>>,
    mode: Option<Mode>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Mode {
    Frozen,
    Running,
}

const START: Timestamp = Timestamp::from_millis(0);

pub(super) fn show(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let clock = call.backend.state().clock;
    Ok(Reply::json(&view::clock(&clock)))
}

pub(super) fn move_clock(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let clock = moved(call.backend.state().clock, &call.body()?)?;
    call.backend.set_clock(clock);
    show(call)
}

fn moved(clock: SandboxClock, body: &ClockBody) -> Result<SandboxClock, InputError> {
    let system = SandboxClock::system().now();
    let advance = millis("advanceMs", body.advance_ms.as_deref(), clock.now())?;
    let ahead = millis("aheadMs", body.ahead_ms.as_deref(), system)?;
    let set = millis("setTo", body.set_to.as_deref(), START)?;
    let help = "specify one of advanceMs, aheadMs and setTo, or mode, or both";
    let clock = match (advance, ahead, set) {
        (None, None, None) if body.mode.is_none() => {
            return Err(InputError::new(
                "body",
                "the body contains neither a time nor a mode",
                help,
            ));
        }
        (None, None, None) => clock,
        (Some(by), None, None) => clock.advanced(by),
        // The new clock always runs, because a frozen one would soon fall behind again.
        (None, Some(by), None) => SandboxClock::ahead_of_system(by),
        (None, None, Some(since_1970)) => clock.moved_to(START.saturating_add(since_1970)),
        _ => {
            let what = "the body moves the clock in more than one way";
            return Err(InputError::new("body", what, help));
        }
    };
    Ok(match body.mode {
        Some(Mode::Frozen) => SandboxClock::frozen_at(clock.now()),
        Some(Mode::Running) if clock.is_frozen() => SandboxClock::starting_at(clock.now()),
        Some(Mode::Running) | None => clock,
    })
}

/// Parses the member `name`: a whole number of milliseconds. `from` plus this time must not be after the
/// year 9999.
fn millis(
    name: &str,
    raw: Option<&RawValue>,
    from: Timestamp,
) -> Result<Option<Duration>, InputError> {
    let Some(raw) = raw.map(RawValue::get) else {
        return Ok(None);
    };
    let path = format!("body.{name}");
    if !raw.bytes().all(|byte| byte.is_ascii_digit()) {
        let what = "the value is not a whole number of milliseconds, 0 or more";
        let help = "specify a number such as 60000; {\"aheadMs\":0} returns to the system time";
        return Err(InputError::new(path, what, help));
    }
    let limit = LAST.saturating_since(from);
    let time = raw.parse().map(Duration::from_millis);
    let time = time.ok().filter(|time| *time <= limit);
    time.map(Some).ok_or_else(|| too_far(path, limit))
}

/// The error for a time after the year 9999.
pub(super) fn too_far(path: impl Into<String>, limit: Duration) -> InputError {
    let what = "the time is after the year 9999";
    let help = format!("specify at most {} milliseconds", limit.as_millis());
    InputError::new(path, what, help)
}

/// The remedy for a code that expired because the clock is ahead of the system time. `None` if the clock is not
/// ahead.
pub(super) fn lead_advice(clock: &SandboxClock) -> Option<String> {
    let lead = clock.lead();
    (lead >= Duration::from_secs(1)).then(|| {
        format!(
            "the sandbox's clock is {} ahead of the system time: POST /sandbox/clock {{\"aheadMs\":0}} resets it",
            readable(lead)
        )
    })
}

/// A duration in its two largest units.
fn readable(time: Duration) -> String {
    let seconds = time.as_secs();
    let units = [
        (seconds / 86_400, "d"),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "min"),
        (seconds % 60, "s"),
    ];
    let parts: Vec<String> = units
        .iter()
        .skip_while(|(count, _)| *count == 0)
        .take(2)
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count} {unit}"))
        .collect();
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lead_is_written_in_two_units() {
        for (seconds, expected) in [
            (1, "1 s"),
            (61, "1 min 1 s"),
            (3_600, "1 h"),
            (3_601, "1 h"),
            (90 * 86_400 + 7_200, "90 d 2 h"),
        ] {
            assert_eq!(readable(Duration::from_secs(seconds)), expected);
        }
        assert_eq!(lead_advice(&SandboxClock::system()), None);
    }
}
