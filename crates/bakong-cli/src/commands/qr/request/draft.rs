//! From what a line says to a code, or to the reason why not that the official SDK would give.
//!
//! khqr-core's builder checks in the SDK's order, but it is given an account, an amount and times that were
//! read before, each with errors of its own. So all errors are collected, with something harmless in the
//! place of what cannot be read, and the one that the SDK meets first is told.

use khqr_core::{
    AccountId, AccountKind, Amount, Currency, Error, ErrorKind, KhqrBuilder, KhqrDraft,
    PayloadAmount, Tag, Timestamp, utf16_len,
};

use super::earliest::First;
use super::{Key, Order, Value};
use crate::commands::qr::refusal::Refusal;

/// The code that the line asks for; it was created `now`, unless the line says when.
pub(in crate::commands::qr) fn draft<'a>(
    order: &'a Order<'_>,
    now: Timestamp,
) -> Result<KhqrDraft<'a>, Refusal> {
    let kind = kind(order)?;
    let mut first = First::default();
    let account = match AccountId::new(order.text(Key::BakongAccountId).unwrap_or_default()) {
        Ok(account) => account,
        Err(error) => {
            let template = match kind {
                AccountKind::Individual => Tag::INDIVIDUAL,
                AccountKind::Merchant => Tag::MERCHANT,
            };
            first.note(error.in_field(template.sub(sub(0))).into());
            AccountId::new("name@bank")?
        }
    };
    let currency = first.or(currency(order), Currency::Khr);
    let payment = payment(order, currency, now, &mut first);
    let name = order.text(Key::MerchantName).unwrap_or_default();
    let draft = match kind {
        AccountKind::Merchant => {
            let id = order.text(Key::MerchantId).unwrap_or_default();
            let bank = order.text(Key::AcquiringBank).unwrap_or_default();
            let builder = KhqrBuilder::merchant(account, id, bank, name);
            finish(order, builder, currency, payment.as_ref(), &mut first)
        }
        AccountKind::Individual => {
            let mut builder = KhqrBuilder::individual(account, name);
            if let Some(text) = order.text(Key::AccountInformation) {
                builder = builder.account_information(text);
            }
            if let Some(text) = order.text(Key::AcquiringBank) {
                builder = builder.acquiring_bank(text);
            }
            finish(order, builder, currency, payment.as_ref(), &mut first)
        }
    };
    match draft {
        Err(error) => {
            first.note(error.into());
            Err(first.0.unwrap_or_else(|| error.into()))
        }
        Ok(draft) => first.0.map_or(Ok(draft), Err),
    }
}

/// What both kinds of code have.
fn finish<'a, Kind>(
    order: &'a Order<'_>,
    mut builder: KhqrBuilder<'a, Kind>,
    currency: Currency,
    payment: Option<&Payment>,
    first: &mut First,
) -> Result<KhqrDraft<'a>, Error> {
    type Set<'a, Kind> = fn(KhqrBuilder<'a, Kind>, &'a str) -> KhqrBuilder<'a, Kind>;
    let setters: [(Key, Set<'a, Kind>); 8] = [
        (Key::UpiMerchantAccount, KhqrBuilder::union_pay_account),
        (
            Key::MerchantCategoryCode,
            KhqrBuilder::merchant_category_code,
        ),
        (Key::MerchantCity, KhqrBuilder::merchant_city),
        (Key::BillNumber, KhqrBuilder::bill_number),
        (Key::MobileNumber, KhqrBuilder::mobile_number),
        (Key::StoreLabel, KhqrBuilder::store_label),
        (Key::TerminalLabel, KhqrBuilder::terminal_label),
        (
            Key::PurposeOfTransaction,
            KhqrBuilder::purpose_of_transaction,
        ),
    ];
    for (key, set) in setters {
        if let Some(text) = order.text(key) {
            builder = set(builder, text);
        }
    }
    let language = order.text(Key::LanguagePreference);
    let name = order.text(Key::MerchantNameAlternateLanguage);
    let city = order.text(Key::MerchantCityAlternateLanguage);
    if language.is_some() || name.is_some() || city.is_some() {
        if language.is_none() {
            let tag = Tag::LANGUAGE_TEMPLATE.sub(sub(0));
            first.note(Error::new(ErrorKind::Missing).in_field(tag).into());
        }
        let name = name.unwrap_or_default();
        builder = builder.second_language(language.unwrap_or("en"), name, city);
    }
    match payment {
        Some(Payment {
            amount,
            created_at,
            expires_at,
        }) => builder.dynamic_code(*amount, *created_at, *expires_at),
        None => builder.static_code(currency),
    }
}

/// What the line says of a code for one payment.
struct Payment {
    amount: PayloadAmount,
    created_at: Timestamp,
    expires_at: Timestamp,
}

/// The amount and the times, unless the payer chooses the amount.
fn payment(
    order: &Order<'_>,
    currency: Currency,
    now: Timestamp,
    first: &mut First,
) -> Option<Payment> {
    let amount = match order.value(Key::Amount) {
        Value::Unsaid | Value::Empty => return None,
        Value::Text(text) if is_zero(text) => return None,
        Value::Text(text) => PayloadAmount::from_text(text, currency),
        Value::Number(number) => Amount::parse(number, currency).map(PayloadAmount::from),
    };
    let one = Amount::from_minor_units(1, currency).into();
    let amount = first.or(amount.map_err(Refusal::from), one);
    // The expiry is what the SDK looks at.
    let expires_at = expiry(order).map_err(|refusal| first.note(refusal));
    let created_at = first.or(creation(order, now), now);
    let expires_at = expires_at.unwrap_or(created_at);
    Some(Payment {
        amount,
        created_at,
        expires_at,
    })
}

fn kind(order: &Order<'_>) -> Result<AccountKind, Refusal> {
    let (kind, reason) = match order.text(Key::Kind) {
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

fn currency(order: &Order<'_>) -> Result<Currency, Refusal> {
    let Some(text) = order.text(Key::Currency) else {
        return Ok(Currency::Khr);
    };
    text.parse().map_err(|error: Error| {
        // The SDK measures texts only.
        let is_text = matches!(order.value(Key::Currency), Value::Text(_));
        let error = if is_text && utf16_len(text) > 3 {
            Error::new(ErrorKind::TooLong { max: 3 })
        } else {
            error
        };
        error.in_field(Tag::TRANSACTION_CURRENCY).into()
    })
}

/// Whether it is a plain decimal number that is zero: `0`, `0.00`.
fn is_zero(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let zeros = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte == b'0');
    zeros(whole) && zeros(fraction)
}

/// A moment as the line says it; what has too many digits for one is too late for every code.
fn moment(text: &str) -> Option<Timestamp> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(Timestamp::from_millis(u64::MAX)))
}

fn expiry(order: &Order<'_>) -> Result<Timestamp, Refusal> {
    let kind = match order.text(Key::ExpirationTimestamp) {
        None => ErrorKind::Missing,
        Some(text) => match moment(text) {
            Some(moment) if moment.as_millis() == 0 => ErrorKind::NotAllowed,
            Some(moment) => return Ok(moment),
            // A fraction, or negative. The SDK counts all characters of a number.
            None if matches!(order.value(Key::ExpirationTimestamp), Value::Number(_)) => {
                match text.len() {
                    13 => ErrorKind::ExpiresBeforeCreation,
                    _ => ErrorKind::WrongLength { expected: 13 },
                }
            }
            None => ErrorKind::NotDigits,
        },
    };
    let tag = Tag::TIMESTAMPS.sub(sub(1));
    Err(Error::new(kind).in_field(tag).into())
}

fn creation(order: &Order<'_>, now: Timestamp) -> Result<Timestamp, Refusal> {
    let Some(text) = order.text(Key::CreationTimestamp) else {
        return Ok(now);
    };
    let tag = Tag::TIMESTAMPS.sub(sub(0));
    moment(text).ok_or_else(|| Error::new(ErrorKind::NotDigits).in_field(tag).into())
}

/// A tag inside a template.
const fn sub(number: u8) -> Tag {
    match Tag::new(number) {
        Some(tag) => tag,
        // Not met: the numbers here are below 100.
        None => Tag::PAYLOAD_FORMAT_INDICATOR,
    }
}

#[cfg(test)]
mod tests;
