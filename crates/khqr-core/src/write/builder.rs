//! The builder of codes.

use core::marker::PhantomData;

use super::content::{Content, SecondLanguage};
use super::draft::KhqrDraft;
use super::payment::Payment;
use crate::account::AccountId;
use crate::currency::Currency;
use crate::error::Error;
use crate::khqr::AccountKind;
use crate::payload_amount::PayloadAmount;
use crate::timestamp::Timestamp;

/// Marks the builder of an individual's code (tag 29).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Individual {}

/// Marks the builder of a merchant's code (tag 30).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Merchant {}

/// Builds a code, byte for byte as NBC's JavaScript SDK 1.0.20 does.
///
/// Start with [`KhqrBuilder::individual`] or [`KhqrBuilder::merchant`], set the optional fields, and finish
/// with [`static_code`](Self::static_code) or [`dynamic_code`](Self::dynamic_code), which check all values.
/// The types exclude invalid combinations: an individual has no merchant ID, a dynamic code always has an
/// expiry, a second language always has a name.
///
/// An empty text is an error. The official SDK's classes drop empty fields; here the caller decides whether
/// to set a field.
///
/// Lengths are in UTF-16 code units, and [`limits`](crate::limits) lists them. A Khmer character counts as
/// one, most emoji as two.
///
/// ```
/// use core::time::Duration;
/// use khqr_core::{AccountId, Amount, Currency, KhqrBuilder, Timestamp};
///
/// let now = Timestamp::from_millis(1_795_000_000_000);
/// let draft = KhqrBuilder::individual(AccountId::new("sokha@devb")?, "Sokha Coffee")
///     .bill_number("INV-2041")
///     .dynamic_code(
///         Amount::from_minor_units(10_000, Currency::Khr),
///         now,
///         now.saturating_add(Duration::from_secs(600)),
///     )?;
/// let mut buffer = [0; 256];
/// let text = draft.write_to_slice(&mut buffer)?;
/// assert!(text.starts_with("00020101021229140010sokha@devb5204599953031165405100005802KH"));
/// # Ok::<(), khqr_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct KhqrBuilder<'a, Kind> {
    content: Content<'a>,
    kind: PhantomData<Kind>,
}

macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident => $field:ident;)*) => {
        $(
            $(#[$doc])*
            #[must_use]
            pub const fn $name(mut self, text: &'a str) -> Self {
                self.content.$field = Some(text);
                self
            }
        )*
    };
}

impl<'a> KhqrBuilder<'a, Individual> {
    /// Starts the code of a person, or of a shop without a merchant ID.
    ///
    /// `merchant_name` has at most 25 characters.
    #[must_use]
    pub const fn individual(account: AccountId<'a>, merchant_name: &'a str) -> Self {
        Self {
            content: Content::new(AccountKind::Individual, account, merchant_name),
            kind: PhantomData,
        }
    }

    setters! {
        /// Sets an account number or phone number (29/01), at most 32 characters.
        account_information => account_detail;
        /// Sets the name of the bank that holds the account (29/02), at most 32 characters.
        acquiring_bank => acquiring_bank;
    }
}

impl<'a> KhqrBuilder<'a, Merchant> {
    /// Starts the code of a merchant that is registered with its bank.
    ///
    /// `merchant_id` and `acquiring_bank` have at most 32 characters, `merchant_name` at most 25.
    #[must_use]
    pub const fn merchant(
        account: AccountId<'a>,
        merchant_id: &'a str,
        acquiring_bank: &'a str,
        merchant_name: &'a str,
    ) -> Self {
        let mut content = Content::new(AccountKind::Merchant, account, merchant_name);
        content.account_detail = Some(merchant_id);
        content.acquiring_bank = Some(acquiring_bank);
        Self {
            content,
            kind: PhantomData,
        }
    }
}

impl<'a, Kind> KhqrBuilder<'a, Kind> {
    /// Sets the city (60), at most 15 characters. The default is `Phnom Penh`.
    #[must_use]
    pub const fn merchant_city(mut self, text: &'a str) -> Self {
        self.content.merchant_city = text;
        self
    }

    /// Sets the merchant category code (52), four digits (ISO 18245). The default is `5999`.
    #[must_use]
    pub const fn merchant_category_code(mut self, text: &'a str) -> Self {
        self.content.category_code = text;
        self
    }

    setters! {
        /// Sets a UnionPay merchant account (15), at most 31 characters. Valid only in codes in KHR.
        union_pay_account => union_pay;
        /// Sets the bill number (62/01), at most 25 characters.
        ///
        /// Use a different number for each order: two codes with the same text have the same MD5, and Bakong
        /// cannot distinguish their payments.
        bill_number => bill_number;
        /// Sets the mobile number (62/02), at most 25 characters.
        mobile_number => mobile_number;
        /// Sets the store label (62/03), at most 25 characters.
        store_label => store_label;
        /// Sets the terminal label (62/07), at most 25 characters.
        terminal_label => terminal_label;
        /// Sets the purpose of the transaction (62/08), at most 25 characters.
        purpose_of_transaction => purpose;
    }

    /// Sets the name, and optionally the city, in a second language (64).
    ///
    /// `language` has two letters (ISO 639-1, such as `km`), the name at most 25 characters, the city at
    /// most 15.
    #[must_use]
    pub const fn second_language(
        mut self,
        language: &'a str,
        merchant_name: &'a str,
        merchant_city: Option<&'a str>,
    ) -> Self {
        self.content.second_language = Some(SecondLanguage {
            language,
            merchant_name,
            merchant_city,
        });
        self
    }

    /// Finishes a code without an amount, to be printed once and paid many times.
    ///
    /// # Errors
    /// The first invalid field in the official SDK's order, with the SDK's code. The account is checked
    /// earlier, in [`AccountId::new`].
    pub fn static_code(&self, currency: Currency) -> Result<KhqrDraft<'a>, Error> {
        KhqrDraft::new(&self.content, currency, None)
    }

    /// Finishes a code for one payment of `amount` until `expires_at`. NBC recommends at most ten minutes.
    ///
    /// Does not check that the expiry is in the future; [`Khqr::verify`](crate::Khqr::verify) does. An
    /// [`Amount`](crate::Amount) is written as the SDK writes a number, see [`PayloadAmount`].
    ///
    /// # Errors
    /// The first invalid field in the official SDK's order, with the SDK's code. The account and the text of
    /// an amount are checked earlier, when they are created. The amount must be above zero and have at most
    /// 13 characters. Both times must have 13 digits, and the expiry must not be before the creation.
    pub fn dynamic_code(
        &self,
        amount: impl Into<PayloadAmount>,
        created_at: Timestamp,
        expires_at: Timestamp,
    ) -> Result<KhqrDraft<'a>, Error> {
        let payment = Payment::new(amount.into(), created_at, expires_at);
        KhqrDraft::new(&self.content, payment.currency(), Some(payment))
    }
}
