//! Verification: the rules of SDK 1.0.20 for a payable code, and the stricter rules of this crate.

use super::code::Khqr;
use crate::amount::Amount;
use crate::currency::Currency;
use crate::error::{Error, ErrorKind};
use crate::field_table::{FieldId, TEXTS};
use crate::rules;
use crate::timestamp::Timestamp;

/// The payment that a payable code asks for. Returned by [`Khqr::verify`].
///
/// Tips and fees (55 to 57) are not included. NBC's SDK ignores them, and no document says that Bakong
/// charges them. See [`Khqr::tip_or_convenience_indicator`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct Payable {
    /// The currency of the payment.
    pub currency: Currency,
    /// The amount; `None` if the payer chooses it.
    pub amount: Option<Amount>,
    /// The last moment at which the code may be paid; `None` if the code has no amount.
    pub expires_at: Option<Timestamp>,
}

/// The required fields, in the order in which the SDK checks them.
static REQUIRED: [FieldId; 6] = [
    FieldId::PayloadFormat,
    FieldId::CategoryCode,
    FieldId::Currency,
    FieldId::Country,
    FieldId::MerchantName,
    FieldId::MerchantCity,
];

impl Khqr<'_> {
    /// Checks whether the code may be paid at the moment `now`, and returns what it asks for.
    ///
    /// Applies the rules of the official SDK 1.0.20 in the SDK's order:
    ///
    /// 1. A dynamic code has an amount (54), and a code with an amount has timestamps (99).
    /// 2. The required fields are present: 00, 52, 53, 58, 59, 60.
    /// 3. Each value is valid, in the order of the text. Inside a template, the order is that of the standard,
    ///    but missing fields come first in 64, and the expiry comes first in 99.
    ///
    /// The account was checked during parsing. This method also rejects codes that the SDK accepts:
    ///
    /// - a format indicator other than `01`, and a country other than `KH`;
    /// - a category code of fewer than four digits;
    /// - an amount of zero, or one that is not a plain number in its currency;
    /// - a language of one character, and a second name or city without a language;
    /// - control characters;
    /// - a creation time that is not a number, and an amount without an expiry.
    ///
    /// # Errors
    /// The first broken rule, with the field and its position.
    pub fn verify(&self, now: Timestamp) -> Result<Payable, Error> {
        self.check_dynamic()?;
        REQUIRED
            .iter()
            .try_for_each(|id| self.check_presence(*id))?;
        let mut first = FirstError {
            khqr: self,
            at: u16::MAX,
            error: None,
        };
        self.check_values(&mut first);
        self.check_language(&mut first);
        self.check_texts(&mut first);
        let (currency, amount) = self.check_amount(&mut first);
        let expires_at = self.check_times(now, &mut first);
        match (first.error, currency) {
            (None, Some(currency)) => Ok(Payable {
                currency,
                amount,
                expires_at,
            }),
            (Some(error), _) => Err(error),
            // Unreachable: an invalid currency has already added an error.
            (None, None) => Err(missing(FieldId::Currency)),
        }
    }

    /// A dynamic code needs an amount, and an amount needs timestamps.
    fn check_dynamic(&self) -> Result<(), Error> {
        if !self.slots[FieldId::Amount].is_absent() {
            return self.check_presence(FieldId::Timestamps);
        }
        match self.bytes(FieldId::PointOfInitiation) {
            b"12" => Err(missing(FieldId::Amount)),
            _ => Ok(()),
        }
    }

    #[inline]
    fn check_presence(&self, id: FieldId) -> Result<(), Error> {
        if self.slots[id].is_absent() {
            Err(missing(id))
        } else {
            Ok(())
        }
    }

    /// Checks the fields with fixed values or a fixed form.
    fn check_values(&self, first: &mut FirstError<'_>) {
        if self.bytes(FieldId::PayloadFormat) != b"01" {
            first.add_value(FieldId::PayloadFormat, 2, 2);
        }
        if self.bytes(FieldId::Country) != b"KH" {
            // The SDK reports the country as too long only above three characters.
            first.add_value(FieldId::Country, 2, 3);
        }
        first.check(FieldId::PointOfInitiation, self.point_of_initiation());
        let category = self.get(FieldId::CategoryCode).unwrap_or_default();
        if let Err(kind) = rules::category_code(category) {
            first.add(FieldId::CategoryCode, kind);
        }
    }

    fn check_amount(&self, first: &mut FirstError<'_>) -> (Option<Currency>, Option<Amount>) {
        let currency = first.check(FieldId::Currency, self.currency());
        if self.slots[FieldId::Amount].is_absent() {
            return (currency, None);
        }
        let Some(digits) = first.check(FieldId::Amount, self.amount_digits()) else {
            return (currency, None);
        };
        let Some(currency) = currency else {
            // Without a valid currency, the amount cannot be parsed. The SDK still rejects a negative amount,
            // and reports it if the amount precedes the currency in the text.
            if digits.contains(&b'-') {
                first.add(FieldId::Amount, ErrorKind::AmountSyntax);
            }
            return (None, None);
        };
        let amount = first.check(FieldId::Amount, self.amount_of(digits, currency));
        if amount.is_some_and(Amount::is_zero) {
            first.add(FieldId::Amount, ErrorKind::AmountZero);
        }
        (Some(currency), amount)
    }

    #[inline]
    fn check_texts(&self, first: &mut FirstError<'_>) {
        let source = self.payload.source();
        for (id, max) in &TEXTS {
            let slot = self.slots[*id];
            let units = slot.units(source);
            if slot.is_absent() || (units != 0 && units <= u16::from(*max) && source.clean) {
                continue;
            }
            first.add_text(*id, *max);
        }
    }

    /// A language needs a name, and a name or a city needs a language.
    fn check_language(&self, first: &mut FirstError<'_>) {
        if self.slots[FieldId::LanguageTemplate].is_absent() {
            return;
        }
        let language = self.get(FieldId::Language);
        let name = self.get(FieldId::AlternateName);
        let has_text = |value: Option<&str>| value.is_some_and(|value| !value.is_empty());
        // An empty city is reported as empty and not as a city without a language.
        let needs_language = name.is_some() || has_text(self.get(FieldId::AlternateCity));
        if has_text(language) && !has_text(name) {
            first.add(FieldId::AlternateName, ErrorKind::Missing);
        } else if language.is_none() && needs_language {
            first.add(FieldId::Language, ErrorKind::Missing);
        }
        // The SDK ignores an empty language without a name or a city.
        if let Some(value) = language
            && (needs_language || !value.is_empty())
            && let Err(kind) = rules::language_code(value)
        {
            first.add(FieldId::Language, kind);
        }
    }

    fn check_times(&self, now: Timestamp, first: &mut FirstError<'_>) -> Option<Timestamp> {
        if self.slots[FieldId::Amount].is_absent() {
            return None;
        }
        // As in the SDK, errors of the expiry take precedence over errors of the creation time.
        let Some(expires) = first.check(FieldId::Expires, self.expires_at())? else {
            first.add(FieldId::Expires, ErrorKind::Missing);
            return None;
        };
        let is_before_creation = match self.created_at() {
            Ok(created) => created.is_some_and(|created| expires < created),
            // A creation time that does not fit into 64 bits is later than every expiry.
            Err(error) if matches!(error.kind(), ErrorKind::WrongLength { .. }) => true,
            Err(error) => {
                first.add_error(FieldId::Created, error);
                false
            }
        };
        if is_before_creation {
            first.add(FieldId::Expires, ErrorKind::ExpiresBeforeCreation);
        } else if expires < now {
            first.add(FieldId::Expires, ErrorKind::Expired);
        }
        Some(expires)
    }
}

#[cold]
fn missing(id: FieldId) -> Error {
    Error::at(ErrorKind::Missing, id.path())
}

/// The error whose top-level field comes first in the text. Among errors of one field, the one added first
/// wins.
///
/// The SDK checks the top level in the order of the text, and each template in the order of the standard.
struct FirstError<'k> {
    khqr: &'k Khqr<'k>,
    at: u16,
    error: Option<Error>,
}

impl FirstError<'_> {
    #[cold]
    #[inline(never)]
    fn add(&mut self, id: FieldId, kind: ErrorKind) {
        self.add_error(id, self.khqr.error(kind, id));
    }

    #[cold]
    #[inline(never)]
    fn add_error(&mut self, id: FieldId, error: Error) {
        let at = self.khqr.slots[id.at_top()].start;
        if at < self.at {
            self.at = at;
            self.error = Some(error);
        }
    }

    #[inline]
    fn check<T>(&mut self, id: FieldId, result: Result<T, Error>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.add_error(id, error);
                None
            }
        }
    }

    /// Adds the error of a value that differs from the only allowed one. The allowed value has `len` characters;
    /// the SDK reports a value as too long only if it has more than `limit`.
    #[cold]
    #[inline(never)]
    fn add_value(&mut self, id: FieldId, len: u8, limit: u16) {
        let kind = match self.khqr.units(id) {
            0 => ErrorKind::Empty,
            units if units > limit => ErrorKind::TooLong { max: len },
            _ => ErrorKind::NotAllowed,
        };
        self.add(id, kind);
    }

    /// Checks a text field and adds its error, if any.
    #[cold]
    #[inline(never)]
    fn add_text(&mut self, id: FieldId, max: u8) {
        let value = self.khqr.get(id).unwrap_or_default();
        if value.is_empty() && id.spec().may_be_empty {
            return;
        }
        if let Err(kind) = rules::text(value, max) {
            self.add(id, kind);
        }
    }
}
