//! The builder writes the same text as the naive writer, and the text can be read back.

use khqr_core::{AccountId, Amount, Error, Khqr, KhqrBuilder, KhqrDraft, PayloadAmount, Timestamp};

use super::reading::{readers_agree, texts};
use super::writers_agree_on;
use crate::naive::Defect;
use crate::naive::writer::{Input, Money, Payment};

/// Writes `input` with both writers and compares the results.
pub fn writers_agree(input: &Input) {
    let text = match (draft(input), input.write()) {
        (Ok(draft), Ok(naive)) => {
            let text = text_of(&draft);
            assert_eq!(text, naive, "{input:?}");
            text
        }
        (fast, naive) => {
            if let Err(error) = fast {
                assert!(error.tag().is_some(), "{error:?} has no field");
            }
            let fast = fast.map(|draft| draft.to_string());
            assert_eq!(fast.map_err(Defect::from), naive, "{input:?}");
            return;
        }
    };
    assert!(text.len() <= KhqrDraft::MAX_LEN);
    readers_agree(&text);
    let khqr = Khqr::parse(&text).unwrap();
    let now = input
        .payment
        .as_ref()
        .map_or(u64::MAX, |payment| payment.expires);
    assert_eq!(khqr.verify(Timestamp::from_millis(now)).map(drop), Ok(()));
    for (path, value) in texts(&khqr) {
        if let Some(expected) = expected(input, path) {
            assert_eq!(value, expected, "{path} of {text}");
        }
    }
}

/// Returns the value of a field in `input`, or `None` for a field that the writer computes.
fn expected<'i>(input: &'i Input, path: &str) -> Option<Option<&'i str>> {
    let second = input.second_language.as_ref();
    let of_kind = |merchant, value: &'i Option<String>| {
        value.as_deref().filter(|_| input.is_merchant == merchant)
    };
    Some(match path {
        "15" => input.union_pay.as_deref(),
        "29/00" | "30/00" => Some(input.account.as_str()),
        "29/01" => of_kind(false, &input.account_detail),
        "30/01" => of_kind(true, &input.account_detail),
        "29/02" | "30/02" => input.acquiring_bank.as_deref(),
        "52" => Some(input.category()),
        "59" => Some(input.name.as_str()),
        "60" => Some(input.city()),
        "61" => None,
        "62/01" => input.additional[0].as_deref(),
        "62/02" => input.additional[1].as_deref(),
        "62/03" => input.additional[2].as_deref(),
        "62/07" => input.additional[3].as_deref(),
        "62/08" => input.additional[4].as_deref(),
        "64/00" => second.map(|(language, _, _)| language.as_str()),
        "64/01" => second.map(|(_, name, _)| name.as_str()),
        "64/02" => second.and_then(|(_, _, city)| city.as_deref()),
        _ => return None,
    })
}

/// Writes a draft in every supported way, and checks that the results are equal.
pub(super) fn text_of(draft: &KhqrDraft<'_>) -> String {
    writers_agree_on(
        draft.len(),
        draft,
        |buffer| draft.write_to_slice(buffer).map(str::len),
        |writer| draft.write_to(writer),
    )
}

/// Builds a draft from `input`.
pub(super) fn draft(input: &Input) -> Result<KhqrDraft<'_>, Error> {
    let account = AccountId::new(&input.account)?;
    let [detail, bank] = [&input.account_detail, &input.acquiring_bank].map(Option::as_deref);
    if input.is_merchant {
        let (id, bank) = (detail.unwrap_or_default(), bank.unwrap_or_default());
        return finished(input, KhqrBuilder::merchant(account, id, bank, &input.name));
    }
    let mut builder = KhqrBuilder::individual(account, &input.name);
    if let Some(text) = detail {
        builder = builder.account_information(text);
    }
    if let Some(text) = bank {
        builder = builder.acquiring_bank(text);
    }
    finished(input, builder)
}

fn finished<'i, Kind>(
    input: &'i Input,
    mut builder: KhqrBuilder<'i, Kind>,
) -> Result<KhqrDraft<'i>, Error> {
    if let Some(text) = &input.city {
        builder = builder.merchant_city(text);
    }
    if let Some(text) = &input.category {
        builder = builder.merchant_category_code(text);
    }
    if let Some(text) = &input.union_pay {
        builder = builder.union_pay_account(text);
    }
    let [bill, mobile, store, terminal, purpose] = &input.additional;
    if let Some(text) = bill {
        builder = builder.bill_number(text);
    }
    if let Some(text) = mobile {
        builder = builder.mobile_number(text);
    }
    if let Some(text) = store {
        builder = builder.store_label(text);
    }
    if let Some(text) = terminal {
        builder = builder.terminal_label(text);
    }
    if let Some(text) = purpose {
        builder = builder.purpose_of_transaction(text);
    }
    if let Some((language, name, city)) = &input.second_language {
        builder = builder.second_language(language, name, city.as_deref());
    }
    match &input.payment {
        None => builder.static_code(input.currency),
        Some(payment) => {
            let (amount, created, expires) = paid(payment, input.currency)?;
            builder.dynamic_code(amount, created, expires)
        }
    }
}

/// Converts a payment to the types of khqr-core.
pub(super) fn paid(
    payment: &Payment,
    currency: khqr_core::Currency,
) -> Result<(PayloadAmount, Timestamp, Timestamp), Error> {
    let amount = match &payment.amount {
        Money::Units(units) => Amount::from_minor_units(*units, currency).into(),
        Money::Text(text) => PayloadAmount::from_text(text, currency)?,
    };
    let [created, expires] = [payment.created, payment.expires].map(Timestamp::from_millis);
    Ok((amount, created, expires))
}
