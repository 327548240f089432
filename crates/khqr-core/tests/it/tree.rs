//! Any EMVCo code as a tree of fields.

use khqr_core::{Field, Fields, Payload};

use crate::{sealed, unsealed};

/// The tree as text: values in quotes, templates in brackets.
fn tree(fields: Fields<'_>) -> String {
    let branch = |field: Field<'_>| match field.template() {
        Some(fields) => format!("{}[{}]", field.tag(), tree(fields)),
        None => format!("{}'{}'", field.tag(), field.value()),
    };
    fields.map(branch).collect()
}

#[track_caller]
fn parses_to(body: &str, wanted: &str) {
    let text = sealed(body);
    let found = tree(Payload::parse(&text).unwrap().fields());
    assert_eq!(unsealed(&found), wanted);
}

#[test]
fn templates_are_where_emvco_has_them() {
    parses_to("25050101a", "25'0101a'");
    parses_to("26050101a", "26[01'a']");
    parses_to("51050101a", "51[01'a']");
    parses_to("52050101a", "52'0101a'");
    parses_to("61050101a", "61'0101a'");
    parses_to("64050101a", "64[01'a']");
    parses_to("65050101a", "65'0101a'");
    parses_to("79050101a", "79'0101a'");
    parses_to("80050101a99050101b", "80[01'a']99[01'b']");
}

#[test]
fn additional_data_contains_templates() {
    parses_to(
        "622749050101a50050101a99050101a",
        "62[49'0101a'50[01'a']99[01'a']]",
    );
    // Fields of the third level are never templates.
    parses_to("622350140101a50050101x0701b", "62[50[01'a'50'0101x']07'b']");
}

#[test]
fn a_template_with_other_characters_is_a_plain_value() {
    parses_to("62041234", "62'1234'");
    parses_to("29080004PPAY", "29[00'PPAY']");
    parses_to("29090004PPAYx", "29'0004PPAYx'");
    parses_to("2900", "29''");
    parses_to("29040000", "29[00'']");
}

#[test]
fn repeated_fields_are_all_kept() {
    parses_to(
        "9901a29050101a29050101b0001x",
        "99'a'29[01'a']29[01'b']00'x'",
    );
}
