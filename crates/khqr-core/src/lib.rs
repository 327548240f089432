#![doc = include_str!("../README.md")]
//!
//! # I want to …
//! | I want to | item |
//! | --- | --- |
//! | read a KHQR | [`Khqr::parse`] |
//! | know whether a code can be paid now, and why not | [`Khqr::verify`], [`ErrorKind`] |
//! | write a code for one payment | [`KhqrBuilder::individual`] or [`KhqrBuilder::merchant`], then [`dynamic_code`](KhqrBuilder::dynamic_code) |
//! | write a code to print | [`KhqrBuilder::static_code`] |
//! | add an amount to a printed code | [`Khqr::with_amount`] |
//! | get the MD5 by which Bakong finds the payment | [`Khqr::md5`], [`Md5Handle::of`] |
//! | read an amount that a person typed | [`Amount::parse`] |
//! | read any EMVCo code, from any country | [`Payload::parse`], [`Payload::fields`], [`Field::template`] |
//! | show text of a code safely | [`Printable`] |
//! | return the error code of NBC's SDK | [`Error::sdk_code`], [`Error::sdk_message`] |
//! | write without an allocator | [`KhqrDraft::write_to_slice`] |
//! | know the maximum lengths | [`limits`] |
//!
//! # KHQR in brief
//! KHQR is Cambodia's payment QR code. Its text is an EMVCo merchant-presented payload: a sequence of fields,
//! each with a two-digit tag, a two-digit length and a value. The value of a template is itself a sequence of
//! fields. The text names an account at Bakong, the payment system of the National Bank of Cambodia (NBC).
//!
//! ```text
//! 00 02 01                          payload format indicator
//! 01 02 12                          point of initiation: 11 static, 12 dynamic
//! 29 14 00 10 sokha@devb            an individual's Bakong account (30: a merchant's)
//! 52 04 5999                        merchant category code
//! 53 03 116                         currency: 116 riel, 840 dollars
//! 54 05 10000                       amount
//! 58 02 KH                          country
//! 59 12 Sokha Coffee                merchant name
//! 60 10 Phnom Penh                  merchant city
//! 99 34 00 13 1795000000000         creation, in milliseconds
//!       01 13 1795000600000         expiry
//! 63 04 ....                        CRC over everything before it
//! ```
//!
//! A **static** code has no amount; it is printed once and paid many times. A **dynamic** code has an amount
//! and an expiry, for one payment. Bakong looks up that payment by the MD5 of the exact text, so one different
//! byte makes the payment impossible to find.
//!
//! # Parse a code
//! Each type borrows from the text, allocates nothing, and guarantees more than the one before:
//!
//! | type | guarantees |
//! | --- | --- |
//! | [`Payload`] | well-formed fields and a valid checksum; any EMVCo code |
//! | [`Khqr`] | exactly one Bakong account, and no repeated field |
//! | [`Payable`], from [`Khqr::verify`] | payable at this moment by the rules of NBC's SDK 1.0.20 |
//!
//! ```
//! use khqr_core::{Khqr, Printable};
//!
//! # let text = "00020101021229140010sokha@devb5204599953031165405100005802KH5912Sokha Coffee6010Phnom Penh\
//! #     62120108INV-20419934001317950000000000113179500060000063046965";
//! let khqr = Khqr::parse(text)?;
//! println!("pays {}", Printable(khqr.account().as_str()));
//! if let Some(amount) = khqr.amount()? {
//!     println!("{amount}, MD5 {}", khqr.md5());
//! }
//! # Ok::<(), khqr_core::Error>(())
//! ```
//!
//! Parsing accepts what banks print: fields in any order, codes of older SDKs without an expiry, expired
//! codes, unknown fields. [`Payload::fields`] and [`Field::template`] read the codes of other countries as a
//! tree.
//!
//! # Verify a code
//! ```
//! use khqr_core::{ErrorKind, Khqr, Timestamp};
//!
//! # let text = "00020101021229140010sokha@devb5204599953031165405100005802KH5912Sokha Coffee6010Phnom Penh\
//! #     62120108INV-20419934001317950000000000113179500060000063046965";
//! let khqr = Khqr::parse(text)?;
//! assert!(khqr.verify(Timestamp::from_millis(1_795_000_600_000)).is_ok());
//!
//! let error = khqr.verify(Timestamp::from_millis(1_795_000_600_001)).unwrap_err();
//! assert_eq!(error.kind(), ErrorKind::Expired);
//! assert_eq!(error.tag().map(|tag| tag.to_string()).as_deref(), Some("99/01"));
//! assert_eq!(error.sdk_code(), Some(46));
//! # Ok::<(), khqr_core::Error>(())
//! ```
//!
//! # Deviations from the official SDK
//! NBC's JavaScript SDK (`bakong-khqr` 1.0.20) is the reference. If the SDK's own `verify` accepts the text
//! that the SDK generates, this crate writes the same bytes. If the SDK rejects an input, this crate rejects it
//! with the same code ([`Error::sdk_code`]). The table lists all exceptions. Its last column gives their
//! names in `tests/vectors`, which records the answers of the SDK and of this crate.
//!
#![doc = include_str!("../DEVIATIONS.md")]
//!
//! # Untrusted text
//! Anyone can print a code. Getters return the text unchanged; print it through [`Printable`], which escapes
//! control sequences and direction marks. An [`Error`] contains no text of the code, so it is safe to show and
//! to log. [`Khqr::parse_scanned`] removes what scanners add at both ends of a code. Pass bytes through
//! [`core::str::from_utf8`] first.
//!
//! # Borrowed values in serde
//! With `serde`, [`AccountId`], [`Payload`] and [`Khqr`] borrow from the input, which must hold the string
//! without escapes. To keep a code, store it as a `String`.

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod account;
mod amount;
mod crc;
mod currency;
mod digits;
mod error;
mod field;
mod field_table;
mod khqr;
pub mod limits;
mod md5;
mod payload;
mod payload_amount;
mod printable;
mod rfc3339;
mod rules;
mod sdk;
#[cfg(feature = "serde")]
mod serde;
mod tag;
mod tag_text;
mod text;
mod timestamp;
mod tlv;
mod write;

pub use account::AccountId;
#[cfg(feature = "alloc")]
pub use account::AccountIdBuf;
pub use amount::Amount;
pub use crc::Crc;
pub use currency::Currency;
pub use error::{Error, ErrorKind};
pub use field::{Field, Fields};
/// The crate of the feature `jiff`, whose type this crate converts.
#[cfg(feature = "jiff")]
pub use jiff;
pub use khqr::{AccountKind, Khqr, KhqrFields, Payable, PointOfInitiation};
pub use md5::Md5Handle;
pub use payload::Payload;
pub use payload_amount::PayloadAmount;
pub use printable::Printable;
pub use rfc3339::Rfc3339;
pub use tag::{Tag, TagPath};
pub use text::utf16_len;
pub use timestamp::Timestamp;
pub use write::{Individual, KhqrBuilder, KhqrDraft, KhqrRewrite, Merchant};
