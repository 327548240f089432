//! Proptest strategies that use the generators of `khqr-kit`. They generate a list of choices. Proptest shrinks the
//! list by truncating it: the missing choices count as 0, the simplest choice.

use khqr_kit::naive::writer::{Input, Payment};
use khqr_kit::{Random, generate};
use proptest::prelude::*;

/// More choices than most cases need.
const CHOICES: usize = 512;

fn random() -> impl Strategy<Value = Random> {
    // Seven of eight lists have the full length.
    let choices = prop::collection::vec(any::<u64>(), CHOICES);
    (0..8 * CHOICES, choices).prop_map(|(len, mut choices)| {
        choices.truncate(len);
        Random::recorded(choices)
    })
}

/// Texts of codes, most of them with a valid checksum.
pub(crate) fn code() -> impl Strategy<Value = String> {
    random().prop_map(|mut random| generate::code(&mut random))
}

/// Inputs for the builder.
pub(crate) fn input() -> impl Strategy<Value = Input> {
    random().prop_map(|mut random| generate::input(&mut random))
}

/// Payments to add to a code.
pub(crate) fn payment() -> impl Strategy<Value = Payment> {
    random().prop_map(|mut random| generate::payment(&mut random))
}
