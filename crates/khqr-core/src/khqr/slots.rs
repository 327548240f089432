//! Where the known fields stand: two bytes an end instead of a string slice, so that a read code is small
//! to make and to copy.

use crate::tlv::{Raw, Source};

/// Where a field's value stands in the text, if it does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Slot {
    start: u16,
    end: u16,
}

impl Default for Slot {
    /// An absent field.
    fn default() -> Self {
        Self {
            start: u16::MAX,
            end: 0,
        }
    }
}

impl Slot {
    #[inline]
    pub(super) fn of(field: Raw) -> Self {
        // No text is as long as 65,535 bytes: see `MAX_TEXT`.
        match (u16::try_from(field.value), u16::try_from(field.end)) {
            (Ok(start), Ok(end)) => Self { start, end },
            _ => Self::default(),
        }
    }

    #[inline]
    pub(super) const fn is_absent(self) -> bool {
        self.start > self.end
    }

    /// Where the value begins; past every text if it is absent.
    #[inline]
    pub(super) fn position(self) -> usize {
        usize::from(self.start)
    }

    #[inline]
    pub(super) fn read(self, source: Source<'_>) -> Option<&str> {
        if self.is_absent() {
            return None;
        }
        Some(source.slice(usize::from(self.start)..usize::from(self.end)))
    }
}

/// The known fields.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub(super) struct Slots {
    pub(super) payload_format: Slot,
    pub(super) point_of_initiation: Slot,
    pub(super) union_pay: Slot,
    pub(super) account_template: Slot,
    pub(super) account_detail: Slot,
    pub(super) acquiring_bank: Slot,
    pub(super) category_code: Slot,
    pub(super) currency: Slot,
    pub(super) amount: Slot,
    pub(super) country: Slot,
    pub(super) merchant_name: Slot,
    pub(super) merchant_city: Slot,
    pub(super) postal_code: Slot,
    pub(super) additional_data: Slot,
    pub(super) bill_number: Slot,
    pub(super) mobile_number: Slot,
    pub(super) store_label: Slot,
    pub(super) terminal_label: Slot,
    pub(super) purpose: Slot,
    pub(super) language_template: Slot,
    pub(super) language: Slot,
    pub(super) alternate_name: Slot,
    pub(super) alternate_city: Slot,
    pub(super) timestamps: Slot,
    pub(super) created: Slot,
    pub(super) expires: Slot,
}
