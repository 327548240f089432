//! Which of several things that are wrong the official SDK would come upon first.

use khqr_core::ErrorKind;

use crate::commands::qr::refusal::Refusal;

/// The refusal that the SDK would give, of those that were noted.
#[derive(Default)]
pub(super) struct First(pub(super) Option<Refusal>);

impl First {
    /// Of one template's fields, the one that is noted first counts as the SDK's first.
    pub(super) fn note(&mut self, refusal: Refusal) {
        if self
            .0
            .as_ref()
            .is_none_or(|first| rank(&refusal) < rank(first))
        {
            self.0 = Some(refusal);
        }
    }

    /// What was read, or else the stand-in, with a note of why.
    pub(super) fn or<T>(&mut self, result: Result<T, Refusal>, stand_in: T) -> T {
        result.unwrap_or_else(|refusal| {
            self.note(refusal);
            stand_in
        })
    }
}

/// When the SDK looks at what is refused.
fn rank(refusal: &Refusal) -> u8 {
    let top = refusal.tag().map(|tag| tag.top().number());
    match (top, refusal.kind()) {
        // The SDK writes a template's length with three digits; it is found when all else is right.
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
