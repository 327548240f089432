//! The KHQR payload: read it, verify it, write it, byte for byte as NBC's SDK does.
//!
//! # What a KHQR is
//! KHQR is Cambodia's payment QR code: a text in EMVCo's merchant-presented form (two-digit tag,
//! two-digit length, value, repeated; a template's value is such fields again) that names an account at
//! Bakong, NBC's payment system.
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
//! 99 34 00 13 1795000000000         created, in milliseconds
//!       01 13 1795000600000         payable until
//! 63 04 ....                        CRC over all before it
//! ```
//!
//! A **static** code is printed once and paid again and again: it says no amount. A **dynamic** code is
//! shown for one payment: it says an amount and an expiry, and the MD5 of its exact text is the handle
//! under which Bakong finds the payment. One different byte, and the payment is never found.
//!
//! # Read one
//! Each rung of the ladder is borrowed from the text and made without allocation:
//!
//! | type | what is sure |
//! | --- | --- |
//! | [`Payload`] | well-formed fields and the right checksum; any EMVCo code |
//! | [`Khqr`] | one Bakong account is named, and nothing is said twice |
//! | [`Khqr::verify`] | it may be paid at this moment, by the rules of NBC's SDK 1.0.20 |
//!
//! ```
//! use khqr_core::{Khqr, Printable};
//!
//! # let text = "00020101021229140010sokha@devb5204599953031165405100005802KH5912Sokha Coffee6010Phnom Penh\
//! #     62120108INV-20419934001317950000000000113179500060000063046965";
//! let khqr = Khqr::parse(text)?;
//! println!("pays {}", Printable(khqr.account().as_str()));
//! if let Some(amount) = khqr.amount()? {
//!     println!("{amount}, look for it under {}", khqr.md5());
//! }
//! # Ok::<(), khqr_core::Error>(())
//! ```
//!
//! Reading takes what banks really print: any order of fields, codes of older SDKs without an expiry,
//! expired ones, fields that KHQR does not know. Codes of other countries are read as a tree, by
//! [`Payload::fields`] and [`Field::template`].
//!
//! # Verify one
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
//! # Make one
//! ```
//! use core::time::Duration;
//! use khqr_core::{AccountId, Amount, Currency, KhqrBuilder, KhqrDraft, Md5Handle, Timestamp};
//!
//! let now = Timestamp::from_millis(1_795_000_000_000);
//! let draft = KhqrBuilder::individual(AccountId::new("sokha@devb")?, "Sokha Coffee")
//!     .bill_number("INV-2041")
//!     .dynamic_code(
//!         Amount::from_minor_units(10_000, Currency::Khr),
//!         now,
//!         now.saturating_add(Duration::from_secs(600)),
//!     )?;
//! let mut buffer = [0; KhqrDraft::MAX_LEN];
//! let text = draft.write_to_slice(&mut buffer)?;
//! assert_eq!(Md5Handle::of(text).to_string(), "aef22de654f760851556c420ad74424f");
//! # Ok::<(), khqr_core::Error>(())
//! ```
//!
//! [`Khqr::with_amount`] makes a printed code one for a single payment.
//!
//! # Deviations from the official SDK
//! NBC's JavaScript SDK (`bakong-khqr` 1.0.20) is what everybody's codes are compared with. For whatever
//! it turns into a text that its own `verify` accepts, this crate gives the same bytes; whatever it
//! refuses, this crate refuses under the same number ([`Error::sdk_code`]). Except here; the names are those in
//! `tests/vectors`, where the recorded answers of both stand side by side.
//!
#![doc = include_str!("../DEVIATIONS.md")]
//!
//! # Text from a code is a stranger's
//! Anyone can print a code. Getters give the text exactly as it stands; print it through [`Printable`],
//! which makes escape sequences and direction marks visible. An [`Error`] holds no text of the code, so
//! that it can be shown and logged.
//!
//! # Features
//! None is on by default: the crate is `no_std`, allocates nothing, and depends on `crc` and `md-5`.
//!
//! | feature | adds |
//! | --- | --- |
//! | `alloc` | results that own their text: `AccountIdBuf`, `KhqrDraft::to_text`, `KhqrRewrite::to_text` |
//! | `std` | `alloc`, and the clock: `Timestamp::now`, conversions from and to `SystemTime` |
//! | `serde` | every value as its text (`"1.50 USD"`, `"sokha@devb"`; a moment is read from a number too), and [`KhqrFields`] as the object that the SDK's `decode` gives |
//!
//! With `serde`, [`AccountId`], [`Payload`] and [`Khqr`] borrow from what they are read from, which must hold
//! them without escapes: keep a code as a `String`.
//!
//! Rust 1.88 or later. What comes from a scanner as bytes goes through [`core::str::from_utf8`] first.

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
pub use khqr::{AccountKind, Khqr, KhqrFields, Payable, PointOfInitiation};
pub use md5::Md5Handle;
pub use payload::Payload;
pub use payload_amount::PayloadAmount;
pub use printable::Printable;
pub use tag::{Tag, TagPath};
pub use text::utf16_len;
pub use timestamp::Timestamp;
pub use write::{Individual, KhqrBuilder, KhqrDraft, KhqrRewrite, Merchant};
