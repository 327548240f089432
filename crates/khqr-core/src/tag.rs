//! Tags identify the fields of a payload; a path of tags identifies a field inside a template.

/// The two-digit identifier of a field, `00` to `99` (EMVCo MPM 3.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(u8);

impl Tag {
    /// `00`: the payload format indicator, always `01`.
    pub const PAYLOAD_FORMAT_INDICATOR: Self = Self(0);
    /// `01`: the point of initiation method, `11` (static) or `12` (dynamic).
    pub const POINT_OF_INITIATION_METHOD: Self = Self(1);
    /// `15`: a UnionPay merchant account.
    pub const UNION_PAY: Self = Self(15);
    /// `29`: the template with the Bakong account of an individual.
    pub const INDIVIDUAL: Self = Self(29);
    /// `30`: the template with the Bakong account of a merchant.
    pub const MERCHANT: Self = Self(30);
    /// `52`: the merchant category code (ISO 18245).
    pub const MERCHANT_CATEGORY_CODE: Self = Self(52);
    /// `53`: the currency (ISO 4217 number).
    pub const TRANSACTION_CURRENCY: Self = Self(53);
    /// `54`: the amount, present in dynamic codes.
    pub const TRANSACTION_AMOUNT: Self = Self(54);
    /// `55`: `01` to `03` if the payer is asked for a tip or a fee.
    pub const TIP_OR_CONVENIENCE_INDICATOR: Self = Self(55);
    /// `56`: a fixed fee.
    pub const CONVENIENCE_FEE_FIXED: Self = Self(56);
    /// `57`: a fee in per cent.
    pub const CONVENIENCE_FEE_PERCENTAGE: Self = Self(57);
    /// `58`: the country (ISO 3166-1).
    pub const COUNTRY_CODE: Self = Self(58);
    /// `59`: the merchant's name, at most 25 characters.
    pub const MERCHANT_NAME: Self = Self(59);
    /// `60`: the merchant's city, at most 15 characters.
    pub const MERCHANT_CITY: Self = Self(60);
    /// `61`: the postal code, at most 10 characters.
    pub const POSTAL_CODE: Self = Self(61);
    /// `62`: the template with bill number, labels and purpose.
    pub const ADDITIONAL_DATA: Self = Self(62);
    /// `63`: the checksum, the last field of every payload.
    pub const CRC: Self = Self(63);
    /// `64`: the template with name and city in a second language.
    pub const LANGUAGE_TEMPLATE: Self = Self(64);
    /// `99`: the template with creation and expiry in milliseconds.
    pub const TIMESTAMPS: Self = Self(99);

    /// The tag with this number, or `None` above 99.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        if number <= 99 {
            Some(Self(number))
        } else {
            None
        }
    }

    /// The number, 0 to 99.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// The path to the field `sub` of the template `self`.
    #[must_use]
    pub const fn sub(self, sub: Self) -> TagPath {
        TagPath {
            top: self,
            sub: Some(sub),
        }
    }

    pub(crate) const fn of(number: u8) -> Self {
        debug_assert!(number <= 99);
        Self(number)
    }
}

/// The path of a field: a tag at the top level, or a tag inside a template. Prints as `59` or `62/01`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TagPath {
    top: Tag,
    sub: Option<Tag>,
}

impl TagPath {
    /// The tag at the top level of the payload.
    #[must_use]
    pub const fn top(self) -> Tag {
        self.top
    }

    /// The tag inside the template `top`, or `None` for a field of the top level.
    #[must_use]
    pub const fn sub(self) -> Option<Tag> {
        self.sub
    }

    pub(crate) const fn at_top(top: Tag) -> Self {
        Self { top, sub: None }
    }

    /// `==` in `const` contexts.
    pub(crate) const fn is(self, other: Self) -> bool {
        let sub_is_same = match (self.sub, other.sub) {
            (None, None) => true,
            (Some(sub), Some(other)) => sub.0 == other.0,
            _ => false,
        };
        self.top.0 == other.top.0 && sub_is_same
    }
}

impl From<Tag> for TagPath {
    fn from(top: Tag) -> Self {
        Self::at_top(top)
    }
}
