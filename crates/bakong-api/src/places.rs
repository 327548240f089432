//! The places in an answer that can hold a transaction: the member `data`, the member `transaction`, and the
//! object around them.
//!
//! Two places with different values contradict each other. Neither is chosen, because the wrong one could mark an
//! order as paid.

use serde_json::value::RawValue;

use crate::hash;
use crate::json::{Decimal, Object, is_empty, string};
use crate::transaction::Transaction;

/// The members that can hold a transaction, the preferred one first.
pub(crate) const NESTED: [&str; 2] = ["data", "transaction"];

/// The depth to which nested places are searched. NBC's answers have two levels.
const MAX_DEPTH: u32 = 8;

/// Whether all places in `outer` agree. A place that is neither empty nor an object counts as a contradiction.
pub(crate) fn agree(outer: &Object<'_>) -> bool {
    let mut nested = Vec::new();
    if !collect(outer, MAX_DEPTH, &mut nested) {
        return false;
    }
    let more = ["currency", "md5"];
    let has_own = || outer.contains_any(&Transaction::MARKERS) || outer.contains_any(&more);
    // Most answers have one place: the member `data`.
    if nested.is_empty() || (nested.len() == 1 && !has_own()) {
        return true;
    }
    let places = || std::iter::once(outer).chain(&nested);
    let mut names = Transaction::MARKERS.into_iter().chain(more);
    names.all(|name| {
        let mut values = places()
            .filter_map(|place| place.get_unique(name).ok().flatten())
            .filter(|value| !is_empty(value));
        let first = values.next();
        first.is_none_or(|first| values.all(|other| is_same(name, first, other)))
    })
}

/// Adds all objects nested in `outer` to `found`. Returns false if a place is not readable.
fn collect<'a>(outer: &Object<'a>, depth: u32, found: &mut Vec<Object<'a>>) -> bool {
    NESTED.into_iter().all(|name| {
        let Some(value) = outer.get(name).filter(|value| !is_empty(value)) else {
            return true;
        };
        let (Some(object), Some(depth)) = (Object::parse(value.get()), depth.checked_sub(1)) else {
            return false;
        };
        let is_readable = collect(&object, depth, found);
        found.push(object);
        is_readable
    })
}

/// Whether two values of the member `name` mean the same.
fn is_same(name: &str, one: &RawValue, other: &RawValue) -> bool {
    if one.get() == other.get() {
        return true;
    }
    let number = |value| Decimal::read(value);
    if number(one).is_some() && matches!(name, "amount" | "createdDateMs" | "acknowledgedDateMs") {
        return number(one) == number(other);
    }
    let (Some(one), Some(other)) = (string(one), string(other)) else {
        return false;
    };
    match name {
        "hash" => hash::full(&one).is_some_and(|one| hash::full(&other) == Some(one)),
        "md5" | "currency" => one.trim().eq_ignore_ascii_case(other.trim()),
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agree(text: &str) -> bool {
        super::agree(&Object::parse(text).unwrap())
    }

    #[test]
    fn two_places_agree_if_they_have_the_same_values_in_any_form() {
        let hash = "8465d722d7d5065f2886f0a474a4d34dc6a7855355b611836f7b6111228893e9";
        let upper = hash.to_uppercase();
        for (one, other) in [
            (r#""amount":1.5"#, r#""amount":"1.50""#),
            (r#""createdDateMs":1000.0"#, r#""createdDateMs":"1000""#),
            (r#""currency":"USD""#, r#""currency":"usd""#),
            (r#""currency":"USD""#, r#""currency":"""#),
            (r#""md5":"ab""#, r#""md5":" AB ""#),
            (
                &*format!(r#""hash":"{hash}""#),
                &*format!(r#""hash":"0x{upper}""#),
            ),
            (r#""toAccountId":"a@b""#, r#""toAccountId":"\u0061@b""#),
        ] {
            assert!(agree(&format!("{{{one},\"data\":{{{other}}}}}")), "{one}");
            let deep = format!("{{\"data\":{{{one},\"transaction\":{{{other}}}}}}}");
            assert!(agree(&deep), "{one}");
        }
    }

    #[test]
    fn two_places_with_different_values_contradict_each_other() {
        for (one, other) in [
            (r#""amount":1.5"#, r#""amount":1.51"#),
            // Only amounts and times are compared as numbers.
            (r#""toAccountId":1"#, r#""toAccountId":1.0"#),
            (r#""currency":"USD""#, r#""currency":"KHR""#),
            (r#""md5":"ab""#, r#""md5":"ac""#),
            (r#""hash":"ab""#, r#""hash":"AB""#),
            (r#""toAccountId":"a@b""#, r#""toAccountId":"A@b""#),
        ] {
            assert!(!agree(&format!("{{{one},\"data\":{{{other}}}}}")), "{one}");
        }
        assert!(!agree(r#"{"data":7}"#));
        assert!(agree(r#"{"data":{"hash":"a"}}"#) && agree("{}"));
    }
}
