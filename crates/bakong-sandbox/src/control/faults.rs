//! `/sandbox/faults`: lists, adds and removes faults.

use http::StatusCode;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::call::{Call, Reply};
use super::refusal::Refusal;
use crate::backend::view;
use crate::fault::{Fault, read_rule};
use crate::input::InputError;

/// The maximum number of faults at a time.
const MAX_FAULTS: usize = 1_000;

pub(super) fn list(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let faults = &call.backend.state().faults;
    Ok(Reply::json(&view::faults(faults)))
}

/// Adds one rule or a list of rules. If one of them is invalid, none is added.
pub(super) fn add(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let body = call.request.body();
    let faults: Vec<Fault> = if body.trim_ascii_start().starts_with(b"[") {
        let rules: Vec<&RawValue> = serde_json::from_slice(body).map_err(|error| {
            let help = "send a rule, or a list of rules";
            InputError::new("body", error.to_string(), help)
        })?;
        let rules = rules.iter().enumerate();
        rules
            .map(|(index, rule)| read_rule(&format!("body[{index}]"), rule.get().as_bytes()))
            .collect::<Result<_, _>>()?
    } else {
        vec![read_rule("body", body)?]
    };
    let count = call.backend.state().faults.len();
    if count.saturating_add(faults.len()) > MAX_FAULTS {
        let what = format!("the sandbox stores at most {MAX_FAULTS} faults");
        let help = "remove some with DELETE /sandbox/faults";
        return Err(InputError::new("body", what, help).into());
    }
    let faults = faults.into_iter().map(|fault| {
        let rule = json!(fault);
        json!({ "number": call.backend.add_fault(fault), "rule": rule })
    });
    let added: Vec<Value> = faults.collect();
    Ok(Reply::json(&json!({ "faults": added })))
}

pub(super) fn remove(call: &mut Call<'_>) -> Result<Reply, Refusal> {
    let number = call.query.get("number").map(str::parse);
    let is_removed = match number {
        None => {
            call.backend.clear_faults();
            true
        }
        Some(number) => number.is_ok_and(|number| call.backend.remove_fault(number)),
    };
    if is_removed {
        return list(call);
    }
    let help = "GET /sandbox/faults lists the faults";
    let error = InputError::new("query.number", "no fault has this number", help);
    Err(Refusal::new(StatusCode::NOT_FOUND, error))
}
