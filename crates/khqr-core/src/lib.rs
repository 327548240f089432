//! The KHQR payload: read it, verify it, write it.
//!
//! KHQR is Cambodia's payment QR code: a text in EMVCo's merchant-presented form (two-digit tag,
//! two-digit length, value, repeated) that names an account at Bakong, NBC's payment system, and for a
//! single payment an amount and an expiry. The last field is a checksum, and the MD5 of the exact text
//! is the handle under which Bakong finds the payment.
//!
//! Three rungs, each borrowed from the text and made without allocation:
//!
//! | type | what is sure |
//! | --- | --- |
//! | [`Payload`] | well-formed fields and the right checksum; any EMVCo code |
//! | [`Khqr`] | one Bakong account is named, and nothing is said twice |
//! | [`Khqr::verify`] | it may be paid at this moment, by the rules of NBC's SDK 1.0.20 |
//!
//! [`KhqrBuilder`] goes the other way, byte for byte as NBC's JavaScript SDK writes.
//!
//! # Example
//! ```
//! use khqr_core::{Khqr, Printable};
//!
//! # let mut buffer = [0; 256];
//! # let text = khqr_core::KhqrBuilder::individual(khqr_core::AccountId::new("sokha@devb")?, "Sokha Coffee")
//! #     .static_code(khqr_core::Currency::Khr)?.write_to_slice(&mut buffer)?;
//! let khqr = Khqr::parse(text)?;
//! println!("pays {}", Printable(khqr.account().as_str()));
//! if let Some(name) = khqr.merchant_name() {
//!     println!("shown as {}", Printable(name));
//! }
//! # Ok::<(), khqr_core::Error>(())
//! ```
//!
//! # Text from a code is a stranger's
//! Anyone can print a code. Getters give the text exactly as it stands; print it through [`Printable`],
//! which makes escape sequences and direction marks visible. An [`Error`] holds no text of the code.
//!
//! # Features
//! None is on by default; the crate is `no_std` and needs no allocator. `alloc` adds results that own
//! their text: [`AccountIdBuf`](https://docs.rs/khqr-core/latest/khqr_core/struct.AccountIdBuf.html) and
//! `KhqrDraft::to_text`.

#![no_std]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod account;
mod amount;
mod crc;
mod digits;
mod error;
mod field;
mod khqr;
mod md5;
mod payload;
mod printable;
mod rules;
mod sdk;
#[cfg(feature = "serde")]
mod serde;
mod tag;
mod timestamp;
mod tlv;
mod write;

pub use account::AccountId;
#[cfg(feature = "alloc")]
pub use account::AccountIdBuf;
pub use amount::{Amount, Currency, PayloadAmount};
pub use crc::Crc;
pub use error::{Error, ErrorKind};
pub use field::{Field, Fields};
pub use khqr::{AccountKind, Khqr, KhqrFields, Payable, PointOfInitiation};
pub use md5::Md5Handle;
pub use payload::Payload;
pub use printable::Printable;
pub use tag::{Tag, TagPath};
pub use timestamp::Timestamp;
pub use write::{Individual, KhqrBuilder, KhqrDraft, KhqrRewrite, Merchant};
