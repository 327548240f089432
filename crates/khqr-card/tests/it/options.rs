//! Each option of a drawing has its effect.

use khqr_card::{BareCode, Card, Color, ErrorCorrection, Mark, Sheet};

use crate::{dynamic_code, read};

#[test]
fn each_option_of_a_card_changes_the_drawing() {
    let text = dynamic_code();
    let card = || Card::new(&read(&text)).unwrap();
    let plain = card().to_svg().unwrap();
    for (option, changed) in [
        ("width", card().width(500)),
        ("margin", card().margin(9)),
        (
            "error correction",
            card().error_correction(ErrorCorrection::High),
        ),
        ("red", card().red(Color(1, 2, 3))),
        ("corner radius", card().corner_radius(9)),
        ("name", card().name("Another")),
        ("second name", card().second_name("")),
        ("expiry text", card().expiry_text("Until")),
        ("no expiry", card().without_expiry()),
        ("caption", card().caption("Table 7")),
    ] {
        assert_ne!(changed.to_svg().unwrap(), plain, "{option}");
    }
}

#[test]
fn each_option_of_a_bare_code_changes_the_drawing() {
    let code = || BareCode::of_text("https://bakong.example");
    let plain = code().to_svg().unwrap();
    for (option, changed) in [
        ("width", code().width(500)),
        ("margin", code().margin(2)),
        ("low", code().error_correction(ErrorCorrection::Low)),
        (
            "quartile",
            code().error_correction(ErrorCorrection::Quartile),
        ),
        ("high", code().error_correction(ErrorCorrection::High)),
    ] {
        assert_ne!(changed.to_svg().unwrap(), plain, "{option}");
    }
    let same = code().error_correction(ErrorCorrection::Medium);
    assert_eq!(same.to_svg().unwrap(), plain);
    assert!(code().to_pdf().unwrap().starts_with(b"%PDF-"));
    let text = dynamic_code();
    let sheet = Sheet::filled(2, 2, Card::new(&read(&text)).unwrap());
    assert!(sheet.to_pdf().unwrap().starts_with(b"%PDF-"));
}

/// A PNG file of one row of two grey pixels, the second one transparent.
fn png(color: png::ColorType, pixels: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, 2, 1);
    encoder.set_color(color);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(pixels).unwrap();
    writer.finish().unwrap();
    file
}

#[test]
fn every_kind_of_png_file_is_the_same_mark() {
    let text = dynamic_code();
    let drawn = |color, pixels: &[u8]| {
        let mark = Mark::from_bytes(&png(color, pixels)).unwrap();
        let card = Card::new(&read(&text)).unwrap().wordmark(mark);
        card.to_svg().unwrap()
    };
    let expected = drawn(png::ColorType::Rgba, &[7, 7, 7, 255, 9, 9, 9, 0]);
    let grey_alpha = drawn(png::ColorType::GrayscaleAlpha, &[7, 255, 9, 0]);
    assert_eq!(grey_alpha, expected);
    let opaque = drawn(png::ColorType::Rgba, &[7, 7, 7, 255, 9, 9, 9, 255]);
    assert_eq!(drawn(png::ColorType::Rgb, &[7, 7, 7, 9, 9, 9]), opaque);
    assert_eq!(drawn(png::ColorType::Grayscale, &[7, 9]), opaque);
}
