//! Serde: every type as the text that it prints and reads.

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

/// Reads a text that lives only as long as the reading.
struct Text<T>(PhantomData<T>);

impl<T: FromStr<Err = Error>> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

macro_rules! deserialize_from_text {
    ($($type:ty),* $(,)?) => {$(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(Text(PhantomData))
            }
        }
    )*};
}

deserialize_from_text! {
    AccountKind, Amount, Crc, Currency, Md5Handle, PointOfInitiation, Tag, TagPath, Timestamp,
}

#[cfg(feature = "alloc")]
deserialize_from_text!(AccountIdBuf);

macro_rules! deserialize_borrowed {
    ($($type:ident: $read:expr),* $(,)?) => {$(
        /// Borrows from the input, so the input must hold the text without escapes.
        impl<'de: 'a, 'a> Deserialize<'de> for $type<'a> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <&'a str>::deserialize(deserializer)?;
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
