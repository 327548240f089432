//! Applies the changes of a batch.

use bakong_flow::bakong_api::khqr_core::{Md5Handle, Timestamp};
use bakong_flow::bakong_api::{ShortHash, TransactionHash};
use bakong_flow::quota::WindowUsage;
use bakong_flow::store::{Conflict, EventKind, Rejected};
use bakong_flow::tracker::ListStatus;
use bakong_flow::{Change, OrderId, Outcome, Payment, Policy};
use rusqlite::params;

use super::failure::Failure;
use super::session::Session;
use crate::record::{Corrupt, Final, NewEvent, NewPayment, from_json, millis};

/// The changes of one batch, and the values of the registration that they change.
#[derive(Debug)]
pub(super) struct Changes<'s> {
    session: &'s Session<'s>,
    registration: i64,
    pub(super) last_event: i64,
    pub(super) usage: Option<WindowUsage>,
    /// The last status of lists in the batch.
    pub(super) lists: Option<ListStatus>,
}

impl<'s> Changes<'s> {
    pub(super) const fn new(
        session: &'s Session<'s>,
        registration: i64,
        last_event: i64,
        usage: Option<WindowUsage>,
    ) -> Self {
        Self {
            session,
            registration,
            last_event,
            usage,
            lists: None,
        }
    }

    /// Applies a change, or returns its rejection.
    pub(super) fn apply(&mut self, change: &Change) -> Result<Option<Rejected>, Failure> {
        match change {
            Change::Opened {
                payment,
                policy,
                at,
            } => return self.open(payment, policy, *at),
            Change::Finished {
                md5,
                order,
                outcome,
                at,
            } => return self.finish(md5, order, outcome, *at),
            Change::Asked { md5, at } => self.set_asked_at(md5, *at)?,
            Change::Learned {
                md5,
                hash,
                short_hash,
            } => self.learn(md5, hash.as_ref(), short_hash.as_ref())?,
            Change::Cancelled { md5 } => self.cancel(md5)?,
            Change::Withdrawn { md5 } => self.withdraw(md5)?,
            Change::PaidAgain {
                md5,
                order,
                transaction,
                hash,
                at,
            } => {
                let kind = EventKind::PaidAgain {
                    transaction: transaction.clone(),
                    hash: hash.clone(),
                };
                let event = NewEvent::paid_again(md5, order, &kind, *at)?;
                self.add_event(&event)?;
            }
            Change::Quota(usage) => {
                let merged = self.usage.map_or(*usage, |stored| stored.merge(*usage));
                self.usage = Some(merged);
            }
            Change::ListStatus(lists) => self.lists = Some(*lists),
            other if other.must_persist() => {
                return Err(Failure::Misuse(
                    "the store does not know a change; use the versions of bakong-flow and bakong-store that belong together"
                        .into(),
                ));
            }
            _ => {}
        }
        Ok(None)
    }

    fn open(
        &self,
        payment: &Payment,
        policy: &Policy,
        at: Timestamp,
    ) -> Result<Option<Rejected>, Failure> {
        let row = NewPayment::new(payment, policy, at)?;
        let inserted = self.session.execute(
            "INSERT INTO payments (registration, md5, order_id, amount, currency, recipient, opened_at, expires_at, \
             policy, code, merchant_id, bill_number, store_label, terminal_label, metadata, hash, short_hash) \
             SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17 \
             WHERE NOT EXISTS (SELECT 1 FROM payments WHERE registration = ?1 AND settled_order = ?3) \
             ON CONFLICT (registration, md5) DO NOTHING",
            params![
                self.registration,
                row.md5,
                row.order,
                row.amount,
                row.currency,
                row.recipient,
                row.opened_at,
                row.expires_at,
                row.policy,
                row.code,
                row.merchant_id,
                row.bill_number,
                row.store_label,
                row.terminal_label,
                row.metadata,
                row.hash,
                row.short_hash,
            ],
        )?;
        if inserted == 1 {
            return Ok(None);
        }
        let known = self.session.first(
            "SELECT 1 FROM payments WHERE registration = ?1 AND md5 = ?2",
            params![self.registration, row.md5],
            |_| Ok(()),
        )?;
        let conflict = known.map_or(Conflict::OrderSettled, |()| Conflict::Known);
        Ok(Some(Rejected::new(payment.md5, conflict)))
    }

    fn finish(
        &mut self,
        md5: &Md5Handle,
        order: &OrderId,
        outcome: &Outcome,
        at: Timestamp,
    ) -> Result<Option<Rejected>, Failure> {
        let row = Final::new(outcome, at)?;
        let updated = self.session.execute(
            "UPDATE payments SET status = ?3, outcome = ?4, finished_at = ?5, finish_event = ?6, \
             settled_order = CASE WHEN ?7 THEN order_id END, settled_hash = ?8 \
             WHERE registration = ?1 AND md5 = ?2 AND status = 'open'",
            params![
                self.registration,
                md5.as_bytes(),
                row.status,
                row.outcome,
                row.finished_at,
                self.last_event + 1,
                row.settles_order,
                row.settled_hash,
            ],
        );
        let conflict = match updated {
            Ok(0) => self.conflict_of_final(md5)?,
            Ok(_) => {
                self.add_event(&NewEvent::finished(md5, order, at))?;
                return Ok(None);
            }
            Err(failure) if failure.is_unique_violation() => {
                settled_conflict(self.session, self.registration, row.settled_hash.as_deref())?
            }
            Err(failure) => return Err(failure),
        };
        Ok(Some(Rejected::new(*md5, conflict)))
    }

    /// Returns why a payment that is not open cannot become final.
    fn conflict_of_final(&self, md5: &Md5Handle) -> Result<Conflict, Failure> {
        let outcome = self.session.first(
            "SELECT outcome FROM payments WHERE registration = ?1 AND md5 = ?2",
            params![self.registration, md5.as_bytes()],
            |row| row.get::<_, String>(0),
        )?;
        Ok(match outcome {
            None => Conflict::Unknown,
            Some(outcome) => Conflict::Final(from_json("payments.outcome", &outcome)?),
        })
    }

    fn set_asked_at(&self, md5: &Md5Handle, at: Timestamp) -> Result<(), Failure> {
        self.session.execute(
            "UPDATE payments SET asked_at = ?3 WHERE registration = ?1 AND md5 = ?2 AND status = 'open'",
            params![self.registration, md5.as_bytes(), millis(at)],
        )?;
        Ok(())
    }

    fn learn(
        &self,
        md5: &Md5Handle,
        hash: Option<&TransactionHash>,
        short_hash: Option<&ShortHash>,
    ) -> Result<(), Failure> {
        // Another worker may have stored the other hash.
        self.session.execute(
            "UPDATE payments SET hash = coalesce(?3, hash), short_hash = coalesce(?4, short_hash) \
             WHERE registration = ?1 AND md5 = ?2 AND status = 'open'",
            params![
                self.registration,
                md5.as_bytes(),
                hash.map(TransactionHash::as_str),
                short_hash.map(ShortHash::as_str),
            ],
        )?;
        Ok(())
    }

    fn cancel(&self, md5: &Md5Handle) -> Result<(), Failure> {
        self.session.execute(
            "UPDATE payments SET is_cancelled = 1 WHERE registration = ?1 AND md5 = ?2 AND status = 'open'",
            params![self.registration, md5.as_bytes()],
        )?;
        Ok(())
    }

    fn withdraw(&self, md5: &Md5Handle) -> Result<(), Failure> {
        self.session.execute(
            "DELETE FROM payments WHERE registration = ?1 AND md5 = ?2 AND status = 'open'",
            params![self.registration, md5.as_bytes()],
        )?;
        Ok(())
    }

    fn add_event(&mut self, event: &NewEvent<'_>) -> Result<(), Failure> {
        self.last_event += 1;
        insert_event(self.session, self.registration, self.last_event, event)
    }
}

/// Inserts event number `id` of a registration.
pub(super) fn insert_event(
    session: &Session<'_>,
    registration: i64,
    id: i64,
    event: &NewEvent<'_>,
) -> Result<(), Failure> {
    session.execute(
        "INSERT INTO events (registration, id, md5, order_id, kind, detail, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            registration,
            id,
            event.md5,
            event.order,
            event.kind,
            event.detail,
            event.at
        ],
    )?;
    Ok(())
}

/// Returns why a unique index rejected a payment that settles its order by the transaction with this hash.
pub(super) fn settled_conflict(
    session: &Session<'_>,
    registration: i64,
    hash: Option<&str>,
) -> Result<Conflict, Failure> {
    let order = session.first(
        "SELECT settled_order FROM payments WHERE registration = ?1 AND settled_hash = ?2",
        params![registration, hash],
        |row| row.get::<_, String>(0),
    )?;
    let Some(order) = order else {
        return Ok(Conflict::OrderSettled);
    };
    let order =
        OrderId::new(&order).map_err(|error| Corrupt::new("payments.settled_order", error))?;
    Ok(Conflict::TransactionSettledAnother { order })
}
