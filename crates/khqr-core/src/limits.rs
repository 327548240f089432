//! The maximum lengths of the texts in a code, in UTF-16 code units ([`utf16_len`](crate::utf16_len)).
//!
//! These are the official SDK's limits, except [`TEMPLATE`], which follows from the two-digit lengths of the
//! standard.

use crate::field_table::FieldId;

/// A UnionPay merchant account (15) in a code to be written. The reader accepts up to 99.
pub const UNION_PAY_ACCOUNT: u8 = FieldId::UnionPay.spec().max;
/// A Bakong account (29/00, 30/00).
pub const ACCOUNT: u8 = FieldId::IndividualAccount.spec().max;
/// Account information (29/01).
pub const ACCOUNT_INFORMATION: u8 = FieldId::AccountInformation.spec().max;
/// A merchant ID (30/01).
pub const MERCHANT_ID: u8 = FieldId::MerchantId.spec().max;
/// An acquiring bank's name (29/02, 30/02).
pub const ACQUIRING_BANK: u8 = FieldId::IndividualBank.spec().max;
/// An amount (54).
pub const AMOUNT: u8 = FieldId::Amount.spec().max;
/// A merchant's name (59).
pub const MERCHANT_NAME: u8 = FieldId::MerchantName.spec().max;
/// A merchant's city (60).
pub const MERCHANT_CITY: u8 = FieldId::MerchantCity.spec().max;
/// The bill number (62/01), mobile number (62/02), store label (62/03), terminal label (62/07) and purpose
/// (62/08), each. Together, including their tags and lengths, they have at most 99.
pub const ADDITIONAL_DATA: u8 = FieldId::BillNumber.spec().max;
/// A merchant's name in the second language (64/01).
pub const ALTERNATE_NAME: u8 = FieldId::AlternateName.spec().max;
/// A merchant's city in the second language (64/02).
pub const ALTERNATE_CITY: u8 = FieldId::AlternateCity.spec().max;
/// A template (29, 30, 62, 64, 99): all of its fields with their tags and lengths.
pub const TEMPLATE: u8 = 99;
