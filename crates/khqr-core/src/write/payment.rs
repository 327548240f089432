//! What makes a code one for a single payment.

use crate::amount::{Currency, PayloadAmount};
use crate::error::{Error, ErrorKind};
use crate::tag::{Tag, sub};
use crate::timestamp::Timestamp;

/// How much is to be paid, and from when to when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Payment {
    pub(super) amount: PayloadAmount,
    pub(super) created_at: Timestamp,
    pub(super) expires_at: Timestamp,
}

impl Payment {
    /// Both times have 13 digits, and the expiry is not before the creation.
    pub(super) fn check_times(&self) -> Result<(), Error> {
        let times = Tag::TIMESTAMPS;
        for (moment, tag) in [
            (self.expires_at, sub::EXPIRES),
            (self.created_at, sub::CREATED),
        ] {
            if !moment.has_13_digits() {
                let kind = ErrorKind::WrongLength { expected: 13 };
                return Err(Error::at(kind, times.sub(tag)));
            }
        }
        if self.expires_at < self.created_at {
            let kind = ErrorKind::ExpiresBeforeCreation;
            return Err(Error::at(kind, times.sub(sub::EXPIRES)));
        }
        Ok(())
    }
}

/// Whether a code is printed and paid again and again, or is for one payment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Validity {
    Static(Currency),
    Dynamic(Payment),
}

impl Validity {
    pub(super) const fn currency(self) -> Currency {
        match self {
            Self::Static(currency) => currency,
            Self::Dynamic(payment) => payment.amount.amount().currency(),
        }
    }

    pub(super) fn check_amount(self) -> Result<(), Error> {
        match self {
            Self::Static(_) => Ok(()),
            Self::Dynamic(payment) => payment.amount.check(),
        }
    }

    pub(super) fn check_times(self) -> Result<(), Error> {
        match self {
            Self::Static(_) => Ok(()),
            Self::Dynamic(payment) => payment.check_times(),
        }
    }
}
