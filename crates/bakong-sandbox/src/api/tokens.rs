//! Registration, verification and renewal.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use super::body::Body;
use super::call::Call;
use crate::wire::{self, Answer, Failure};

/// The number of characters of an e-mail address.
pub(crate) const EMAIL: RangeInclusive<usize> = 1..=30;

/// The e-mail address in a renewal request.
pub(super) fn email(body: Body<'_>) -> Result<Cow<'_, str>, Failure> {
    body.fields().text("email", EMAIL)
}

pub(super) fn request_token(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let fields = call.body.fields();
    let email = fields.text("email", EMAIL)?;
    fields.text("organization", 1..=100)?;
    fields.text("project", 1..=100)?;
    if call.backend.request_token(&email, call.now) {
        Ok(wire::email_sent())
    } else {
        Err(Failure::EmailRegistered)
    }
}

pub(super) fn verify(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let code = call.body.fields().text("code", 20..=20)?;
    // The live service's response to a wrong code is unknown. This documented failure fits best.
    let email = call.backend.state().registry.email_of_code(&code);
    let email = email.ok_or(Failure::NotRegistered)?.to_owned();
    let issued = call.backend.issue_token(&email, call.now);
    Ok(wire::token_issued(&issued.token))
}

pub(super) fn renew_token(call: &mut Call<'_>) -> Result<Answer, Failure> {
    let email = email(call.body)?;
    if call.backend.state().registry.id(&email).is_none() {
        return Err(Failure::NotRegistered);
    }
    // It is unknown whether the live service revokes the old token. Here it stays valid until it expires.
    let issued = call.backend.issue_token(&email, call.now);
    Ok(wire::token_issued(&issued.token))
}
