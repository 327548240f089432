//! The positions of the known fields in the text. A position is smaller than a string slice, so that a
//! `Khqr` is cheap to create and to copy.

use core::ops::{Index, IndexMut};

use crate::field_table::{FIELD_COUNT, FieldId};
use crate::tlv::{Raw, Source};

/// The position of a field's value. No value starts at byte 0, so a start of 0 means that the field is
/// absent.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub(super) struct Slot {
    /// The index of the first byte of the value.
    pub(super) start: u16,
    /// The index of the byte after the value.
    pub(super) end: u16,
}

impl Slot {
    #[inline]
    pub(super) const fn of(field: Raw) -> Self {
        Self {
            start: field.value,
            end: field.end,
        }
    }

    #[inline]
    pub(super) const fn is_absent(self) -> bool {
        self.start == 0
    }

    /// The index of the first byte of the field, four bytes before the value: tag and length have two digits each.
    #[inline]
    pub(super) const fn field_start(self) -> u16 {
        self.start.saturating_sub(4)
    }

    #[inline]
    pub(super) fn read(self, source: Source<'_>) -> Option<&str> {
        if self.is_absent() {
            return None;
        }
        Some(source.slice(self.start, self.end))
    }

    /// The bytes of the value; empty if the field is absent.
    #[inline]
    pub(super) fn bytes(self, source: Source<'_>) -> &[u8] {
        source.bytes(self.start, self.end)
    }

    /// The length of the value in UTF-16 code units, taken from the length digits before the value.
    #[inline]
    pub(super) fn units(self, source: Source<'_>) -> u16 {
        if source.plain {
            return self.end - self.start;
        }
        match source.bytes(self.field_start(), self.start) {
            [_, _, high, low] => {
                u16::from(high.wrapping_sub(b'0')) * 10 + u16::from(low.wrapping_sub(b'0'))
            }
            _ => 0,
        }
    }
}

/// A slot for each row of the field table.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Slots([Slot; FIELD_COUNT]);

impl Slots {
    pub(super) const EMPTY: Self = Self([Slot { start: 0, end: 0 }; FIELD_COUNT]);
}

impl Index<FieldId> for Slots {
    type Output = Slot;

    #[inline]
    fn index(&self, field: FieldId) -> &Slot {
        &self.0[field as usize]
    }
}

impl IndexMut<FieldId> for Slots {
    #[inline]
    fn index_mut(&mut self, field: FieldId) -> &mut Slot {
        &mut self.0[field as usize]
    }
}
