//! A code that was read is written again: through the builder, and with a payment added.

use khqr_core::{AccountKind, Error, Khqr, Timestamp};

use super::reading::{readers_agree, texts};
use super::writers_agree_on;
use super::writing::{draft, paid, text_of};
use crate::naive::writer::{Input, Money, Payment};
use crate::naive::{Code, payload, sealed};

/// The maximum number of bytes that a payment can add: tag 01, an amount of 13 characters, two times.
const MOST_ADDED: usize = 6 + 17 + 38;

/// Rebuilds `text` if it is a code, and adds the code's own payment and each of `payments`.
pub fn rewriting_keeps_the_code(text: &str, payments: &[Payment]) {
    let Ok(khqr) = Khqr::parse(text) else {
        return;
    };
    let own = own_payment(&khqr);
    for payment in payments.iter().chain(&own) {
        adding_a_payment_agrees(&khqr, payment);
    }
    // With an amount, the builder always writes a creation time, but a parsed code may lack it.
    let is_complete = own.is_some() || khqr.amount_text().is_none();
    if is_complete && khqr.verify(Timestamp::from_millis(0)).is_ok() {
        rebuilding_gives_the_same(&khqr, own);
    }
}

/// Returns the payment of a dynamic code.
fn own_payment(khqr: &Khqr<'_>) -> Option<Payment> {
    let [created, expires] =
        [khqr.created_at(), khqr.expires_at()].map(|moment| moment.ok().flatten());
    Some(Payment {
        amount: Money::Text(khqr.amount_text()?.to_owned()),
        created: created?.as_millis(),
        expires: expires?.as_millis(),
    })
}

/// Returns the content of a code as input for the builder.
fn input_of(khqr: &Khqr<'_>, payment: Option<Payment>) -> Result<Input, Error> {
    let own = |text: Option<&str>| text.map(str::to_owned);
    let second = |name: &str| {
        let language = own(khqr.language_preference()).unwrap_or_default();
        let city = own(khqr.merchant_city_alternate_language());
        (language, name.to_owned(), city)
    };
    Ok(Input {
        is_merchant: khqr.account_kind() == AccountKind::Merchant,
        account: khqr.account().as_str().to_owned(),
        account_detail: own(khqr.account_information().or(khqr.merchant_id())),
        acquiring_bank: own(khqr.acquiring_bank()),
        name: own(khqr.merchant_name()).unwrap_or_default(),
        city: own(khqr.merchant_city()),
        category: own(khqr.merchant_category_code()),
        union_pay: own(khqr.union_pay_account()),
        additional: [
            khqr.bill_number(),
            khqr.mobile_number(),
            khqr.store_label(),
            khqr.terminal_label(),
            khqr.purpose_of_transaction(),
        ]
        .map(own),
        second_language: khqr.merchant_name_alternate_language().map(second),
        currency: khqr.currency()?,
        payment,
    })
}

/// Builds a payable code again from its getters. The content must be the same. The text must be the same too if the
/// SDK could have written it.
fn rebuilding_gives_the_same(khqr: &Khqr<'_>, payment: Option<Payment>) {
    let input = input_of(khqr, payment).unwrap();
    let is_canonical = is_canonical(khqr);
    let draft = match draft(&input) {
        Ok(draft) => draft,
        // The reader accepts more than the builder writes, such as a UnionPay account of 40 characters.
        Err(error) => return assert!(!is_canonical, "{error}: {}", khqr.text()),
    };
    let rebuilt = text_of(&draft);
    assert_eq!(Ok(&rebuilt), input.write().as_ref());
    if is_canonical {
        assert_eq!(rebuilt, khqr.text());
    }
    let again = Khqr::parse(&rebuilt).unwrap();
    let zero = Timestamp::from_millis(0);
    assert_eq!(
        again
            .verify(zero)
            .map(|payable| (payable.currency, payable.amount)),
        khqr.verify(zero)
            .map(|payable| (payable.currency, payable.amount))
    );
    if is_canonical {
        for ((path, new), (_, old)) in texts(&again).into_iter().zip(texts(khqr)) {
            assert_eq!(new, old, "{path} of {}", khqr.text());
        }
    }
}

/// The order of fields in a code that the SDK wrote.
const ORDER: [&str; 15] = [
    "00", "01", "15", "29", "30", "52", "53", "54", "58", "59", "60", "62", "64", "99", "63",
];

/// Returns whether the SDK could have written this payable code: known fields only, none empty, in its order and forms.
fn is_canonical(khqr: &Khqr<'_>) -> bool {
    let nodes = payload(khqr.text()).unwrap();
    let in_order = |tags: Vec<&str>, order: &[&str]| {
        let places: Option<Vec<usize>> = tags
            .iter()
            .map(|tag| order.iter().position(|known| known == tag))
            .collect();
        places.is_some_and(|places| places.is_sorted())
    };
    let top = nodes.iter().map(|node| node.tag.as_str()).collect();
    let templates_are = nodes.iter().all(|node| {
        let known: &[&str] = match node.tag.as_str() {
            "29" | "30" => &["00", "01", "02"],
            "62" => &["01", "02", "03", "07", "08"],
            "64" => &["00", "01", "02"],
            "99" => &["00", "01"],
            _ => return true,
        };
        let (inner, _) = node.inner();
        !inner.is_empty()
            && in_order(
                inner.iter().map(|field| field.tag.as_str()).collect(),
                known,
            )
            && inner.iter().all(|field| !field.value.is_empty())
    });
    let method = if khqr.amount_text().is_some() {
        "12"
    } else {
        "11"
    };
    // The SDK would write the amount as the same text, and both times have 13 digits.
    let payment_is = match (khqr.amount_text(), khqr.currency()) {
        (Some(text), Ok(currency)) => {
            crate::naive::amount::written_from_text(text, currency).as_deref() == Ok(text)
                && [khqr.created_at_text(), khqr.expires_at_text()]
                    .into_iter()
                    .all(|text| text.is_some_and(|text| text.len() == 13 && !text.starts_with('0')))
        }
        _ => {
            khqr.created_at_text().is_none()
                && khqr.payload().field(khqr_core::Tag::TIMESTAMPS).is_none()
        }
    };
    let union_pay_is = khqr.union_pay_account().is_none_or(|text| {
        let in_riel = khqr.currency_text() == Some("116");
        in_riel && (1..=31).contains(&text.encode_utf16().count())
    });
    let merchant_is = khqr.account_kind() == AccountKind::Individual
        || khqr.merchant_id().is_some() && khqr.acquiring_bank().is_some();
    let second_is = khqr.language_preference().is_some()
        || khqr
            .payload()
            .field(khqr_core::Tag::LANGUAGE_TEMPLATE)
            .is_none();
    in_order(top, &ORDER)
        && templates_are
        && khqr.point_of_initiation_text() == Some(method)
        && payment_is
        && union_pay_is
        && merchant_is
        && second_is
        && khqr.text().ends_with(&khqr.crc().to_string())
}

/// Adds a payment in the code's own currency and in the other one. Compares the results with the naive writer's.
fn adding_a_payment_agrees(khqr: &Khqr<'_>, payment: &Payment) {
    let text = khqr.text();
    let (nodes, code) = (payload(text).unwrap(), Code::read(text).unwrap());
    for currency in [khqr_core::Currency::Khr, khqr_core::Currency::Usd] {
        let fast = paid(payment, currency)
            .and_then(|(amount, created, expires)| khqr.with_amount(amount, created, expires));
        let naive = code.with_payment(&nodes, currency, payment);
        let rewrite = match fast {
            Ok(rewrite) => rewrite,
            Err(error) => {
                super::error_is_sound(text, error);
                assert_eq!(naive, Err(error.into()), "{payment:?} in {text:?}");
                continue;
            }
        };
        let written = writers_agree_on(
            rewrite.len(),
            &rewrite,
            |buffer| rewrite.write_to_slice(buffer).map(str::len),
            |writer| rewrite.write_to(writer),
        );
        assert_eq!(Ok(&written), naive.as_ref(), "{payment:?} in {text:?}");
        assert!(written.len() <= text.len() + MOST_ADDED);
        readers_agree(&written);
        only_the_payment_changed(khqr, &written, payment);
    }
}

/// Checks that only the payment changed, that a payable code stays payable, and that adding the payment again changes
/// nothing.
fn only_the_payment_changed(khqr: &Khqr<'_>, written: &str, payment: &Payment) {
    let again = Khqr::parse(written).unwrap();
    for ((path, new), (_, old)) in texts(&again).into_iter().zip(texts(khqr)) {
        match path {
            "01" => assert_eq!(new, Some("12")),
            "54" => assert_eq!(again.amount().map(|amount| amount.is_some()), Ok(true)),
            "99/00" => assert_eq!(new, Some(payment.created.to_string().as_str())),
            "99/01" => assert_eq!(new, Some(payment.expires.to_string().as_str())),
            _ => assert_eq!(new, old, "{path}"),
        }
    }
    let (before, after) = (
        khqr.verify(Timestamp::from_millis(0)),
        again.verify(Timestamp::from_millis(payment.expires)),
    );
    if before.is_ok() {
        assert_eq!(after.map(drop), Ok(()), "{written}");
    }
    let (amount, created, expires) = paid(payment, again.currency().unwrap()).unwrap();
    let twice = again.with_amount(amount, created, expires).unwrap();
    assert_eq!(twice.to_string(), written);
    let body = &written[..written.len() - 8];
    assert_eq!(sealed(body), written);
}
