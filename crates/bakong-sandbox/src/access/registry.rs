//! Registered e-mail addresses, and the verification codes that were mailed to them.

use std::collections::BTreeMap;

use khqr_core::Timestamp;

/// An e-mail that the sandbox sent. It is delivered only to a mailbox inside the sandbox.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Mail {
    /// The time at which the e-mail was sent, on the sandbox's clock.
    pub sent_at: Timestamp,
    /// The 20-character code that `POST /v1/verify` accepts once.
    pub code: String,
}

#[derive(Default)]
pub(crate) struct Registry {
    by_email: BTreeMap<String, Registration>,
}

#[derive(Default)]
struct Registration {
    mailbox: Vec<Mail>,
    /// The ID that tokens contain. An address is registered once it has one.
    id: Option<String>,
}

/// Modifications, which only `State::apply` calls.
impl Registry {
    /// Delivers an e-mail. Its code replaces the previous one, so that a lost e-mail can be requested again.
    pub(crate) fn deliver(&mut self, email: &str, mail: Mail) {
        let registration = self.by_email.entry(email.to_owned()).or_default();
        registration.mailbox.push(mail);
    }

    /// Registers `email` with this ID. Its verification code becomes invalid.
    pub(crate) fn register(&mut self, email: &str, id: &str) {
        let registration = self.by_email.entry(email.to_owned()).or_default();
        registration.id = Some(id.to_owned());
    }
}

impl Registry {
    /// The ID of a registered address.
    pub(crate) fn id(&self, email: &str) -> Option<&str> {
        self.by_email.get(email)?.id.as_deref()
    }

    /// The address that a valid verification code was sent to.
    pub(crate) fn email_of_code(&self, code: &str) -> Option<&str> {
        let mut all = self.by_email.iter();
        let is_valid = |it: &Registration| {
            it.id.is_none() && it.mailbox.last().is_some_and(|mail| mail.code == code)
        };
        all.find_map(|(email, it)| is_valid(it).then_some(email.as_str()))
    }

    /// The registered addresses with their IDs, in alphabetical order.
    pub(crate) fn registered(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.by_email.iter();
        all.filter_map(|(email, it)| Some((email.as_str(), it.id.as_deref()?)))
    }

    /// Every e-mail with its recipient.
    pub(crate) fn mails(&self) -> impl Iterator<Item = (&str, &Mail)> {
        let all = self.by_email.iter();
        all.flat_map(|(email, it)| it.mailbox.iter().map(|mail| (email.as_str(), mail)))
    }

    pub(crate) fn mailbox(&self, email: &str) -> &[Mail] {
        self.by_email
            .get(email)
            .map_or(&[], |registration| &registration.mailbox)
    }
}
