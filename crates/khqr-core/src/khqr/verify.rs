//! The rules of SDK 1.0.20 for a code that may be paid, and the stricter ones of this crate.

use super::Khqr;
use super::slots::Place;
use crate::amount::{Amount, Currency};
use crate::error::{Error, ErrorKind};
use crate::timestamp::Timestamp;
use crate::{limits, rules};

/// What a code that may be paid asks for. Made by [`Khqr::verify`].
///
/// A tip or fee that the code asks for (55 to 57) is not in it: NBC's SDK knows of none, and nothing
/// says that Bakong does. See [`Khqr::tip_or_convenience_indicator`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct Payable {
    /// The currency to pay in.
    pub currency: Currency,
    /// How much; `None` if the payer is to choose.
    pub amount: Option<Amount>,
    /// When the code ceases to be payable; `None` if it says no amount.
    pub expires_at: Option<Timestamp>,
}

/// A field that must be there.
static REQUIRED: [Place; 6] = [
    Place::PayloadFormat,
    Place::CategoryCode,
    Place::Currency,
    Place::Country,
    Place::MerchantName,
    Place::MerchantCity,
];

/// The fields that are text, and how long each may be. Those of one template stand in the order in which
/// the SDK checks them.
static TEXTS: [(Place, u8); 12] = [
    (Place::UnionPay, 99),
    (Place::AccountDetail, limits::MERCHANT_ID),
    (Place::AcquiringBank, limits::ACQUIRING_BANK),
    (Place::MerchantName, limits::MERCHANT_NAME),
    (Place::MerchantCity, limits::MERCHANT_CITY),
    (Place::BillNumber, limits::ADDITIONAL_DATA),
    (Place::MobileNumber, limits::ADDITIONAL_DATA),
    (Place::StoreLabel, limits::ADDITIONAL_DATA),
    (Place::TerminalLabel, limits::ADDITIONAL_DATA),
    (Place::Purpose, limits::ADDITIONAL_DATA),
    (Place::AlternateName, limits::ALTERNATE_NAME),
    (Place::AlternateCity, limits::ALTERNATE_CITY),
];

impl Khqr<'_> {
    /// Whether the code may be paid at the moment `now`: what it asks for, or the first reason why not.
    ///
    /// The rules are those of the official SDK 1.0.20 in its order: the rules of a dynamic code (54, 99);
    /// what is missing (00, 52, 53, 58, 59, 60); then field by field as the text has them. In a template the
    /// order is the standard's, but in 64 what is missing comes first, and in 99 the expiry. The
    /// account was checked when the code was read. These rules are added: a format indicator other than
    /// `01`, a category code of fewer than four digits, an amount that is zero or no plain number of its
    /// currency, a country other than `KH`, a language of one character or missing beside a name or city,
    /// control characters, a creation that is no number, and an expiry wherever there is an amount.
    ///
    /// # Errors
    /// The kind of the rule that is broken, with its field and place.
    pub fn verify(&self, now: Timestamp) -> Result<Payable, Error> {
        self.check_dynamic()?;
        self.check_presence()?;
        let mut first = First {
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
            // Without a currency there is an error.
            (None, None) => Err(self.missing(Place::Currency)),
        }
    }

    /// A dynamic code says an amount, and what says an amount says when it expires.
    fn check_dynamic(&self) -> Result<(), Error> {
        if !self.slots[Place::Amount].is_absent() {
            return self.check_presence_of(Place::Timestamps);
        }
        match self.bytes(Place::PointOfInitiation) {
            b"12" => Err(self.missing(Place::Amount)),
            _ => Ok(()),
        }
    }

    fn check_presence(&self) -> Result<(), Error> {
        REQUIRED
            .iter()
            .try_for_each(|place| self.check_presence_of(*place))
    }

    #[inline]
    fn check_presence_of(&self, place: Place) -> Result<(), Error> {
        if self.slots[place].is_absent() {
            Err(self.missing(place))
        } else {
            Ok(())
        }
    }

    #[cold]
    fn missing(&self, place: Place) -> Error {
        Error::at(ErrorKind::Missing, place.path(self.kind))
    }

    /// The fields that have but one or two values.
    fn check_values(&self, first: &mut First<'_>) {
        if self.bytes(Place::PayloadFormat) != b"01" {
            first.note_value(Place::PayloadFormat, 2, 2);
        }
        if self.bytes(Place::Country) != b"KH" {
            // The SDK's own limit is three.
            first.note_value(Place::Country, 2, 3);
        }
        first.check(Place::PointOfInitiation, self.point_of_initiation());
        if let Err(kind) = rules::category_code(self.get(Place::CategoryCode).unwrap_or_default()) {
            first.note(Place::CategoryCode, kind);
        }
    }

    fn check_amount(&self, first: &mut First<'_>) -> (Option<Currency>, Option<Amount>) {
        let currency = first.check(Place::Currency, self.currency());
        if self.slots[Place::Amount].is_absent() {
            return (currency, None);
        }
        let Some(digits) = first.check(Place::Amount, self.amount_digits()) else {
            return (currency, None);
        };
        let Some(currency) = currency else {
            // Without a currency an amount cannot be understood; but it may stand before it, and the SDK
            // looks at its sign.
            if digits.contains(&b'-') {
                first.note(Place::Amount, ErrorKind::AmountSyntax);
            }
            return (None, None);
        };
        let amount = first.check(Place::Amount, self.amount_of(digits, currency));
        if amount.is_some_and(Amount::is_zero) {
            first.note(Place::Amount, ErrorKind::AmountZero);
        }
        (Some(currency), amount)
    }

    #[inline]
    fn check_texts(&self, first: &mut First<'_>) {
        let source = self.payload.source();
        for (place, max) in &TEXTS {
            let slot = self.slots[*place];
            let units = slot.units(source);
            if slot.is_absent() || (units != 0 && units <= u16::from(*max) && source.clean) {
                continue;
            }
            first.note_text(*place, *max);
        }
    }

    /// A second language comes with a name in it, and a name with its language.
    fn check_language(&self, first: &mut First<'_>) {
        if self.slots[Place::LanguageTemplate].is_absent() {
            return;
        }
        let language = self.get(Place::Language);
        let name = self.get(Place::AlternateName);
        let says = |value: Option<&str>| value.is_some_and(|value| !value.is_empty());
        // A city that is there and empty is told of itself.
        let needs_language = name.is_some() || says(self.get(Place::AlternateCity));
        if says(language) && !says(name) {
            first.note_missing(Place::AlternateName);
        } else if language.is_none() && needs_language {
            first.note_missing(Place::Language);
        }
        // The SDK looks at the language only beside a name.
        if let Some(value) = language
            && (needs_language || !value.is_empty())
            && let Err(kind) = rules::language_code(value)
        {
            first.note(Place::Language, kind);
        }
    }

    fn check_times(&self, now: Timestamp, first: &mut First<'_>) -> Option<Timestamp> {
        if self.slots[Place::Amount].is_absent() {
            return None;
        }
        // The SDK looks at the expiry first; a creation that is no number passes it.
        let Some(expires) = first.check(Place::Expires, self.expires_at())? else {
            first.note_missing(Place::Expires);
            return None;
        };
        let is_before_creation = match self.created_at() {
            Ok(created) => created.is_some_and(|created| expires < created),
            // A creation of so many digits is after every expiry.
            Err(error) if matches!(error.kind(), ErrorKind::WrongLength { .. }) => true,
            Err(error) => {
                first.note_error(Place::Created, error);
                false
            }
        };
        if is_before_creation {
            first.note(Place::Expires, ErrorKind::ExpiresBeforeCreation);
        } else if expires < now {
            first.note(Place::Expires, ErrorKind::Expired);
        }
        Some(expires)
    }
}

/// The broken rule whose field stands first at the top of the text; of one field, the one that was noted
/// first. The SDK checks field by field in the text's order, and a template's in the standard's.
struct First<'k> {
    khqr: &'k Khqr<'k>,
    at: u16,
    error: Option<Error>,
}

impl First<'_> {
    #[cold]
    #[inline(never)]
    fn note(&mut self, place: Place, kind: ErrorKind) {
        self.note_error(place, self.khqr.error(kind, place));
    }

    #[cold]
    #[inline(never)]
    fn note_error(&mut self, place: Place, error: Error) {
        let at = self.khqr.slots[place.at_top(self.khqr.kind)].start;
        if at < self.at {
            self.at = at;
            self.error = Some(error);
        }
    }

    #[inline]
    fn check<T>(&mut self, place: Place, result: Result<T, Error>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.note_error(place, error);
                None
            }
        }
    }

    /// Notes a field that its template must have and has not.
    #[cold]
    #[inline(never)]
    fn note_missing(&mut self, place: Place) {
        self.note(place, ErrorKind::Missing);
    }

    /// Notes a value that is not the only one allowed, which has `len` characters; the SDK calls it too
    /// long above `limit`.
    #[cold]
    #[inline(never)]
    fn note_value(&mut self, place: Place, len: u8, limit: u16) {
        let kind = match self.khqr.units(place) {
            0 => ErrorKind::Empty,
            units if units > limit => ErrorKind::TooLong { max: len },
            _ => ErrorKind::NotAllowed,
        };
        self.note(place, kind);
    }

    /// Notes what is wrong with a text, if anything is.
    #[cold]
    #[inline(never)]
    fn note_text(&mut self, place: Place, max: u8) {
        let value = self.khqr.get(place).unwrap_or_default();
        // The SDK takes these two empty.
        let may_be_empty = matches!(place, Place::UnionPay | Place::AccountDetail);
        if may_be_empty && value.is_empty() {
            return;
        }
        if let Err(kind) = rules::text(value, max) {
            self.note(place, kind);
        }
    }
}
