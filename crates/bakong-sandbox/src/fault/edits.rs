//! Changes to an answer's JSON that keep all else as it was written: the order of keys, the digits of
//! numbers.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// What is changed, and nothing unless said. They come in the order in which they stand here, whatever the
/// order in which they were asked for.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Edits {
    pub(super) float_times: bool,
    pub(super) text_amounts: bool,
    pub(super) transaction_place: TransactionPlace,
    /// What becomes of the item at each place; of several for one place the last counts.
    pub(super) items: BTreeMap<usize, ItemEdit>,
    pub(super) reversed: bool,
    pub(super) without_error_code: bool,
}

/// What becomes of an item of a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum ItemEdit {
    Missing,
    Text(String),
    /// It says that the service failed, of its own identifier.
    ServiceFailed,
    /// It does not say of which identifier it is.
    Nameless,
}

/// Where an item of a list has its transaction.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) enum TransactionPlace {
    #[default]
    Data,
    Transaction,
    Inline,
}

impl Edits {
    /// The body as it is after the changes; `None` if there are none, or it is no envelope.
    pub(super) fn apply(&self, body: &[u8]) -> Option<Bytes> {
        if *self == Self::default() {
            return None;
        }
        let mut envelope: Object<'_> = serde_json::from_slice(body).ok()?;
        if let Some(data) = envelope.get_mut("data") {
            if let Ok(items) = serde_json::from_str(data) {
                *data = self.list(items).into();
            } else if let Ok(transaction) = serde_json::from_str(data) {
                *data = self.transaction(transaction).to_string().into();
            }
        }
        if self.without_error_code && envelope.get("responseCode") == Some("0") {
            envelope.remove("errorCode");
        }
        Some(envelope.to_string().into())
    }

    fn list(&self, items: Vec<&RawValue>) -> String {
        let mut texts: Vec<String> = (0..)
            .zip(items)
            .filter_map(|(place, item)| match self.items.get(&place) {
                Some(ItemEdit::Missing) => None,
                Some(ItemEdit::Text(text)) => Some(text.clone()),
                edit => Some(self.item(item.get(), edit)),
            })
            .collect();
        if self.reversed {
            texts.reverse();
        }
        format!("[{}]", texts.join(","))
    }

    fn item(&self, text: &str, edit: Option<&ItemEdit>) -> String {
        let Ok(mut item) = serde_json::from_str::<Object<'_>>(text) else {
            return text.to_owned();
        };
        match edit {
            Some(ItemEdit::ServiceFailed) => {
                for (name, value) in [
                    ("status", r#""SERVICE_FAILED""#),
                    ("message", r#""Service failed""#),
                    ("data", "null"),
                ] {
                    if let Some(it) = item.get_mut(name) {
                        *it = value.into();
                    }
                }
            }
            Some(ItemEdit::Nameless) => {
                item.remove("md5");
                item.remove("hash");
            }
            _ => {}
        }
        let data = item.get("data").map(str::to_owned);
        let transaction = data
            .as_deref()
            .and_then(|data| serde_json::from_str(data).ok());
        let transaction: Option<Object<'_>> = transaction.map(|it| self.transaction(it));
        if let (Some(data), Some(transaction)) = (item.get_mut("data"), &transaction) {
            *data = transaction.to_string().into();
        }
        match self.transaction_place {
            TransactionPlace::Data => {}
            TransactionPlace::Transaction => item.rename("data", "transaction"),
            TransactionPlace::Inline => {
                item.remove("data");
                // The hash of a list by hash stands there already.
                for (key, value) in transaction.into_iter().flat_map(|it| it.0) {
                    if item.get(&key).is_none() {
                        item.0
                            .push((key.into_owned().into(), value.into_owned().into()));
                    }
                }
            }
        }
        item.to_string()
    }

    fn transaction<'a>(&self, mut transaction: Object<'a>) -> Object<'a> {
        let is_number = |value: &str| value.starts_with(|first: char| first.is_ascii_digit());
        if self.float_times {
            for (name, decimal) in [("createdDateMs", ".0"), ("acknowledgedDateMs", ".2")] {
                if let Some(time) = transaction.get_mut(name).filter(|time| is_number(time)) {
                    *time = format!("{time}{decimal}").into();
                }
            }
        }
        if self.text_amounts
            && let Some(amount) = transaction.get_mut("amount").filter(|it| is_number(it))
        {
            *amount = format!("\"{amount}\"").into();
        }
        transaction
    }
}

/// An object's keys and the texts of its values, in their order.
#[derive(Default)]
struct Object<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Object<'a> {
    fn get(&self, name: &str) -> Option<&str> {
        let mut all = self.0.iter();
        all.find_map(|(key, value)| (key == name).then_some(&**value))
    }

    fn get_mut(&mut self, name: &str) -> Option<&mut Cow<'a, str>> {
        let mut all = self.0.iter_mut();
        all.find_map(|(key, value)| (key == name).then_some(value))
    }

    fn remove(&mut self, name: &str) {
        self.0.retain(|(key, _)| key != name);
    }

    fn rename(&mut self, name: &str, to: &'static str) {
        for (key, _) in &mut self.0 {
            if key == name {
                *key = to.into();
            }
        }
    }
}

impl fmt::Display for Object<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (place, (key, value)) in self.0.iter().enumerate() {
            let comma = if place > 0 { "," } else { "" };
            let key = serde_json::to_string(key).map_err(|_| fmt::Error)?;
            write!(f, "{comma}{key}:{value}")?;
        }
        f.write_str("}")
    }
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
                let mut object = Object::default();
                while let Some((key, value)) = map.next_entry::<String, &RawValue>()? {
                    object.0.push((key.into(), value.get().into()));
                }
                Ok(object)
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Fault;

    /// What the edits of a fault make of `body`.
    fn edited(fault: Fault, body: &str) -> String {
        let edits = fault.trouble.edits;
        let edited = edits.apply(body.as_bytes());
        edited.map_or(body.to_owned(), |it| {
            String::from_utf8(it.to_vec()).unwrap()
        })
    }

    const FOUND: &str = r#"{"responseCode":0, "errorCode":null,"data":{"hash":"h\u0040","amount":1.50,"createdDateMs":17,"acknowledgedDateMs":18,"description":null}}"#;
    const LIST: &str = r#"{"responseCode":0,"errorCode":null,"data":[{"hash":"a","status":"SUCCESS","data":{"hash":"a","amount":1,"createdDateMs":17}},{"hash":"b","status":"NOT_FOUND","data":null},{"hash":"c","data":{"amount":2}}]}"#;

    /// `LIST` with these items.
    fn list(items: &str) -> String {
        format!(r#"{{"responseCode":0,"errorCode":null,"data":[{items}]}}"#)
    }

    #[test]
    fn nothing_is_touched_but_what_is_named() {
        assert_eq!(edited(Fault::own_answer(), FOUND), FOUND);
        assert_eq!(
            edited(Fault::own_answer().float_times(), FOUND),
            r#"{"responseCode":0,"errorCode":null,"data":{"hash":"h\u0040","amount":1.50,"createdDateMs":17.0,"acknowledgedDateMs":18.2,"description":null}}"#
        );
        assert_eq!(
            edited(Fault::own_answer().text_amounts(), FOUND),
            r#"{"responseCode":0,"errorCode":null,"data":{"hash":"h\u0040","amount":"1.50","createdDateMs":17,"acknowledgedDateMs":18,"description":null}}"#
        );
        let all = Fault::own_answer()
            .without_error_code()
            .text_amounts()
            .float_times();
        assert_eq!(
            edited(all, FOUND),
            r#"{"responseCode":0,"data":{"hash":"h\u0040","amount":"1.50","createdDateMs":17.0,"acknowledgedDateMs":18.2,"description":null}}"#
        );
    }

    #[test]
    fn a_failure_keeps_its_error_code() {
        let failure = r#"{"data":null,"errorCode":1,"responseCode":1}"#;
        let fault = || Fault::own_answer().without_error_code().float_times();
        assert_eq!(edited(fault(), failure), failure);
        for other in ["", "<h1>", "[]", "{", r#"{"data":"x"}"#, "{}"] {
            assert_eq!(edited(fault(), other), other);
        }
    }

    #[test]
    fn lists_are_changed_item_by_item() {
        let [a, b, c] = [
            r#"{"hash":"a","status":"SUCCESS","data":{"hash":"a","amount":1,"createdDateMs":17}}"#,
            r#"{"hash":"b","status":"NOT_FOUND","data":null}"#,
            r#"{"hash":"c","data":{"amount":2}}"#,
        ];
        assert_eq!(LIST, list(&[a, b, c].join(",")));
        let fault = Fault::own_answer;
        assert_eq!(
            edited(fault().reversed_list(), LIST),
            list(&[c, b, a].join(","))
        );
        assert_eq!(
            edited(fault().without_item(1), LIST),
            list(&[a, c].join(","))
        );
        assert_eq!(edited(fault().without_item(3), LIST), LIST);
        // Places are those that were asked for, whatever else is done.
        let some = fault().reversed_list().item(0, "nonsense").without_item(2);
        assert_eq!(edited(some, LIST), list(&[b, "nonsense"].join(",")));
        let garbled = edited(fault().garbled_item(1), LIST);
        assert_eq!(garbled, LIST.replace(b, r#"{"status":0,"data":["?"]}"#));
        let failed = edited(fault().service_failed_item(0), LIST);
        let told = r#"{"hash":"a","status":"SERVICE_FAILED","data":null}"#;
        assert_eq!(failed, LIST.replace(a, told));
        let nameless = edited(fault().nameless_item(0), LIST);
        let told = a.replacen(r#""hash":"a","#, "", 1);
        assert_eq!(nameless, LIST.replace(a, &told));
        assert_eq!(
            edited(fault().float_times().text_amounts(), LIST),
            LIST.replace(":1,", r#":"1","#)
                .replace("17", "17.0")
                .replace(":2", r#":"2""#)
        );
    }

    #[test]
    fn transactions_move_in_their_items() {
        let fault = Fault::own_answer().float_times();
        assert_eq!(
            edited(fault.clone().items_under_transaction(), LIST),
            LIST.replace("17", "17.0")
                .replace(r#""data":{"#, r#""transaction":{"#)
                .replace(r#""data":null"#, r#""transaction":null"#)
        );
        assert_eq!(
            edited(fault.items_inline(), LIST),
            list(
                r#"{"hash":"a","status":"SUCCESS","amount":1,"createdDateMs":17.0},{"hash":"b","status":"NOT_FOUND"},{"hash":"c","amount":2}"#
            )
        );
    }

    proptest! {
        #[test]
        fn any_body_can_be_edited(
            body in proptest::collection::vec(any::<u8>(), 0..60),
            data in "[\\[\\]{}\":,a-c0-9. ]{0,40}",
        ) {
            let edits = Edits {
                float_times: true,
                text_amounts: true,
                transaction_place: TransactionPlace::Inline,
                items: BTreeMap::from([
                    (0, ItemEdit::Missing),
                    (1, ItemEdit::Text("x".to_owned())),
                    (2, ItemEdit::ServiceFailed),
                    (3, ItemEdit::Nameless),
                ]),
                reversed: true,
                without_error_code: true,
            };
            edits.apply(&body);
            edits.apply(format!(r#"{{"responseCode":0,"data":{data}}}"#).as_bytes());
            edits.apply(format!(r#"{{"data":[{{}},{data}]}}"#).as_bytes());
        }
    }
}
