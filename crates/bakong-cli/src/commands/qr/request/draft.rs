//! Turns a request into a code, or into the error that the official SDK would report.
//!
//! khqr-core's builder checks fields in the SDK's order. But the account, the amount and the times are parsed before
//! the builder sees them. So parsing errors are noted, a placeholder takes the place of the value, and the error
//! that comes first in the SDK's order is returned.

use khqr_core::{
    AccountId, AccountKind, Amount, Currency, Error, ErrorKind, KhqrDraft, PayloadAmount, Tag,
    TagPath, Timestamp, utf16_len,
};

use super::earliest::Earliest;
use super::fields::{CodeRequest, Key, Value};
use crate::common::code::{CodeFields, PaymentFields};
use crate::common::refusal::Refusal;

/// Checks a request. The code is created at `now`, unless the request has a creation time.
pub(in crate::commands::qr) fn draft<'a>(
    request: &'a CodeRequest<'_>,
    now: Timestamp,
) -> Result<KhqrDraft<'a>, Refusal> {
    let kind = kind(request)?;
    let is_merchant = kind == AccountKind::Merchant;
    let mut earliest = Earliest::default();
    let account = match AccountId::new(request.text(Key::BakongAccountId).unwrap_or_default()) {
        Ok(account) => account,
        Err(error) => {
            let template = if is_merchant {
                Tag::MERCHANT
            } else {
                Tag::INDIVIDUAL
            };
            earliest.note(error.in_field(sub(template, 0)).into());
            AccountId::new("name@bank")?
        }
    };
    let currency = earliest.or(currency(request), Currency::Khr);
    let payment = payment(request, currency, now, &mut earliest);
    let text = |key| request.text(key);
    let fields = CodeFields {
        name: text(Key::MerchantName).unwrap_or_default(),
        merchant_id: is_merchant.then(|| text(Key::MerchantId).unwrap_or_default()),
        bank: text(Key::AcquiringBank),
        account_information: text(Key::AccountInformation),
        city: text(Key::MerchantCity),
        category_code: text(Key::MerchantCategoryCode),
        union_pay: text(Key::UpiMerchantAccount),
        bill: text(Key::BillNumber),
        mobile: text(Key::MobileNumber),
        store: text(Key::StoreLabel),
        terminal: text(Key::TerminalLabel),
        purpose: text(Key::PurposeOfTransaction),
        second_language: second_language(request, &mut earliest),
    };
    let draft = fields.draft(account, payment);
    if let Err(error) = &draft {
        earliest.note((*error).into());
    }
    earliest.0.map_or_else(|| Ok(draft?), Err)
}

fn second_language<'a>(
    request: &'a CodeRequest<'_>,
    earliest: &mut Earliest,
) -> Option<(&'a str, &'a str, Option<&'a str>)> {
    let language = request.text(Key::LanguagePreference);
    let name = request.text(Key::MerchantNameAlternateLanguage);
    let city = request.text(Key::MerchantCityAlternateLanguage);
    if language.is_none() && (name.is_some() || city.is_some()) {
        let tag = sub(Tag::LANGUAGE_TEMPLATE, 0);
        earliest.note(Error::new(ErrorKind::Missing).in_field(tag).into());
    }
    (language.or(name).or(city)).map(|_| (language.unwrap_or("en"), name.unwrap_or_default(), city))
}

/// The amount and the times, or the currency alone if the payer enters the amount.
fn payment(
    request: &CodeRequest<'_>,
    currency: Currency,
    now: Timestamp,
    earliest: &mut Earliest,
) -> PaymentFields {
    let amount = match request.value(Key::Amount) {
        Value::Absent | Value::Empty => return PaymentFields::Static(currency),
        Value::Text(text) if is_zero(text) => return PaymentFields::Static(currency),
        Value::Text(text) => PayloadAmount::from_text(text, currency),
        Value::Number(number) => Amount::parse(number, currency).map(PayloadAmount::from),
    };
    let one = Amount::from_minor_units(1, currency).into();
    let amount = earliest.or(amount.map_err(Refusal::from), one);
    // The SDK checks the expiry but not the creation time, so the expiry's error is noted first.
    let expires_at = expiry(request).map_err(|refusal| earliest.note(refusal));
    let created_at = earliest.or(creation(request, now), now);
    PaymentFields::Dynamic {
        amount,
        created_at,
        expires_at: expires_at.unwrap_or(created_at),
    }
}

fn kind(request: &CodeRequest<'_>) -> Result<AccountKind, Refusal> {
    let (kind, reason) = match request.text(Key::Kind) {
        Some("individual") => return Ok(AccountKind::Individual),
        Some("merchant") => return Ok(AccountKind::Merchant),
        Some(_) => (
            ErrorKind::NotAllowed,
            "kind: must be individual or merchant",
        ),
        None => (
            ErrorKind::Missing,
            "kind: missing; must be individual or merchant",
        ),
    };
    let no_account = Error::new(ErrorKind::Missing).in_field(Tag::INDIVIDUAL);
    Err(Refusal::of_line(kind.name(), reason).with_sdk_of(no_account))
}

fn currency(request: &CodeRequest<'_>) -> Result<Currency, Refusal> {
    let Some(text) = request.text(Key::Currency) else {
        return Ok(Currency::Khr);
    };
    text.parse().map_err(|error: Error| {
        // The SDK checks the length of a currency only if it is a string.
        let is_text = matches!(request.value(Key::Currency), Value::Text(_));
        let error = if is_text && utf16_len(text) > 3 {
            Error::new(ErrorKind::TooLong { max: 3 })
        } else {
            error
        };
        error.in_field(Tag::TRANSACTION_CURRENCY).into()
    })
}

/// Whether the text is zero as a decimal number: `0`, `0.00`.
fn is_zero(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let zeros = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte == b'0');
    zeros(whole) && zeros(fraction)
}

/// Parses milliseconds. A number that does not fit becomes the largest value, which no code may have.
fn moment(text: &str) -> Option<Timestamp> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(Timestamp::from_millis(u64::MAX)))
}

fn expiry(request: &CodeRequest<'_>) -> Result<Timestamp, Refusal> {
    let kind = match request.text(Key::ExpirationTimestamp) {
        None => ErrorKind::Missing,
        Some(text) => match moment(text) {
            Some(moment) if moment.as_millis() == 0 => ErrorKind::NotAllowed,
            Some(moment) => return Ok(moment),
            // A fraction or a negative number. The SDK checks the number of characters, including the sign.
            None if matches!(request.value(Key::ExpirationTimestamp), Value::Number(_)) => {
                match text.len() {
                    13 => ErrorKind::ExpiresBeforeCreation,
                    _ => ErrorKind::WrongLength { expected: 13 },
                }
            }
            None => ErrorKind::NotDigits,
        },
    };
    let error = Error::new(kind).in_field(sub(Tag::TIMESTAMPS, 1));
    Err(error.into())
}

fn creation(request: &CodeRequest<'_>, now: Timestamp) -> Result<Timestamp, Refusal> {
    let Some(text) = request.text(Key::CreationTimestamp) else {
        return Ok(now);
    };
    let not_digits = || Error::new(ErrorKind::NotDigits).in_field(sub(Tag::TIMESTAMPS, 0));
    moment(text).ok_or_else(|| not_digits().into())
}

/// A field inside a template. `number` is below 100.
fn sub(template: Tag, number: u8) -> TagPath {
    Tag::new(number).map_or(TagPath::from(template), |tag| template.sub(tag))
}

#[cfg(test)]
mod tests;
