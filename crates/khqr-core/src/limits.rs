//! How long the texts of a code may be, in UTF-16 code units ([`utf16_len`](crate::utf16_len)). The
//! official SDK's limits; it has no names for a template's, 99.

/// A UnionPay merchant account (15) when written. Up to 99 are read.
pub const UNION_PAY_ACCOUNT: u8 = 31;
/// A Bakong account (29/00, 30/00).
pub const ACCOUNT: u8 = 32;
/// Account information (29/01).
pub const ACCOUNT_INFORMATION: u8 = 32;
/// A merchant id (30/01).
pub const MERCHANT_ID: u8 = 32;
/// An acquiring bank's name (29/02, 30/02).
pub const ACQUIRING_BANK: u8 = 32;
/// An amount (54), in characters.
pub const AMOUNT: u8 = 13;
/// A merchant's name (59).
pub const MERCHANT_NAME: u8 = 25;
/// A merchant's city (60).
pub const MERCHANT_CITY: u8 = 15;
/// A bill number (62/01), a mobile number (62/02), a store label (62/03), a terminal label (62/07), a
/// purpose (62/08); each, and with tags and lengths at most 99 together.
pub const ADDITIONAL_DATA: u8 = 25;
/// A merchant's name in the second language (64/01).
pub const ALTERNATE_NAME: u8 = 25;
/// A merchant's city in the second language (64/02).
pub const ALTERNATE_CITY: u8 = 15;
/// A template (29, 30, 62, 64, 99): all of its fields with their tags and lengths.
pub const TEMPLATE: u8 = 99;
