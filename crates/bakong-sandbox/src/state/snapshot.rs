//! The changes that turn a new state into a given one.

use super::{Change, State};

impl State {
    /// The changes that turn a new state with the same seed into this one. They end with
    /// [`Change::Complete`].
    pub(crate) fn snapshot(&self) -> impl Iterator<Item = Change> {
        let settings = [
            Change::token_key(self.token_key.bytes()),
            Change::Drawn(self.entropy.drawn()),
            Change::Clock(self.clock.setting()),
            Change::quota_limit(self.quota.limit),
            Change::FaultDraws(self.faults.draws()),
        ];
        let mails = self.registry.mails().map(|(email, mail)| Change::Mail {
            email: email.to_owned(),
            sent_at: mail.sent_at,
            code: mail.code.clone(),
        });
        let registered = self
            .registry
            .registered()
            .map(|(email, id)| Change::Registered {
                email: email.to_owned(),
                id: id.to_owned(),
            });
        let issued = self
            .token_key
            .issued()
            .map(|(id, iat, exp)| Change::Issued {
                id: id.to_owned(),
                iat,
                exp,
            });
        let accounts = self.ledger.accounts().cloned().map(Change::Account);
        let orders = self
            .ledger
            .orders()
            .map(|order| Change::Order(Box::new(order.clone())));
        let settled = self.ledger.settled().map(Change::Settled);
        let static_codes = self.ledger.static_codes().map(Change::StaticCode);
        let open_codes = self.open_codes.sorted().into_iter().cloned();
        let links = self.links.iter().map(|(id, code)| Change::Link {
            id: id.to_owned(),
            qr: code.to_owned(),
        });
        let used = self.quota.iter().map(|(id, used)| Change::Used {
            id: id.to_owned(),
            used,
        });
        let faults = self.faults.iter().map(|(number, fault)| Change::Fault {
            number,
            rule: Box::new(fault.clone()),
        });
        let end = [
            Change::LastFault(self.faults.last_number()),
            Change::Complete,
        ];
        settings
            .into_iter()
            .chain(mails)
            .chain(registered)
            .chain(issued)
            .chain(accounts)
            .chain(orders)
            .chain(settled)
            .chain(static_codes)
            .chain(open_codes.map(Change::OpenCode))
            .chain(links)
            .chain(used)
            .chain(faults)
            .chain(end)
    }
}
