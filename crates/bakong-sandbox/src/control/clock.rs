//! `/sandbox/clock`: moves the time, and puts it back.

use std::time::Duration;

use khqr_core::Timestamp;
use serde_json::Value;

use super::{Refusal, view};
use crate::clock::{LAST, SandboxClock};
use crate::input::{Input, InputError};
use crate::state::State;

/// Where the clock goes.
#[derive(Clone, Copy)]
enum Move {
    By(Duration),
    /// So far ahead of the system's time.
    Ahead(Duration),
    To(Timestamp),
}

pub(super) fn move_clock(state: &mut State, mut body: Input) -> Result<Value, Refusal> {
    let moves: Vec<Move> = [
        millis(&mut body, "advanceMs")?.map(Move::By),
        millis(&mut body, "aheadMs")?.map(Move::Ahead),
        millis(&mut body, "setTo")?
            .map(|it| Move::To(Timestamp::from_millis(0).saturating_add(it))),
    ]
    .into_iter()
    .flatten()
    .collect();
    let mode = body.text("mode")?;
    let is_frozen = match mode.as_deref() {
        None => None,
        Some("frozen") => Some(true),
        Some("running") => Some(false),
        Some(_) => {
            let help = "give frozen or running";
            return Err(body.error("mode", "there is no such mode", help).into());
        }
    };
    body.finish()?;
    let refused = |what: &str| {
        let help = "give one of advanceMs, aheadMs and setTo, or a mode, or one of them and a mode";
        Err(Refusal::from(InputError::new("body", what, help)))
    };
    if moves.len() > 1 {
        return refused("it moves the clock in more than one way");
    }
    if moves.is_empty() && is_frozen.is_none() {
        return refused("it moves nothing");
    }
    let clock = moved(state.clock, moves.into_iter().next(), is_frozen)?;
    state.move_clock(|it| *it = clock);
    Ok(view::clock(&state.clock))
}

fn moved(
    mut clock: SandboxClock,
    to: Option<Move>,
    is_frozen: Option<bool>,
) -> Result<SandboxClock, Refusal> {
    let within = |name: &str, from: Timestamp, by: Duration| {
        let limit = LAST.saturating_since(from);
        if by > limit {
            return Err(too_far(&format!("body.{name}"), limit));
        }
        Ok(())
    };
    match to {
        None => {}
        Some(Move::By(by)) => {
            within("advanceMs", clock.now(), by)?;
            clock.advance(by);
        }
        Some(Move::Ahead(by)) => {
            within("aheadMs", SandboxClock::system().now(), by)?;
            // A clock that stands still is soon behind again, so this one runs.
            clock = SandboxClock::ahead_of_system(by);
        }
        Some(Move::To(moment)) => {
            let start = Timestamp::from_millis(0);
            within("setTo", start, moment.saturating_since(start))?;
            clock.set(moment);
        }
    }
    Ok(match is_frozen {
        Some(true) => SandboxClock::frozen_at(clock.now()),
        Some(false) if clock.is_frozen() => SandboxClock::starting_at(clock.now()),
        _ => clock,
    })
}

/// A whole number of milliseconds. One that no number here can hold is too far, and not "no number".
fn millis(body: &mut Input, name: &'static str) -> Result<Option<Duration>, Refusal> {
    let Some(raw) = body.raw(name) else {
        return Ok(None);
    };
    if !raw.bytes().all(|byte| byte.is_ascii_digit()) {
        let what = "it is not a whole number of milliseconds that is not negative";
        let help = match name {
            "advanceMs" => {
                "give such a number; {\"aheadMs\":0} puts the clock back to the real time"
            }
            "aheadMs" => "give 0 or more; setTo takes any moment",
            _ => "give such a number",
        };
        return Err(body.error(name, what, help).into());
    }
    let longest = LAST.saturating_since(Timestamp::from_millis(0));
    match raw.parse() {
        Ok(millis) => Ok(Some(Duration::from_millis(millis))),
        Err(_) => Err(too_far(&body.place(name), longest)),
    }
}

fn too_far(place: &str, limit: Duration) -> Refusal {
    let what = "the clock does not go beyond the year 9999";
    let help = format!("give at most {} milliseconds", limit.as_millis());
    InputError::new(place, what, help).into()
}

/// What to do about a code that has expired because the clock is ahead, if it is.
pub(super) fn about_lead(clock: &SandboxClock) -> Option<String> {
    let lead = clock.lead();
    (lead >= Duration::from_secs(1)).then(|| {
        format!(
            "the sandbox's clock is {} ahead of the real time: POST /sandbox/clock {{\"aheadMs\":0}} puts it back",
            spoken(lead)
        )
    })
}

/// A time as people say it, in its two largest units.
fn spoken(time: Duration) -> String {
    let seconds = time.as_secs();
    let units = [
        (seconds / 86_400, "d"),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "min"),
        (seconds % 60, "s"),
    ];
    let told: Vec<String> = units
        .iter()
        .skip_while(|(count, _)| *count == 0)
        .take(2)
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count} {unit}"))
        .collect();
    told.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lead_is_told_as_people_say_it() {
        for (seconds, told) in [
            (1, "1 s"),
            (61, "1 min 1 s"),
            (3_600, "1 h"),
            (3_601, "1 h"),
            (90 * 86_400 + 7_200, "90 d 2 h"),
        ] {
            assert_eq!(spoken(Duration::from_secs(seconds)), told);
        }
        assert_eq!(about_lead(&SandboxClock::system()), None);
    }
}
