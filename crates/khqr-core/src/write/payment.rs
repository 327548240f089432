//! The amount and the timestamps of a dynamic code: checked and written here for the builder and for
//! `with_amount`.

use core::fmt;

use super::sink::Sink;
use crate::amount::Amount;
use crate::error::{Error, ErrorKind};
use crate::field_table::FieldId;
use crate::payload_amount::PayloadAmount;
use crate::timestamp::{DIGITS, Timestamp};

/// What makes a code one for a single payment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Payment {
    pub(super) amount: PayloadAmount,
    pub(super) created_at: Timestamp,
    pub(super) expires_at: Timestamp,
}

/// The fields that [`Payment::put_times`] writes into tag 99.
pub(super) const TIMES: [FieldId; 2] = [FieldId::Created, FieldId::Expires];

/// Their length, with tags and lengths.
pub(super) const TIMES_LEN: usize = TIMES.len() * (4 + DIGITS as usize);

impl Payment {
    pub(super) const fn amount(&self) -> Amount {
        self.amount.amount()
    }

    /// Checks that both times have 13 digits, and that the expiry is not before the creation.
    pub(super) fn check_times(&self) -> Result<(), Error> {
        for (time, id) in [
            (self.expires_at, FieldId::Expires),
            (self.created_at, FieldId::Created),
        ] {
            if !time.has_13_digits() {
                let kind = ErrorKind::WrongLength { expected: DIGITS };
                return Err(Error::at(kind, id.path()));
            }
        }
        if self.expires_at < self.created_at {
            let kind = ErrorKind::ExpiresBeforeCreation;
            return Err(Error::at(kind, FieldId::Expires.path()));
        }
        Ok(())
    }

    /// Writes the amount with its tag and length.
    #[inline]
    pub(super) fn put_amount(&self, sink: &mut impl Sink) -> fmt::Result {
        self.amount.put(|text| {
            sink.put_header(FieldId::Amount.tag(), text.len())?;
            sink.put(text)
        })
    }

    /// Writes the fields of tag 99, which have 13 digits each.
    #[inline]
    pub(super) fn put_times(&self, sink: &mut impl Sink) -> fmt::Result {
        for (id, time) in TIMES.iter().zip([self.created_at, self.expires_at]) {
            sink.put_header(id.tag(), usize::from(DIGITS))?;
            sink.put(&time.thirteen_digits())?;
        }
        Ok(())
    }
}
