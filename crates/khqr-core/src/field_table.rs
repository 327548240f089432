//! The field table: one row for each field that KHQR gives a meaning to.
//!
//! The reader's slots, the limits, the names and hints in error messages, and the official SDK's error
//! codes all come from this table. `CONTRIBUTING.md` in the repository has the recipe for adding a field.

use crate::tag::{Tag, TagPath};

macro_rules! field_table {
    ($($id:ident => $spec:expr,)*) => {
        /// A row of the field table.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(crate) enum FieldId {
            $($id,)*
        }

        const IDS: &[FieldId] = &[$(FieldId::$id),*];

        static TABLE: [FieldSpec; FIELD_COUNT] = [$($spec),*];
    };
}

// The fields of a template are in the order in which the SDK writes and checks them.
field_table! {
    PayloadFormat      => top(0, "payload format indicator").missing(23).length(16).expect("01"),
    PointOfInitiation  => top(1, "point of initiation method").length(17).empty(48).invalid(48)
                              .expect("11 (static) or 12 (dynamic)"),
    // NBC's SDK writes at most 31 characters of this field, but reads up to 99.
    UnionPay           => top(15, "UnionPay merchant account").text(31).read_up_to(99).optional().length(43),
    Individual         => top(29, "individual account").missing(5).hint("this is not a Bakong payment code"),
    IndividualAccount  => sub(29, 0, "Bakong account").limit(32).missing(1).length(6).control(3),
    AccountInformation => sub(29, 1, "account information").text(32).optional().length(35),
    IndividualBank     => sub(29, 2, "acquiring bank").text(32).missing(31).length(33),
    Merchant           => top(30, "merchant account").missing(5).hint("this is not a Bakong payment code"),
    MerchantAccount    => sub(30, 0, "Bakong account").limit(32).missing(1).length(6).control(3),
    MerchantId         => sub(30, 1, "merchant id").text(32).optional().missing(30).length(32),
    MerchantBank       => sub(30, 2, "acquiring bank").text(32).missing(31).length(33),
    CategoryCode       => top(52, "merchant category code").missing(25).length(18).invalid(51)
                              .expect("four digits"),
    Currency           => top(53, "transaction currency").missing(9).length(19),
    Amount             => top(54, "transaction amount").limit(13).ascii().missing(47).empty(4).length(4)
                              .hint("a dynamic code must state an amount"),
    TipIndicator       => top(55, "tip or convenience indicator"),
    FeeFixed           => top(56, "fixed convenience fee"),
    FeePercentage      => top(57, "convenience fee in per cent"),
    Country            => top(58, "country code").missing(26).length(20).expect("KH"),
    MerchantName       => top(59, "merchant name").text(25).missing(2).length(7),
    MerchantCity       => top(60, "merchant city").text(15).missing(27).length(21),
    PostalCode         => top(61, "postal code"),
    AdditionalData     => top(62, "additional data"),
    BillNumber         => sub(62, 1, "bill number").text(25).length(10),
    MobileNumber       => sub(62, 2, "mobile number").text(25).length(34),
    StoreLabel         => sub(62, 3, "store label").text(25).length(11),
    TerminalLabel      => sub(62, 7, "terminal label").text(25).length(12),
    Purpose            => sub(62, 8, "purpose of transaction").text(25).length(42),
    Checksum           => top(63, "CRC").missing(24).length(22)
                              .hint("a code must end with 6304 and four hexadecimal digits"),
    LanguageTemplate   => top(64, "language template"),
    Language           => sub(64, 0, "language preference").missing(37).empty(38).length(38),
    AlternateName      => sub(64, 1, "merchant name in the second language").text(25).missing(39).empty(40)
                              .length(40),
    AlternateCity      => sub(64, 2, "merchant city in the second language").text(15).length(41),
    Timestamps         => top(99, "timestamps").missing(45).hint(NEEDS_EXPIRY),
    Created            => sub(99, 0, "creation timestamp").empty(8).expect(MILLISECONDS),
    Expires            => sub(99, 1, "expiration timestamp").missing(45).length(49).invalid(45)
                              .expect(MILLISECONDS).hint(NEEDS_EXPIRY),
}

const NEEDS_EXPIRY: &str = "a code with an amount must have an expiry";
const MILLISECONDS: &str = "a time in milliseconds, 13 digits";

/// The number of rows.
pub(crate) const FIELD_COUNT: usize = IDS.len();

/// A row: the properties of one field.
pub(crate) struct FieldSpec {
    pub(crate) path: TagPath,
    /// The last tag of the path.
    pub(crate) tag: Tag,
    /// The field's name in error messages.
    pub(crate) name: &'static str,
    /// The longest value that is written, in UTF-16 code units; 0 if the table sets no limit.
    pub(crate) max: u8,
    /// The longest value that [`verify`](crate::Khqr::verify) accepts.
    pub(crate) max_read: u8,
    /// Free text: `verify` checks its length and rejects control characters.
    pub(crate) is_text: bool,
    /// The value may hold any Unicode character, so one character may count as two UTF-16 code units.
    pub(crate) is_unicode: bool,
    /// `verify` accepts an empty value.
    pub(crate) may_be_empty: bool,
    /// The text after "must be" in error messages.
    pub(crate) expected: Option<&'static str>,
    /// The hint after "missing" in error messages.
    pub(crate) missing_hint: Option<&'static str>,
    pub(crate) sdk: SdkCodes,
}

/// The error codes of NBC's SDK for one field; `None` where the SDK has none.
pub(crate) struct SdkCodes {
    pub(crate) missing: Option<u8>,
    /// The code for an empty value, if it is neither `missing` nor `length`.
    pub(crate) empty: Option<u8>,
    pub(crate) length: Option<u8>,
    /// The code for a value that is not allowed; `None` stands for 8.
    pub(crate) invalid: Option<u8>,
    /// The code for a control character; `None` stands for `length`.
    pub(crate) control: Option<u8>,
}

const fn top(tag: u8, name: &'static str) -> FieldSpec {
    FieldSpec::new(TagPath::at_top(Tag::of(tag)), name)
}

const fn sub(template: u8, tag: u8, name: &'static str) -> FieldSpec {
    FieldSpec::new(Tag::of(template).sub(Tag::of(tag)), name)
}

macro_rules! sdk_codes {
    ($($case:ident)*) => {
        $(
            const fn $case(mut self, code: u8) -> Self {
                self.sdk.$case = Some(code);
                self
            }
        )*
    };
}

impl FieldSpec {
    const fn new(path: TagPath, name: &'static str) -> Self {
        let tag = match path.sub() {
            Some(sub) => sub,
            None => path.top(),
        };
        Self {
            path,
            tag,
            name,
            max: 0,
            max_read: 0,
            is_text: false,
            is_unicode: false,
            may_be_empty: false,
            expected: None,
            missing_hint: None,
            sdk: SdkCodes {
                missing: None,
                empty: None,
                length: None,
                invalid: None,
                control: None,
            },
        }
    }

    const fn limit(mut self, max: u8) -> Self {
        self.max = max;
        self.max_read = max;
        self.is_unicode = true;
        self
    }

    const fn text(mut self, max: u8) -> Self {
        self.is_text = true;
        self.limit(max)
    }

    const fn ascii(mut self) -> Self {
        self.is_unicode = false;
        self
    }

    const fn read_up_to(mut self, max: u8) -> Self {
        self.max_read = max;
        self
    }

    const fn optional(mut self) -> Self {
        self.may_be_empty = true;
        self
    }

    const fn expect(mut self, expected: &'static str) -> Self {
        self.expected = Some(expected);
        self
    }

    const fn hint(mut self, hint: &'static str) -> Self {
        self.missing_hint = Some(hint);
        self
    }

    sdk_codes! { missing empty length invalid control }
}

impl FieldId {
    #[inline]
    pub(crate) const fn spec(self) -> &'static FieldSpec {
        &TABLE[self as usize]
    }

    pub(crate) const fn path(self) -> TagPath {
        self.spec().path
    }

    /// The last tag of the path.
    #[inline]
    pub(crate) const fn tag(self) -> Tag {
        self.spec().tag
    }

    /// The template that contains the field, or the field itself if it is at the top level.
    pub(crate) fn at_top(self) -> Self {
        TOP[usize::from(self.path().top().number())].unwrap_or(self)
    }
}

/// The row of a path, if KHQR gives the field a meaning.
pub(crate) const fn find(path: TagPath) -> Option<&'static FieldSpec> {
    let mut at = 0;
    while at < FIELD_COUNT {
        let spec = &TABLE[at];
        if spec.path.is(path) {
            return Some(spec);
        }
        at += 1;
    }
    None
}

/// The known fields of one level by tag.
pub(crate) type TagMap = [Option<FieldId>; 100];

/// The known fields of the top level.
pub(crate) static TOP: TagMap = tag_map(None);

/// The known fields of each template, in the order in which the reader parses them.
pub(crate) static TEMPLATES: [(FieldId, TagMap); 5] = [
    (FieldId::Individual, tag_map(Some(Tag::INDIVIDUAL))),
    (FieldId::Merchant, tag_map(Some(Tag::MERCHANT))),
    (FieldId::AdditionalData, tag_map(Some(Tag::ADDITIONAL_DATA))),
    (
        FieldId::LanguageTemplate,
        tag_map(Some(Tag::LANGUAGE_TEMPLATE)),
    ),
    (FieldId::Timestamps, tag_map(Some(Tag::TIMESTAMPS))),
];

const fn tag_map(template: Option<Tag>) -> TagMap {
    let mut map = [None; 100];
    let mut at = 0;
    while at < FIELD_COUNT {
        let id = IDS[at];
        let path = id.path();
        let stands_here = match (template, path.sub()) {
            (None, None) => true,
            (Some(template), Some(_)) => template.number() == path.top().number(),
            _ => false,
        };
        if stands_here {
            map[id.tag().number() as usize] = Some(id);
        }
        at += 1;
    }
    map
}

/// The free-text fields in table order, each with the maximum length that `verify` accepts.
pub(crate) static TEXTS: [(FieldId, u8); TEXT_COUNT] = texts().0;

const TEXT_COUNT: usize = texts::<FIELD_COUNT>().1;

/// Collects the free-text fields into an array of `N` entries, and counts them.
const fn texts<const N: usize>() -> ([(FieldId, u8); N], usize) {
    let mut texts = [(IDS[0], 0); N];
    let (mut at, mut count) = (0, 0);
    while at < FIELD_COUNT {
        if TABLE[at].is_text {
            texts[count] = (IDS[at], TABLE[at].max_read);
            count += 1;
        }
        at += 1;
    }
    (texts, count)
}

impl TagPath {
    /// The name of the field in KHQR, or `None` if KHQR gives it no meaning.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match find(self) {
            Some(spec) => Some(spec.name),
            None => None,
        }
    }
}
