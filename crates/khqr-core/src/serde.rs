//! Serde: every type serializes as its `Display` text and deserializes from it.

use core::fmt;
use core::marker::PhantomData;
use core::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error as _, Visitor};
use serde::ser::{Serialize, Serializer};

#[cfg(feature = "alloc")]
use crate::AccountIdBuf;
use crate::{
    AccountId, AccountKind, Amount, Crc, Currency, Error, Khqr, KhqrDraft, KhqrRewrite, Md5Handle,
    Payload, PayloadAmount, PointOfInitiation, Tag, TagPath, Timestamp,
};

macro_rules! serialize_as_text {
    ($($type:ty),* $(,)?) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )*};
}

serialize_as_text! {
    AccountId<'_>, AccountKind, Amount, Crc, Currency, KhqrDraft<'_>, KhqrRewrite<'_>, Md5Handle,
    PayloadAmount, PointOfInitiation, Tag, TagPath, Timestamp,
}

#[cfg(feature = "alloc")]
serialize_as_text!(AccountIdBuf);

impl Serialize for Payload<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text())
    }
}

impl Serialize for Khqr<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text())
    }
}

/// Deserializes from a string that need not be borrowed from the input.
struct FromText<T>(PhantomData<T>);

impl<T: FromStr<Err = Error>> Visitor<'_> for FromText<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

macro_rules! deserialize_from_text {
    ($($type:ty),* $(,)?) => {$(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(FromText(PhantomData))
            }
        }
    )*};
}

deserialize_from_text! {
    AccountKind, Amount, Crc, Currency, Md5Handle, PointOfInitiation, Tag, TagPath,
}

/// Deserializes milliseconds from a string, or from a number, which is how JavaScript programs send them.
struct Millis;

impl Visitor<'_> for Millis {
    type Value = Timestamp;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("milliseconds since 1970 as a string or a number")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Timestamp, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_u64<E>(self, millis: u64) -> Result<Timestamp, E> {
        Ok(Timestamp::from_millis(millis))
    }

    fn visit_i64<E: serde::de::Error>(self, millis: i64) -> Result<Timestamp, E> {
        let millis = u64::try_from(millis);
        millis.map(Timestamp::from_millis).map_err(E::custom)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Millis)
    }
}

#[cfg(feature = "alloc")]
deserialize_from_text!(AccountIdBuf);

/// Deserializes from a string that is borrowed from the input.
struct Borrowed;

impl<'de> Visitor<'de> for Borrowed {
    type Value = &'de str;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<&'de str, E> {
        Ok(text)
    }

    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<&'de str, E> {
        Err(E::custom(
            "cannot borrow the string: the input contains escapes or is a stream; deserialize a String first",
        ))
    }
}

macro_rules! deserialize_borrowed {
    ($($type:ident: $read:expr),* $(,)?) => {$(
        /// Borrows from the input, so the string in the input must not contain escapes.
        impl<'de: 'a, 'a> Deserialize<'de> for $type<'a> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = deserializer.deserialize_str(Borrowed)?;
                $read(text).map_err(D::Error::custom)
            }
        }
    )*};
}

deserialize_borrowed! {
    AccountId: AccountId::new,
    Payload: Payload::parse,
    Khqr: Khqr::parse,
}
