//! Registration, verification and renewal.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use khqr_core::Timestamp;

use super::body::Body;
use crate::backend::Backend;
use crate::wire::{self, Answer, Failure};

/// The number of characters of an e-mail address.
pub(crate) const EMAIL: RangeInclusive<usize> = 1..=30;

/// The address of a renewal.
pub(super) fn email(body: Body<'_>) -> Result<Cow<'_, str>, Failure> {
    body.fields().text("email", EMAIL)
}

pub(super) fn request_token(
    backend: &mut Backend,
    body: Body<'_>,
    now: Timestamp,
) -> Result<Answer, Failure> {
    let fields = body.fields();
    let email = fields.text("email", EMAIL)?;
    fields.text("organization", 1..=100)?;
    fields.text("project", 1..=100)?;
    if backend.request_token(&email, now) {
        Ok(wire::email_sent())
    } else {
        Err(Failure::EmailRegistered)
    }
}

pub(super) fn verify(
    backend: &mut Backend,
    body: Body<'_>,
    now: Timestamp,
) -> Result<Answer, Failure> {
    let code = body.fields().text("code", 20..=20)?;
    // The live service's response to a wrong code is unknown. This documented failure fits best.
    let email = backend.state().registry.email_of_code(&code);
    let email = email.ok_or(Failure::NotRegistered)?.to_owned();
    let issued = backend.issue_token(&email, now);
    Ok(wire::token_issued(&issued.token))
}

pub(super) fn renew_token(
    backend: &mut Backend,
    body: Body<'_>,
    now: Timestamp,
) -> Result<Answer, Failure> {
    let email = email(body)?;
    if backend.state().registry.id(&email).is_none() {
        return Err(Failure::NotRegistered);
    }
    // It is unknown whether the live service revokes the old token. Here it stays valid until it expires.
    let issued = backend.issue_token(&email, now);
    Ok(wire::token_issued(&issued.token))
}
