//! `POST /sandbox/scan`: what a customer sees on scanning a code, before they pay.

use khqr_core::{Khqr, Timestamp};
use serde_json::{Value, json};

use super::{Refusal, pay, view};
use crate::input::Input;
use crate::ledger::LookUp;
use crate::payment::TransferError;
use crate::state::State;

pub(super) fn scan(state: &mut State, mut body: Input, now: Timestamp) -> Result<Value, Refusal> {
    let code = body.text("qr")?;
    let code = body.needed("qr", code, "give the text of a KHQR code")?;
    let is_dry_run = body.flag("dryRun")?;
    body.finish()?;
    let khqr =
        Khqr::parse(code.trim()).map_err(|error| pay::refusal(error.into(), &state.clock))?;
    if !is_dry_run {
        state.hear_of(&khqr, now);
    }
    let found = state.ledger.books(now).by_md5(khqr.md5());
    let is_paid = matches!(found, LookUp::Transferred(_));
    let unpayable = khqr.verify(now).err().map(TransferError::from);
    let unpayable = unpayable.or(is_paid.then_some(TransferError::AlreadyPaid));
    Ok(json!({
        "khqr": view::khqr(&khqr),
        "payable": unpayable.is_none(),
        "reason": unpayable.as_ref().map(view::reason),
        "help": unpayable.as_ref().map(|error| pay::advice(error, &state.clock).1),
    }))
}
