//! What a code says, for people.

use khqr_core::{AccountKind, Khqr, Printable};

use crate::common::output::row;
use crate::common::time::in_phnom_penh;

/// The fields that are there, in words.
pub(crate) fn rows(khqr: &Khqr<'_>) -> Vec<String> {
    let mut rows = Vec::new();
    let kind = match khqr.account_kind() {
        AccountKind::Individual => "individual",
        AccountKind::Merchant => "merchant",
    };
    let kind = match khqr.amount_text() {
        Some(_) => format!("{kind}, for one payment"),
        None => format!("{kind}, the payer chooses the amount"),
    };
    rows.push(row("code", kind));
    rows.push(row("account", Printable(khqr.account().as_str())));
    let amount = match (khqr.amount(), khqr.amount_text()) {
        (Ok(Some(amount)), _) => Some(amount.to_string()),
        (Err(error), Some(text)) => Some(format!("{} ({error})", Printable(text))),
        _ => None,
    };
    rows.extend(amount.map(|amount| row("amount", amount)));
    if khqr.amount_text().is_none()
        && let Ok(currency) = khqr.currency()
    {
        rows.push(row("currency", currency));
    }
    for (name, value) in [
        ("name", khqr.merchant_name()),
        ("city", khqr.merchant_city()),
        ("merchant id", khqr.merchant_id()),
        ("account no.", khqr.account_information()),
        ("bank", khqr.acquiring_bank()),
        ("bill", khqr.bill_number()),
        ("mobile", khqr.mobile_number()),
        ("store", khqr.store_label()),
        ("terminal", khqr.terminal_label()),
        ("purpose", khqr.purpose_of_transaction()),
        ("language", khqr.language_preference()),
        ("  name", khqr.merchant_name_alternate_language()),
        ("  city", khqr.merchant_city_alternate_language()),
        ("category", khqr.merchant_category_code()),
        ("country", khqr.country_code()),
        ("postal code", khqr.postal_code()),
        ("UnionPay", khqr.union_pay_account()),
    ] {
        rows.extend(value.map(|value| row(name, Printable(value))));
    }
    for (name, moment) in [
        ("created", khqr.created_at()),
        ("expires", khqr.expires_at()),
    ] {
        match moment {
            Ok(None) => {}
            Ok(Some(moment)) => rows.push(row(
                name,
                format_args!("{} in Phnom Penh", in_phnom_penh(moment)),
            )),
            Err(error) => rows.push(row(name, format_args!("unreadable: {error}"))),
        }
    }
    if khqr.amount_text().is_some() {
        rows.push(row("MD5", khqr.md5()));
    }
    rows
}
