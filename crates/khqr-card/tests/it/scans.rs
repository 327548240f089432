//! Every picture of a random code is read back by two decoders.
//!
//! `cargo xtask scans` scans 2,000 codes. The tests here scan the first ones of them.
//! The profile `dev` of the workspace optimizes the crates that draw and read pictures.

use image::GrayImage;
use khqr_card::{BareCode, Card, ErrorCorrection, Mark, Modules};
use khqr_core::{Khqr, KhqrDraft};
use khqr_kit::samples::{self, Script};
use khqr_kit::sdk_input::longest;
use khqr_kit::{Random, SdkInput, Value, generate};

use crate::pictures::{decode, grey, jpeg, rotated};
use crate::scanners::Scanner;

/// The number of codes, from the environment. Each code has [`PICTURES`].
fn count() -> usize {
    let given = std::env::var("KHQR_SCANS").ok();
    given.map_or(24, |count| count.parse().expect("KHQR_SCANS is a number"))
}

/// A picture of a code, and what it is for messages.
type Picture = (&'static str, fn(&Khqr<'_>) -> GrayImage);

const PICTURES: [Picture; 6] = [
    ("bare code", bare),
    ("card", card),
    ("bare code of 160 px", small),
    ("rotated", |khqr| rotated(&bare(khqr), 33.0)),
    ("grey", |khqr| grey(&card(khqr))),
    ("JPEG", |khqr| jpeg(&bare(khqr), 40)),
];

/// At least six pixels for each module.
fn bare(khqr: &Khqr<'_>) -> GrayImage {
    let width = 6 * (modules(khqr) + 8);
    decode(&BareCode::new(khqr).width(width.max(400)).to_png().unwrap())
}

/// At least six pixels for each module. The code takes up 71 % of the card's width.
fn card(khqr: &Khqr<'_>) -> GrayImage {
    let width = 6 * modules(khqr) * 400 / 286;
    let card = Card::new(khqr).unwrap().width(width.max(400));
    decode(&card.to_png().unwrap())
}

/// A picture of 160 pixels. A code of more than 331 bytes needs more, because scanners need two pixels for each module.
fn small(khqr: &Khqr<'_>) -> GrayImage {
    let needed = 2 * (modules(khqr) + 8);
    let code = BareCode::new(khqr).width(needed.max(160));
    decode(&code.to_png().unwrap())
}

fn modules(khqr: &Khqr<'_>) -> u32 {
    let modules = Modules::encode(khqr.text(), ErrorCorrection::Medium).unwrap();
    u32::try_from(modules.width()).unwrap()
}

/// Random codes that can be drawn as a card, in all scripts. Every eighth code has the longest fields.
fn codes(count: usize) -> Vec<String> {
    let mut random = Random::seeded(15);
    let mut codes = Vec::new();
    while codes.len() < count {
        let mut input = generate::valid_sdk_input(&mut random, generate::NOW);
        if codes.len() % 8 == 7 {
            lengthen(&mut random, &mut input);
        }
        input.remove_empty();
        let Ok(text) = input.to_typed(generate::NOW).write() else {
            continue;
        };
        if Khqr::parse(&text).is_ok_and(|khqr| Card::new(&khqr).is_ok()) {
            codes.push(text);
        }
    }
    codes
}

/// Sets the names to the longest texts of one script.
fn lengthen(random: &mut Random, input: &mut SdkInput) {
    let script = *random.pick(&[Script::Khmer, Script::Chinese, Script::Emoji, Script::Latin]);
    input.set("languagePreference", Value::text("km"));
    for name in [
        "merchantName",
        "merchantCity",
        "merchantNameAlternateLanguage",
    ] {
        let text = samples::text(random, script, longest(name));
        input.set(name, Value::Text(text));
    }
}

/// Scans a picture with both decoders, and returns a line for each that fails.
fn failures(text: &str, what: &str, picture: &GrayImage) -> Vec<String> {
    let failure = |scanner: Scanner| {
        let scanned = scanner.scan(picture);
        let agrees = scanned
            .as_ref()
            .is_some_and(|scanned| scanner.agrees(scanned, text));
        (!agrees).then(|| format!("{scanner:?}, {what}: {text:?} is read as {scanned:?}"))
    };
    Scanner::ALL.into_iter().filter_map(failure).collect()
}

fn scan_all(pictures: &[Picture]) {
    let codes = codes(count());
    let mut failed = Vec::new();
    for text in &codes {
        for (what, draw) in pictures {
            failed.extend(failures(text, what, &draw(&crate::read(text))));
        }
    }
    assert!(
        failed.is_empty(),
        "{} failures:\n{}",
        failed.len(),
        failed.join("\n")
    );
}

// Two tests, so that two cores are used.
#[test]
fn plain_and_small_pictures_of_random_codes_scan() {
    scan_all(&PICTURES[..3]);
}

#[test]
fn rotated_grey_and_compressed_pictures_of_random_codes_scan() {
    scan_all(&PICTURES[3..]);
}

/// Nearly all bytes of the word look like Kanji in Shift-JIS.
#[test]
fn khmer_is_not_written_as_kanji() {
    for text in ["ភ្នំពេញ", "5908ចន ស្មីន"] {
        let picture = decode(&BareCode::of_text(text).to_png().unwrap());
        assert_eq!(failures(text, "bare code", &picture), [""; 0]);
    }
}

/// The longest text that khqr-core writes has more modules than 160 pixels can show with two pixels each.
#[test]
fn the_longest_text_scans() {
    let text = "ក".repeat(KhqrDraft::MAX_LEN / 3);
    for (width, correction) in [(400, ErrorCorrection::Medium), (800, ErrorCorrection::High)] {
        let code = BareCode::of_text(&text)
            .width(width)
            .error_correction(correction);
        let picture = decode(&code.to_png().unwrap());
        assert_eq!(failures(&text, "longest", &picture), [""; 0]);
    }
}

#[test]
fn a_code_with_a_symbol_scans() {
    let file = br##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><path d="M0 0h10v10H0z" fill="#a00"/></svg>"##;
    let symbol = Mark::from_bytes(file).unwrap();
    for text in codes(12) {
        for correction in [ErrorCorrection::Quartile, ErrorCorrection::High] {
            let card = Card::new(&crate::read(&text))
                .unwrap()
                .width(800)
                .symbol(symbol.clone());
            let picture = decode(&card.error_correction(correction).to_png().unwrap());
            assert_eq!(failures(&text, "symbol", &picture), [""; 0]);
        }
    }
}
