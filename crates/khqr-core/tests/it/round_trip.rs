//! What is written is read again, and one changed byte never passes.

use khqr_core::{AccountId, Amount, Currency, Khqr, KhqrBuilder, KhqrDraft, Timestamp};
use proptest::prelude::*;

use crate::{CREATED, text_of};

/// A text of at most `max` UTF-16 code units, of every script.
fn text(max: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(any::<char>(), 1..=max).prop_filter_map(
        "a text field has no control characters and its length",
        move |chars| {
            let mut units = 0;
            let text: String = chars
                .into_iter()
                .filter(|c| !c.is_control())
                .take_while(|c| {
                    units += c.len_utf16();
                    units <= max
                })
                .collect();
            (!text.is_empty()).then_some(text)
        },
    )
}

#[derive(Debug, Clone)]
struct Input {
    merchant: Option<(String, String)>,
    name: String,
    city: String,
    bill: Option<String>,
    label: Option<String>,
    second: Option<(String, Option<String>)>,
    usd: bool,
    dynamic: Option<(u64, u64)>,
}

fn input() -> impl Strategy<Value = Input> {
    (
        prop::option::of((text(32), text(32))),
        text(25),
        text(15),
        prop::option::of(text(25)),
        prop::option::of(text(25)),
        prop::option::of((text(25), prop::option::of(text(15)))),
        any::<bool>(),
        prop::option::of((1u64..=999_999_999_999, 0u64..=86_400_000)),
    )
        .prop_map(
            |(merchant, name, city, bill, label, second, usd, dynamic)| Input {
                merchant,
                name,
                city,
                bill,
                label,
                second,
                usd,
                dynamic,
            },
        )
}

impl Input {
    fn currency(&self) -> Currency {
        if self.usd {
            Currency::Usd
        } else {
            Currency::Khr
        }
    }

    fn dynamic(&self) -> Option<(Amount, Timestamp)> {
        self.dynamic.map(|(units, life)| {
            let expires = Timestamp::from_millis(CREATED.as_millis() + life);
            (Amount::from_minor_units(units, self.currency()), expires)
        })
    }

    fn draft(&self) -> KhqrDraft<'_> {
        let account = AccountId::new("sokha@devb").unwrap();
        match &self.merchant {
            Some((id, bank)) => self.finish(KhqrBuilder::merchant(account, id, bank, &self.name)),
            None => self.finish(KhqrBuilder::individual(account, &self.name)),
        }
    }

    fn finish<'a, Kind>(&'a self, mut builder: KhqrBuilder<'a, Kind>) -> KhqrDraft<'a> {
        builder = builder.merchant_city(&self.city);
        if let Some(text) = &self.bill {
            builder = builder.bill_number(text);
        }
        if let Some(text) = &self.label {
            builder = builder.terminal_label(text);
        }
        if let Some((name, city)) = &self.second {
            builder = builder.second_language("km", name, city.as_deref());
        }
        match self.dynamic() {
            Some((amount, expires)) => builder.dynamic_code(amount, CREATED, expires),
            None => builder.static_code(self.currency()),
        }
        .unwrap()
    }
}

proptest! {
    #[test]
    fn reading_gives_back_what_was_written(input in input()) {
        let draft = input.draft();
        let text = text_of(&draft);
        prop_assert_eq!(&draft.to_string(), &text);
        let khqr = Khqr::parse(&text).unwrap();
        prop_assert_eq!(khqr.verify(CREATED).map(drop), Ok(()));
        prop_assert_eq!(khqr.merchant_name(), Some(input.name.as_str()));
        prop_assert_eq!(khqr.merchant_city(), Some(input.city.as_str()));
        prop_assert_eq!(khqr.bill_number(), input.bill.as_deref());
        prop_assert_eq!(khqr.terminal_label(), input.label.as_deref());
        prop_assert_eq!(khqr.merchant_id(), input.merchant.as_ref().map(|(id, _)| id.as_str()));
        prop_assert_eq!(
            khqr.merchant_name_alternate_language(),
            input.second.as_ref().map(|(name, _)| name.as_str())
        );
        prop_assert_eq!(khqr.currency(), Ok(input.currency()));
        prop_assert_eq!(khqr.amount(), Ok(input.dynamic().map(|(amount, _)| amount)));
        prop_assert_eq!(khqr.expires_at(), Ok(input.dynamic().map(|(_, expires)| expires)));
    }

    #[test]
    fn one_changed_byte_is_always_caught(input in input(), place: prop::sample::Index, byte in 0u8..128) {
        let text = text_of(&input.draft());
        let mut bytes = text.clone().into_bytes();
        let place = place.index(bytes.len());
        prop_assume!(!bytes[place].eq_ignore_ascii_case(&byte) || place < text.len() - 4 && bytes[place] != byte);
        bytes[place] = byte;
        if let Ok(changed) = String::from_utf8(bytes) {
            prop_assert!(Khqr::parse(&changed).is_err(), "{changed:?}");
        }
    }
}
