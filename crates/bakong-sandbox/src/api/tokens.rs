//! Registration, verification and renewal.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use khqr_core::Timestamp;

use super::body::Body;
use crate::control::view;
use crate::events::Event;
use crate::state::State;
use crate::wire::{self, Answer, Failure};

/// How many characters an e-mail address may have.
const EMAIL: RangeInclusive<usize> = 1..=30;

/// The address that a renewal is for.
pub(super) fn email(body: Body<'_>) -> Result<Cow<'_, str>, Failure> {
    body.fields().text("email", EMAIL)
}

impl State {
    pub(super) fn request_token(
        &mut self,
        body: Body<'_>,
        now: Timestamp,
    ) -> Result<Answer, Failure> {
        let fields = body.fields();
        let email = fields.text("email", EMAIL)?;
        fields.text("organization", 1..=100)?;
        fields.text("project", 1..=100)?;
        if self.registry.request(&email, now, &mut self.entropy) {
            let registry = &self.registry;
            self.events
                .tell(Event::Mail, || view::last_mail(registry, &email));
            Ok(wire::email_sent())
        } else {
            Err(Failure::EmailRegistered)
        }
    }

    pub(super) fn verify(&mut self, body: Body<'_>, now: Timestamp) -> Result<Answer, Failure> {
        let code = body.fields().text("code", 20..=20)?;
        // What the live service says to a wrong code is not known; of the documented failures this fits.
        let id = self.registry.verify(&code, &mut self.entropy);
        let id = id.ok_or(Failure::NotRegistered)?;
        let token = self.token_key.issue(id, now).token;
        self.tell_of_quota();
        Ok(wire::token_issued(&token))
    }

    pub(super) fn renew_token(
        &mut self,
        body: Body<'_>,
        now: Timestamp,
    ) -> Result<Answer, Failure> {
        let email = email(body)?;
        let id = self.registry.id(&email).ok_or(Failure::NotRegistered)?;
        // Whether the old token dies is not known; here it lives on to its own expiry.
        let token = self.token_key.issue(id, now).token;
        self.tell_of_quota();
        Ok(wire::token_issued(&token))
    }
}
