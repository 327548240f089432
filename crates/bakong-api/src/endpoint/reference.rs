//! Identifiers of a transaction: its hashes, and the references that banks assign.

use std::fmt;
use std::str::FromStr;

use super::field::{InvalidField, text_of};
use crate::hash;

macro_rules! reference {
    ($(#[$doc:meta])* $name:ident, $field:literal, $allowed:expr, $limits:literal, $normalize:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, Debug)]
        pub struct $name(String);

        impl $name {
            /// Creates a reference from `text`, without the surrounding white space.
            ///
            /// # Errors
            #[doc = concat!("[`InvalidField`] unless the text has ", $limits, " and no control character.")]
            pub fn new(text: &str) -> Result<Self, InvalidField> {
                let normalize: fn(&str) -> Option<String> = $normalize;
                let normal = normalize(text);
                text_of($field, normal.as_deref().unwrap_or_else(|| text.trim()), $allowed).map(Self)
            }

            /// Returns the text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidField;

            fn from_str(text: &str) -> Result<Self, InvalidField> {
                Self::new(text)
            }
        }

        #[cfg(feature = "serde")]
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        #[cfg(feature = "serde")]
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::new(&text).map_err(serde::de::Error::custom)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

reference! {
    /// A transaction's full hash: 64 hexadecimal digits in every answer seen so far.
    ///
    /// Hexadecimal digits are normalized to lower case, without `0x`, white space or invisible characters, as in
    /// [`Transaction::hash`](crate::Transaction::hash). Other texts are sent as they are.
    TransactionHash, "hash", 1..=255, "1 to 255 characters", hash::digits
}

reference! {
    /// The first eight digits of a transaction's hash, as payers' apps show them. They are normalized like a
    /// [`TransactionHash`].
    ShortHash, "hash", 8..=8, "exactly 8 characters", hash::digits
}

reference! {
    /// The reference that the payer's bank assigned to the payment instruction (`instructionRef`).
    InstructionRef, "instructionRef", 1..=255, "1 to 255 characters", |_| None
}

reference! {
    /// The payer bank's own reference (`externalRef`), such as `100FT35781491692`; not the merchant's reference.
    ExternalRef, "externalRef", 1..=255, "1 to 255 characters", |_| None
}

impl TransactionHash {
    /// Returns the short hash; `None` if this hash has fewer than eight characters.
    #[must_use]
    pub fn short(&self) -> Option<ShortHash> {
        let end = self
            .0
            .char_indices()
            .nth(8)
            .map_or(self.0.len(), |(at, _)| at);
        ShortHash::new(&self.0[..end]).ok()
    }
}
