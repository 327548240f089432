//! Where the fields of a code go: a slice, a writer, or nowhere but a count.

use core::fmt;

use crate::crc::{Crc, Digest};
use crate::digits::two_digits;
use crate::error::{Error, ErrorKind};
use crate::tag::{Tag, sub};

use super::payment::Payment;

/// Tag and length of the checksum, which it covers.
pub(super) const CRC_HEADER: &[u8] = b"6304";

/// Length of the checksum field.
pub(super) const CRC_FIELD: usize = 8;

/// Takes a code piece by piece.
pub(super) trait Sink {
    fn put(&mut self, text: &[u8]) -> fmt::Result;

    /// Tag and length. Every length was checked to have two digits.
    #[inline]
    fn put_header(&mut self, tag: Tag, units: usize) -> fmt::Result {
        let [t1, t0] = two_digits(u64::from(tag.number()));
        let [l1, l0] = two_digits(units as u64);
        self.put(&[t1, t0, l1, l0])
    }

    /// The amount as a field.
    #[inline]
    fn put_amount(&mut self, payment: &Payment) -> fmt::Result {
        payment.amount.put(|text| {
            self.put_header(Tag::TRANSACTION_AMOUNT, text.len())?;
            self.put(text)
        })
    }

    /// Both times as fields of their template; thirteen digits each, as was checked.
    #[inline]
    fn put_times(&mut self, payment: &Payment) -> fmt::Result {
        for (tag, moment) in [
            (sub::CREATED, payment.created_at),
            (sub::EXPIRES, payment.expires_at),
        ] {
            self.put_header(tag, 13)?;
            self.put(&moment.thirteen_digits())?;
        }
        Ok(())
    }
}

/// What can be written to a sink: every field of a code but its checksum.
pub(super) trait Encode {
    /// How many bytes the text has, the checksum included.
    fn encoded_len(&self) -> usize;

    fn put_fields(&self, sink: &mut impl Sink) -> fmt::Result;

    /// Writes the text to the front of `buffer`.
    fn to_slice<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b str, Error> {
        let len = self.encoded_len();
        let text = buffer.get_mut(..len).and_then(|text| self.fill(text));
        // What was written came from strings.
        text.and_then(|text| core::str::from_utf8(text).ok())
            .ok_or_else(|| too_small(len))
    }

    /// Fills `text`, which has the right length.
    fn fill<'b>(&self, text: &'b mut [u8]) -> Option<&'b [u8]> {
        let (covered, digits) = text.split_last_chunk_mut::<4>()?;
        let mut cursor = Cursor {
            text: covered,
            at: 0,
        };
        self.put_fields(&mut cursor).ok()?;
        cursor.put(CRC_HEADER).ok()?;
        // Never a checksum over what was not written here.
        if !cursor.is_full() {
            return None;
        }
        *digits = Crc::of(covered).to_hex();
        Some(text)
    }

    fn to_writer(&self, writer: &mut (impl fmt::Write + ?Sized)) -> fmt::Result {
        let mut sink = Summed {
            writer,
            digest: Digest::new(),
        };
        self.put_fields(&mut sink)?;
        sink.put(CRC_HEADER)?;
        let crc = sink.digest.finish();
        write!(sink.writer, "{crc}")
    }

    #[cfg(feature = "alloc")]
    fn to_owned_text(&self) -> alloc::string::String {
        let mut text = alloc::vec![0; self.encoded_len()];
        // The length is right, and what was written came from strings.
        let filled = self.fill(&mut text).is_some();
        debug_assert!(filled, "the length was counted wrong");
        alloc::string::String::from_utf8(text).unwrap_or_default()
    }
}

#[cold]
fn too_small(len: usize) -> Error {
    let needed = u16::try_from(len).unwrap_or(u16::MAX);
    Error::new(ErrorKind::BufferTooSmall { needed })
}

/// Writes to a slice.
struct Cursor<'b> {
    text: &'b mut [u8],
    at: usize,
}

impl Cursor<'_> {
    const fn is_full(&self) -> bool {
        self.at == self.text.len()
    }
}

impl Sink for Cursor<'_> {
    #[inline]
    fn put(&mut self, text: &[u8]) -> fmt::Result {
        let end = self.at + text.len();
        let room = self.text.get_mut(self.at..end).ok_or(fmt::Error)?;
        copy_short(room, text);
        self.at = end;
        Ok(())
    }
}

/// Copies a text as short as most fields are; for these a call of `memcpy` costs more than the copying.
#[inline]
fn copy_short(to: &mut [u8], from: &[u8]) {
    if !(copy_ends::<16>(to, from) || copy_ends::<8>(to, from) || copy_ends::<4>(to, from)) {
        if from.len() > 32 {
            to.copy_from_slice(from);
        } else {
            to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        }
    }
}

/// Copies the first and the last `N` bytes, if that is all of it.
#[inline]
fn copy_ends<const N: usize>(to: &mut [u8], from: &[u8]) -> bool {
    if from.len() > 2 * N {
        return false;
    }
    let (Some(first), Some(last)) = (from.first_chunk::<N>(), from.last_chunk::<N>()) else {
        return false;
    };
    if let Some(to) = to.first_chunk_mut::<N>() {
        *to = *first;
    }
    if let Some(to) = to.last_chunk_mut::<N>() {
        *to = *last;
    }
    true
}

/// Passes text on and sums it up.
struct Summed<'w, W: ?Sized> {
    writer: &'w mut W,
    digest: Digest,
}

impl<W: fmt::Write + ?Sized> Sink for Summed<'_, W> {
    fn put(&mut self, text: &[u8]) -> fmt::Result {
        self.digest.update(text);
        // Every piece is a string, or ASCII.
        let text = core::str::from_utf8(text).map_err(|_| fmt::Error)?;
        self.writer.write_str(text)
    }
}

/// Counts bytes.
#[derive(Default)]
pub(super) struct Counter(pub(super) usize);

impl Sink for Counter {
    fn put(&mut self, text: &[u8]) -> fmt::Result {
        self.0 += text.len();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::vec;
    use std::vec::Vec;

    use super::*;

    #[test]
    fn short_and_long_texts_are_copied_whole() {
        for len in 0..100 {
            let from: Vec<u8> = (1..).take(len).collect();
            let mut to = vec![0; len];
            copy_short(&mut to, &from);
            assert_eq!(to, from, "{len}");
        }
    }

    /// A text whose length was counted wrong by `.0`.
    struct Miscounted(usize);

    impl Encode for Miscounted {
        fn encoded_len(&self) -> usize {
            b"000201".len() + CRC_FIELD + self.0
        }

        fn put_fields(&self, sink: &mut impl Sink) -> fmt::Result {
            sink.put(b"000201")
        }
    }

    #[test]
    fn no_checksum_covers_what_was_not_written() {
        let mut buffer = [b'0'; 32];
        assert!(Miscounted(0).to_slice(&mut buffer).is_ok());
        assert!(Miscounted(1).to_slice(&mut buffer).is_err());
    }
}
