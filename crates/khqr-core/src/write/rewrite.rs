//! A read code that is given an amount: the shop's printed code, made one for a single payment.

use core::fmt;

use super::payment::Payment;
use super::sink::{CRC_FIELD, Counter, Encode, Sink};
use crate::amount::PayloadAmount;
use crate::error::{Error, ErrorKind};
use crate::field::Field;
use crate::khqr::{Khqr, PointOfInitiation};
use crate::limits;
use crate::tag::{Tag, sub};
use crate::text::utf16_len;
use crate::timestamp::Timestamp;
use crate::tlv::MAX_TEXT;

/// A read code with an amount and times put in, ready to be written. Made by [`Khqr::with_amount`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KhqrRewrite<'a> {
    khqr: Khqr<'a>,
    payment: Payment,
    /// The length of the timestamps, as KHQR counts it.
    times_units: usize,
    len: usize,
}

impl<'a> Khqr<'a> {
    /// This code as one for a single payment of `amount`, until `expires_at`.
    ///
    /// Taking the code that a merchant has printed and adding what is to be paid. Tag 01 becomes `12`,
    /// amount and times are put in where NBC's SDK has them (after the currency, and at the end), or in
    /// place of those that stand there. Every other field stays as it is and where it is, also those that
    /// KHQR does not know. From a code that the SDK wrote comes what the SDK would have written.
    ///
    /// What else may be wrong with the code stays wrong: [verify](Khqr::verify) it before.
    ///
    /// ```
    /// use core::time::Duration;
    /// use khqr_core::{Amount, Currency, Khqr, Timestamp};
    ///
    /// let printed = "00020101021129140010sokha@devb5204599953031165802KH5912Sokha Coffee6010Phnom Penh6304DD7C";
    /// let now = Timestamp::from_millis(1_795_000_000_000);
    /// let rewrite = Khqr::parse(printed)?.with_amount(
    ///     Amount::from_minor_units(10_000, Currency::Khr),
    ///     now,
    ///     now.saturating_add(Duration::from_secs(600)),
    /// )?;
    /// let mut buffer = [0; 256];
    /// let text = rewrite.write_to_slice(&mut buffer)?;
    /// assert!(text.starts_with("00020101021229140010sokha@devb5204599953031165405100005802KH"));
    /// assert!(Khqr::parse(text)?.verify(now).is_ok());
    /// # Ok::<(), khqr_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`Khqr::currency`]; [`ErrorKind::CurrencyDiffers`]; for amount and times those of
    /// [`KhqrBuilder::dynamic_code`](crate::KhqrBuilder::dynamic_code); [`ErrorKind::TemplateTooLong`] if
    /// what else stands in tag 99 leaves no room; [`ErrorKind::TextTooLong`].
    pub fn with_amount(
        &self,
        amount: impl Into<PayloadAmount>,
        created_at: Timestamp,
        expires_at: Timestamp,
    ) -> Result<KhqrRewrite<'a>, Error> {
        let payment = Payment {
            amount: amount.into(),
            created_at,
            expires_at,
        };
        if payment.amount.amount().currency() != self.currency()? {
            return Err(Error::at(
                ErrorKind::CurrencyDiffers,
                Tag::TRANSACTION_AMOUNT,
            ));
        }
        payment.amount.check()?;
        payment.check_times()?;
        let mut rewrite = KhqrRewrite {
            khqr: *self,
            payment,
            times_units: 34,
            len: 0,
        };
        let others = rewrite
            .other_times()
            .map(|field| utf16_len(field.encoded()));
        rewrite.times_units += others.sum::<usize>();
        if rewrite.times_units > usize::from(limits::TEMPLATE) {
            return Err(Error::at(ErrorKind::TemplateTooLong, Tag::TIMESTAMPS));
        }
        let mut counter = Counter(CRC_FIELD);
        // Counting cannot fail.
        let _ = rewrite.put_fields(&mut counter);
        rewrite.len = counter.0;
        if rewrite.len > MAX_TEXT {
            return Err(Error::new(ErrorKind::TextTooLong));
        }
        Ok(rewrite)
    }
}

impl<'a> KhqrRewrite<'a> {
    /// How many bytes longer than the read code the text can be: tag 01, an amount, and the times.
    pub const MAX_GROWTH: usize = 6 + 17 + 38;

    /// How many bytes the text has: those of the read one, and at most [`Self::MAX_GROWTH`] more.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "a code is never empty")]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Writes the text to the front of `buffer` and gives it back.
    ///
    /// # Errors
    /// [`ErrorKind::BufferTooSmall`], with the buffer as it was.
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

    /// What stands in tag 99 beside the creation and the expiry.
    fn other_times(&self) -> impl Iterator<Item = Field<'a>> {
        let times = self.khqr.payload().field(Tag::TIMESTAMPS);
        let fields = times.and_then(Field::template).into_iter().flatten();
        fields.filter(|field| !matches!(field.tag(), sub::CREATED | sub::EXPIRES))
    }

    fn put_timestamps(&self, sink: &mut impl Sink) -> fmt::Result {
        sink.put_header(Tag::TIMESTAMPS, self.times_units)?;
        sink.put_times(&self.payment)?;
        self.other_times()
            .try_for_each(|field| sink.put(field.encoded().as_bytes()))
    }
}

impl Encode for KhqrRewrite<'_> {
    fn encoded_len(&self) -> usize {
        self.len
    }

    fn put_fields(&self, sink: &mut impl Sink) -> fmt::Result {
        let payload = self.khqr.payload();
        let is_there = |tag| payload.field(tag).is_some();
        let has_method = is_there(Tag::POINT_OF_INITIATION_METHOD);
        let has_amount = is_there(Tag::TRANSACTION_AMOUNT);
        if !has_method && !is_there(Tag::PAYLOAD_FORMAT_INDICATOR) {
            put_method(sink)?;
        }
        for field in payload.fields() {
            match field.tag() {
                Tag::POINT_OF_INITIATION_METHOD => put_method(sink)?,
                Tag::TRANSACTION_AMOUNT => sink.put_amount(&self.payment)?,
                Tag::TIMESTAMPS => self.put_timestamps(sink)?,
                Tag::CRC => {}
                _ => sink.put(field.encoded().as_bytes())?,
            }
            match field.tag() {
                Tag::PAYLOAD_FORMAT_INDICATOR if !has_method => put_method(sink)?,
                Tag::TRANSACTION_CURRENCY if !has_amount => sink.put_amount(&self.payment)?,
                _ => {}
            }
        }
        if !is_there(Tag::TIMESTAMPS) {
            self.put_timestamps(sink)?;
        }
        Ok(())
    }
}

/// Tag 01 of a code for one payment.
fn put_method(sink: &mut impl Sink) -> fmt::Result {
    let value = PointOfInitiation::Dynamic.value();
    sink.put_header(Tag::POINT_OF_INITIATION_METHOD, value.len())?;
    sink.put(value.as_bytes())
}

impl fmt::Display for KhqrRewrite<'_> {
    /// The text, as [`KhqrRewrite::write_to`] writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_to(f)
    }
}
