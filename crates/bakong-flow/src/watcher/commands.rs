//! How a leader carries out commands: those of its own callers, and those of followers.

use bakong_api::Transport;
use bakong_api::khqr_core::Md5Handle;

use super::channels::Channels;
use super::command::{ChangeRequest, Command, CountRequest, OpenRequest};
use super::error::CommandError;
use super::leader::{Leader, Opening};
use super::persist::is_opening_of;
use crate::change::Change;
use crate::clock::Clock;
use crate::store::{self, CommandId, CommandResult};

impl<T: Transport + 'static, C: Clock + 'static> Leader<T, C> {
    /// Carries out the commands of this worker's callers.
    pub(super) fn handle_all(&mut self, commands: Vec<Command>, channels: &mut Channels) {
        for command in commands {
            // A caller that gave a payment up may open it again with its next command.
            while let Ok(md5) = channels.withdrawals.try_recv() {
                self.withdraw(&md5);
            }
            match command {
                // This worker handed the same payment to the last leader and is about to withdraw it.
                Command::Watch(request) if channels.remote.is_busy(&request.payment.md5) => {
                    channels.remote.open(request, None);
                }
                Command::Watch(request) => self.open(request),
                Command::Change(request) => self.change(request),
                Command::Count(request) => self.count(request),
                Command::NewToken(expires_at) => {
                    let now = self.context.clock.now();
                    self.tracker.set_token(expires_at, now);
                }
            }
        }
    }

    fn count(&mut self, request: CountRequest) {
        let now = self.context.clock.now();
        if !request.must_be_spare {
            self.tracker.add_external_usage(1, now);
        } else if let Err(until) = self.tracker.add_spare_usage(now) {
            let refusal = CommandError::NoQuota { until };
            let _ = request.reply.send(Err(refusal));
            return;
        }
        self.collect();
        self.draft.effects.counted.push(request.reply);
    }

    fn open(&mut self, request: OpenRequest) {
        if request.reply.is_closed() {
            return;
        }
        let md5 = request.payment.md5;
        if self.is_uncommitted(&md5) {
            let is_abandoned = self.opening.get(&md5).is_some_and(is_abandoned);
            if !(is_abandoned && self.is_in_draft(&md5)) {
                // The payment is known only if its first opening is committed and not withdrawn.
                self.deferred.push(request);
                return;
            }
            self.withdraw(&md5);
        }
        let now = self.context.clock.now();
        let opened = self
            .tracker
            .open((*request.payment).clone(), request.policy, now);
        match opened {
            Ok(()) => {
                let opening = Opening { request, at: now };
                self.opening.insert(md5, opening);
                self.collect();
            }
            // A caller that is gone does not need the reply.
            Err(error) => drop(request.reply.send(Err(error.into()))),
        }
    }

    fn change(&mut self, request: ChangeRequest) {
        if request.reply.is_closed() {
            return;
        }
        self.apply(&request.command);
        if let store::Command::Nudge { .. } = request.command {
            let _ = request.reply.send(Ok(()));
        } else {
            self.draft.effects.callers.push(request);
        }
    }

    /// Carries out the commands of followers. The next batch has their results.
    pub(super) fn carry_out(&mut self, commands: Vec<(CommandId, store::Command)>) {
        for (id, command) in commands {
            if let store::Command::Open { payment, .. } = &command
                && self.is_uncommitted(&payment.md5)
            {
                // The command stays pending until the first opening is committed or withdrawn.
                continue;
            }
            if self.taken.insert(id) {
                let result = self.apply(&command);
                self.collect();
                self.draft.contents.results.push((id, result));
            }
        }
    }

    fn apply(&mut self, command: &store::Command) -> CommandResult {
        let now = self.context.clock.now();
        match command {
            store::Command::Open { payment, policy } => {
                if let Err(error) = self.tracker.open((**payment).clone(), *policy, now) {
                    return CommandResult::Refused(error);
                }
            }
            store::Command::Nudge { md5 } => self.tracker.nudge(md5, now),
            store::Command::Cancel { md5 } => self.tracker.cancel(md5, now),
            store::Command::AddHash {
                md5,
                hash,
                short_hash,
            } => self
                .tracker
                .learn(md5, hash.clone(), short_hash.clone(), now),
            store::Command::Withdraw { md5 } => self.tracker.withdraw(md5, now),
        }
        CommandResult::Done
    }

    /// Withdraws a payment whose caller is gone.
    pub(super) fn withdraw(&mut self, md5: &Md5Handle) {
        self.collect();
        let in_draft = self.is_in_draft(md5);
        self.opening.remove(md5);
        self.tracker.withdraw(md5, self.context.clock.now());
        self.collect();
        if in_draft {
            // The store need not learn about a payment that was withdrawn before its commit. Earlier changes remain: the
            // code may have been opened, withdrawn and opened again.
            self.remove_last(|change| is_opening_of(change, md5));
            self.remove_last(
                |change| matches!(change, Change::Withdrawn { md5: withdrawn } if withdrawn == md5),
            );
        }
    }

    fn remove_last(&mut self, is_it: impl FnMut(&Change) -> bool) {
        let changes = &mut self.draft.contents.changes;
        if let Some(at) = changes.iter().rposition(is_it) {
            changes.remove(at);
        }
    }

    /// Withdraws the payments that are not being committed yet and whose callers are gone.
    pub(super) fn withdraw_abandoned(&mut self) {
        let abandoned = self.opening.iter();
        let abandoned = abandoned.filter(|(_, opening)| is_abandoned(opening));
        let abandoned: Vec<Md5Handle> = abandoned.map(|(md5, _)| *md5).collect();
        for md5 in abandoned {
            if self.is_in_draft(&md5) {
                self.withdraw(&md5);
            }
        }
    }

    /// Withdraws the payments that were committed for callers that are gone, and opens those again that another caller wants.
    pub(super) fn withdraw_unclaimed(&mut self) {
        for md5 in std::mem::take(&mut self.unclaimed) {
            self.withdraw(&md5);
        }
        for request in std::mem::take(&mut self.deferred) {
            self.open(request);
        }
    }

    /// Whether the payment was opened, and the store may not know it yet.
    fn is_uncommitted(&self, md5: &Md5Handle) -> bool {
        self.is_in_draft(md5) || self.committer.is_opening(md5)
    }

    /// Whether the opening of the payment waits for the next batch.
    fn is_in_draft(&self, md5: &Md5Handle) -> bool {
        let mut changes = self.draft.contents.changes.iter();
        changes.any(|change| is_opening_of(change, md5))
    }
}

fn is_abandoned(opening: &Opening) -> bool {
    opening.request.reply.is_closed()
}
