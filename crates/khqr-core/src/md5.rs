//! The MD5 of a dynamic code, by which Bakong identifies the payment.

use core::fmt;
use core::str::FromStr;

use md5::{Digest, Md5};

use crate::digits::{hex_digit, hex_value};
use crate::error::{Error, ErrorKind};

/// The MD5 of the text of a code, printed as 32 lower-case hexadecimal digits.
///
/// Bakong looks up a payment by this value, and one different byte in the text gives another MD5. Store the
/// text that was shown; do not build it again. An MD5 identifies dynamic codes only: a static code is paid
/// many times with one text, and the Open API rejects its MD5.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Md5Handle([u8; 16]);

impl Md5Handle {
    /// Computes the MD5 of a string.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(Md5::digest(text.as_bytes()).into())
    }

    /// Creates a handle from the bytes of an MD5.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl FromStr for Md5Handle {
    type Err = Error;

    /// Parses 32 hexadecimal digits in either case.
    fn from_str(text: &str) -> Result<Self, Error> {
        let error = Error::new(ErrorKind::Md5Syntax);
        let digits: &[u8; 32] = text.as_bytes().try_into().map_err(|_| error)?;
        let mut bytes = [0; 16];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let [high, low] = [pair[0], pair[1]].map(hex_value);
            *byte = high.ok_or(error)? << 4 | low.ok_or(error)?;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Md5Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0; 32];
        for (pair, byte) in digits.as_chunks_mut().0.iter_mut().zip(self.0) {
            *pair = [byte >> 4, byte & 0xF].map(hex_digit);
        }
        f.write_str(core::str::from_utf8(&digits).unwrap_or_default())
    }
}

impl fmt::Debug for Md5Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Md5Handle({self})")
    }
}
