//! The checksum at the end of every payload: CRC-16/IBM-3740, called "CCITT-FALSE" in KHQR documents.

use core::fmt;
use core::str::FromStr;

use crc::{CRC_16_IBM_3740, Table};

use crate::digits::hex_value;
use crate::error::{Error, ErrorKind};

static ALGORITHM: crc::Crc<u16, Table<16>> = crc::Crc::<u16, Table<16>>::new(&CRC_16_IBM_3740);

/// The checksum of a payload, printed as four upper-case hexadecimal digits.
///
/// Covers all bytes before the four digits, including its own tag and length (`6304`).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Crc(u16);

/// The number of bytes that the tables process at a time.
const BLOCK: usize = 16;

/// Entry `n` is the register value that `n` zero bytes turn into the initial value of the checksum.
static BEFORE_ZEROS: [u16; BLOCK] = {
    let mut values = [CRC_16_IBM_3740.init; BLOCK];
    let mut zeros = 1;
    while zeros < BLOCK {
        let mut value = values[zeros - 1];
        let mut bit = 0;
        while bit < 8 {
            // The polynomial is odd, so the lowest bit shows whether the forward step XORed it in.
            value = if value & 1 == 1 {
                (value ^ CRC_16_IBM_3740.poly) >> 1 | 0x8000
            } else {
                value >> 1
            };
            bit += 1;
        }
        values[zeros] = value;
        zeros += 1;
    }
    values
};

/// Returns the CRC register after a block. The block is passed as one integer, because extracting its bytes is
/// cheaper than loading each byte from memory.
#[inline]
fn process_block(crc: u16, block: u128) -> u16 {
    let bytes = (block ^ u128::from(crc) << 112).to_le_bytes();
    let tables = ALGORITHM.table().iter().zip(bytes);
    tables.fold(0, |sum, (table, byte)| sum ^ table[usize::from(byte)])
}

impl Crc {
    /// The checksum of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        // Processing a partial block byte by byte takes as long as eight full blocks. Therefore zeros pad
        // the front of the first block, and the value from `BEFORE_ZEROS` cancels their effect.
        let Some((first, _)) = bytes.split_first_chunk::<BLOCK>() else {
            return Self(ALGORITHM.checksum(bytes));
        };
        let zeros = bytes.len().wrapping_neg() % BLOCK;
        let first = u128::from_be_bytes(*first) >> (8 * zeros);
        let rest = bytes.get(BLOCK - zeros..).unwrap_or_default();
        let blocks = rest.as_chunks::<BLOCK>().0.iter();
        let start = process_block(BEFORE_ZEROS[zeros], first);
        Self(blocks.fold(start, |crc, block| {
            process_block(crc, u128::from_be_bytes(*block))
        }))
    }

    /// The checksum as a number.
    #[must_use]
    pub const fn value(self) -> u16 {
        self.0
    }

    /// Parses four hexadecimal digits in either case, as the official SDK does.
    pub(crate) fn from_hex(digits: [u8; 4]) -> Option<Self> {
        let mut value = 0u16;
        for digit in digits {
            value = value << 4 | u16::from(hex_value(digit)?);
        }
        Some(Self(value))
    }

    pub(crate) fn to_hex(self) -> [u8; 4] {
        let nibble = |shift: u16| HEX_UPPER[usize::from(self.0 >> shift & 0xF)];
        [nibble(12), nibble(8), nibble(4), nibble(0)]
    }
}

const HEX_UPPER: [u8; 16] = *b"0123456789ABCDEF";

impl FromStr for Crc {
    type Err = Error;

    /// Parses four hexadecimal digits in either case.
    fn from_str(text: &str) -> Result<Self, Error> {
        let digits = text.as_bytes().try_into().ok();
        digits
            .and_then(Self::from_hex)
            .ok_or(Error::new(ErrorKind::CrcSyntax))
    }
}

impl fmt::Display for Crc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X}", self.0)
    }
}

impl fmt::Debug for Crc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Crc({self})")
    }
}

/// Computes the checksum of bytes that arrive in pieces.
pub(crate) struct Digest(crc::Digest<'static, u16, Table<16>>);

impl Digest {
    pub(crate) fn new() -> Self {
        Self(ALGORITHM.digest())
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(crate) fn finish(self) -> Crc {
        Crc(self.0.finalize())
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::string::ToString;

    use super::*;

    /// The definition: polynomial 0x1021, start 0xFFFF, no reflection, no final xor.
    fn bitwise(bytes: &[u8]) -> u16 {
        bytes.iter().fold(0xFFFF, |crc, byte| {
            (0..8).fold(crc ^ u16::from(*byte) << 8, |crc, _| {
                if crc & 0x8000 == 0 {
                    crc << 1
                } else {
                    crc << 1 ^ 0x1021
                }
            })
        })
    }

    #[test]
    fn the_check_value_of_the_catalogue_matches() {
        assert_eq!(Crc::of(b"123456789").value(), 0x29B1);
        assert_eq!(Crc::of(b"").to_string(), "FFFF");
    }

    proptest::proptest! {
        #[test]
        fn equals_the_bitwise_definition(bytes: std::vec::Vec<u8>) {
            proptest::prop_assert_eq!(Crc::of(&bytes).value(), bitwise(&bytes));
        }

        #[test]
        fn hexadecimal_digits_round_trip(value: u16) {
            proptest::prop_assert_eq!(Crc::from_hex(Crc(value).to_hex()), Some(Crc(value)));
            let text = Crc(value).to_string();
            proptest::prop_assert_eq!(text.as_bytes(), &Crc(value).to_hex());
        }
    }
}
