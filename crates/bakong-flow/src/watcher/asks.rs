//! The requests of a leader: polled from the tracker, sent after their commit, and answered.

use std::sync::Arc;
use std::time::Duration;

use bakong_api::Transport;
use bakong_api::transport::{TransportError, TransportErrorKind};
use tokio::task::{Id, JoinError};

use super::leader::Leader;
use super::persist::PendingAsk;
use super::request::{SendCount, send};
use crate::ask::{Question, Reply};
use crate::change::Change;
use crate::clock::Clock;
use crate::question::Answered;

/// How long a request may wait for its commit. After that, the tracker decides anew.
const MAX_ASK_AGE: Duration = Duration::from_secs(60);

impl<T: Transport + 'static, C: Clock + 'static> Leader<T, C> {
    /// Adds the requests that are due to the draft.
    pub(super) fn poll(&mut self) {
        while self.lease.is_valid()
            && let Some(ask) = self.tracker.poll(self.context.clock.now())
        {
            let before = self.draft.contents.changes.len();
            self.collect();
            let mut asked = self.draft.contents.changes[before..].iter();
            let md5 = asked.find_map(|change| match change {
                Change::Asked { md5, .. } => Some(*md5),
                _ => None,
            });
            let md5 = md5.filter(|_| !matches!(ask.question, Question::Md5List(_)));
            let asked_at = self.context.clock.now();
            self.draft
                .effects
                .asks
                .push(PendingAsk { ask, md5, asked_at });
        }
    }

    /// Sends a request whose commit has ended.
    pub(super) fn send(&mut self, PendingAsk { ask, md5, asked_at }: PendingAsk) {
        let now = self.context.clock.now();
        let is_fresh = now.saturating_since(asked_at) <= MAX_ASK_AGE;
        let is_stopping = *self.context.shared.stop.borrow();
        if !self.lease.is_valid() || !is_fresh || is_stopping {
            self.tracker.abandon(ask.ticket, 0, now);
            return;
        }
        let question = ask.question;
        tracing::debug!(?question, "sending a request");
        let count = SendCount::of(md5);
        let sent_at = self.context.counter.local_now();
        let session = Arc::clone(&self.context.session);
        let answered = send(session, question.clone(), count.clone(), self.lease.check());
        let answered = tokio::time::timeout(self.context.shared.settings.timeout, answered);
        let task = self
            .in_flight
            .spawn(async { answered.await.ok().flatten() });
        self.tickets
            .insert(task.id(), (ask.ticket, question, count, sent_at));
    }

    /// Passes the result of a request to the tracker.
    pub(super) fn complete(&mut self, result: Result<(Id, Option<Answered>), JoinError>) {
        let (id, answered) = match result {
            Ok((id, answered)) => (id, answered),
            Err(error) => (error.id(), None),
        };
        let Some((ticket, question, count, sent_at)) = self.tickets.remove(&id) else {
            return;
        };
        self.collect();
        let now = self.context.clock.now();
        let answered = if let Some(mut answered) = answered {
            let reply = std::mem::replace(&mut answered.reply, Reply::Renewal(Ok(None)));
            if let Some(at) = self.context.counter.revised(sent_at) {
                self.tracker.set_sent_at(ticket, at);
            }
            self.tracker.answer(ticket, count.get(), reply, now);
            answered
        } else {
            tracing::warn!("a request timed out");
            self.context.counter.stopped(id);
            self.tracker.abandon(ticket, count.get(), now);
            let reason = "the request timed out";
            question.failed_with(TransportError::new(TransportErrorKind::Timeout, reason))
        };
        let before = self.draft.contents.changes.len();
        self.collect();
        for change in &self.draft.contents.changes[before..] {
            if let Change::NoAnswer { md5, .. } = change
                && let Some(error) = answered.error_of(md5)
            {
                self.draft.effects.errors.insert(*md5, error);
            }
        }
    }
}
