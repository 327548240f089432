//! What is to be written: mostly what may be, in every script, and around every limit.

use khqr_core::Currency;
use proptest::prelude::*;
use proptest::sample::select;

use crate::naive::writer::{Input, Money, Payment};

/// Characters of one UTF-16 code unit and of two: Khmer, Chinese, emoji, combining, zero-width.
const CHARACTERS: [char; 20] = [
    'a', 'Z', '0', ' ', '@', '#', 'é', 'ក', 'ា', '្', '៛', '中', '文', '\u{301}', '\u{200b}',
    '\u{200d}', '\u{fe0f}', '😀', '🇰', '𠀀',
];

/// A text of at most `max` UTF-16 code units, and sometimes of more or of none, or with a control
/// character.
fn text(max: usize) -> impl Strategy<Value = String> {
    let character = prop_oneof![4 => select(&CHARACTERS[..]), 1 => any::<char>()];
    prop_oneof![
        20 => fitting(max, prop::collection::vec(character, 1..=max)),
        6 => fitting(max, prop::collection::vec(prop::char::range(' ', '~'), 1..=max)),
        // Just fitting, and just not.
        4 => (max - 1..=max + 1, select(&CHARACTERS[..]))
            .prop_map(|(units, c)| c.to_string().repeat(units / c.len_utf16())),
        1 => select(&["", "\u{7f}", "a\u{9f}", "\n"][..]).prop_map(str::to_owned),
    ]
}

fn fitting(max: usize, chars: impl Strategy<Value = Vec<char>>) -> impl Strategy<Value = String> {
    chars.prop_map(move |chars| {
        let mut units = 0;
        let fits = |c: &char| {
            units += c.len_utf16();
            units <= max
        };
        chars
            .into_iter()
            .filter(|c| !c.is_control())
            .take_while(fits)
            .collect()
    })
}

fn account() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "[a-z0-9_.]{1,20}@[a-z]{1,11}",
        3 => Just("sokha@devb".to_owned()),
        1 => "[a-z]{28}@[a-z]{3,4}",
        2 => (text(28), text(3)).prop_map(|(name, bank)| format!("{name}@{bank}")),
        1 => text(32),
    ]
}

fn amount() -> impl Strategy<Value = Money> {
    prop_oneof![
        3 => (any::<u64>(), 0u32..64).prop_map(|(units, shift)| Money::Units(units >> shift)),
        3 => (0u64..10_000).prop_map(Money::Units),
        1 => select(&[999_999_999_999u64, 9_999_999_999_999, 10_000_000_000_000][..])
            .prop_map(Money::Units),
        3 => "[0-9]{1,4}(\\.[0-9]{1,2})?".prop_map(Money::Text),
        1 => "0{0,13}[0-9]{0,13}(\\.[0-9]{0,3})?".prop_map(Money::Text),
    ]
}

pub(crate) fn payment() -> impl Strategy<Value = Payment> {
    let created = prop_oneof![
        10 => 1_000_000_000_000u64..=9_999_999_999_999,
        1 => select(&[0, 999_999_999_999, 10_000_000_000_000, u64::MAX][..]),
    ];
    let life = prop_oneof![8 => 0u64..=86_400_000, 2 => Just(0), 1 => Just(u64::MAX)];
    (amount(), created, life).prop_map(|(amount, created, life)| Payment {
        amount,
        created,
        expires: if life == u64::MAX {
            created.saturating_sub(1)
        } else {
            created.saturating_add(life)
        },
    })
}

fn maybe(max: usize) -> impl Strategy<Value = Option<String>> {
    prop::option::weighted(0.3, text(max))
}

/// With visible ASCII alone beside the account and the language, in one of three.
pub(crate) fn input() -> impl Strategy<Value = Input> {
    (any_input(), 0..3).prop_map(|(mut input, chance)| {
        if chance == 0 {
            others_in_ascii(&mut input);
        }
        input
    })
}

fn others_in_ascii(input: &mut Input) {
    let in_ascii = |text: &mut String| {
        *text = text.replace(|c: char| !c.is_ascii_graphic(), "x");
    };
    in_ascii(&mut input.name);
    let shop = [&mut input.city, &mut input.union_pay];
    let payee = [&mut input.account_detail, &mut input.acquiring_bank];
    let optional = shop.into_iter().chain(payee).chain(&mut input.additional);
    optional.flatten().for_each(in_ascii);
    if let Some((_, name, city)) = &mut input.second_language {
        in_ascii(name);
        city.iter_mut().for_each(in_ascii);
    }
}

fn any_input() -> impl Strategy<Value = Input> {
    let category = prop_oneof![8 => Just(None), 4 => "[0-9]{4}".prop_map(Some), 1 => maybe(5)];
    let language = prop_oneof![8 => "[a-z]{2}", 1 => text(2)];
    let second = (language, text(25), maybe(15));
    (
        (any::<bool>(), account(), maybe(32), maybe(32)),
        (
            text(25),
            maybe(15),
            category,
            prop::option::weighted(0.2, text(31)),
        ),
        [maybe(25), maybe(25), maybe(25), maybe(25), maybe(25)],
        prop::option::weighted(0.3, second),
        select(&[Currency::Khr, Currency::Usd][..]),
        prop::option::of(payment()),
    )
        .prop_map(
            |(payee, shop, additional, second_language, currency, payment)| {
                let (is_merchant, account, account_detail, acquiring_bank) = payee;
                let (name, city, category, union_pay) = shop;
                let always = |text: Option<String>| text.or(is_merchant.then(|| "1".to_owned()));
                Input {
                    is_merchant,
                    account,
                    account_detail: always(account_detail),
                    acquiring_bank: always(acquiring_bank),
                    name,
                    city,
                    category,
                    union_pay,
                    additional,
                    second_language,
                    currency,
                    payment,
                }
            },
        )
}
