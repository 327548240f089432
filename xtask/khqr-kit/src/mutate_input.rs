//! Mutations of inputs that imitate mistakes of callers. Most mutated inputs are invalid.

use crate::samples::{Script, account, pair_across, text, with_control};
use crate::sdk_input::{LABELS, TEXTS};
use crate::{Random, SdkInput, Value};

/// Returns an amount that is not plain, not exact, or near a limit.
pub(crate) fn amount_text(random: &mut Random) -> &'static str {
    random.text(
        "-1|-0|-0.01|+5|NaN|Infinity|abc|1,000|1.000,00|1e3|1e21|1e-7|0x10|0x0|៥០០|٥|５|5.|.5|5.5.5|1.1x|1.e3| 5|5 | |\
         0.001|1.001|1.999|1.10000000000000000001|5.0000000000000000001|0.000|9999999999999|99999999999999|\
         9999999999.99|99999999999.99|00000000000005|00000000000005.5|184467440737095516160",
    )
}

/// Like [`amount_text`], but returns a JSON number.
fn amount_number(random: &mut Random) -> &'static str {
    random.text(
        "-1|-0.5|0.001|1.001|1.999|0.5|1e3|1E2|1e21|1e-7|1.5e21|9999999999999|99999999999999|9999999999.99|\
         99999999999.99|1.10000000000000000001",
    )
}

/// Applies one random mutation. The times are around `now`.
pub fn mutate_input(random: &mut Random, input: &mut SdkInput, now: u64) {
    match random.below(100) {
        0..=24 => change_length(random, input),
        25..=29 => insert_control(random, input),
        30..=39 => change_account(random, input),
        40..=47 => change_category(random, input),
        48..=53 => change_currency(random, input),
        54..=71 => change_amount(random, input),
        72..=80 => change_times(random, input, now),
        81..=89 => change_language(random, input),
        90..=93 => fill_template(random, input),
        94..=96 => remove_required(random, input),
        97..=98 => set_number(random, input),
        _ => set_union_pay_in_usd(random, input),
    }
}

/// Sets a text field to a length around its limit, or to a string with a surrogate pair across the limit.
fn change_length(random: &mut Random, input: &mut SdkInput) {
    let (name, max) = *random.pick(&TEXTS);
    let value = match random.below(8) {
        0 => String::new(),
        1 => pair_across(random, max),
        choice => {
            let script = *random.pick(&Script::ALL);
            let units = match choice {
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

/// Returns the name of a text field, or one of `more`.
fn any_name(random: &mut Random, more: &[&'static str]) -> &'static str {
    let names = TEXTS.map(|(name, _)| name);
    let names: Vec<&'static str> = [&names[..], more].concat();
    names[random.index(names.len())]
}

fn insert_control(random: &mut Random, input: &mut SdkInput) {
    let more = [
        "bakongAccountID",
        "languagePreference",
        "merchantCategoryCode",
    ];
    let name = any_name(random, &more);
    let base = input.text(name).unwrap_or("ab").to_owned();
    input.set(name, Value::Text(with_control(random, &base)));
}

fn change_account(random: &mut Random, input: &mut SdkInput) {
    let value = match random.below(4) {
        0 | 1 => random
            .text(
                "|@|user@|@bank|sokha|a@b@c|a@@b|a b@c|a@b c| a@b|a@b |a\u{a0}@b|a@b\u{3000}|a\u{200b}@b|ចន@devb|\
                 a@b\u{85}|a\u{2028}@b",
            )
            .to_owned(),
        2 => {
            let units = *random.pick(&[31, 32, 33, 34, 99]);
            let script = *random.pick(&[Script::Latin, Script::Khmer, Script::Emoji]);
            text(random, script, units - 2).replace([' ', '@'], "x") + "@b"
        }
        _ => text(random, Script::Emoji, 31) + "@😀",
    };
    input.set("bakongAccountID", Value::Text(value));
}

fn change_category(random: &mut Random, input: &mut SdkInput) {
    let value = if random.chance(10) {
        Value::number(random.text("5999|742|0|5|59990"))
    } else {
        Value::text(random.text(
            "0|5|05|000|0000|9999|599|59999|599999||abcd|59a9|-599|5.99|៥៩៩៩|５９９９|599 | 599|😀😀|😀😀x|+599|1e3",
        ))
    };
    input.set("merchantCategoryCode", value);
}

fn change_currency(random: &mut Random, input: &mut SdkInput) {
    let value = match random.below(3) {
        0 => Value::number(random.text("764|0|1|1160|84")),
        _ => Value::text(
            random.text("|EUR|THB|764|1160|0116|11|84a| 840|840 |៨៤០|K|៛|US$|dollar|😀"),
        ),
    };
    input.set("currency", value);
}

fn change_amount(random: &mut Random, input: &mut SdkInput) {
    let value = if random.chance(35) {
        Value::number(amount_number(random))
    } else {
        Value::text(amount_text(random))
    };
    input.set("amount", value);
}

fn change_times(random: &mut Random, input: &mut SdkInput, now: u64) {
    if input.given("amount").is_none() && random.chance(80) {
        input.set("amount", Value::number("500"));
    }
    let number = |number: u64| Value::number(number.to_string());
    let (name, value) = match random.below(12) {
        0 => return input.remove("expirationTimestamp"),
        1 => ("expirationTimestamp", Value::text("")),
        2 => ("expirationTimestamp", Value::number("0")),
        3 => ("expirationTimestamp", number(now / 10)),
        4 => ("expirationTimestamp", number(now * 10)),
        5 | 6 => {
            input.set("creationTimestamp", number(now));
            let early = *random.pick(&[1, 60_000]);
            ("expirationTimestamp", number(now - early))
        }
        7 => {
            let text = random.text("abc| |0|៥|1795000600000.5|-1795000600000|1.8e12");
            ("expirationTimestamp", Value::text(text))
        }
        8 => ("expirationTimestamp", Value::text(format!(" {}", now + 5))),
        9 => ("creationTimestamp", number(now / 10)),
        10 => {
            input.set("creationTimestamp", number(now * 10));
            ("expirationTimestamp", number(now * 10 + 1))
        }
        _ => (
            "expirationTimestamp",
            Value::number("1234567800000000000000"),
        ),
    };
    input.set(name, value);
}

fn change_language(random: &mut Random, input: &mut SdkInput) {
    for name in [
        "languagePreference",
        "merchantNameAlternateLanguage",
        "merchantCityAlternateLanguage",
    ] {
        match random.below(3) {
            0 => input.remove(name),
            1 => input.set(name, Value::text("km")),
            _ => {}
        }
    }
    if random.chance(60) {
        let language = random.text("k|ខ|khm||😀|😀k| |k\t");
        input.set("languagePreference", Value::text(language));
    }
}

/// Sets several fields of one template to lengths that are valid for each field but not for the template.
fn fill_template(random: &mut Random, input: &mut SdkInput) {
    if random.chance(50) {
        for name in LABELS {
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

fn remove_required(random: &mut Random, input: &mut SdkInput) {
    let name = random.text("bakongAccountID|merchantName|merchantID|acquiringBank");
    if random.chance(50) {
        input.remove(name);
    } else {
        input.set(name, Value::text(""));
    }
}

/// Sets a text field to a JSON number.
fn set_number(random: &mut Random, input: &mut SdkInput) {
    let name = any_name(random, &["bakongAccountID"]);
    input.set(name, Value::number(random.text("7|855012345678|12")));
}

fn set_union_pay_in_usd(random: &mut Random, input: &mut SdkInput) {
    input.set("currency", Value::text("USD"));
    let units = 1 + random.index(33);
    let account = text(random, Script::Latin, units);
    input.set("upiMerchantAccount", Value::Text(account));
}
