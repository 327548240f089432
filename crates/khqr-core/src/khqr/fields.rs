//! The fields of a code as text: a getter for each, and all of them as a plain struct.

use super::code::Khqr;
use super::kind::AccountKind;
use crate::field_table::FieldId;

macro_rules! text_getters {
    ($($(#[$doc:meta])* $name:ident => $id:ident;)*) => {
        /// Fields as they appear in the text; `None` if the code does not have the field.
        impl<'a> Khqr<'a> {
            $(
                $(#[$doc])*
                #[must_use]
                pub fn $name(&self) -> Option<&'a str> {
                    self.get(FieldId::$id)
                }
            )*
        }
    };
}

text_getters! {
    /// The payload format indicator (00), `01` in every payable code.
    payload_format_indicator => PayloadFormat;
    /// Tag 01 exactly as it appears in the text.
    point_of_initiation_text => PointOfInitiation;
    /// A UnionPay merchant account (15).
    union_pay_account => UnionPay;
    /// An account number or phone number (29/01). A code with this field is a remittance.
    account_information => AccountInformation;
    /// The ID that the bank assigned to the merchant (30/01).
    merchant_id => MerchantId;
    /// The merchant category code (52), four digits in every payable code.
    merchant_category_code => CategoryCode;
    /// The currency (53) exactly as it appears in the text.
    currency_text => Currency;
    /// The amount (54) exactly as it appears in the text.
    amount_text => Amount;
    /// Whether the payer is asked for a tip (55: `01`), a fixed fee (`02`) or a percentage (`03`).
    ///
    /// This is a field of EMVCo. NBC's SDK ignores it, and this crate never writes it.
    tip_or_convenience_indicator => TipIndicator;
    /// The fixed fee (56).
    convenience_fee_fixed => FeeFixed;
    /// The fee in per cent (57).
    convenience_fee_percentage => FeePercentage;
    /// The country (58), `KH` in every payable code.
    country_code => Country;
    /// The merchant's name (59).
    merchant_name => MerchantName;
    /// The merchant's city (60).
    merchant_city => MerchantCity;
    /// The postal code (61).
    postal_code => PostalCode;
    /// The bill number (62/01).
    bill_number => BillNumber;
    /// The mobile number (62/02).
    mobile_number => MobileNumber;
    /// The store label (62/03).
    store_label => StoreLabel;
    /// The terminal label (62/07).
    terminal_label => TerminalLabel;
    /// The purpose of the transaction (62/08).
    purpose_of_transaction => Purpose;
    /// The second language (64/00), two letters.
    language_preference => Language;
    /// The merchant's name in the second language (64/01).
    merchant_name_alternate_language => AlternateName;
    /// The merchant's city in the second language (64/02).
    merchant_city_alternate_language => AlternateCity;
    /// The creation time (99/00) exactly as it appears in the text.
    created_at_text => Created;
    /// The expiry (99/01) exactly as it appears in the text.
    expires_at_text => Expires;
}

/// The fields that the official SDK's `decode` returns, under the SDK's names and as they appear in the text.
///
/// Returned by [`Khqr::to_fields`]. A field that the code does not have is `None`. With the feature `serde`,
/// this serializes to the object that the SDK's `decode` returns.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "camelCase"))]
#[non_exhaustive]
pub struct KhqrFields<'a> {
    /// `29` for an individual account, `30` for a merchant account.
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
    /// The name of the bank that holds the account (29/02 or 30/02).
    #[must_use]
    pub fn acquiring_bank(&self) -> Option<&'a str> {
        self.get(match self.account_kind() {
            AccountKind::Individual => FieldId::IndividualBank,
            AccountKind::Merchant => FieldId::MerchantBank,
        })
    }

    /// Every field that the official SDK's `decode` returns, as text.
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
