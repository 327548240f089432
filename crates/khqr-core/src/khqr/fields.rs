//! A read code as a plain struct, for those who hand it on.

use super::{AccountKind, Khqr};

/// The fields that the official SDK's `decode` knows, under its names and as they stand in the text; what
/// the code does not say is `None`. Made by [`Khqr::to_fields`].
///
/// Feature `serde` serializes it to the object that the SDK's `decode` gives.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "camelCase"))]
#[non_exhaustive]
pub struct KhqrFields<'a> {
    /// `29` for an individual's account, `30` for a merchant's.
    pub merchant_type: &'a str,
    /// 29/00 or 30/00.
    #[cfg_attr(feature = "serde", serde(rename = "bakongAccountID"))]
    pub bakong_account_id: &'a str,
    /// 29/01.
    pub account_information: Option<&'a str>,
    /// 30/01.
    #[cfg_attr(feature = "serde", serde(rename = "merchantID"))]
    pub merchant_id: Option<&'a str>,
    /// 29/02 or 30/02.
    pub acquiring_bank: Option<&'a str>,
    /// 62/01.
    pub bill_number: Option<&'a str>,
    /// 62/02.
    pub mobile_number: Option<&'a str>,
    /// 62/03.
    pub store_label: Option<&'a str>,
    /// 62/07.
    pub terminal_label: Option<&'a str>,
    /// 62/08.
    pub purpose_of_transaction: Option<&'a str>,
    /// 64/00.
    pub language_preference: Option<&'a str>,
    /// 64/01.
    pub merchant_name_alternate_language: Option<&'a str>,
    /// 64/02.
    pub merchant_city_alternate_language: Option<&'a str>,
    /// 99/00.
    pub creation_timestamp: Option<&'a str>,
    /// 99/01.
    pub expiration_timestamp: Option<&'a str>,
    /// 00.
    pub payload_format_indicator: Option<&'a str>,
    /// 01.
    #[cfg_attr(feature = "serde", serde(rename = "pointofInitiationMethod"))]
    pub point_of_initiation_method: Option<&'a str>,
    /// 15.
    pub union_pay_merchant: Option<&'a str>,
    /// 52.
    pub merchant_category_code: Option<&'a str>,
    /// 53.
    pub transaction_currency: Option<&'a str>,
    /// 54.
    pub transaction_amount: Option<&'a str>,
    /// 58.
    pub country_code: Option<&'a str>,
    /// 59.
    pub merchant_name: Option<&'a str>,
    /// 60.
    pub merchant_city: Option<&'a str>,
    /// 63.
    pub crc: &'a str,
}

impl<'a> Khqr<'a> {
    /// Every field that the official SDK's `decode` knows, as text.
    #[must_use]
    pub fn to_fields(&self) -> KhqrFields<'a> {
        let text = self.text();
        KhqrFields {
            merchant_type: match self.account_kind() {
                AccountKind::Individual => "29",
                AccountKind::Merchant => "30",
            },
            bakong_account_id: self.account().as_str(),
            account_information: self.account_information(),
            merchant_id: self.merchant_id(),
            acquiring_bank: self.acquiring_bank(),
            bill_number: self.bill_number(),
            mobile_number: self.mobile_number(),
            store_label: self.store_label(),
            terminal_label: self.terminal_label(),
            purpose_of_transaction: self.purpose_of_transaction(),
            language_preference: self.language_preference(),
            merchant_name_alternate_language: self.merchant_name_alternate_language(),
            merchant_city_alternate_language: self.merchant_city_alternate_language(),
            creation_timestamp: self.created_at_text(),
            expiration_timestamp: self.expires_at_text(),
            payload_format_indicator: self.payload_format_indicator(),
            point_of_initiation_method: self.point_of_initiation_text(),
            union_pay_merchant: self.union_pay_account(),
            merchant_category_code: self.merchant_category_code(),
            transaction_currency: self.currency_text(),
            transaction_amount: self.amount_text(),
            country_code: self.country_code(),
            merchant_name: self.merchant_name(),
            merchant_city: self.merchant_city(),
            crc: text.get(text.len().saturating_sub(4)..).unwrap_or_default(),
        }
    }
}
