//! Selects the error that the official SDK would report.

use khqr_core::ErrorKind;

use crate::common::refusal::Refusal;

/// The noted error that the SDK would report first.
#[derive(Default)]
pub(super) struct Earliest(pub(super) Option<Refusal>);

impl Earliest {
    /// Notes an error. Of two errors with the same rank, the first one wins.
    pub(super) fn note(&mut self, refusal: Refusal) {
        let is_earlier = |other: &Refusal| rank(&refusal) < rank(other);
        if self.0.as_ref().is_none_or(is_earlier) {
            self.0 = Some(refusal);
        }
    }

    /// The value, or `placeholder` after noting the error.
    pub(super) fn or<T>(&mut self, result: Result<T, Refusal>, placeholder: T) -> T {
        result.unwrap_or_else(|refusal| {
            self.note(refusal);
            placeholder
        })
    }
}

/// The position of an error in the SDK's order of checks.
fn rank(refusal: &Refusal) -> u8 {
    let top = refusal.tag().map(|tag| tag.top().number());
    match (top, refusal.kind()) {
        // The SDK writes a template of 100 characters or more with a length of three digits. It checks this last.
        (_, kind) if kind == ErrorKind::TemplateTooLong.name() => u8::MAX,
        (_, kind) if kind == ErrorKind::UnionPayInUsd.name() => 4,
        (Some(15), _) => 0,
        (Some(29 | 30), _) => 1,
        (Some(52), _) => 2,
        (Some(53), _) => 3,
        (Some(54), _) => 5,
        (Some(59), _) => 6,
        (Some(60), _) => 7,
        (Some(62), _) => 8,
        (Some(64), _) => 9,
        _ => 10,
    }
}
