//! The laws, tried on whatever the generators make.

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
    fn codes_are_read_as_the_rules_say(text in code()) {
        readers_agree(&text);
        trees_agree(&text);
    }

    #[test]
    fn any_text_is_read_as_the_rules_say(text: String) {
        for text in [sealed(&text), text] {
            readers_agree(&text);
            trees_agree(&text);
        }
    }

    #[test]
    fn what_is_written_is_what_the_rules_say_and_reads_back(input in input()) {
        writers_agree(&input);
    }

    #[test]
    fn a_written_code_is_rewritten_to_itself(input in input(), payment in payment()) {
        if let Ok(text) = input.write() {
            rewriting_keeps_the_code(&text, &[payment]);
        }
    }

    #[test]
    fn a_code_that_is_rewritten_stays_the_same_code(text in code(), payment in payment()) {
        rewriting_keeps_the_code(&text, &[payment]);
    }

    #[test]
    fn an_amount_put_into_a_static_code_makes_what_the_builder_does(input in input(), payment in payment()) {
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
    fn an_amount_keeps_every_digit(
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
            // Written once, it is written so for ever.
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
    fn one_changed_byte_never_passes(text in code(), place: Index, byte: u8) {
        changed_byte_is_refused(&text, place.index(text.len()), byte);
    }

    #[test]
    fn nor_does_it_in_a_code_of_any_script(input in input(), place: Index, byte: u8) {
        if let Ok(text) = input.write() {
            changed_byte_is_refused(&text, place.index(text.len()), byte);
        }
    }
}

/// Puts `byte` in the place of another; the digits of the checksum may change their case.
fn changed_byte_is_refused(text: &str, place: usize, byte: u8) {
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

/// Interpreted, all bytes would take an hour.
const STEP: usize = if cfg!(miri) { 85 } else { 1 };

#[test]
fn no_byte_of_these_codes_can_be_changed() {
    let astral = payable(&[("59", Some("ចន 😀")), ("62", Some("0102é\u{200b}"))]);
    for text in [NBC_SAMPLE, &payable(&[]), &astral] {
        for place in 0..text.len() {
            for byte in (0..=u8::MAX).step_by(STEP) {
                changed_byte_is_refused(text, place, byte);
            }
        }
    }
}

/// The law holds of any code; this one adds all there is to add.
#[test]
fn an_amount_adds_at_most_61_bytes() {
    let printed = sealed("29140010sokha@devb5303116");
    let amount = Amount::from_minor_units(9_999_999_999_999, Currency::Khr);
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
fn beside_the_times_is_room_up_to_99() {
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
fn no_text_is_longer_than_a_qr_code_holds() {
    // Fields of all lengths that fill a text to every length around the longest.
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

/// A generator that makes nothing but wrecks would try no law.
#[test]
#[cfg_attr(miri, ignore = "it is about the inputs, and takes an hour")]
fn the_generators_reach_every_rung() {
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
    let rungs = [payloads, codes.len(), payable];
    assert!(
        payloads > 700 && codes.len() > 400 && payable > 200,
        "{rungs:?}"
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

/// As above, of what is to be written.
#[test]
#[cfg_attr(miri, ignore = "it is about the inputs, and takes an hour")]
fn most_inputs_can_be_written() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let strategy = input();
    let inputs = (0..1_000).map(|_| strategy.new_tree(&mut runner).unwrap().current());
    let written = inputs.filter(|input| input.write().is_ok()).count();
    assert!((300..900).contains(&written), "{written}");
}
