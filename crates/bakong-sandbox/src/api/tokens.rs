//! Registration, verification and renewal.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use super::body::Body;
use super::call::Call;
use super::refused::Refused;
use crate::wire::{self, Answer, Failure};

/// The number of characters of an e-mail address.
pub(crate) const EMAIL: RangeInclusive<usize> = 1..=30;

/// The address of a renewal.
pub(super) fn email(body: Body<'_>) -> Result<Cow<'_, str>, Refused> {
    body.fields().text("email", EMAIL)
}

pub(super) fn request_token(call: &mut Call<'_>) -> Result<Answer, Refused> {
    let fields = call.body.fields();
    let email = fields.text("email", EMAIL)?;
    fields.text("organization", 1..=100)?;
    fields.text("project", 1..=100)?;
    if call.backend.request_token(&email, call.now) {
        Ok(wire::email_sent())
    } else {
        Err(Failure::EmailRegistered.into())
    }
}

pub(super) fn verify(call: &mut Call<'_>) -> Result<Answer, Refused> {
    let code = call.body.fields().text("code", 20..=20)?;
    // The live service's response to a wrong code is unknown. This documented failure fits best.
    let email = call.backend.state().registry.email_of_code(&code);
    let email = email.ok_or_else(|| {
        let why = "body.code is not the code of the latest e-mail to any address; GET /sandbox/mailbox lists the e-mails";
        Refused::new(Failure::NotRegistered, why)
    });
    let email = email?.to_owned();
    let issued = call.backend.issue_token(&email, call.now);
    Ok(wire::token_issued(&issued.token))
}

pub(super) fn renew_token(call: &mut Call<'_>) -> Result<Answer, Refused> {
    let email = email(call.body)?;
    if call.backend.state().registry.id(&email).is_none() {
        return Err(Failure::NotRegistered.into());
    }
    // It is unknown whether the live service revokes the old token. Here it stays valid until it expires.
    let issued = call.backend.issue_token(&email, call.now);
    Ok(wire::token_issued(&issued.token))
}
