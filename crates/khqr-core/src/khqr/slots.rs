//! Where the known fields stand: places in the text instead of string slices, so that a read code is
//! small to make and to copy.

use core::ops::{Index, IndexMut};

use super::AccountKind;
use crate::tag::{Tag, TagPath, sub};
use crate::tlv::{Raw, Source};

/// Where a field's value stands in the text, if it does. No value stands at the very start of a text, so
/// a start of zero says that there is none.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub(super) struct Slot {
    /// Where the value begins.
    pub(super) start: u16,
    /// Where the value ends.
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

    /// Where the field begins: before the value stand tag and length.
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

    /// The bytes of the value; none if it is absent.
    #[inline]
    pub(super) fn bytes(self, source: Source<'_>) -> &[u8] {
        source.bytes(self.start, self.end)
    }

    /// The value's length in UTF-16 code units, which the text itself says before the value.
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

/// A field that KHQR gives a meaning to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    PayloadFormat,
    PointOfInitiation,
    UnionPay,
    Individual,
    Merchant,
    CategoryCode,
    Currency,
    Amount,
    TipIndicator,
    FeeFixed,
    FeePercentage,
    Country,
    MerchantName,
    MerchantCity,
    PostalCode,
    AdditionalData,
    LanguageTemplate,
    Timestamps,
    // Inside 29 or 30.
    Account,
    AccountDetail,
    AcquiringBank,
    // Inside 62.
    BillNumber,
    MobileNumber,
    StoreLabel,
    TerminalLabel,
    Purpose,
    // Inside 64.
    Language,
    AlternateName,
    AlternateCity,
    // Inside 99.
    Created,
    Expires,
    /// Any other: its slot is never filled.
    Unknown,
}

/// How many places there are.
const PLACES: usize = Place::Unknown as usize + 1;

/// Which place each tag of the top level has.
pub(super) static TOP: [Place; 100] = {
    let mut places = [Place::Unknown; 100];
    places[0] = Place::PayloadFormat;
    places[1] = Place::PointOfInitiation;
    places[15] = Place::UnionPay;
    places[29] = Place::Individual;
    places[30] = Place::Merchant;
    places[52] = Place::CategoryCode;
    places[53] = Place::Currency;
    places[54] = Place::Amount;
    places[55] = Place::TipIndicator;
    places[56] = Place::FeeFixed;
    places[57] = Place::FeePercentage;
    places[58] = Place::Country;
    places[59] = Place::MerchantName;
    places[60] = Place::MerchantCity;
    places[61] = Place::PostalCode;
    places[62] = Place::AdditionalData;
    places[64] = Place::LanguageTemplate;
    places[99] = Place::Timestamps;
    places
};

/// Which places the tags 00 to 08 of a template have; the others have none.
pub(super) type SubPlaces = [Place; 9];

pub(super) static IN_ACCOUNT: SubPlaces = sub_places(&[
    (sub::ACCOUNT, Place::Account),
    (sub::ACCOUNT_DETAIL, Place::AccountDetail),
    (sub::ACQUIRING_BANK, Place::AcquiringBank),
]);

pub(super) static IN_ADDITIONAL_DATA: SubPlaces = sub_places(&[
    (sub::BILL_NUMBER, Place::BillNumber),
    (sub::MOBILE_NUMBER, Place::MobileNumber),
    (sub::STORE_LABEL, Place::StoreLabel),
    (sub::TERMINAL_LABEL, Place::TerminalLabel),
    (sub::PURPOSE, Place::Purpose),
]);

pub(super) static IN_LANGUAGE_TEMPLATE: SubPlaces = sub_places(&[
    (sub::LANGUAGE, Place::Language),
    (sub::ALTERNATE_NAME, Place::AlternateName),
    (sub::ALTERNATE_CITY, Place::AlternateCity),
]);

pub(super) static IN_TIMESTAMPS: SubPlaces = sub_places(&[
    (sub::CREATED, Place::Created),
    (sub::EXPIRES, Place::Expires),
]);

const fn sub_places(known: &[(Tag, Place)]) -> SubPlaces {
    let mut places = [Place::Unknown; 9];
    let mut at = 0;
    while at < known.len() {
        places[known[at].0.number() as usize] = known[at].1;
        at += 1;
    }
    places
}

impl Place {
    /// The tags of a field in a code of this kind.
    pub(super) const fn path(self, kind: AccountKind) -> TagPath {
        let top = match self {
            Self::PayloadFormat => Tag::PAYLOAD_FORMAT_INDICATOR,
            Self::PointOfInitiation => Tag::POINT_OF_INITIATION_METHOD,
            Self::UnionPay => Tag::UNION_PAY,
            Self::Individual => Tag::INDIVIDUAL,
            Self::Merchant => Tag::MERCHANT,
            Self::CategoryCode => Tag::MERCHANT_CATEGORY_CODE,
            Self::Currency => Tag::TRANSACTION_CURRENCY,
            Self::Amount => Tag::TRANSACTION_AMOUNT,
            Self::TipIndicator => Tag::TIP_OR_CONVENIENCE_INDICATOR,
            Self::FeeFixed => Tag::CONVENIENCE_FEE_FIXED,
            Self::FeePercentage => Tag::CONVENIENCE_FEE_PERCENTAGE,
            Self::Country => Tag::COUNTRY_CODE,
            Self::MerchantName => Tag::MERCHANT_NAME,
            Self::MerchantCity => Tag::MERCHANT_CITY,
            Self::PostalCode => Tag::POSTAL_CODE,
            Self::AdditionalData => Tag::ADDITIONAL_DATA,
            Self::LanguageTemplate => Tag::LANGUAGE_TEMPLATE,
            Self::Timestamps | Self::Unknown => Tag::TIMESTAMPS,
            Self::Account => return kind.tag().sub(sub::ACCOUNT),
            Self::AccountDetail => return kind.tag().sub(sub::ACCOUNT_DETAIL),
            Self::AcquiringBank => return kind.tag().sub(sub::ACQUIRING_BANK),
            Self::BillNumber => return Tag::ADDITIONAL_DATA.sub(sub::BILL_NUMBER),
            Self::MobileNumber => return Tag::ADDITIONAL_DATA.sub(sub::MOBILE_NUMBER),
            Self::StoreLabel => return Tag::ADDITIONAL_DATA.sub(sub::STORE_LABEL),
            Self::TerminalLabel => return Tag::ADDITIONAL_DATA.sub(sub::TERMINAL_LABEL),
            Self::Purpose => return Tag::ADDITIONAL_DATA.sub(sub::PURPOSE),
            Self::Language => return Tag::LANGUAGE_TEMPLATE.sub(sub::LANGUAGE),
            Self::AlternateName => return Tag::LANGUAGE_TEMPLATE.sub(sub::ALTERNATE_NAME),
            Self::AlternateCity => return Tag::LANGUAGE_TEMPLATE.sub(sub::ALTERNATE_CITY),
            Self::Created => return Tag::TIMESTAMPS.sub(sub::CREATED),
            Self::Expires => return Tag::TIMESTAMPS.sub(sub::EXPIRES),
        };
        TagPath::at_top(top)
    }

    /// The field at the top that this one is in, or is.
    #[inline]
    pub(super) const fn at_top(self, kind: AccountKind) -> Self {
        match self {
            Self::Account | Self::AccountDetail | Self::AcquiringBank => kind.place(),
            Self::BillNumber
            | Self::MobileNumber
            | Self::StoreLabel
            | Self::TerminalLabel
            | Self::Purpose => Self::AdditionalData,
            Self::Language | Self::AlternateName | Self::AlternateCity => Self::LanguageTemplate,
            Self::Created | Self::Expires => Self::Timestamps,
            top => top,
        }
    }
}

/// The known fields.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub(super) struct Slots([Slot; PLACES]);

impl Index<Place> for Slots {
    type Output = Slot;

    #[inline]
    fn index(&self, place: Place) -> &Slot {
        &self.0[place as usize]
    }
}

impl IndexMut<Place> for Slots {
    #[inline]
    fn index_mut(&mut self, place: Place) -> &mut Slot {
        &mut self.0[place as usize]
    }
}
