//! Who may have a token: e-mail addresses, the codes sent to them, and which of them were verified.

use std::collections::{BTreeMap, HashMap};

use khqr_core::Timestamp;

use crate::entropy::Entropy;
use crate::keep::Change;

/// An e-mail that the sandbox sent, to a mailbox that only tests can read.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Mail {
    /// When it was sent, on the sandbox's clock.
    pub sent_at: Timestamp,
    /// The 20 characters that `POST /v1/verify` takes, once.
    pub code: String,
}

#[derive(Default)]
pub(crate) struct Registry {
    by_email: BTreeMap<String, Registration>,
    /// The address that a code was sent to, for codes that are still good.
    by_code: HashMap<String, String>,
    /// What a state file has not been told yet.
    news: Vec<Change>,
}

#[derive(Default)]
struct Registration {
    mailbox: Vec<Mail>,
    /// The id that tokens carry; an address is registered once it has one.
    id: Option<String>,
}

impl Registry {
    /// Sends a code to `email`, unless it is registered. A code that was sent before is good no more, so
    /// that whoever lost a mail can ask again.
    pub(crate) fn request(&mut self, email: &str, now: Timestamp, entropy: &mut Entropy) -> bool {
        if self.id(email).is_some() {
            return false;
        }
        let code = entropy.verification_code();
        self.receive(email, Mail { sent_at: now, code });
        true
    }

    /// Puts `mail` into the mailbox of `email`.
    pub(crate) fn receive(&mut self, email: &str, mail: Mail) {
        self.news.push(Change::mail(email, &mail));
        let registration = self.by_email.entry(email.to_owned()).or_default();
        if let Some(last) = registration.mailbox.last() {
            self.by_code.remove(&last.code);
        }
        self.by_code.insert(mail.code.clone(), email.to_owned());
        registration.mailbox.push(mail);
    }

    /// Registers the address that `code` was sent to, and gives the id for its token.
    pub(crate) fn verify(&mut self, code: &str, entropy: &mut Entropy) -> Option<&str> {
        let email = self.by_code.remove(code)?;
        Some(self.register(&email, entropy))
    }

    /// Registers `email` without asking it, and gives the id for its token.
    pub(crate) fn register(&mut self, email: &str, entropy: &mut Entropy) -> &str {
        self.register_as(email, || entropy.registration_id())
    }

    /// The same with an id of the caller's, which is needed if it is not registered yet.
    pub(crate) fn register_as(&mut self, email: &str, id: impl FnOnce() -> String) -> &str {
        let registration = self.by_email.entry(email.to_owned()).or_default();
        if let Some(last) = registration.mailbox.last() {
            self.by_code.remove(&last.code);
        }
        registration.id.get_or_insert_with(|| {
            let id = id();
            self.news.push(Change::registered(email, &id));
            id
        })
    }

    /// What has changed since this was asked last.
    pub(crate) fn take_news(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.news)
    }

    /// The id of a registered address.
    pub(crate) fn id(&self, email: &str) -> Option<&str> {
        self.by_email.get(email)?.id.as_deref()
    }

    /// The registered addresses with their ids, in the order of the alphabet.
    pub(crate) fn registered(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.by_email.iter();
        all.filter_map(|(email, it)| Some((email.as_str(), it.id.as_deref()?)))
    }

    /// Every mail with the address that it was sent to.
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
