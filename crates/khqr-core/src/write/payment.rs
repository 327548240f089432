//! The amount and the timestamps of a dynamic code: checked and written here for the builder and for
//! `with_amount`.

use core::fmt;

use super::sink::Sink;
use crate::currency::Currency;
use crate::error::{Error, ErrorKind};
use crate::field_table::FieldId;
use crate::payload_amount::PayloadAmount;
use crate::timestamp::{DIGITS, Timestamp};

/// The fields that limit a code to a single payment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Payment {
    amount: PayloadAmount,
    created_at: Timestamp,
    expires_at: Timestamp,
}

impl Payment {
    /// The fields of tag 99 that this type writes.
    pub(super) const TIMES: [FieldId; 2] = [FieldId::Created, FieldId::Expires];

    /// The largest length of these fields, including their tags and lengths.
    pub(super) const MAX_TIMES_LEN: usize = Self::TIMES.len() * (4 + DIGITS as usize);

    pub(super) const fn new(
        amount: PayloadAmount,
        created_at: Timestamp,
        expires_at: Timestamp,
    ) -> Self {
        Self {
            amount,
            created_at,
            expires_at,
        }
    }

    pub(super) const fn currency(&self) -> Currency {
        self.amount.amount().currency()
    }

    pub(super) fn amount_len(&self) -> usize {
        self.amount.len()
    }

    /// The length of the fields of tag 99, including their tags and lengths.
    pub(super) const fn times_len(&self) -> usize {
        Self::MAX_TIMES_LEN
    }

    /// Checks that the amount is above zero and not too long.
    pub(super) fn check_amount(&self) -> Result<(), Error> {
        self.amount.check()
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
        for (id, time) in Self::TIMES.iter().zip([self.created_at, self.expires_at]) {
            sink.put_header(id.tag(), usize::from(DIGITS))?;
            sink.put(&time.thirteen_digits())?;
        }
        Ok(())
    }
}
