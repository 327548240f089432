//! A checked code, and its bytes.

use core::fmt::{self, Write};

use crate::account::AccountId;
use crate::amount::{Amount, Currency};
use crate::crc::{Crc, Digest};
use crate::digits::{two_digits, write_number};
use crate::error::{Error, ErrorKind};
use crate::khqr::{AccountKind, PointOfInitiation};
use crate::tag::{Tag, sub};
use crate::timestamp::Timestamp;
use crate::tlv::utf16_len;

/// Room for most codes, names in Khmer included.
#[cfg(feature = "alloc")]
const TYPICAL_LEN: usize = 256;

/// Length of the checksum field: `6304` and four digits.
const CRC_FIELD: usize = 8;

/// A code that was checked and can be written. Made by [`KhqrBuilder`](crate::KhqrBuilder).
///
/// The same draft always gives the same text. Keep that text, not the draft: it is what Bakong knows
/// the payment by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KhqrDraft<'a> {
    content: Content<'a>,
    validity: Validity,
}

/// What a code says beside its amount and times.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Content<'a> {
    pub(crate) kind: AccountKind,
    pub(crate) account: AccountId<'a>,
    pub(crate) account_detail: Option<&'a str>,
    pub(crate) acquiring_bank: Option<&'a str>,
    pub(crate) merchant_name: &'a str,
    pub(crate) merchant_city: &'a str,
    pub(crate) category_code: &'a str,
    pub(crate) union_pay: Option<&'a str>,
    pub(crate) bill_number: Option<&'a str>,
    pub(crate) mobile_number: Option<&'a str>,
    pub(crate) store_label: Option<&'a str>,
    pub(crate) terminal_label: Option<&'a str>,
    pub(crate) purpose: Option<&'a str>,
    pub(crate) second_language: Option<SecondLanguage<'a>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SecondLanguage<'a> {
    pub(crate) language: &'a str,
    pub(crate) merchant_name: &'a str,
    pub(crate) merchant_city: Option<&'a str>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Validity {
    Static {
        currency: Currency,
    },
    Dynamic {
        amount: Amount,
        created_at: Timestamp,
        expires_at: Timestamp,
    },
}

impl Validity {
    pub(crate) const fn currency(self) -> Currency {
        match self {
            Self::Static { currency } => currency,
            Self::Dynamic { amount, .. } => amount.currency(),
        }
    }
}

/// A field of a template: its tag, and its value if the code has it.
type SubField<'a> = (Tag, Option<&'a str>);

impl<'a> Content<'a> {
    const fn account_fields(&self) -> [SubField<'a>; 3] {
        [
            (sub::ACCOUNT, Some(self.account.as_str())),
            (sub::ACCOUNT_DETAIL, self.account_detail),
            (sub::ACQUIRING_BANK, self.acquiring_bank),
        ]
    }

    pub(crate) const fn additional_data(&self) -> [SubField<'a>; 5] {
        [
            (sub::BILL_NUMBER, self.bill_number),
            (sub::MOBILE_NUMBER, self.mobile_number),
            (sub::STORE_LABEL, self.store_label),
            (sub::TERMINAL_LABEL, self.terminal_label),
            (sub::PURPOSE, self.purpose),
        ]
    }
}

impl<'a> SecondLanguage<'a> {
    const fn fields(&self) -> [SubField<'a>; 3] {
        [
            (sub::LANGUAGE, Some(self.language)),
            (sub::ALTERNATE_NAME, Some(self.merchant_name)),
            (sub::ALTERNATE_CITY, self.merchant_city),
        ]
    }
}

impl<'a> KhqrDraft<'a> {
    /// The most bytes that a draft has: enough for a buffer on the stack.
    ///
    /// Per field: tag and length, and three bytes a UTF-16 code unit (four bytes are two units).
    pub const MAX_LEN: usize = {
        const fn text(units: usize) -> usize {
            4 + 3 * units
        }
        const fn ascii(len: usize) -> usize {
            4 + len
        }
        let fixed = ascii(2) + ascii(2) + ascii(4) + ascii(3) + ascii(13) + ascii(2);
        let texts = text(31) + text(99) + text(25) + text(15) + text(99) + text(99);
        fixed + texts + ascii(34) + ascii(4)
    };

    /// Refuses a template of more than 99 UTF-16 code units (the SDK writes a three-digit length).
    pub(crate) fn new(content: Content<'a>, validity: Validity) -> Result<Self, Error> {
        let language = content.second_language.map(|second| second.fields());
        for (tag, fields) in [
            (content.kind.tag(), &content.account_fields()[..]),
            (Tag::ADDITIONAL_DATA, &content.additional_data()[..]),
            (
                Tag::LANGUAGE_TEMPLATE,
                language.as_ref().map_or(&[][..], |fields| &fields[..]),
            ),
        ] {
            if template_units(fields) > 99 {
                return Err(Error::at(ErrorKind::TemplateTooLong, tag));
            }
        }
        Ok(Self { content, validity })
    }

    /// How many bytes the text has.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "a code is never empty")]
    pub fn len(&self) -> usize {
        let mut counter = Counter(CRC_FIELD);
        // Counting cannot fail.
        let _ = self.write_fields(&mut counter);
        counter.0
    }

    /// Writes the text to the front of `buffer` and gives it back.
    ///
    /// # Errors
    /// [`ErrorKind::BufferTooSmall`], with some of the buffer overwritten; [`KhqrDraft::MAX_LEN`] is
    /// always enough.
    pub fn write_to_slice<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b str, Error> {
        let len = self.fill(buffer).ok_or_else(|| self.too_small())?;
        let text = buffer.get(..len).unwrap_or_default();
        // What was written came from strings.
        core::str::from_utf8(text).map_err(|_| self.too_small())
    }

    /// Writes the text to the front of `buffer`; its length, or `None` if there is no room.
    fn fill(&self, buffer: &mut [u8]) -> Option<usize> {
        let room = buffer.len();
        let mut slice = Slice { rest: buffer };
        self.write_fields(&mut slice).ok()?;
        slice.write_str("6304").ok()?;
        let covered = room - slice.rest.len();
        let (covered, rest) = buffer.split_at_mut_checked(covered)?;
        *rest.first_chunk_mut()? = Crc::of(covered).to_hex();
        Some(covered.len() + 4)
    }

    #[cold]
    fn too_small(&self) -> Error {
        let needed = u16::try_from(self.len()).unwrap_or(u16::MAX);
        Error::new(ErrorKind::BufferTooSmall { needed })
    }

    /// Writes the text to `sink`.
    ///
    /// # Errors
    /// Only those of `sink`.
    pub fn write_to(&self, sink: &mut (impl Write + ?Sized)) -> fmt::Result {
        let mut sink = Summed {
            sink,
            digest: Digest::new(),
        };
        self.write_fields(&mut sink)?;
        sink.write_str("6304")?;
        let crc = sink.digest.finish();
        write!(sink.sink, "{crc}")
    }

    /// The text.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn to_text(&self) -> alloc::string::String {
        let mut text = alloc::string::String::with_capacity(TYPICAL_LEN);
        // A `String` takes everything.
        let _ = self.write_fields(&mut text);
        text.push_str("6304");
        let crc = Crc::of(text.as_bytes());
        let _ = write!(text, "{crc}");
        text
    }

    /// Every field but the checksum, in the official SDK's order.
    fn write_fields(&self, sink: &mut impl Write) -> fmt::Result {
        let content = &self.content;
        let method = match self.validity {
            Validity::Static { .. } => PointOfInitiation::Static,
            Validity::Dynamic { .. } => PointOfInitiation::Dynamic,
        };
        put(sink, Tag::PAYLOAD_FORMAT_INDICATOR, "01")?;
        put(sink, Tag::POINT_OF_INITIATION_METHOD, method.value())?;
        put_some(sink, (Tag::UNION_PAY, content.union_pay))?;
        put_template(sink, content.kind.tag(), &content.account_fields())?;
        put(sink, Tag::MERCHANT_CATEGORY_CODE, content.category_code)?;
        let currency = self.validity.currency().numeric_code();
        put(sink, Tag::TRANSACTION_CURRENCY, currency)?;
        if let Validity::Dynamic { amount, .. } = self.validity {
            let amount = amount.payload_text();
            put_header(sink, Tag::TRANSACTION_AMOUNT, amount.len())?;
            amount.write_to(sink)?;
        }
        put(sink, Tag::COUNTRY_CODE, "KH")?;
        put(sink, Tag::MERCHANT_NAME, content.merchant_name)?;
        put(sink, Tag::MERCHANT_CITY, content.merchant_city)?;
        let additional_data = content.additional_data();
        if additional_data.iter().any(|(_, value)| value.is_some()) {
            put_template(sink, Tag::ADDITIONAL_DATA, &additional_data)?;
        }
        if let Some(second) = content.second_language {
            put_template(sink, Tag::LANGUAGE_TEMPLATE, &second.fields())?;
        }
        if let Validity::Dynamic {
            created_at,
            expires_at,
            ..
        } = self.validity
        {
            put_header(sink, Tag::TIMESTAMPS, 34)?;
            for (tag, moment) in [(sub::CREATED, created_at), (sub::EXPIRES, expires_at)] {
                put_header(sink, tag, 13)?;
                write_number(sink, moment.as_millis())?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for KhqrDraft<'_> {
    /// The text, as [`KhqrDraft::write_to`] writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_to(f)
    }
}

fn template_units(fields: &[SubField<'_>]) -> usize {
    let values = fields.iter().filter_map(|(_, value)| *value);
    values.map(|value| 4 + utf16_len(value)).sum()
}

fn put_template(sink: &mut impl Write, tag: Tag, fields: &[SubField<'_>]) -> fmt::Result {
    put_header(sink, tag, template_units(fields))?;
    fields.iter().try_for_each(|field| put_some(sink, *field))
}

fn put_some(sink: &mut impl Write, (tag, value): SubField<'_>) -> fmt::Result {
    value.map_or(Ok(()), |value| put(sink, tag, value))
}

fn put(sink: &mut impl Write, tag: Tag, value: &str) -> fmt::Result {
    put_header(sink, tag, utf16_len(value))?;
    sink.write_str(value)
}

/// Tag and length. Every length was checked to have two digits.
fn put_header(sink: &mut impl Write, tag: Tag, units: usize) -> fmt::Result {
    sink.write_str(two_digits(u64::from(tag.number())))?;
    sink.write_str(two_digits(units as u64))
}

/// Counts bytes.
struct Counter(usize);

impl Write for Counter {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += text.len();
        Ok(())
    }
}

/// Writes to what is left of a slice.
struct Slice<'b> {
    rest: &'b mut [u8],
}

impl Write for Slice<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let rest = core::mem::take(&mut self.rest);
        let (head, tail) = rest.split_at_mut_checked(text.len()).ok_or(fmt::Error)?;
        head.copy_from_slice(text.as_bytes());
        self.rest = tail;
        Ok(())
    }
}

/// Passes text on and sums it up.
struct Summed<'w, W: ?Sized> {
    sink: &'w mut W,
    digest: Digest,
}

impl<W: Write + ?Sized> Write for Summed<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.digest.update(text.as_bytes());
        self.sink.write_str(text)
    }
}
