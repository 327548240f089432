//! Files and texts from strangers: they must not run, link, expand or leave the drawing.

use std::time::{Duration, Instant};

use khqr_card::{BareCode, Card, Error, ErrorCorrection, Mark, MarkError, Sheet};
use khqr_core::KhqrDraft;

use crate::{dynamic_code, read};

fn svg(body: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" viewBox=\"0 0 10 10\">{body}</svg>"
    )
}

#[track_caller]
fn error_of(file: impl AsRef<[u8]>) -> MarkError {
    Mark::from_bytes(file.as_ref()).expect_err("the file is hostile")
}

/// A card with the mark twice, as SVG.
fn drawn(file: &str) -> String {
    let text = dynamic_code();
    let mark = Mark::from_bytes(file.as_bytes()).unwrap();
    let card = Card::new(&read(&text)).unwrap();
    card.wordmark(mark.clone()).symbol(mark).to_svg().unwrap()
}

#[test]
fn scripts_images_and_links_are_rejected() {
    for (body, what) in [
        ("<script>alert(1)</script>", "a script"),
        (
            "<rect width=\"9\" height=\"9\" onload=\"alert(1)\"/>",
            "a script",
        ),
        ("<image href=\"file:///etc/passwd\"/>", "an image"),
        ("<image xlink:href=\"http://127.0.0.1/x.png\"/>", "an image"),
        ("<use href=\"other.svg#a\"/>", "a link to another file"),
        (
            "<use xlink:href=\"/etc/passwd\"/>",
            "a link to another file",
        ),
        ("<a href=\"javascript:alert(1)\"><rect/></a>", "a link"),
        (
            "<foreignObject><iframe/></foreignObject>",
            "a foreign object",
        ),
        ("<text>Bakong</text>", "text"),
        (
            "<set attributeName=\"href\" to=\"javascript:0\"/>",
            "an animation",
        ),
        (
            "<filter id=\"a\"><feImage href=\"x\"/></filter>",
            "a filter",
        ),
        (
            "<rect width=\"9\" height=\"9\" style=\"filter:blur(900px)\"/>",
            "a filter",
        ),
        ("<pattern id=\"a\"/>", "a pattern"),
        ("<mask id=\"a\"/>", "a mask"),
        (
            "<path d=\"M0 0h9\" stroke=\"#000\" stroke-dasharray=\".00001\"/>",
            "a dashed line",
        ),
    ] {
        assert_eq!(
            error_of(svg(body)),
            MarkError::NotAllowed(expected(what)),
            "{body}"
        );
    }
}

fn expected(what: &str) -> &'static str {
    what.to_owned().leak()
}

#[test]
fn files_that_expand_are_rejected() {
    let start = Instant::now();
    let entities = "<!DOCTYPE svg [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;\">]>";
    let with_entities = format!("{entities}{}", svg("<desc>&b;</desc>"));
    assert_eq!(
        error_of(with_entities),
        MarkError::NotAllowed("an XML entity")
    );
    let external = "<!DOCTYPE svg [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>".to_owned();
    assert_eq!(
        error_of(external + &svg("<desc>&x;</desc>")),
        MarkError::NotAllowed("an XML entity")
    );
    let uses: String = (1..40)
        .map(|n| {
            format!(
                "<g id=\"a{n}\"><use href=\"#a{0}\"/><use href=\"#a{0}\"/></g>",
                n - 1
            )
        })
        .collect();
    assert_eq!(error_of(svg(&uses)), MarkError::TooComplex);
    let wide = format!(
        "<defs><g id=\"a\">{}</g></defs>{}",
        "<path d=\"M0 0h1v1z\"/>".repeat(200),
        "<use href=\"#a\"/>".repeat(200)
    );
    assert_eq!(error_of(svg(&wide)), MarkError::TooComplex);
    let itself = "<g id=\"a\"><use href=\"#a\"/></g>";
    assert_eq!(error_of(svg(itself)), MarkError::TooComplex);
    let deep = format!("{}{}", "<g>".repeat(20_000), "</g>".repeat(20_000));
    assert_eq!(error_of(svg(&deep)), MarkError::TooComplex);
    let deep = format!("{}{}", "<g>".repeat(100), "</g>".repeat(100));
    assert_eq!(error_of(svg(&deep)), MarkError::TooComplex);
    let rules = format!("<style>{}</style>", "path{fill:red}".repeat(1_000));
    assert_eq!(error_of(svg(&rules)), MarkError::TooComplex);
    assert_eq!(error_of(vec![b' '; 300_000]), MarkError::FileTooLarge);
    // A generous limit, to catch an exponential blow-up on a busy machine.
    assert!(start.elapsed() < Duration::from_secs(60));
}

#[test]
fn other_files_are_rejected() {
    for file in ["", "GIF89a", "<html/>", "<svg/>", "%PDF-1.7", "{}"] {
        let error = error_of(file);
        let unusable = [MarkError::UnknownFormat, MarkError::InvalidSvg];
        assert!(unusable.contains(&error), "{file}: {error}");
    }
    assert_eq!(error_of([0xFF, 0xFE, b'<', 0]), MarkError::UnknownFormat);
    assert_eq!(error_of(b"\x89PNG\r\n\x1a\nnothing"), MarkError::InvalidPng);
    assert_eq!(error_of(svg("<g>")), MarkError::InvalidSvg);
}

#[test]
fn a_large_png_is_rejected_by_its_header() {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, 30_000, 30_000);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.write_header().unwrap();
    assert_eq!(error_of(file), MarkError::TooManyPixels);
}

#[test]
fn a_png_keeps_only_its_pixels() {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, 2, 1);
    encoder.set_color(png::ColorType::Rgb);
    encoder
        .add_text_chunk("Comment".to_owned(), "secret".to_owned())
        .unwrap();
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&[255, 0, 0, 0, 0, 255]).unwrap();
    writer.finish().unwrap();
    let mark = Mark::from_bytes(&file).unwrap();
    let text = dynamic_code();
    let card = Card::new(&read(&text)).unwrap().wordmark(mark).width(400);
    let picture = image::load_from_memory(&card.to_png().unwrap())
        .unwrap()
        .to_rgb8();
    let (left, right) = (picture.get_pixel(175, 34).0, picture.get_pixel(225, 34).0);
    assert!(
        left[0] > 200 && left[2] < 60 && right[2] > 200 && right[0] < 60,
        "{left:?} {right:?}"
    );
    assert!(!card.to_svg().unwrap().contains("secret"));
}

/// Styles and used elements are resolved, and nothing else of the file stays.
#[test]
fn a_mark_is_written_anew() {
    let file = svg(
        "<!-- comment --><metadata>meta</metadata><title>NBC</title><style>.r{fill:#123456}</style>\
         <defs><path id=\"p\" d=\"M0 0h5v5H0z\"/><linearGradient id=\"g\"><stop stop-color=\"#fff\"/></linearGradient></defs>\
         <use href=\"#p\" class=\"r\"/><circle r=\"2\" fill=\"url(#g)\"/><i:x xmlns:i=\"urn:x\" onload=\"x\"/>",
    );
    let written = drawn(&file);
    assert!(written.contains("#123456"), "{written}");
    for text in [
        "comment", "meta", "NBC", "class", "onload", "<style", "<use",
    ] {
        assert!(!written.contains(text), "{text} in {written}");
    }
    roxmltree::Document::parse(&written).unwrap();
}

#[test]
fn texts_of_a_code_are_escaped() {
    let text = dynamic_code();
    let hostile = "</title><script>alert(1)</script>\"'&\u{0}\u{1b}\u{202e}\u{ffff}]]>";
    let card = Card::new(&read(&text)).unwrap();
    let card = card
        .name(hostile)
        .second_name(hostile)
        .caption(hostile)
        .any_amount_text(hostile);
    let written = card.to_svg().unwrap();
    let document = roxmltree::Document::parse(&written).unwrap();
    let names: Vec<_> = document
        .descendants()
        .filter(roxmltree::Node::is_element)
        .map(|node| node.tag_name().name())
        .collect();
    assert!(
        names
            .iter()
            .all(|name| ["svg", "title", "desc", "path"].contains(name)),
        "{names:?}"
    );
    assert!(!written.contains(['\u{0}', '\u{1b}', '\u{202e}', '\u{ffff}']));
    card.to_png().unwrap();
    card.to_pdf().unwrap();
}

#[test]
fn options_outside_their_limits_are_errors() {
    let text = dynamic_code();
    let khqr = read(&text);
    let card = || Card::new(&khqr).unwrap();
    let mark = || Mark::from_bytes(svg("<path d=\"M0 0h9v9z\"/>").as_bytes()).unwrap();
    for (result, expected) in [
        (card().width(15).to_svg(), Error::Width(15)),
        (card().width(4_097).to_svg(), Error::Width(4_097)),
        (card().margin(17).to_svg(), Error::Margin(17)),
        (card().corner_radius(61).to_svg(), Error::CornerRadius(61)),
        (
            card()
                .symbol(mark())
                .error_correction(ErrorCorrection::Medium)
                .to_svg(),
            Error::SymbolNeedsCorrection,
        ),
        (BareCode::new(&khqr).width(0).to_svg(), Error::Width(0)),
        (Sheet::new(0, 1).to_svg(), Error::SheetSize),
        (Sheet::filled(11, 1, card()).to_svg(), Error::SheetSize),
        (
            Sheet::new(1, 1).card(card()).card(card()).to_svg(),
            Error::TooManyCards,
        ),
        (
            BareCode::of_text(&"x".repeat(3_000)).to_svg(),
            Error::TextTooLong,
        ),
    ] {
        assert_eq!(result, Err(expected));
    }
    let longest = "x".repeat(KhqrDraft::MAX_LEN);
    let high = BareCode::of_text(&longest).error_correction(ErrorCorrection::High);
    assert!(high.to_svg().is_ok());
    assert!(matches!(card().font(*b"not a font"), Err(Error::Font)));
}
