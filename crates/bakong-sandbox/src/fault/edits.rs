//! Edits of a JSON response that preserve everything else: the order of keys and the digits of numbers.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::rule::{Fault, TransactionLayout};

/// The text of a garbled item: valid JSON that names no identifier.
const GARBLED: &str = r#"{"status":0,"data":["?"]}"#;

impl Fault {
    /// Edits a body. Returns `None` if nothing changes, or if the body is not an envelope.
    ///
    /// The edits apply in a fixed order, which does not depend on the order of the builder's methods.
    pub(super) fn edited(&self, body: &[u8]) -> Option<Bytes> {
        let unedited = Self::default().rewritten(body)?;
        let edited = self.rewritten(body)?;
        // A body without changes keeps its white space.
        (edited != unedited).then(|| edited.into())
    }

    fn rewritten(&self, body: &[u8]) -> Option<String> {
        let mut envelope: Object<'_> = serde_json::from_slice(body).ok()?;
        if let Some(data) = envelope.get_mut("data") {
            if let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(data) {
                *data = self.edited_list(items).into();
            } else if let Ok(transaction) = serde_json::from_str(data) {
                *data = self.edited_transaction(transaction).to_string().into();
            }
        }
        if self.without_error_code && envelope.get("responseCode") == Some("0") {
            envelope.remove("errorCode");
        }
        Some(envelope.to_string())
    }

    fn edited_list(&self, items: Vec<&RawValue>) -> String {
        let mut texts: Vec<String> = (0..)
            .zip(items)
            .filter(|(index, _)| !self.without_items.contains(index))
            .map(|(index, item)| match self.items.get(&index) {
                Some(text) => text.clone(),
                None if self.garbled_items.contains(&index) => GARBLED.to_owned(),
                None => self.edited_item(index, item.get()),
            })
            .collect();
        if self.reversed_list {
            texts.reverse();
        }
        format!("[{}]", texts.join(","))
    }

    fn edited_item(&self, index: usize, text: &str) -> String {
        let Ok(mut item) = serde_json::from_str::<Object<'_>>(text) else {
            return text.to_owned();
        };
        if self.service_failed_items.contains(&index) {
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
        if self.nameless_items.contains(&index) {
            item.remove("md5");
            item.remove("hash");
        }
        let data = item.get("data").map(str::to_owned);
        let transaction = data
            .as_deref()
            .and_then(|data| serde_json::from_str(data).ok());
        let transaction: Option<Object<'_>> = transaction.map(|it| self.edited_transaction(it));
        if let (Some(data), Some(transaction)) = (item.get_mut("data"), &transaction) {
            *data = transaction.to_string().into();
        }
        match self.transaction_layout {
            TransactionLayout::Data => {}
            TransactionLayout::Transaction => item.rename("data", "transaction"),
            TransactionLayout::Inline => {
                item.remove("data");
                // In a list by hash, the item already contains the hash.
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

    fn edited_transaction<'a>(&self, mut transaction: Object<'a>) -> Object<'a> {
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

/// The keys of an object and the texts of its values, in order.
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
        for (position, (key, value)) in self.0.iter().enumerate() {
            let comma = if position > 0 { "," } else { "" };
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

    /// `body` after the edits of a fault.
    fn edited(fault: &Fault, body: &str) -> String {
        let edited = fault.edited(body.as_bytes());
        edited.map_or(body.to_owned(), |it| {
            String::from_utf8(it.to_vec()).unwrap()
        })
    }

    const FOUND: &str = r#"{"responseCode":0, "errorCode":null,"data":{"hash":"h\u0040","amount":1.50,"createdDateMs":17,"acknowledgedDateMs":18,"description":null}}"#;
    const LIST: &str = r#"{"responseCode":0,"errorCode":null,"data":[{"hash":"a","status":"SUCCESS","data":{"hash":"a","amount":1,"createdDateMs":17}},{"hash":"b","status":"NOT_FOUND","data":null},{"hash":"c","data":{"amount":2}}]}"#;

    /// `LIST` with other items.
    fn list(items: &str) -> String {
        format!(r#"{{"responseCode":0,"errorCode":null,"data":[{items}]}}"#)
    }

    #[test]
    fn only_the_named_fields_change() {
        assert_eq!(edited(&Fault::own_answer(), FOUND), FOUND);
        assert_eq!(
            edited(&Fault::own_answer().float_times(), FOUND),
            r#"{"responseCode":0,"errorCode":null,"data":{"hash":"h\u0040","amount":1.50,"createdDateMs":17.0,"acknowledgedDateMs":18.2,"description":null}}"#
        );
        assert_eq!(
            edited(&Fault::own_answer().text_amounts(), FOUND),
            r#"{"responseCode":0,"errorCode":null,"data":{"hash":"h\u0040","amount":"1.50","createdDateMs":17,"acknowledgedDateMs":18,"description":null}}"#
        );
        let all = Fault::own_answer()
            .without_error_code()
            .text_amounts()
            .float_times();
        assert_eq!(
            edited(&all, FOUND),
            r#"{"responseCode":0,"data":{"hash":"h\u0040","amount":"1.50","createdDateMs":17.0,"acknowledgedDateMs":18.2,"description":null}}"#
        );
    }

    #[test]
    fn a_failure_keeps_its_error_code() {
        let failure = r#"{"data":null,"errorCode":1,"responseCode":1}"#;
        let fault = || Fault::own_answer().without_error_code().float_times();
        assert_eq!(edited(&fault(), failure), failure);
        for other in ["", "<h1>", "[]", "{", r#"{"data":"x"}"#, "{}"] {
            assert_eq!(edited(&fault(), other), other);
        }
    }

    #[test]
    fn list_items_are_edited_one_by_one() {
        let [a, b, c] = [
            r#"{"hash":"a","status":"SUCCESS","data":{"hash":"a","amount":1,"createdDateMs":17}}"#,
            r#"{"hash":"b","status":"NOT_FOUND","data":null}"#,
            r#"{"hash":"c","data":{"amount":2}}"#,
        ];
        assert_eq!(LIST, list(&[a, b, c].join(",")));
        let fault = Fault::own_answer;
        assert_eq!(
            edited(&fault().reversed_list(), LIST),
            list(&[c, b, a].join(","))
        );
        assert_eq!(
            edited(&fault().without_item(1), LIST),
            list(&[a, c].join(","))
        );
        assert_eq!(edited(&fault().without_item(3), LIST), LIST);
        // Indices refer to the order of the request, even if other edits move or remove items.
        let some = fault().reversed_list().item(0, "nonsense").without_item(2);
        assert_eq!(edited(&some, LIST), list(&[b, "nonsense"].join(",")));
        let garbled = edited(&fault().garbled_item(1), LIST);
        assert_eq!(garbled, LIST.replace(b, r#"{"status":0,"data":["?"]}"#));
        let failed = edited(&fault().service_failed_item(0), LIST);
        let expected = r#"{"hash":"a","status":"SERVICE_FAILED","data":null}"#;
        assert_eq!(failed, LIST.replace(a, expected));
        let nameless = edited(&fault().nameless_item(0), LIST);
        let expected = a.replacen(r#""hash":"a","#, "", 1);
        assert_eq!(nameless, LIST.replace(a, &expected));
        assert_eq!(
            edited(&fault().float_times().text_amounts(), LIST),
            LIST.replace(":1,", r#":"1","#)
                .replace("17", "17.0")
                .replace(":2", r#":"2""#)
        );
    }

    #[test]
    fn transactions_move_within_their_items() {
        let fault = Fault::own_answer().float_times();
        assert_eq!(
            edited(&fault.clone().items_under_transaction(), LIST),
            LIST.replace("17", "17.0")
                .replace(r#""data":{"#, r#""transaction":{"#)
                .replace(r#""data":null"#, r#""transaction":null"#)
        );
        assert_eq!(
            edited(&fault.items_inline(), LIST),
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
            let fault = Fault::own_answer()
                .float_times()
                .text_amounts()
                .items_inline()
                .without_item(0)
                .item(1, "x")
                .service_failed_item(2)
                .nameless_item(3)
                .reversed_list()
                .without_error_code();
            fault.edited(&body);
            fault.edited(format!(r#"{{"responseCode":0,"data":{data}}}"#).as_bytes());
            fault.edited(format!(r#"{{"data":[{{}},{data}]}}"#).as_bytes());
        }
    }
}
