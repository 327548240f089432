//! Properties that hold for all generated codes and inputs.

use khqr_core::{Amount, Currency, ErrorKind, Khqr, Payload, PayloadAmount, Timestamp};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::strategy::ValueTree;

use crate::laws::{readers_agree, rewriting_keeps_the_code, trees_agree, writers_agree};
use crate::naive::writer::{Input, Money, Payment};
use crate::naive::{amount, sealed};
use crate::strategies::{code, input, payment};
use crate::{CREATED, NBC_SAMPLE, payable};

proptest! {
    #[test]
    fn both_readers_agree_on_generated_codes(text in code()) {
        readers_agree(&text);
        trees_agree(&text);
    }

    #[test]
    fn both_readers_agree_on_any_text(text: String) {
        for text in [sealed(&text), text] {
            readers_agree(&text);
            trees_agree(&text);
        }
    }

    #[test]
    fn both_writers_agree(input in input()) {
        writers_agree(&input);
    }

    #[test]
    fn a_written_code_is_rewritten_correctly(input in input(), payment in payment()) {
        if let Ok(text) = input.write() {
            rewriting_keeps_the_code(&text, &[payment]);
        }
    }

    #[test]
    fn rewriting_keeps_a_generated_code(text in code(), payment in payment()) {
        rewriting_keeps_the_code(&text, &[payment]);
    }

    #[test]
    fn adding_an_amount_to_a_static_code_equals_building_a_dynamic_one(input in input(), payment in payment()) {
        let statically = Input { payment: None, ..input };
        let dynamically = Input { payment: Some(payment.clone()), ..statically.clone() };
        if let (Ok(printed), Ok(wanted)) = (statically.write(), dynamically.write()) {
            let amount = match &payment.amount {
                Money::Units(units) => Amount::from_minor_units(*units, statically.currency).into(),
                Money::Text(text) => PayloadAmount::from_text(text, statically.currency).unwrap(),
            };
            let [created, expires] = [payment.created, payment.expires].map(Timestamp::from_millis);
            let khqr = Khqr::parse(&printed).unwrap();
            let rewrite = khqr.with_amount(amount, created, expires).unwrap();
            prop_assert_eq!(rewrite.to_string(), wanted);
        }
    }

    #[test]
    fn amounts_are_exact(
        text in "[0-9]{1,22}(\\.[0-9]{1,4})?|0{0,14}[0-9]{0,3}\\.?0{0,3}|[0-9.]{0,6}|\\PC{0,3}",
        currency in select(&[Currency::Khr, Currency::Usd][..]),
    ) {
        let parsed = Amount::parse(&text, currency).map_err(khqr_core::Error::kind);
        let units = amount::minor_units(&text, currency);
        prop_assert_eq!(parsed.map(Amount::minor_units), units);
        let form = PayloadAmount::from_text(&text, currency).map_err(khqr_core::Error::kind);
        let written = form.map(|form| form.to_string());
        prop_assert_eq!(&written, &amount::written_from_text(&text, currency));
        if let (Ok(form), Ok(written), Ok(parsed)) = (form, written, parsed) {
            prop_assert_eq!(form.amount(), parsed);
            prop_assert_eq!(form.len(), written.len());
            // Parsing the written form and writing it again changes nothing.
            prop_assert_eq!(PayloadAmount::from_text(&written, currency).unwrap().to_string(), written);
        }
        if let Ok(parsed) = parsed {
            let people: Amount = parsed.to_string().parse().unwrap();
            prop_assert_eq!(people, parsed);
            let payload = parsed.payload_text().to_string();
            prop_assert_eq!(payload, amount::written(parsed.minor_units(), currency));
        }
    }

    #[test]
    fn a_changed_byte_is_detected(text in code(), place: Index, byte: u8) {
        changed_byte_is_rejected(&text, place.index(text.len()), byte);
    }

    #[test]
    fn a_changed_byte_is_detected_in_every_script(input in input(), place: Index, byte: u8) {
        if let Ok(text) = input.write() {
            changed_byte_is_rejected(&text, place.index(text.len()), byte);
        }
    }
}

/// Replaces one byte. Only the case of a checksum digit may change without an error.
fn changed_byte_is_rejected(text: &str, place: usize, byte: u8) {
    let mut bytes = text.as_bytes().to_vec();
    let same =
        bytes[place] == byte || place >= text.len() - 4 && bytes[place].eq_ignore_ascii_case(&byte);
    bytes[place] = byte;
    if let Ok(changed) = String::from_utf8(bytes) {
        let read = Payload::parse(&changed);
        if Payload::parse(text).is_ok() {
            assert_eq!(read.is_ok(), same, "{byte:#x} at {place} of {text}");
        } else if !same {
            assert!(read.is_err(), "{byte:#x} at {place} of {text}");
        }
    }
}

/// Under Miri, trying every byte value would take an hour.
const STEP: usize = if cfg!(miri) { 85 } else { 1 };

#[test]
fn every_byte_of_these_codes_is_protected() {
    let astral = payable(&[("59", Some("ចន 😀")), ("62", Some("0102é\u{200b}"))]);
    for text in [NBC_SAMPLE, &payable(&[]), &astral] {
        for place in 0..text.len() {
            for byte in (0..=u8::MAX).step_by(STEP) {
                changed_byte_is_rejected(text, place, byte);
            }
        }
    }
}

/// The code lacks tags 01, 54 and 99 and gets the longest amount, so it grows by the maximum.
#[test]
fn an_amount_adds_at_most_61_bytes() {
    let printed = sealed("29140010sokha@devb5303116");
    let amount = Amount::riel(9_999_999_999_999);
    let khqr = Khqr::parse(&printed).unwrap();
    let rewrite = khqr.with_amount(amount, CREATED, CREATED).unwrap();
    assert_eq!(rewrite.len(), printed.len() + 61);
}

fn one_riel() -> Payment {
    Payment {
        amount: Money::Units(1),
        created: CREATED.as_millis(),
        expires: CREATED.as_millis(),
    }
}

#[test]
fn tag_99_holds_other_fields_up_to_99_characters() {
    for len in 55..=70 {
        let times = format!("05{len}{}", "x".repeat(len));
        let text = payable(&[("53", Some("116")), ("54", None), ("99", Some(&times))]);
        rewriting_keeps_the_code(&text, &[one_riel()]);
        let times = format!("05{len}{}", "ក".repeat(len));
        let text = payable(&[("53", Some("116")), ("54", None), ("99", Some(&times))]);
        rewriting_keeps_the_code(&text, &[one_riel()]);
    }
}

#[test]
fn texts_around_the_capacity_of_a_qr_code() {
    // Fields that fill the text to every length around the limit.
    let full: String = (65..88)
        .map(|tag| format!("{tag}99{}", "ក".repeat(99)))
        .collect();
    let body = format!("29140010sokha@devb5303116{full}");
    let step = if cfg!(miri) { 95 } else { 1 };
    for len in (7_000..=7_095).step_by(step) {
        let left = len - 8 - body.len() - 2 * 4;
        let [first, second] =
            [left / 2, left - left / 2].map(|len| format!("{len:02}{}", "x".repeat(len)));
        let text = sealed(&format!("{body}88{first}89{second}"));
        assert_eq!(text.len(), len);
        readers_agree(&text);
        trees_agree(&text);
        rewriting_keeps_the_code(&text, &[one_riel()]);
    }
}

/// The generators must produce enough valid codes. Otherwise, the properties would check nothing.
#[test]
#[cfg_attr(miri, ignore = "takes an hour, and tests only the generators")]
fn the_generators_produce_every_kind_of_code() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut draw = |count| {
        let strategy = code();
        let texts = (0..count).map(|_| strategy.new_tree(&mut runner).unwrap().current());
        texts.collect::<Vec<String>>()
    };
    let texts = draw(1_000);
    let payloads = texts
        .iter()
        .filter(|text| Payload::parse(text).is_ok())
        .count();
    let codes: Vec<_> = texts
        .iter()
        .filter_map(|text| Khqr::parse(text).ok())
        .collect();
    let payable = codes
        .iter()
        .filter(|khqr| khqr.verify(CREATED).is_ok())
        .count();
    let counts = [payloads, codes.len(), payable];
    assert!(
        payloads > 700 && codes.len() > 400 && payable > 200,
        "{counts:?}"
    );
    let mut kinds: Vec<&str> = texts
        .iter()
        .filter_map(|text| match Khqr::parse(text) {
            Ok(khqr) => khqr.verify(CREATED).err(),
            Err(error) => Some(error),
        })
        .map(|error| ErrorKind::name(error.kind()))
        .collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert!(kinds.len() >= 20, "{kinds:?}");
}

/// The generators must also produce enough valid inputs for the writers.
#[test]
#[cfg_attr(miri, ignore = "takes an hour, and tests only the generators")]
fn the_generators_produce_enough_valid_inputs() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let strategy = input();
    let inputs = (0..1_000).map(|_| strategy.new_tree(&mut runner).unwrap().current());
    let written = inputs.filter(|input| input.write().is_ok()).count();
    assert!((300..900).contains(&written), "{written}");
}
