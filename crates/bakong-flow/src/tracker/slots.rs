//! The open payments, packed: there may be a million.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use bakong_api::khqr_core::{AccountIdBuf, Amount, Md5Handle, Timestamp};
use bakong_api::{ShortHash, Transaction, TransactionHash};

use crate::payment::{OrderId, Payment};
use crate::policy::Policy;
use crate::quota::Day;
use crate::settlement::Expected;

use super::interned::Interned;

/// An open payment. Times are milliseconds since 1970.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) md5: Md5Handle,
    pub(super) order: OrderId,
    pub(super) amount: Amount,
    pub(super) opened_at: u64,
    pub(super) expires_at: u64,
    /// When it was last asked about; 0 for never.
    pub(super) asked_at: u64,
    pub(super) due: Due,
    /// From when on its last check is due: the expiry and the grace, or later if that failed.
    pub(super) last_due: u64,
    /// The number of the request that asks about it; 0 if none does.
    pub(super) out: u64,
    /// What it can be asked by beside the MD5.
    pub(super) hashes: Option<Box<Hashes>>,
    recipient: u32,
    policy: u32,
    /// Failures in a row that were this payment's own.
    pub(super) failures: u8,
    pub(super) nudges: u8,
    pub(super) way: Way,
    /// The ways by which its last check found nothing.
    pub(super) tried: Ways,
    /// The ways whose answers could not be read, while another is left.
    pub(super) unread: Ways,
    /// The ways that had their turn before it: the MD5 always has, and a hash once.
    pub(super) had_turn: Ways,
    pub(super) is_cancelled: bool,
    /// The request that is out asks by a hash for which another was learned since.
    pub(super) is_outdated: bool,
    /// A list could not say it: it is asked about by itself.
    pub(super) alone: bool,
}

impl Hashes {
    pub(super) const fn new(hash: Option<TransactionHash>, short_hash: Option<ShortHash>) -> Self {
        Self {
            hash,
            short_hash,
            set_aside: (Day(0), 0),
            found: None,
        }
    }

    const fn is_any(&self) -> bool {
        self.hash.is_some() || self.short_hash.is_some()
    }
}

/// When an open payment is asked about next. Moments are milliseconds since 1970.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Due {
    /// Not before its last check.
    AtLast,
    /// At this moment, before its last check.
    Early(u64),
    /// Its last check is due, and can wait until this moment to share a request.
    Ripe(u64),
}

/// What a payment can be asked by beside its MD5.
#[derive(Clone, Debug)]
pub(super) struct Hashes {
    pub(super) hash: Option<TransactionHash>,
    pub(super) short_hash: Option<ShortHash>,
    /// How many requests are set aside for last checks by them, and on which day.
    pub(super) set_aside: (Day, u32),
    /// What one of them found before the last check.
    pub(super) found: Option<Box<Transaction>>,
}

/// How a payment is asked about next, in the order in which they are tried.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Way {
    Md5,
    Hash,
    ShortHash,
}

impl Slot {
    /// Whether a request that asks about it is out.
    pub(super) const fn is_out(&self) -> bool {
        self.out != 0
    }

    /// Whether its last check is due.
    pub(super) const fn is_ripe(&self) -> bool {
        matches!(self.due, Due::Ripe(_))
    }

    /// When it is due next, at the latest.
    pub(super) fn next(&self) -> u64 {
        match self.due {
            Due::Early(at) => at.min(self.last_due),
            Due::AtLast => self.last_due,
            Due::Ripe(latest) => latest,
        }
    }

    /// Whether it cannot be asked about together with others.
    pub(super) fn stands_alone(&self) -> bool {
        self.alone || self.way != Way::Md5
    }

    /// The ways to ask about it of which these do not have each, in the order in which they are tried.
    fn ways_but(&self, these: Ways) -> impl Iterator<Item = Way> {
        let hashes = self.hashes.as_deref();
        let ways = [
            Some(Way::Md5),
            hashes
                .and_then(|hashes| hashes.hash.as_ref())
                .map(|_| Way::Hash),
            hashes
                .and_then(|hashes| hashes.short_hash.as_ref())
                .map(|_| Way::ShortHash),
        ];
        ways.into_iter()
            .flatten()
            .filter(move |way| !these.has(*way))
    }

    /// Another hash is known than before: what this way finds is not.
    pub(super) fn forget(&mut self, way: Way) {
        self.tried.remove(way);
        self.unread.remove(way);
        self.had_turn.remove(way);
        if let Some(hashes) = &mut self.hashes {
            hashes.found = None;
        }
        self.is_outdated |= self.is_out() && self.way == way;
    }

    /// The next way for its last check to try: one that cannot be read comes after the others.
    pub(super) fn next_way(&self) -> Option<Way> {
        let mut untried = self.ways_but(self.tried);
        let readable = untried.find(|way| !self.unread.has(*way));
        readable.or_else(|| self.ways_but(self.tried).next())
    }

    /// The answer by the present way cannot be read: another has its turn. Says whether there is another.
    pub(super) fn is_unread(&mut self, is_last: bool) -> bool {
        let before = self.way;
        let is_found = self
            .hashes
            .as_ref()
            .is_some_and(|hashes| hashes.found.is_some());
        if is_found {
            // Only the MD5 is left to ask by.
            return false;
        }
        if !is_last {
            self.had_turn.add(before);
            self.way = self.early_way();
            return self.way != before;
        }
        self.unread.add(before);
        let is_another = self.ways_but(self.tried).any(|way| !self.unread.has(way));
        if !is_another {
            // All of them again, in a while.
            self.unread = Ways::default();
        }
        self.way = self.next_way().unwrap_or(Way::Md5);
        is_another
    }

    /// The way to ask before its last check: a hash that has had no turn, else the MD5.
    pub(super) fn early_way(&self) -> Way {
        self.ways_but(self.had_turn).next().unwrap_or(Way::Md5)
    }

    /// How many requests its last check may still take beside the one for the MD5.
    pub(super) fn hashes_left(&self) -> u32 {
        let left = self.ways_but(self.tried).filter(|way| *way != Way::Md5);
        left.fold(0, |count, _| count + 1)
    }
}

/// Some of the ways to ask.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Ways(u8);

impl Ways {
    /// All there are.
    pub(super) const ALL: Self = Self(0b111);

    pub(super) const fn has(self, way: Way) -> bool {
        self.0 & 1 << way as u8 != 0
    }

    pub(super) const fn add(&mut self, way: Way) {
        self.0 |= 1 << way as u8;
    }

    const fn remove(&mut self, way: Way) {
        self.0 &= !(1 << way as u8);
    }
}

/// The open payments by place and by MD5, and what many of them have in common.
#[derive(Clone, Default, Debug)]
pub(super) struct Slots {
    slots: Vec<Option<Slot>>,
    free: Vec<u32>,
    by_md5: HashMap<Md5Handle, u32, BuildHasherDefault<Md5Hasher>>,
    recipients: Interned<AccountIdBuf>,
    policies: Interned<Policy>,
}

impl Slots {
    pub(super) fn len(&self) -> usize {
        self.by_md5.len()
    }

    pub(super) fn find(&self, md5: &Md5Handle) -> Option<u32> {
        self.by_md5.get(md5).copied()
    }

    pub(super) fn get(&self, place: u32) -> Option<&Slot> {
        self.slots.get(place as usize)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, place: u32) -> Option<&mut Slot> {
        self.slots.get_mut(place as usize)?.as_mut()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Slot)> {
        let places = 0u32..;
        let slots = places.zip(&self.slots);
        slots.filter_map(|(place, slot)| Some((place, slot.as_ref()?)))
    }

    /// Puts a payment in. `None` if there are four thousand million.
    pub(super) fn insert(
        &mut self,
        payment: Payment,
        policy: Policy,
        opened_at: Timestamp,
    ) -> Option<u32> {
        let place = match self.free.pop() {
            Some(place) => place,
            None => {
                let place = u32::try_from(self.slots.len()).ok()?;
                self.slots.push(None);
                place
            }
        };
        let hashes = Hashes::new(payment.hash, payment.short_hash);
        let deadline = payment.expires_at.saturating_add(policy.grace.after_expiry);
        let slot = Slot {
            md5: payment.md5,
            order: payment.order,
            amount: payment.expected.amount,
            opened_at: opened_at.as_millis(),
            expires_at: payment.expires_at.as_millis(),
            asked_at: 0,
            due: Due::AtLast,
            last_due: deadline.as_millis(),
            out: 0,
            hashes: hashes.is_any().then(|| Box::new(hashes)),
            recipient: self.recipients.add(payment.expected.recipient),
            policy: self.policies.add(policy),
            failures: 0,
            nudges: 0,
            way: Way::Md5,
            tried: Ways::default(),
            unread: Ways::default(),
            // What is known beforehand is for the last check; what is learned has its turn at once.
            had_turn: Ways::ALL,
            is_cancelled: false,
            is_outdated: false,
            alone: false,
        };
        self.by_md5.insert(slot.md5, place);
        if let Some(room) = self.slots.get_mut(place as usize) {
            *room = Some(slot);
        }
        Some(place)
    }

    pub(super) fn remove(&mut self, place: u32) -> Option<Slot> {
        let slot = self.slots.get_mut(place as usize)?.take()?;
        self.by_md5.remove(&slot.md5);
        self.recipients.remove(slot.recipient);
        self.policies.remove(slot.policy);
        self.free.push(place);
        Some(slot)
    }

    pub(super) fn policy(&self, slot: &Slot) -> Policy {
        let policy = self.policies.get(slot.policy);
        policy.copied().unwrap_or(Policy::COUNTER)
    }

    /// Whether an entry of the timers of early checks holds.
    pub(super) fn is_due(&self, at: u64, place: u32) -> bool {
        let slot = self.get(place);
        slot.is_some_and(|slot| slot.due == Due::Early(at) && !slot.is_out())
    }

    /// Whether an entry of the timers of last checks holds.
    pub(super) fn ripens(&self, at: u64, place: u32) -> bool {
        let slot = self.get(place);
        slot.is_some_and(|slot| slot.last_due == at && !slot.is_ripe())
    }

    /// The expiry and the grace.
    pub(super) fn deadline(&self, slot: &Slot) -> Timestamp {
        let expires_at = Timestamp::from_millis(slot.expires_at);
        expires_at.saturating_add(self.policy(slot).grace.after_expiry)
    }

    pub(super) fn expected(&self, slot: &Slot) -> Option<Expected> {
        let recipient = self.recipients.get(slot.recipient)?.clone();
        Some(Expected::new(slot.amount, recipient))
    }

    /// The payment as it was opened, with what was learned since.
    pub(super) fn payment(&self, slot: &Slot) -> Option<Payment> {
        let expires_at = Timestamp::from_millis(slot.expires_at);
        let expected = self.expected(slot)?;
        let hashes = slot.hashes.as_deref();
        Some(Payment {
            hash: hashes.and_then(|hashes| hashes.hash.clone()),
            short_hash: hashes.and_then(|hashes| hashes.short_hash.clone()),
            ..Payment::new(slot.order.clone(), slot.md5, expected, expires_at)
        })
    }
}

/// An MD5 is as good a hash as any: its halves, one over the other.
#[derive(Default)]
struct Md5Hasher(u64);

impl Hasher for Md5Hasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for (at, byte) in bytes.iter().enumerate() {
            self.0 ^= u64::from(*byte) << (at % 8 * 8);
        }
    }
}
