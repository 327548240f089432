//! The order and the arithmetic of amounts.

use std::cmp::Ordering;

use khqr_core::{Amount, Currency};
use proptest::prelude::*;

fn amount() -> impl Strategy<Value = Amount> {
    let currency = prop_oneof![Just(Currency::Khr), Just(Currency::Usd)];
    let units = prop_oneof![0u64..1_000, any::<u64>(), Just(u64::MAX)];
    (units, currency).prop_map(|(units, currency)| Amount::from_minor_units(units, currency))
}

#[test]
fn amounts_of_two_currencies_have_no_order() {
    let (riel, cents) = (Amount::riel(1), Amount::us_cents(1));
    assert_eq!(riel.partial_cmp(&cents), None);
    let orders = [riel < cents, riel > cents, riel <= cents, riel >= cents];
    assert_eq!(orders, [false; 4]);
    assert_eq!(riel.partial_cmp(&Amount::riel(2)), Some(Ordering::Less));
}

#[test]
fn a_sum_starts_from_zero_and_refuses_another_currency() {
    let sum = |amounts: &[Amount]| Amount::checked_sum(amounts.iter().copied(), Currency::Usd);
    let cents = Amount::us_cents;
    assert_eq!(sum(&[]), Some(cents(0)));
    assert_eq!(sum(&[cents(1), cents(2)]), Some(cents(3)));
    assert_eq!(sum(&[cents(1), Amount::riel(0)]), None);
    assert_eq!(sum(&[cents(u64::MAX), cents(1)]), None);
}

proptest! {
    /// Compares with 128-bit arithmetic, which cannot overflow here.
    #[test]
    fn arithmetic_is_exact_or_none(one in amount(), other in amount(), count: u64) {
        let same = one.currency() == other.currency();
        let exact = |result: Option<u128>, is_allowed: bool| {
            let units = result.filter(|_| is_allowed).and_then(|units| u64::try_from(units).ok());
            units.map(|units| Amount::from_minor_units(units, one.currency()))
        };
        let (a, b) = (u128::from(one.minor_units()), u128::from(other.minor_units()));
        prop_assert_eq!(one.checked_add(other), exact(Some(a + b), same));
        prop_assert_eq!(one.checked_sub(other), exact(a.checked_sub(b), same));
        prop_assert_eq!(one.checked_mul(count), exact(Some(a * u128::from(count)), true));
        prop_assert_eq!(Amount::checked_sum([one, other], one.currency()), exact(Some(a + b), same));
    }

    #[test]
    fn the_order_agrees_with_equality(one in amount(), other in amount()) {
        let same = one.currency() == other.currency();
        let wanted = same.then(|| one.minor_units().cmp(&other.minor_units()));
        prop_assert_eq!(one.partial_cmp(&other), wanted);
        prop_assert_eq!(one == other, wanted == Some(Ordering::Equal));
    }

    #[test]
    fn both_printed_forms_are_parsed(amount in amount()) {
        prop_assert_eq!(amount.to_string().parse(), Ok(amount));
        prop_assert_eq!(Amount::parse(&format!("{amount:#}"), amount.currency()), Ok(amount));
    }
}
