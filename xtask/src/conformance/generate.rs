//! Random inputs for codes: half of them valid, the other half valid but for something.

use super::input::{Input, Value};
use super::naive::units;
use super::random::Random;
use super::spoil::spoil;
use super::words::any_text;

/// The fields of text and their longest lengths, in UTF-16 units.
pub(super) const TEXTS: [(&str, usize); 13] = [
    ("merchantName", 25),
    ("merchantCity", 15),
    ("merchantID", 32),
    ("acquiringBank", 32),
    ("accountInformation", 32),
    ("billNumber", 25),
    ("mobileNumber", 25),
    ("storeLabel", 25),
    ("terminalLabel", 25),
    ("purposeOfTransaction", 25),
    ("merchantNameAlternateLanguage", 25),
    ("merchantCityAlternateLanguage", 15),
    ("upiMerchantAccount", 31),
];

/// The longest length of a field of text.
pub(super) fn longest(name: &str) -> usize {
    let found = TEXTS.iter().find(|(other, _)| *other == name);
    found.map_or(0, |(_, max)| *max)
}

const LABELS: [&str; 5] = [
    "billNumber",
    "mobileNumber",
    "storeLabel",
    "terminalLabel",
    "purposeOfTransaction",
];

/// An input; `now` is the moment around which its times are.
pub(super) fn input(random: &mut Random, now: u64) -> Input {
    let mut input = valid(random, now);
    if random.chance(50) {
        for _ in 0..(if random.chance(80) { 1 } else { 2 }) {
            spoil(random, &mut input, now);
        }
    }
    input
}

/// An input that the SDK makes a code of, and its `verify` takes, until it expires at or after `now`.
pub(super) fn valid(random: &mut Random, now: u64) -> Input {
    let mut input = Input::default();
    let merchant = random.chance(50);
    let kind = if merchant { "merchant" } else { "individual" };
    input.set("kind", Value::text(kind));
    input.set("bakongAccountID", Value::text(account(random)));
    put(random, &mut input, "merchantName");
    maybe_put(random, &mut input, 80, "merchantCity");
    if merchant {
        put(random, &mut input, "merchantID");
        put(random, &mut input, "acquiringBank");
    } else {
        maybe_put(random, &mut input, 40, "accountInformation");
        maybe_put(random, &mut input, 40, "acquiringBank");
    }
    if random.chance(20) {
        let code = format!("{:04}", random.below(10_000));
        input.set("merchantCategoryCode", Value::text(code));
    }
    for label in LABELS {
        maybe_put(random, &mut input, 30, label);
    }
    second_language(random, &mut input);
    let currency = currency(random, &mut input);
    if currency == "116" && random.chance(15) {
        put(random, &mut input, "upiMerchantAccount");
    }
    amount(random, &mut input, currency);
    times(random, &mut input, now);
    fit(random, &mut input, merchant);
    input
}

fn put(random: &mut Random, input: &mut Input, name: &str) {
    let text = any_text(random, longest(name));
    input.set(name, Value::Text(text));
}

// What is not put is absent, or empty, which the SDK takes for the same.
fn maybe_put(random: &mut Random, input: &mut Input, percent: u64, name: &str) {
    if random.chance(percent) {
        put(random, input, name);
    } else if random.chance(10) {
        input.set(name, Value::text(""));
    }
}

pub(super) fn account(random: &mut Random) -> String {
    const BANKS: [&str; 5] = ["devb", "aclb", "aba", "ftcc", "b"];
    let bank = random.pick(&BANKS);
    let spare = 31 - bank.len();
    let name = any_text(random, spare);
    let fits = |c: &char| *c != '@' && !c.is_whitespace() && !c.is_control();
    let name: String = name.chars().filter(fits).collect();
    if name.is_empty() {
        format!("sokha@{bank}")
    } else {
        format!("{name}@{bank}")
    }
}

fn second_language(random: &mut Random, input: &mut Input) {
    if !random.chance(25) {
        return;
    }
    let languages = ["km", "zh", "en", "ខម", "😀", "k "];
    input.set("languagePreference", Value::text(*random.pick(&languages)));
    put(random, input, "merchantNameAlternateLanguage");
    maybe_put(random, input, 50, "merchantCityAlternateLanguage");
}

// Its number; said in one of the four ways, or riel in the fifth, by saying nothing.
fn currency(random: &mut Random, input: &mut Input) -> &'static str {
    let (number, letters) = *random.pick(&[("116", "KHR"), ("840", "USD")]);
    match random.below(5) {
        0 => input.set("currency", Value::text(number)),
        1 => input.set("currency", Value::text(letters)),
        2 if number == "116" => {}
        _ => input.set("currency", Value::number(number)),
    }
    number
}

fn digits(random: &mut Random, count: usize) -> String {
    let first = random.below(9) + 1;
    let rest = (1..count).map(|_| random.below(10).to_string());
    std::iter::once(first.to_string()).chain(rest).collect()
}

fn amount(random: &mut Random, input: &mut Input, currency: &str) {
    if random.chance(30) {
        if random.chance(30) {
            let nothing = [
                Value::number("0"),
                Value::text("0"),
                Value::text(""),
                Value::text("0.00"),
                Value::text("000"),
                Value::number("0.0"),
            ];
            input.set("amount", random.pick(&nothing).clone());
        }
        return;
    }
    let usd = currency == "840";
    let decimals = match random.below(4) {
        0 | 1 => 0,
        2 => 1,
        _ => 2,
    };
    let room = if usd && decimals > 0 { 10 } else { 13 };
    let count = if random.chance(20) {
        room
    } else {
        1 + random.index(6)
    };
    let mut whole = digits(random, count);
    if usd && decimals > 0 && random.chance(10) {
        whole = "0".to_owned();
    }
    let fraction = match (usd, decimals) {
        (_, 0) => String::new(),
        (true, 1) => format!(".{}", digits(random, 1)),
        (true, _) => format!(".{}{}", random.below(10), digits(random, 1)),
        (false, count) => format!(".{}", "0".repeat(count)),
    };
    if random.chance(50) {
        input.set("amount", Value::Number(whole + &fraction));
        return;
    }
    // Written by hand: leading zeros, and trailing ones.
    let zeros = "0".repeat(if random.chance(20) && whole.len() < 6 {
        1 + random.index(2)
    } else {
        0
    });
    let fraction = if usd && random.chance(10) {
        ".00".to_owned()
    } else {
        fraction
    };
    let fits = zeros.len() + whole.len() + fraction.len() <= 13;
    let fraction = if fits || !usd {
        fraction
    } else {
        String::new()
    };
    input.set("amount", Value::Text(zeros + &whole + &fraction));
}

fn times(random: &mut Random, input: &mut Input, now: u64) {
    let creation = if random.chance(40) {
        let creation = now - random.below(3) * random.below(1_000_000);
        input.set("creationTimestamp", Value::number(creation.to_string()));
        creation
    } else {
        now
    };
    let dynamic = input.given("amount").is_some();
    if !dynamic && random.chance(70) {
        return;
    }
    // So that it is still payable at `now`, also where it was created before.
    let lasts = *random.pick(&[0, 1, 60_000, 600_000, 86_400_000]);
    let expiry = creation.max(now) + lasts;
    let value = if random.chance(70) {
        Value::number(expiry.to_string())
    } else {
        Value::text(expiry.to_string())
    };
    input.set("expirationTimestamp", value);
}

// Drops labels, or what is beside the account, until no template passes 99.
fn fit(random: &mut Random, input: &mut Input, merchant: bool) {
    let total = |input: &Input, names: &[&str]| -> usize {
        let given = names.iter().filter_map(|name| input.given(name));
        given.map(|value| 4 + units(value.as_str())).sum()
    };
    while total(input, &LABELS) > 99 {
        let label = random.pick(&LABELS);
        input.remove(label);
    }
    let account = [
        "bakongAccountID",
        "merchantID",
        "accountInformation",
        "acquiringBank",
    ];
    while total(input, &account) > 99 {
        if merchant {
            put(random, input, "merchantID");
            put(random, input, "acquiringBank");
        } else {
            input.remove("acquiringBank");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const NOW: u64 = 1_795_000_000_000;

    fn inputs(seed: u64, count: usize) -> Vec<Input> {
        let mut random = Random::new(seed);
        (0..count).map(|_| input(&mut random, NOW)).collect()
    }

    #[test]
    fn a_seed_gives_the_same_inputs_and_another_others() {
        assert_eq!(inputs(7, 200), inputs(7, 200));
        assert_ne!(inputs(7, 200), inputs(8, 200));
    }

    #[test]
    fn every_boundary_is_reached() {
        let inputs = inputs(1, 20_000);
        for (name, max) in TEXTS {
            let values: Vec<&str> = inputs.iter().filter_map(|input| input.text(name)).collect();
            let lengths: BTreeSet<usize> = values.iter().map(|text| units(text)).collect();
            for wanted in [max - 1, max, max + 1, 99, 100] {
                assert!(lengths.contains(&wanted), "no {name} of {wanted} units");
            }
            // A pair of units of which only the first is within the limit.
            let across = values.iter().any(|text| {
                units(text) == max + 1
                    && text.chars().next_back().is_some_and(|c| c.len_utf16() == 2)
            });
            assert!(across, "no {name} with a pair across its limit");
            let empty = inputs
                .iter()
                .any(|input| input.get(name).is_some() && input.given(name).is_none());
            let absent = inputs.iter().any(|input| input.get(name).is_none());
            let control = values.iter().any(|text| text.contains(char::is_control));
            assert!(
                empty && absent && control,
                "{name} is never empty, absent, or spoilt"
            );
        }
        let accounts: BTreeSet<usize> = inputs
            .iter()
            .filter_map(|input| input.text("bakongAccountID").map(units))
            .collect();
        assert!(
            [31, 32, 33].iter().all(|wanted| accounts.contains(wanted)),
            "{accounts:?}"
        );
    }

    #[test]
    fn every_spelling_of_currencies_amounts_and_times_occurs() {
        let inputs = inputs(1, 20_000);
        let all = |name: &str| -> BTreeSet<String> {
            let given = inputs.iter().filter_map(|input| input.get(name));
            given.map(|value| format!("{value:?}")).collect()
        };
        let currencies = all("currency");
        for number in ["116", "840"] {
            assert!(currencies.contains(&format!("Text({number:?})")));
            assert!(currencies.contains(&format!("Number({number:?})")));
        }
        for letters in ["KHR", "USD", "EUR", ""] {
            assert!(currencies.contains(&format!("Text({letters:?})")));
        }
        let amounts = all("amount");
        for amount in [
            "NaN",
            "1e21",
            "1,000",
            "៥០០",
            "0x10",
            "99999999999999",
            "-1",
            "5.",
        ] {
            assert!(
                amounts.contains(&format!("Text({amount:?})")),
                "no amount {amount}"
            );
        }
        assert!(amounts.contains("Number(\"1e21\")") && amounts.contains("Number(\"1.001\")"));
        let times = all("expirationTimestamp");
        for length in [12, 13, 14] {
            let digits = |time: &String| time.bytes().filter(u8::is_ascii_digit).count();
            assert!(
                times.iter().any(|time| digits(time) == length),
                "no expiry of {length} digits"
            );
        }
    }
}
