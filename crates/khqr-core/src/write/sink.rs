//! The outputs of a code: a slice, a writer, or a byte counter.

use core::fmt;

use crate::crc::{Crc, Digest};
use crate::digits::two_digits;
use crate::error::{Error, ErrorKind};
use crate::tag::Tag;

/// Tag and length of the checksum field. The checksum covers them.
pub(super) const CRC_HEADER: &[u8] = b"6304";

/// The length of the checksum field.
pub(super) const CRC_FIELD: usize = 8;

/// An output that receives a code in pieces.
pub(super) trait Sink {
    fn put(&mut self, text: &[u8]) -> fmt::Result;

    /// Writes tag and length. The caller has checked that the length has two digits.
    #[inline]
    fn put_header(&mut self, tag: Tag, units: usize) -> fmt::Result {
        let [t1, t0] = two_digits(u64::from(tag.number()));
        let [l1, l0] = two_digits(units as u64);
        self.put(&[t1, t0, l1, l0])
    }
}

/// A code that can be written to a sink.
pub(super) trait Encode {
    /// The length of the text in bytes, including the checksum.
    fn encoded_len(&self) -> usize;

    /// Writes all fields except the checksum.
    fn put_fields(&self, sink: &mut impl Sink) -> fmt::Result;

    /// Writes the text to the start of `buffer`.
    fn to_slice<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b str, Error> {
        let len = self.encoded_len();
        let text = buffer.get_mut(..len).and_then(|text| self.fill(text));
        // All pieces are strings, so the text is UTF-8.
        text.and_then(|text| core::str::from_utf8(text).ok())
            .ok_or_else(|| too_small(len))
    }

    /// Fills `text`, whose length is [`encoded_len`](Self::encoded_len).
    fn fill<'b>(&self, text: &'b mut [u8]) -> Option<&'b [u8]> {
        let (covered, digits) = text.split_last_chunk_mut::<4>()?;
        let mut cursor = Cursor {
            text: covered,
            at: 0,
        };
        self.put_fields(&mut cursor).ok()?;
        cursor.put(CRC_HEADER).ok()?;
        // If the length is wrong, the checksum would cover bytes that were not written.
        if !cursor.is_full() {
            return None;
        }
        *digits = Crc::of(covered).to_hex();
        Some(text)
    }

    fn to_writer(&self, writer: &mut (impl fmt::Write + ?Sized)) -> fmt::Result {
        let mut sink = ChecksumWriter {
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
        // The length is correct and all pieces are strings, so neither step fails.
        let filled = self.fill(&mut text).is_some();
        debug_assert!(filled, "the encoded length is wrong");
        alloc::string::String::from_utf8(text).unwrap_or_default()
    }
}

/// The public methods and `Display` of a type that implements [`Encode`].
macro_rules! write_methods {
    ($type:ident) => {
        impl $type<'_> {
            /// Writes the text to the start of `buffer` and returns it.
            ///
            /// # Errors
            /// [`BufferTooSmall`](crate::ErrorKind::BufferTooSmall). In this case, the buffer is unchanged.
            pub fn write_to_slice<'b>(
                &self,
                buffer: &'b mut [u8],
            ) -> Result<&'b str, crate::Error> {
                self.to_slice(buffer)
            }

            /// Writes the text to `writer`.
            ///
            /// # Errors
            /// The errors of `writer`.
            pub fn write_to(&self, writer: &mut (impl fmt::Write + ?Sized)) -> fmt::Result {
                self.to_writer(writer)
            }

            /// The text as a `String`.
            #[cfg(feature = "alloc")]
            #[must_use]
            pub fn to_text(&self) -> alloc::string::String {
                self.to_owned_text()
            }
        }

        impl fmt::Display for $type<'_> {
            /// Writes the text.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.write_to(f)
            }
        }
    };
}

pub(super) use write_methods;

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

/// Copies a short text inline. For most fields, a call to `memcpy` costs more than the copy itself.
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

/// Copies the first and the last `N` bytes. Returns whether they cover the text.
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

/// Writes to a writer and computes the checksum.
struct ChecksumWriter<'w, W: ?Sized> {
    writer: &'w mut W,
    digest: Digest,
}

impl<W: fmt::Write + ?Sized> Sink for ChecksumWriter<'_, W> {
    fn put(&mut self, text: &[u8]) -> fmt::Result {
        self.digest.update(text);
        // Every piece is a string or ASCII.
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
    fn texts_of_every_length_are_copied() {
        for len in 0..100 {
            let from: Vec<u8> = (1..).take(len).collect();
            let mut to = vec![0; len];
            copy_short(&mut to, &from);
            assert_eq!(to, from, "{len}");
        }
    }

    /// A text that reports an encoded length that is too large by `.0` bytes.
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
    fn a_wrong_length_is_an_error() {
        let mut buffer = [b'0'; 32];
        assert!(Miscounted(0).to_slice(&mut buffer).is_ok());
        assert!(Miscounted(1).to_slice(&mut buffer).is_err());
    }
}
