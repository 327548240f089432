//! A checked code that is ready to be written.

use core::fmt;

use super::content::{Content, SubField};
use super::payment::Payment;
use super::sink::{CRC_FIELD, Encode, Sink, write_methods};
use crate::currency::Currency;
use crate::error::{Error, ErrorKind};
use crate::field_table::FieldId;
use crate::limits;
use crate::text::utf16_len;

/// A checked code that is ready to be written. Created by [`KhqrBuilder`](crate::KhqrBuilder).
///
/// A draft always produces the same text. Store the text, not the draft: Bakong identifies the payment by the
/// MD5 of the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KhqrDraft<'a> {
    content: Content<'a>,
    currency: Currency,
    payment: Option<Payment>,
    /// Whether all texts are visible ASCII, so that UTF-16 code units and bytes are equal in number.
    plain: bool,
    // The lengths of the templates; 0 for an absent template.
    account_units: u8,
    additional_data_units: u8,
    language_units: u8,
    len: u16,
}

impl<'a> KhqrDraft<'a> {
    /// The largest length of a draft in bytes, 1,224: small enough for a buffer on the stack.
    ///
    /// Each field counts as four bytes for tag and length, and three bytes for each UTF-16 code unit of the
    /// value, the maximum in UTF-8: a character of four bytes has two units.
    pub const MAX_LEN: usize = {
        const fn text(units: u8) -> usize {
            4 + 3 * units as usize
        }
        const fn ascii(len: usize) -> usize {
            4 + len
        }
        let fixed = ascii(2) + ascii(2) + ascii(4) + ascii(3) + ascii(2) + CRC_FIELD;
        let texts = text(limits::UNION_PAY_ACCOUNT)
            + text(limits::MERCHANT_NAME)
            + text(limits::MERCHANT_CITY)
            + 3 * text(limits::TEMPLATE);
        fixed + texts + ascii(limits::AMOUNT as usize) + ascii(Payment::MAX_TIMES_LEN)
    };

    /// Checks the content. Rejects a template of more than 99 UTF-16 code units, for which the SDK writes a
    /// three-digit length.
    pub(super) fn new(
        content: &Content<'a>,
        currency: Currency,
        payment: Option<Payment>,
    ) -> Result<Self, Error> {
        const FIXED: usize = "0002010102115204----5303---5802KH".len() + CRC_FIELD;
        let plain = content.check(currency, payment.as_ref())?;
        let account = TemplateLen::of(&content.account_fields(), plain);
        let additional_data = TemplateLen::of(&content.additional_data(), plain);
        let language = TemplateLen::of(&content.language_template(), plain);
        let payment_len = match &payment {
            None => 0,
            Some(payment) => 4 + payment.amount_len() + 4 + payment.times_len(),
        };
        let field = |value: &str| 4 + value.len();
        let texts = field(content.merchant_name)
            + field(content.merchant_city)
            + content.union_pay.map_or(0, field);
        let templates = account.bytes + additional_data.bytes + language.bytes;
        let len = FIXED + texts + templates + payment_len;
        Ok(Self {
            content: *content,
            currency,
            payment,
            plain,
            account_units: account.units(content.kind.template())?,
            additional_data_units: additional_data.units(FieldId::AdditionalData)?,
            language_units: language.units(FieldId::LanguageTemplate)?,
            // `MAX_LEN` fits into 16 bits.
            len: u16::try_from(len).unwrap_or(u16::MAX),
        })
    }

    /// The length of the text in bytes.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "a code is never empty")]
    pub fn len(&self) -> usize {
        usize::from(self.len)
    }

    #[inline]
    fn put(&self, sink: &mut impl Sink, id: FieldId, value: &str) -> fmt::Result {
        sink.put_header(id.tag(), units(value, self.plain))?;
        sink.put(value.as_bytes())
    }

    /// Writes a template, unless it is absent.
    #[inline]
    fn put_template(
        &self,
        sink: &mut impl Sink,
        id: FieldId,
        units: u8,
        fields: &[SubField<'_>],
    ) -> fmt::Result {
        if units == 0 {
            return Ok(());
        }
        sink.put_header(id.tag(), usize::from(units))?;
        for (id, value) in fields {
            if let Some(value) = value {
                self.put(sink, *id, value)?;
            }
        }
        Ok(())
    }
}

/// The length of a string in UTF-16 code units.
#[inline]
fn units(value: &str, plain: bool) -> usize {
    if plain { value.len() } else { utf16_len(value) }
}

struct TemplateLen {
    /// The length of the value in UTF-16 code units.
    units: usize,
    /// The length in bytes, including the template's own tag and length; 0 for an absent template.
    bytes: usize,
}

impl TemplateLen {
    #[inline]
    fn of(fields: &[SubField<'_>], plain: bool) -> Self {
        let mut len = Self { units: 0, bytes: 0 };
        for value in fields.iter().filter_map(|(_, value)| *value) {
            len.bytes += 4 + value.len();
            len.units += 4 + units(value, plain);
        }
        if len.bytes > 0 {
            len.bytes += 4;
        }
        len
    }

    #[inline]
    fn units(&self, template: FieldId) -> Result<u8, Error> {
        match u8::try_from(self.units) {
            Ok(units) if units <= limits::TEMPLATE => Ok(units),
            _ => Err(Error::at(ErrorKind::TemplateTooLong, template.path())),
        }
    }
}

impl Encode for KhqrDraft<'_> {
    fn encoded_len(&self) -> usize {
        self.len()
    }

    /// Writes the fields in the official SDK's order.
    fn put_fields(&self, sink: &mut impl Sink) -> fmt::Result {
        let content = &self.content;
        // Payload format indicator and point of initiation method.
        sink.put(match &self.payment {
            None => b"000201010211",
            Some(_) => b"000201010212",
        })?;
        if let Some(value) = content.union_pay {
            self.put(sink, FieldId::UnionPay, value)?;
        }
        let (id, units) = (content.kind.template(), self.account_units);
        self.put_template(sink, id, units, &content.account_fields())?;
        self.put(sink, FieldId::CategoryCode, content.category_code)?;
        self.put(sink, FieldId::Currency, self.currency.numeric_code())?;
        if let Some(payment) = &self.payment {
            payment.put_amount(sink)?;
        }
        sink.put(b"5802KH")?;
        self.put(sink, FieldId::MerchantName, content.merchant_name)?;
        self.put(sink, FieldId::MerchantCity, content.merchant_city)?;
        let (id, units) = (FieldId::AdditionalData, self.additional_data_units);
        self.put_template(sink, id, units, &content.additional_data())?;
        let (id, units) = (FieldId::LanguageTemplate, self.language_units);
        self.put_template(sink, id, units, &content.language_template())?;
        if let Some(payment) = &self.payment {
            sink.put_header(FieldId::Timestamps.tag(), payment.times_len())?;
            payment.put_times(sink)?;
        }
        Ok(())
    }
}

write_methods!(KhqrDraft);
