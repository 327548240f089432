//! Fixed inputs give the same bytes on every machine. To accept a change, run the tests with `UPDATE_GOLDEN=1` and look
//! at the files.

use std::fs;
use std::path::PathBuf;

use khqr_card::{BareCode, Card, Color, ErrorCorrection, Mark, Sheet};
use khqr_core::{AccountId, Currency, KhqrBuilder};

use crate::{dynamic_code, read};

#[track_caller]
fn check(name: &str, drawn: &[u8]) {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&file, drawn).unwrap();
    }
    let golden = fs::read(&file).unwrap_or_default();
    assert!(golden == drawn, "{name} differs from the golden file");
}

/// A printed code without an amount, whose first name is in Khmer.
fn static_code() -> String {
    let account = AccountId::new("sokha@devb").unwrap();
    let builder = KhqrBuilder::merchant(account, "123456", "Dev Bank", "ហាងកាហ្វេ សុខា")
        .second_language("en", "Sokha Coffee & Bakery", None);
    builder.static_code(Currency::Khr).unwrap().to_text()
}

fn mark() -> Mark {
    let file = br##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 60 20"><path id="a" d="M0 0h60v20H0z" fill="#fff"/></svg>"##;
    Mark::from_bytes(file).unwrap()
}

#[test]
fn the_card_of_a_dynamic_code_is_the_golden_file() {
    let text = dynamic_code();
    let card = Card::new(&read(&text)).unwrap();
    check("dynamic.svg", card.to_svg().unwrap().as_bytes());
    check("dynamic.png", &card.width(200).to_png().unwrap());
}

#[test]
fn a_card_with_all_options_is_the_golden_file() {
    let text = static_code();
    let card = Card::new(&read(&text))
        .unwrap()
        .red(Color(0xE1, 0x23, 0x2E))
        .corner_radius(24)
        .any_amount_text("ចំនួនទឹកប្រាក់")
        .caption("តុ 7")
        .wordmark(mark())
        .symbol(mark())
        .error_correction(ErrorCorrection::High)
        .margin(6);
    check("options.svg", card.to_svg().unwrap().as_bytes());
    check("options.pdf", &card.to_pdf().unwrap());
}

#[test]
fn a_bare_code_is_the_golden_file() {
    let text = dynamic_code();
    let code = BareCode::new(&read(&text)).width(160);
    check("bare.svg", code.to_svg().unwrap().as_bytes());
    check("bare.png", &code.to_png().unwrap());
}

#[test]
fn a_sheet_is_the_golden_file() {
    let (first, second) = (dynamic_code(), static_code());
    let card = |text| Card::new(&read(text)).unwrap();
    let sheet = Sheet::new(2, 1).card(card(&first)).card(card(&second));
    check("sheet.svg", sheet.to_svg().unwrap().as_bytes());
}

#[test]
fn drawing_twice_gives_the_same_bytes() {
    let text = static_code();
    let draw = || Card::new(&read(&text)).unwrap().symbol(mark());
    assert_eq!(draw().to_svg(), draw().to_svg());
    assert_eq!(draw().to_png(), draw().to_png());
    assert_eq!(draw().to_pdf(), draw().to_pdf());
}
