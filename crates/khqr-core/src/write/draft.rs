//! A checked code, and its bytes.

use core::fmt;

use super::content::{Content, SubField};
use super::payment::Validity;
use super::sink::{CRC_FIELD, Encode, Sink};
use crate::error::{Error, ErrorKind};
use crate::khqr::PointOfInitiation;
use crate::limits;
use crate::tag::Tag;
use crate::text::utf16_len;

/// A code that was checked and can be written. Made by [`KhqrBuilder`](crate::KhqrBuilder).
///
/// The same draft always gives the same text. Keep that text, not the draft: it is what Bakong knows
/// the payment by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KhqrDraft<'a> {
    content: Content<'a>,
    validity: Validity,
    /// All of it is visible ASCII, whose length as KHQR counts it is its length in bytes.
    plain: bool,
    // The lengths of the templates; zero for one that is not there.
    account_units: u8,
    additional_data_units: u8,
    language_units: u8,
    len: u16,
}

impl<'a> KhqrDraft<'a> {
    /// The most bytes that a draft has, 1,224: enough for a buffer on the stack.
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
    pub(super) fn new(
        content: &Content<'a>,
        validity: Validity,
        plain: bool,
    ) -> Result<Self, Error> {
        const FIXED: usize = "0002010102115204----5303---5802KH".len() + CRC_FIELD;
        let account = Extent::of(&content.account_fields(), plain);
        let additional_data = Extent::of(&content.additional_data(), plain);
        let language = Extent::of(&content.language_template(), plain);
        let payment = match &validity {
            Validity::Static(_) => 0,
            Validity::Dynamic(payment) => 4 + payment.amount.len() + 4 + 34,
        };
        let field = |value: &str| 4 + value.len();
        let texts = field(content.merchant_name)
            + field(content.merchant_city)
            + content.union_pay.map_or(0, field);
        let templates = account.bytes + additional_data.bytes + language.bytes;
        let len = FIXED + texts + templates + payment;
        Ok(Self {
            content: *content,
            validity,
            plain,
            account_units: account.units(content.kind.tag())?,
            additional_data_units: additional_data.units(Tag::ADDITIONAL_DATA)?,
            language_units: language.units(Tag::LANGUAGE_TEMPLATE)?,
            // `MAX_LEN` fits.
            len: u16::try_from(len).unwrap_or(u16::MAX),
        })
    }

    /// How many bytes the text has.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "a code is never empty")]
    pub fn len(&self) -> usize {
        usize::from(self.len)
    }

    /// Writes the text to the front of `buffer` and gives it back.
    ///
    /// # Errors
    /// [`ErrorKind::BufferTooSmall`], with the buffer as it was; [`KhqrDraft::MAX_LEN`] is always enough.
    pub fn write_to_slice<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b str, Error> {
        self.to_slice(buffer)
    }

    /// Writes the text to `writer`.
    ///
    /// # Errors
    /// Only those of `writer`.
    pub fn write_to(&self, writer: &mut (impl fmt::Write + ?Sized)) -> fmt::Result {
        self.to_writer(writer)
    }

    /// The text.
    #[cfg(feature = "alloc")]
    #[must_use]
    pub fn to_text(&self) -> alloc::string::String {
        self.to_owned_text()
    }

    #[inline]
    fn put(&self, sink: &mut impl Sink, tag: Tag, value: &str) -> fmt::Result {
        sink.put_header(tag, units(value, self.plain))?;
        sink.put(value.as_bytes())
    }

    /// A template, unless it would be empty.
    #[inline]
    fn put_template(
        &self,
        sink: &mut impl Sink,
        tag: Tag,
        units: u8,
        fields: &[SubField<'_>],
    ) -> fmt::Result {
        if units == 0 {
            return Ok(());
        }
        sink.put_header(tag, usize::from(units))?;
        for (tag, value) in fields {
            if let Some(value) = value {
                self.put(sink, *tag, value)?;
            }
        }
        Ok(())
    }
}

/// The length of a text as KHQR counts it; its bytes, if all of it is ASCII.
#[inline]
fn units(value: &str, plain: bool) -> usize {
    if plain { value.len() } else { utf16_len(value) }
}

/// How long a template is.
struct Extent {
    units: usize,
    /// With its own tag and length.
    bytes: usize,
}

impl Extent {
    #[inline]
    fn of(fields: &[SubField<'_>], plain: bool) -> Self {
        let mut extent = Self { units: 0, bytes: 0 };
        for value in fields.iter().filter_map(|(_, value)| *value) {
            extent.bytes += 4 + value.len();
            extent.units += 4 + units(value, plain);
        }
        if extent.bytes > 0 {
            extent.bytes += 4;
        }
        extent
    }

    #[inline]
    fn units(&self, template: Tag) -> Result<u8, Error> {
        match u8::try_from(self.units) {
            Ok(units) if units <= limits::TEMPLATE => Ok(units),
            _ => Err(Error::at(ErrorKind::TemplateTooLong, template)),
        }
    }
}

impl Encode for KhqrDraft<'_> {
    fn encoded_len(&self) -> usize {
        self.len()
    }

    /// In the official SDK's order.
    fn put_fields(&self, sink: &mut impl Sink) -> fmt::Result {
        let content = &self.content;
        let (method, payment) = match &self.validity {
            Validity::Static(_) => (PointOfInitiation::Static, None),
            Validity::Dynamic(payment) => (PointOfInitiation::Dynamic, Some(payment)),
        };
        sink.put(b"0002010102")?;
        sink.put(method.value().as_bytes())?;
        if let Some(value) = content.union_pay {
            self.put(sink, Tag::UNION_PAY, value)?;
        }
        let account = content.account_fields();
        self.put_template(sink, content.kind.tag(), self.account_units, &account)?;
        self.put(sink, Tag::MERCHANT_CATEGORY_CODE, content.category_code)?;
        let currency = self.validity.currency().numeric_code();
        self.put(sink, Tag::TRANSACTION_CURRENCY, currency)?;
        if let Some(payment) = payment {
            sink.put_amount(payment)?;
        }
        sink.put(b"5802KH")?;
        self.put(sink, Tag::MERCHANT_NAME, content.merchant_name)?;
        self.put(sink, Tag::MERCHANT_CITY, content.merchant_city)?;
        let (tag, units) = (Tag::ADDITIONAL_DATA, self.additional_data_units);
        self.put_template(sink, tag, units, &content.additional_data())?;
        let (tag, units) = (Tag::LANGUAGE_TEMPLATE, self.language_units);
        self.put_template(sink, tag, units, &content.language_template())?;
        if let Some(payment) = payment {
            sink.put_header(Tag::TIMESTAMPS, 34)?;
            sink.put_times(payment)?;
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
