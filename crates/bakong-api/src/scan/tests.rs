//! The scanner beside `serde_json`.

use proptest::prelude::*;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

use super::*;

/// The members of an object, sorted, as `serde_json` finds them; the last of those with one name.
fn oracle(text: &str) -> Option<BTreeMap<String, String>> {
    let members: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text).ok()?;
    let members = members.into_iter();
    Some(
        members
            .map(|(name, raw)| (name, raw.get().to_owned()))
            .collect(),
    )
}

fn found(text: &str) -> Option<BTreeMap<String, String>> {
    let members = Scanner::new(text).whole(Scanner::members)?;
    let text_of = |member: &Member<'_>| (member.name.to_string(), member.value.get().to_owned());
    for member in &members {
        // What was found inside is what is found there.
        let inside = |members: Vec<Member<'_>>| members.iter().map(text_of).collect::<Vec<_>>();
        let again = Scanner::new(member.value.get()).whole(Scanner::members);
        if member.name != "data" {
            assert!(member.inside.is_none());
            continue;
        }
        let found = member
            .inside
            .as_ref()
            .map(|members| members.iter().map(text_of).collect());
        assert_eq!(found, again.map(inside));
    }
    Some(members.iter().map(text_of).collect())
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[ -~]{0,8}|\\PC{0,4}|[\"\\\\\u{1}\n\u{e9}]{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec(("[a-c\"\\\\\u{e9}]{0,3}|data", inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

#[test]
fn what_is_no_json_is_refused_as_the_oracle_does() {
    for value in [
        "0",
        "-0",
        "01",
        "1.",
        ".1",
        "1.0",
        "1e",
        "1e5",
        "1E+5",
        "1e-05",
        "-",
        "+1",
        "--1",
        "1a",
        "true",
        "tru",
        "truex",
        "null",
        "nul",
        "NaN",
        "\"\"",
        "\"a",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12G4\"",
        "\"\\u1234\"",
        "\"\\ud800\"",
        "\"\t\"",
        "\"\u{7f}\"",
        "[]",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1",
        "{}",
        "{\"a\":1}",
        "{\"a\":1,}",
        "{a:1}",
        "{\"a\" : 1 , \"b\":[ ]}",
        "{\"a\"}",
        "",
        " ",
        "1,2",
        "\u{a0}1",
    ] {
        for text in [
            format!("{{\"v\":{value}}}"),
            format!(" {{ \"v\" : {value} }}\n"),
            value.to_owned(),
            format!("{{\"v\":{value}}}x"),
        ] {
            assert_eq!(found(&text), oracle(&text), "{text}");
        }
    }
    for name in ["\\u0061", "a\\\"b", "\\ud800", "\\ud83d\\ude00", "\u{1}"] {
        let text = format!("{{\"{name}\":1}}");
        assert_eq!(found(&text), oracle(&text), "{text}");
    }
}

#[test]
fn what_is_deep_is_refused_and_not_followed() {
    for levels in [1, 126, 127, 128, 129, 100_000] {
        let text = format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
        assert_eq!(found(&text).is_some(), levels <= 126, "{levels}");
    }
}

proptest! {
    #[test]
    fn plain_bytes_are_counted_one_by_one_as_well(text: Vec<u8>) {
        let ends = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
        let expected = text.iter().position(ends).unwrap_or(text.len());
        prop_assert_eq!(plain_len(&text), expected);
    }

    #[test]
    fn it_finds_what_the_oracle_finds(value in json(), pretty: bool) {
        let text = if pretty {
            serde_json::to_string_pretty(&value).unwrap()
        } else {
            value.to_string()
        };
        prop_assert_eq!(found(&text), oracle(&text));
        let items = Scanner::new(&text).whole(Scanner::items);
        let items = items.map(|items| items.into_iter().map(|raw| raw.get().to_owned()).collect::<Vec<_>>());
        let expected: Option<Vec<&RawValue>> = serde_json::from_str(&text).ok();
        let expected = expected.map(|items| items.into_iter().map(|raw| raw.get().to_owned()).collect::<Vec<_>>());
        prop_assert_eq!(items, expected);
    }

    #[test]
    fn a_changed_text_is_judged_as_the_oracle_does(
        value in json(),
        at: prop::sample::Index,
        byte in prop::sample::select(b"\"\\{}[],:0-e.+tn \n\x01a".to_vec()),
        cut: bool,
    ) {
        let mut text = serde_json::json!({ "v": value, "w": 1 }).to_string().into_bytes();
        let at = at.index(text.len());
        if cut {
            text.truncate(at);
        } else {
            text[at] = byte;
        }
        if let Ok(text) = String::from_utf8(text) {
            prop_assert_eq!(found(&text), oracle(&text), "{}", text);
        }
    }

    #[test]
    fn any_text_is_an_object_or_not(text in "[\\[\\]{}\",:0-9a-z \\\\.-]{0,60}") {
        prop_assert_eq!(found(&text), oracle(&text));
    }
}
