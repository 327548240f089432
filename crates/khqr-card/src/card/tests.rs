use proptest::prelude::*;

use super::*;
use crate::path::Point;
use crate::scene::Fill;

#[test]
fn thousands_are_grouped() {
    for (amount, text) in [
        (Amount::riel(0), "0"),
        (Amount::riel(999), "999"),
        (Amount::riel(1_000), "1,000"),
        (Amount::riel(9_999_999_999_999), "9,999,999,999,999"),
        (Amount::us_cents(5), "0.05"),
        (Amount::us_cents(123_450), "1,234.50"),
    ] {
        assert_eq!(digits(amount), text);
    }
}

/// The upper left and the lower right corner of a shape, in units of the scene.
fn corners(fill: &Fill) -> (Point, Point) {
    let ((left, low), (right, high)) = fill.path.bounds().unwrap();
    let scaled = |value: i32| i64::from(value) * fill.scale.0 / fill.scale.1;
    let scaled = |value| i32::try_from(scaled(value)).unwrap();
    let (top, bottom) = match fill.is_flipped {
        true => (-scaled(high), -scaled(low)),
        false => (scaled(low), scaled(high)),
    };
    let (x, y) = fill.origin;
    ((x + scaled(left), y + top), (x + scaled(right), y + bottom))
}

/// A static or dynamic code with these names.
fn card(amount: Option<u64>, length: usize) -> Card {
    let account = khqr_core::AccountId::new("sokha@devb").unwrap();
    let bill = "ក".repeat(length);
    let builder = khqr_core::KhqrBuilder::individual(account, "Sokha").bill_number(&bill);
    let draft = match amount {
        None => builder.static_code(Currency::Khr),
        Some(riel) => builder.dynamic_code(
            Amount::riel(riel),
            Timestamp::from_millis(1_795_000_000_000),
            Timestamp::from_millis(1_795_000_600_000),
        ),
    };
    Card::of_draft(&draft.unwrap()).unwrap()
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,60}",
        any::<String>(),
        "[ក-៹\u{200b}-\u{200d} ]{0,60}",
        "(a[\u{300}-\u{36f}]{0,30}){0,5}",
        "W{0,200}",
        "[\u{202a}-\u{202e}\u{0}-\u{1f}<>&\"']{0,30}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// No shape leaves the card, and no text touches the header, the code or its margin.
    #[test]
    fn every_text_stays_in_its_place(
        names in (text(), text(), text(), text()),
        amount in prop::option::of(1..9_999_999_999_999_u64),
        (length, margin) in (1..25_usize, 0..=16_u32),
    ) {
        let card = card(amount, length)
            .name(&names.0)
            .second_name(&names.1)
            .caption(&names.2)
            .any_amount_text(&names.3)
            .margin(margin);
        let scene = card.scene().unwrap();
        let fills = scene.items.iter().map(|item| match item {
            Item::Fill(fill) => fill,
            #[cfg(feature = "marks")]
            Item::Mark(_) => unreachable!(),
        });
        let shapes: Vec<_> = fills.clone().map(|fill| (fill, corners(fill))).collect();
        for (fill, ((left, top), (right, bottom))) in &shapes {
            prop_assert!(0 <= *left && 0 <= *top && *right <= WIDTH && *bottom <= HEIGHT, "{fill:?}");
        }
        let modules = Modules::encode(&card.text, ErrorCorrection::Medium).unwrap();
        let code = shapes.iter().find(|(fill, _)| fill.is_crisp).unwrap().1;
        let side = code.1.0 - code.0.0;
        let space = side * i32::try_from(margin).unwrap() / size(modules.width());
        // Rounding moves the margin by less than a hundredth of a unit for each module.
        let quiet = (code.0.1 - space + 2, code.1.1 + space - 2);
        prop_assert!(DIVIDER - 1 <= quiet.0 && quiet.1 <= HEIGHT + 1, "{quiet:?}");
        // The first text is the wordmark.
        for (fill, ((left, top), (right, bottom))) in shapes.iter().filter(|(fill, _)| fill.is_flipped).skip(1) {
            prop_assert!(INSET - 1 <= *left && *right <= INSET + CODE + 1, "{left} {right} {fill:?}");
            prop_assert!(HEADER <= *top, "{top} {fill:?}");
            prop_assert!(*bottom < quiet.0 || quiet.1 < *top, "{top} {bottom} {quiet:?}");
        }
    }
}
