//! Generators of inputs and codes. About half of the results are valid.

use crate::naive::length;
use crate::naive::writer::{Input, Money, Payment};
use crate::samples::{account, any_text};
use crate::sdk_input::{LABELS, longest};
use crate::{Random, SdkInput, Value, known_codes, mutate_input, mutate_text};

/// The time at which the generated codes are verified, in milliseconds since 1970.
pub const NOW: u64 = 1_795_000_000_000;

/// Generates a code of at least 8 bytes, in most cases with a valid checksum. The text comes from the
/// naive writer or from the list of known codes, and most texts are then mutated.
pub fn code(random: &mut Random) -> String {
    let start = if random.chance(20) {
        random.pick(&known_codes::texts(NOW)).clone()
    } else {
        let mut input = valid_sdk_input(random, NOW);
        input.remove_empty();
        let mut input = input.to_typed(NOW);
        // The SDK writes a static code for the amount 0, which the builder rejects.
        input.write().unwrap_or_else(|_| {
            input.payment = None;
            input.write().expect("a valid static code")
        })
    };
    let mutated = mutate_text(random, std::slice::from_ref(&start), NOW);
    if mutated.len() < 8 { start } else { mutated }
}

/// Generates an input for the builder of khqr-core.
pub fn input(random: &mut Random) -> Input {
    let mut input = sdk_input(random, NOW).to_typed(NOW);
    if random.chance(15) {
        input.payment = Some(payment(random));
    }
    input
}

/// Generates a payment with any amount and any times.
pub fn payment(random: &mut Random) -> Payment {
    let amount = match random.below(8) {
        0..=2 => Money::Units(random.below(10_000)),
        3 => Money::Units(random.below(u64::MAX) >> random.below(64)),
        4 => Money::Units(*random.pick(&[999_999_999_999, 9_999_999_999_999, 10_000_000_000_000])),
        5..=6 => Money::Text(format!("{}.{:02}", random.below(10_000), random.below(100))),
        _ => Money::Text(mutate_input::amount_text(random).to_owned()),
    };
    let created = if random.chance(10) {
        *random.pick(&[0, 999_999_999_999, 10_000_000_000_000, u64::MAX])
    } else {
        NOW - random.below(1_000_000_000)
    };
    let expires = if random.chance(10) {
        created.saturating_sub(1)
    } else {
        created.saturating_add(random.below(3) * random.below(86_400_000))
    };
    Payment {
        amount,
        created,
        expires,
    }
}

/// Generates an input for the SDK. Half of the inputs are valid, and half are valid inputs with one or two mutations.
/// The times are around `now`.
pub fn sdk_input(random: &mut Random, now: u64) -> SdkInput {
    let mut input = valid_sdk_input(random, now);
    if random.chance(50) {
        for _ in 0..(if random.chance(20) { 2 } else { 1 }) {
            mutate_input(random, &mut input, now);
        }
    }
    input
}

/// Generates an input that the SDK accepts, and whose code is payable at `now`.
pub fn valid_sdk_input(random: &mut Random, now: u64) -> SdkInput {
    let mut input = SdkInput::default();
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

fn put(random: &mut Random, input: &mut SdkInput, name: &str) {
    let text = any_text(random, longest(name));
    input.set(name, Value::Text(text));
}

/// Sets a field with a chance of `percent`. Otherwise omits the field or sets it to an empty text, which the SDK treats as
/// missing.
fn maybe_put(random: &mut Random, input: &mut SdkInput, percent: u64, name: &str) {
    if random.chance(percent) {
        put(random, input, name);
    } else if random.chance(10) {
        input.set(name, Value::text(""));
    }
}

fn second_language(random: &mut Random, input: &mut SdkInput) {
    if !random.chance(25) {
        return;
    }
    let language = random.text("km|zh|en|ខម|😀|k ");
    input.set("languagePreference", Value::text(language));
    put(random, input, "merchantNameAlternateLanguage");
    maybe_put(random, input, 50, "merchantCityAlternateLanguage");
}

/// Sets the currency in one of its forms, or omits it for riel, and returns its number.
fn currency(random: &mut Random, input: &mut SdkInput) -> &'static str {
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

fn amount(random: &mut Random, input: &mut SdkInput, currency: &str) {
    if random.chance(30) {
        if random.chance(30) {
            let zero = if random.chance(30) {
                Value::number(random.text("0|0.0"))
            } else {
                Value::text(random.text("0||0.00|000"))
            };
            input.set("amount", zero);
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
    // Adds leading and trailing zeros, as people type them.
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

fn times(random: &mut Random, input: &mut SdkInput, now: u64) {
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
    // The code must be payable at `now` even if its creation is earlier.
    let lasts = *random.pick(&[0, 1, 60_000, 600_000, 86_400_000]);
    let expiry = creation.max(now) + lasts;
    let value = if random.chance(70) {
        Value::number(expiry.to_string())
    } else {
        Value::text(expiry.to_string())
    };
    input.set("expirationTimestamp", value);
}

/// Removes or replaces fields until no template is longer than 99 units.
fn fit(random: &mut Random, input: &mut SdkInput, merchant: bool) {
    let total = |input: &SdkInput, names: &[&str]| -> usize {
        let given = names.iter().filter_map(|name| input.given(name));
        given.map(|value| 4 + length(value.as_str())).sum()
    };
    while total(input, &LABELS) > 99 {
        let given = LABELS.map(|name| input.given(name).map(|_| name));
        let given: Vec<&str> = given.into_iter().flatten().collect();
        let label = *random.pick(&given);
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
    use crate::sdk_input::TEXTS;

    fn inputs(seed: u64, count: usize) -> Vec<SdkInput> {
        let mut random = Random::seeded(seed);
        (0..count).map(|_| sdk_input(&mut random, NOW)).collect()
    }

    #[test]
    fn the_same_seed_generates_the_same_inputs() {
        assert_eq!(inputs(7, 200), inputs(7, 200));
        assert_ne!(inputs(7, 200), inputs(8, 200));
    }

    #[test]
    fn an_exhausted_list_of_choices_still_generates() {
        for choices in 0..40 {
            let mut random = Random::recorded(vec![u64::MAX; choices]);
            code(&mut random);
            input(&mut random);
        }
    }

    #[test]
    fn inputs_reach_every_length_limit() {
        let inputs = inputs(1, 20_000);
        let lengths = |name: &str| -> BTreeSet<usize> {
            let values = inputs.iter().filter_map(|input| input.text(name));
            values.map(length).collect()
        };
        for (name, max) in TEXTS {
            let found = lengths(name);
            for wanted in [max - 1, max, max + 1, 99, 100] {
                assert!(found.contains(&wanted), "no {name} of {wanted} units");
            }
            let any = |test: &dyn Fn(&SdkInput) -> bool| inputs.iter().any(test);
            let text_is =
                |test: &dyn Fn(&str) -> bool| any(&|input| input.text(name).is_some_and(test));
            let pair_crosses_limit = |text: &str| {
                length(text) == max + 1
                    && text.chars().next_back().is_some_and(|c| c.len_utf16() == 2)
            };
            assert!(
                text_is(&pair_crosses_limit),
                "no {name} with a pair across its limit"
            );
            assert!(
                text_is(&|text| text.contains(char::is_control)),
                "no control character in {name}"
            );
            assert!(
                any(&|input| input.get(name).is_none()),
                "{name} is never missing"
            );
            assert!(
                any(&|input| input.get(name) == Some(&Value::text(""))),
                "{name} is never empty"
            );
        }
        let accounts = lengths("bakongAccountID");
        assert!(
            [31, 32, 33].iter().all(|wanted| accounts.contains(wanted)),
            "{accounts:?}"
        );
    }

    #[test]
    fn inputs_have_every_form_of_currency_amount_and_time() {
        let inputs = inputs(1, 20_000);
        let all = |name: &str| -> Vec<&Value> {
            inputs.iter().filter_map(|input| input.get(name)).collect()
        };
        let (currencies, amounts) = (all("currency"), all("amount"));
        for text in ["116", "840", "KHR", "USD", "EUR", ""] {
            assert!(
                currencies.contains(&&Value::text(text)),
                "no currency {text:?}"
            );
        }
        for number in ["116", "840"] {
            assert!(currencies.contains(&&Value::number(number)));
        }
        for text in [
            "NaN",
            "1e21",
            "1,000",
            "៥០០",
            "0x10",
            "99999999999999",
            "-1",
            "5.",
        ] {
            assert!(amounts.contains(&&Value::text(text)), "no amount {text}");
        }
        assert!(
            amounts.contains(&&Value::number("1e21")) && amounts.contains(&&Value::number("1.001"))
        );
        for digits in [12, 13, 14] {
            let has_digits = |time: &&Value| time.as_str().len() == digits;
            assert!(
                all("expirationTimestamp").iter().any(has_digits),
                "no expiry of {digits} digits"
            );
        }
    }
}
