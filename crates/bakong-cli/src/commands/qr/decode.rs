//! `bakong qr decode` and `bakong qr verify` for one code.

use khqr_core::{AccountKind, Khqr, Payload, Printable};
use serde_json::json;

use super::checksum::Corrected;
use crate::arguments::TextArguments;
use crate::common::colour::Tone;
use crate::common::exit::{Exit, Failure};
use crate::common::output::{Stream, print, print_json, row};
use crate::common::refusal::{self, Refusal};
use crate::common::time::{in_phnom_penh, moment_or_now};

pub(super) fn decode(text: &str, arguments: &TextArguments) -> Result<Exit, Failure> {
    let payload = Payload::parse(text);
    let khqr = match payload.and_then(Khqr::from_payload) {
        Ok(khqr) => khqr,
        Err(error) => {
            let what = match payload {
                Ok(_) => "a well-formed EMVCo code, but not a KHQR",
                Err(_) => "not a KHQR",
            };
            let refusal = Refusal::of_text(text, error);
            let corrected = Corrected::of(text, error);
            return match &corrected {
                Some(corrected) => report_corrected(corrected, &refusal, what, arguments.json),
                None => Err(refusal.failure_of(Exit::NotValid, what)),
            };
        }
    };
    let verdict = khqr.verify(moment_or_now(arguments.now));
    if arguments.json {
        print_json(&json!({
            "khqr": khqr.to_fields(),
            "md5": khqr.md5(),
            "valid": verdict.is_ok(),
            "error": verdict.err().map(Refusal::from),
        }));
    } else {
        rows(&khqr).iter().for_each(print);
        print(match verdict {
            Ok(_) => "This code can be paid now.".to_owned(),
            Err(error) => format!("This code cannot be paid now: {error}."),
        });
    }
    Ok(Exit::Success)
}

/// Shows the fields of a code with a wrong checksum, if they can be read, and fails.
fn report_corrected(
    corrected: &Corrected,
    refusal: &Refusal,
    what: &str,
    json: bool,
) -> Result<Exit, Failure> {
    let khqr = Khqr::parse(&corrected.text).ok();
    if json {
        print_json(&json!({
            "error": refusal,
            "expectedCrc": corrected.crc.to_string(),
            "khqr": khqr.map(|khqr| khqr.to_fields()),
        }));
        return Ok(Exit::NotValid);
    }
    if let Some(khqr) = khqr {
        // The text has another MD5 than the corrected one, and neither identifies a payment.
        let lines = rows(&khqr);
        let is_md5 = |line: &&String| line.trim_start().starts_with("MD5");
        lines.iter().filter(|line| !is_md5(line)).for_each(print);
    }
    print(corrected.warning());
    Err(refusal.failure_of(Exit::NotValid, what))
}

pub(super) fn verify(text: &str, arguments: &TextArguments) -> Result<Exit, Failure> {
    let now = moment_or_now(arguments.now);
    let verdict = refusal::parse(text).and_then(|khqr| khqr.verify(now).map_err(Refusal::from));
    match (&verdict, arguments.json) {
        (Ok(_), true) => print_json(&json!({ "valid": true })),
        (Ok(_), false) => {
            let line = "valid: this code can be paid now";
            print(Tone::Good.paint_headline(line, Stream::Out));
        }
        (Err(error), true) => print_json(&json!({ "valid": false, "error": error })),
        (Err(error), false) => {
            let line = format!("not valid: {}", error.message());
            print(Tone::Bad.paint_headline(&line, Stream::Out));
        }
    }
    Ok(match verdict {
        Ok(_) => Exit::Success,
        Err(_) => Exit::NotValid,
    })
}

/// The fields that the code has.
fn rows(khqr: &Khqr<'_>) -> Vec<String> {
    let mut rows = Vec::new();
    let kind = match khqr.account_kind() {
        AccountKind::Individual => "individual",
        AccountKind::Merchant => "merchant",
    };
    let kind = match khqr.amount_text() {
        Some(_) => format!("{kind}, for one payment"),
        None => format!("{kind}, the payer enters the amount"),
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
