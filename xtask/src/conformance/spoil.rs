//! What people get wrong: each call changes a valid input in one way, into one that is often refused.

use super::generate::{TEXTS, account};
use super::input::{Input, Value};
use super::random::Random;
use super::words::{Script, pair_across, text, with_control};

/// Amounts that are not plain, not exact, or at a limit.
const AMOUNTS: [&str; 38] = [
    "-1",
    "-0",
    "-0.01",
    "+5",
    "NaN",
    "Infinity",
    "abc",
    "1,000",
    "1.000,00",
    "1e3",
    "1e21",
    "1e-7",
    "0x10",
    "0x0",
    "៥០០",
    "٥",
    "５",
    "5.",
    ".5",
    "5.5.5",
    "1.1x",
    "1.e3",
    " 5",
    "5 ",
    " ",
    "0.001",
    "1.001",
    "1.999",
    "1.10000000000000000001",
    "5.0000000000000000001",
    "0.000",
    "9999999999999",
    "99999999999999",
    "9999999999.99",
    "99999999999.99",
    "00000000000005",
    "00000000000005.5",
    "184467440737095516160",
];

/// The same as JavaScript numbers, those that JSON can hold.
const NUMBERS: [&str; 16] = [
    "-1",
    "-0.5",
    "0.001",
    "1.001",
    "1.999",
    "0.5",
    "1e3",
    "1E2",
    "1e21",
    "1e-7",
    "1.5e21",
    "9999999999999",
    "99999999999999",
    "9999999999.99",
    "99999999999.99",
    "1.10000000000000000001",
];

/// Changes something.
pub(super) fn spoil(random: &mut Random, input: &mut Input, now: u64) {
    match random.below(100) {
        0..=24 => text_length(random, input),
        25..=29 => control(random, input),
        30..=39 => spoil_account(random, input),
        40..=47 => category(random, input),
        48..=53 => currency(random, input),
        54..=71 => amount(random, input),
        72..=80 => times(random, input, now),
        81..=89 => language(random, input),
        90..=93 => crowd(random, input),
        94..=96 => absence(random, input),
        97..=98 => number_for_text(random, input),
        _ => unionpay_in_usd(random, input),
    }
}

/// Lengths around each limit, and a pair of units across it.
fn text_length(random: &mut Random, input: &mut Input) {
    let (name, max) = *random.pick(&TEXTS);
    let value = match random.below(8) {
        0 => String::new(),
        1 => pair_across(random, max),
        way => {
            let script = *random.pick(&Script::ALL);
            let units = match way {
                2 => max - 1,
                3 => max,
                4 | 5 => max + 1,
                6 => max + 2,
                _ => *random.pick(&[98, 99, 100]),
            };
            text(random, script, units)
        }
    };
    if name == "upiMerchantAccount" {
        input.set("currency", Value::text("KHR"));
    }
    input.set(name, Value::Text(value));
}

fn control(random: &mut Random, input: &mut Input) {
    let mut names: Vec<&str> = TEXTS.iter().map(|(name, _)| *name).collect();
    names.extend([
        "bakongAccountID",
        "languagePreference",
        "merchantCategoryCode",
    ]);
    let name = *random.pick(&names);
    let base = input.text(name).unwrap_or("ab").to_owned();
    input.set(name, Value::Text(with_control(random, &base)));
}

fn spoil_account(random: &mut Random, input: &mut Input) {
    let fixed = [
        "",
        "@",
        "user@",
        "@bank",
        "sokha",
        "a@b@c",
        "a@@b",
        "a b@c",
        "a@b c",
        " a@b",
        "a@b ",
        "a\u{a0}@b",
        "a@b\u{3000}",
        "a\u{200b}@b",
        "ចន@devb",
        "a@b\u{85}",
        "a\u{2028}@b",
    ];
    let long = |random: &mut Random, units: usize| {
        let script = *random.pick(&[Script::Latin, Script::Khmer, Script::Emoji]);
        text(random, script, units - 2).replace([' ', '@'], "x") + "@b"
    };
    let value = match random.below(4) {
        0 | 1 => (*random.pick(&fixed)).to_owned(),
        2 => {
            let units = *random.pick(&[31, 32, 33, 34, 99]);
            long(random, units)
        }
        _ => text(random, Script::Emoji, 31) + "@😀",
    };
    input.set("bakongAccountID", Value::Text(value));
}

fn category(random: &mut Random, input: &mut Input) {
    let codes = [
        "0",
        "5",
        "05",
        "000",
        "0000",
        "9999",
        "599",
        "59999",
        "599999",
        "",
        "abcd",
        "59a9",
        "-599",
        "5.99",
        "៥៩៩៩",
        "５９９９",
        "599 ",
        " 599",
        "😀😀",
        "😀😀x",
        "+599",
        "1e3",
    ];
    let code = *random.pick(&codes);
    input.set("merchantCategoryCode", Value::text(code));
    if random.chance(10) {
        let number = *random.pick(&["5999", "742", "0", "5", "59990"]);
        input.set("merchantCategoryCode", Value::number(number));
    }
}

fn currency(random: &mut Random, input: &mut Input) {
    let value = match random.below(3) {
        0 => Value::number(*random.pick(&["764", "0", "1", "1160", "84"])),
        _ => {
            let texts = [
                "",
                "EUR",
                "THB",
                "764",
                "1160",
                "0116",
                "11",
                "84a",
                " 840",
                "840 ",
                "៨៤០",
                "K",
                "៛",
                "US$",
                "dollar",
                "😀",
            ];
            Value::text(*random.pick(&texts))
        }
    };
    input.set("currency", value);
}

fn amount(random: &mut Random, input: &mut Input) {
    let value = if random.chance(35) {
        Value::number(*random.pick(&NUMBERS))
    } else {
        Value::text(*random.pick(&AMOUNTS))
    };
    input.set("amount", value);
}

fn times(random: &mut Random, input: &mut Input, now: u64) {
    if input.given("amount").is_none() && random.chance(80) {
        input.set("amount", Value::number("500"));
    }
    match random.below(12) {
        0 => input.remove("expirationTimestamp"),
        1 => input.set("expirationTimestamp", Value::text("")),
        2 => input.set("expirationTimestamp", Value::number("0")),
        3 => input.set("expirationTimestamp", Value::number((now / 10).to_string())),
        4 => input.set("expirationTimestamp", Value::number((now * 10).to_string())),
        5 | 6 => {
            input.set("creationTimestamp", Value::number(now.to_string()));
            let early = *random.pick(&[1, 60_000]);
            input.set(
                "expirationTimestamp",
                Value::number((now - early).to_string()),
            );
        }
        7 => {
            let texts = [
                "abc",
                " ",
                "0",
                "៥",
                "1795000600000.5",
                "-1795000600000",
                "1.8e12",
            ];
            let text = *random.pick(&texts);
            input.set("expirationTimestamp", Value::text(text));
        }
        8 => input.set("expirationTimestamp", Value::text(format!(" {}", now + 5))),
        9 => input.set("creationTimestamp", Value::number((now / 10).to_string())),
        10 => {
            input.set("creationTimestamp", Value::number((now * 10).to_string()));
            input.set(
                "expirationTimestamp",
                Value::number((now * 10 + 1).to_string()),
            );
        }
        _ => input.set(
            "expirationTimestamp",
            Value::number("1234567800000000000000"),
        ),
    }
}

fn language(random: &mut Random, input: &mut Input) {
    let fields = [
        "languagePreference",
        "merchantNameAlternateLanguage",
        "merchantCityAlternateLanguage",
    ];
    for name in fields {
        match random.below(3) {
            0 => input.remove(name),
            1 => input.set(name, Value::text("km")),
            _ => {}
        }
    }
    let odd = ["k", "ខ", "khm", "", "😀", "😀k", " ", "k\t"];
    if random.chance(60) {
        input.set("languagePreference", Value::text(*random.pick(&odd)));
    }
}

/// As many long labels, or as long a line beside the account, as each field for itself may be.
fn crowd(random: &mut Random, input: &mut Input) {
    if random.chance(50) {
        let labels = [
            "billNumber",
            "mobileNumber",
            "storeLabel",
            "terminalLabel",
            "purposeOfTransaction",
        ];
        for name in labels {
            let units = 14 + random.index(12);
            input.set(name, Value::Text(text(random, Script::Mixed, units)));
        }
    } else {
        let account = account(random);
        input.set("bakongAccountID", Value::Text(account));
        for name in ["merchantID", "accountInformation", "acquiringBank"] {
            let units = 30 + random.index(3);
            input.set(name, Value::Text(text(random, Script::Khmer, units)));
        }
    }
}

fn absence(random: &mut Random, input: &mut Input) {
    let needed = [
        "bakongAccountID",
        "merchantName",
        "merchantID",
        "acquiringBank",
    ];
    let name = *random.pick(&needed);
    if random.chance(50) {
        input.remove(name);
    } else {
        input.set(name, Value::text(""));
    }
}

fn number_for_text(random: &mut Random, input: &mut Input) {
    let mut names: Vec<&str> = TEXTS.iter().map(|(name, _)| *name).collect();
    names.push("bakongAccountID");
    let name = *random.pick(&names);
    input.set(
        name,
        Value::number(*random.pick(&["7", "855012345678", "12"])),
    );
}

fn unionpay_in_usd(random: &mut Random, input: &mut Input) {
    input.set("currency", Value::text("USD"));
    let units = 1 + random.index(33);
    let account = text(random, Script::Latin, units);
    input.set("upiMerchantAccount", Value::Text(account));
}
