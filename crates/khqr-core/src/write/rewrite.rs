//! Adding an amount to a parsed code: a printed static code becomes a dynamic one.

use core::fmt;

use super::payment::Payment;
use super::sink::{CRC_FIELD, Counter, Encode, Sink, write_methods};
use crate::error::{Error, ErrorKind};
use crate::field::Field;
use crate::khqr::{Khqr, PointOfInitiation};
use crate::limits;
use crate::payload_amount::PayloadAmount;
use crate::tag::Tag;
use crate::text::utf16_len;
use crate::timestamp::Timestamp;
use crate::tlv::MAX_TEXT;

/// A parsed code with a new amount and new times, ready to be written. Returned by [`Khqr::with_amount`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KhqrRewrite<'a> {
    khqr: Khqr<'a>,
    payment: Payment,
    /// The length of the value of tag 99 in UTF-16 code units.
    times_units: usize,
    len: usize,
}

impl<'a> Khqr<'a> {
    /// Returns this code as a code for a single payment of `amount` until `expires_at`.
    ///
    /// Use this to add an amount to the code that a merchant has printed. Tag 01 becomes `12`. Amount and
    /// times replace existing ones in place; otherwise they are inserted where NBC's SDK writes them, after the
    /// currency and at the end. All other fields keep their text and order, including unknown ones. For a
    /// code that the SDK wrote, the result is the text that the SDK would write.
    ///
    /// Does not check the rest of the code. Call [`verify`](Khqr::verify) first.
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
    /// The errors of [`Khqr::currency`]; [`ErrorKind::CurrencyDiffers`]; the errors of
    /// [`KhqrBuilder::dynamic_code`](crate::KhqrBuilder::dynamic_code) for amount and times;
    /// [`ErrorKind::TemplateTooLong`] if the other fields of tag 99 leave no space for the times;
    /// [`ErrorKind::TextTooLong`].
    pub fn with_amount(
        &self,
        amount: impl Into<PayloadAmount>,
        created_at: Timestamp,
        expires_at: Timestamp,
    ) -> Result<KhqrRewrite<'a>, Error> {
        let payment = Payment::new(amount.into(), created_at, expires_at);
        if payment.currency() != self.currency()? {
            return Err(Error::at(
                ErrorKind::CurrencyDiffers,
                Tag::TRANSACTION_AMOUNT,
            ));
        }
        payment.check_amount()?;
        payment.check_times()?;
        let mut rewrite = KhqrRewrite {
            khqr: *self,
            payment,
            times_units: payment.times_len(),
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
    /// The maximum number of bytes added to the parsed code: tag 01, an amount, and the times.
    pub const MAX_GROWTH: usize = 6 + (4 + limits::AMOUNT as usize) + (4 + Payment::MAX_TIMES_LEN);

    /// The length of the text in bytes: that of the parsed code plus at most [`Self::MAX_GROWTH`].
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "a code is never empty")]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// The fields of tag 99 other than creation and expiry.
    fn other_times(&self) -> impl Iterator<Item = Field<'a>> {
        let times = self.khqr.payload().field(Tag::TIMESTAMPS);
        let fields = times.and_then(Field::template).into_iter().flatten();
        fields.filter(|field| !Payment::TIMES.iter().any(|id| id.tag() == field.tag()))
    }

    fn put_timestamps(&self, sink: &mut impl Sink) -> fmt::Result {
        sink.put_header(Tag::TIMESTAMPS, self.times_units)?;
        self.payment.put_times(sink)?;
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
        let is_present = |tag| payload.field(tag).is_some();
        let has_method = is_present(Tag::POINT_OF_INITIATION_METHOD);
        let has_amount = is_present(Tag::TRANSACTION_AMOUNT);
        if !has_method && !is_present(Tag::PAYLOAD_FORMAT_INDICATOR) {
            put_method(sink)?;
        }
        for field in payload.fields() {
            match field.tag() {
                Tag::POINT_OF_INITIATION_METHOD => put_method(sink)?,
                Tag::TRANSACTION_AMOUNT => self.payment.put_amount(sink)?,
                Tag::TIMESTAMPS => self.put_timestamps(sink)?,
                Tag::CRC => {}
                _ => sink.put(field.encoded().as_bytes())?,
            }
            match field.tag() {
                Tag::PAYLOAD_FORMAT_INDICATOR if !has_method => put_method(sink)?,
                Tag::TRANSACTION_CURRENCY if !has_amount => self.payment.put_amount(sink)?,
                _ => {}
            }
        }
        if !is_present(Tag::TIMESTAMPS) {
            self.put_timestamps(sink)?;
        }
        Ok(())
    }
}

/// Writes tag 01 of a dynamic code.
fn put_method(sink: &mut impl Sink) -> fmt::Result {
    let value = PointOfInitiation::Dynamic.value();
    sink.put_header(Tag::POINT_OF_INITIATION_METHOD, value.len())?;
    sink.put(value.as_bytes())
}

write_methods!(KhqrRewrite);
