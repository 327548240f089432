//! Finding payments by what somebody may hold in hand of them, however many there are.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};

use crate::payment::Transfer;

/// What a payment can be found by. It need not be its alone.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Handle<'a> {
    /// The first eight digits of the hash.
    ShortHash(&'a str),
    ExternalRef(&'a str),
    InstructionRef(&'a str),
}

/// The places of payments, by a number made of each handle. Two handles may have one number, so whoever
/// looks something up looks at what was found, too.
#[derive(Default)]
pub(crate) struct Index {
    places: BTreeSet<(u64, usize)>,
    numbers: RandomState,
}

impl Index {
    pub(crate) fn enter(&mut self, payment: &Transfer, place: usize) {
        let short = payment.hash().get(..8).map(Handle::ShortHash);
        let external = Some(Handle::ExternalRef(payment.external_ref()));
        let instruction = payment.instruction_ref().map(Handle::InstructionRef);
        for handle in [short, external, instruction].into_iter().flatten() {
            self.places.insert((self.numbers.hash_one(handle), place));
        }
    }

    /// The places where a payment with this handle may be, in their order.
    pub(crate) fn places(&self, handle: Handle<'_>) -> impl Iterator<Item = usize> + use<'_> {
        let number = self.numbers.hash_one(handle);
        self.places
            .range((number, 0)..=(number, usize::MAX))
            .map(|(_, place)| *place)
    }
}
