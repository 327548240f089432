//! Finds the payment of each line of the bank's list.

use std::collections::HashMap;

use bakong_flow::store::StoredPayment;
use bakong_store::settled_amount;
use khqr_core::{Amount, Md5Handle};
use serde_json::{Value, json};

use super::bank_list::BankRow;
use crate::common::{lookup, money};

/// The number of digits of a short hash.
const SHORT: usize = 8;

/// A settled payment.
#[derive(Clone, Debug)]
pub(super) struct Settled<'a> {
    pub(super) md5: Md5Handle,
    pub(super) order: &'a str,
    bill_number: Option<String>,
    hash: Option<&'a str>,
    pub(super) amount: Option<Amount>,
}

impl<'a> Settled<'a> {
    pub(super) fn of(stored: &'a StoredPayment) -> Self {
        let payment = &stored.payment;
        let outcome = stored.finished.as_ref().map(|(outcome, _)| outcome);
        let transaction = outcome.and_then(bakong_flow::Outcome::transaction);
        let code = payment.details.as_deref().and_then(|it| it.code.as_deref());
        Self {
            md5: payment.md5,
            order: payment.order.as_str(),
            bill_number: code.and_then(lookup::bill_number),
            hash: transaction.and_then(|transaction| transaction.hash.as_deref()),
            amount: settled_amount(stored),
        }
    }

    /// The amount as a text for people.
    pub(super) fn amount_text(&self) -> String {
        let amount = self.amount.map(|amount| amount.to_string());
        amount.unwrap_or_else(|| "an unknown amount".to_owned())
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "md5": self.md5.to_string(),
            "order": self.order,
            "amount": self.amount.map(money::decimal),
            "currency": self.amount.map(|amount| amount.currency().alphabetic_code()),
            "hash": self.hash,
        })
    }
}

/// The result of a comparison. Each payment and each line is in one group.
#[derive(Default, Debug)]
pub(super) struct Comparison<'a> {
    /// Same payment, same amount.
    pub(super) matched: Vec<(&'a Settled<'a>, &'a BankRow)>,
    /// Same payment, another amount or currency.
    pub(super) differing: Vec<(&'a Settled<'a>, &'a BankRow)>,
    /// Settled, but not in the bank's list.
    pub(super) only_settled: Vec<&'a Settled<'a>>,
    /// In the bank's list, but not settled, or for the second time.
    pub(super) only_bank: Vec<&'a BankRow>,
}

impl Comparison<'_> {
    pub(super) const fn is_equal(&self) -> bool {
        self.differing.is_empty() && self.only_settled.is_empty() && self.only_bank.is_empty()
    }
}

/// Compares the payments with the lines. A hash decides; a line without a hash that is known here is found by its order
/// or bill number, if only one payment has it. Amounts alone identify nothing.
pub(super) fn compare<'a>(settled: &'a [Settled<'a>], rows: &'a [BankRow]) -> Comparison<'a> {
    let by_hash = index(settled, |settled| settled.hash.map(str::to_owned));
    let by_short = index(settled, |settled| {
        Some(settled.hash?.get(..SHORT)?.to_owned())
    });
    let by_order = index(settled, |settled| Some(settled.order.to_owned()));
    let by_bill = index(settled, |settled| settled.bill_number.clone());
    let find = |row: &BankRow| {
        let by = |index: &HashMap<String, Option<usize>>, key: Option<&String>| {
            index.get(key?).copied().flatten()
        };
        let hash = row.hash.as_ref();
        let reference = row.reference.as_ref();
        by(&by_hash, hash)
            .or_else(|| by(&by_short, hash))
            .or_else(|| by(&by_order, reference))
            .or_else(|| by(&by_bill, reference))
    };
    let mut comparison = Comparison::default();
    let mut is_found = vec![false; settled.len()];
    for row in rows {
        match find(row).filter(|at| !std::mem::replace(&mut is_found[*at], true)) {
            Some(at) if settled[at].amount == Some(row.amount) => {
                comparison.matched.push((&settled[at], row));
            }
            Some(at) => comparison.differing.push((&settled[at], row)),
            None => comparison.only_bank.push(row),
        }
    }
    let missing = settled
        .iter()
        .zip(is_found)
        .filter(|(_, is_found)| !is_found);
    comparison
        .only_settled
        .extend(missing.map(|(settled, _)| settled));
    comparison
}

/// The position of the payment with each key; `None` if several payments have the key.
fn index(
    settled: &[Settled<'_>],
    key: impl Fn(&Settled<'_>) -> Option<String>,
) -> HashMap<String, Option<usize>> {
    let mut index = HashMap::new();
    for (at, settled) in settled.iter().enumerate() {
        if let Some(key) = key(settled) {
            let entry = index.entry(key);
            entry.and_modify(|at| *at = None).or_insert(Some(at));
        }
    }
    index
}

#[cfg(test)]
mod tests {
    use khqr_core::Currency;

    use super::*;

    const FIRST: &str = "aaaaaaaa11111111";
    const SECOND: &str = "bbbbbbbb22222222";

    fn settled<'a>(order: &'a str, hash: &'a str, units: u64) -> Settled<'a> {
        Settled {
            md5: Md5Handle::of(order),
            order,
            bill_number: Some(format!("bill {order}")),
            hash: Some(hash),
            amount: Some(Amount::from_minor_units(units, Currency::Khr)),
        }
    }

    fn row(line: u64, hash: Option<&str>, reference: Option<&str>, units: u64) -> BankRow {
        BankRow {
            line,
            amount: Amount::from_minor_units(units, Currency::Khr),
            hash: hash.map(str::to_owned),
            reference: reference.map(str::to_owned),
        }
    }

    fn lines(rows: &[(&Settled<'_>, &BankRow)]) -> Vec<u64> {
        rows.iter().map(|(_, row)| row.line).collect()
    }

    #[test]
    fn lines_are_found_by_hash_short_hash_order_and_bill_number() {
        let payments = [
            settled("1", FIRST, 100),
            settled("2", SECOND, 200),
            settled("3", "c", 300),
            settled("4", "d", 400),
        ];
        let rows = [
            row(2, Some(FIRST), None, 100),
            row(3, Some(&SECOND[..8]), None, 200),
            row(4, None, Some("3"), 300),
            row(5, Some("unknown"), Some("bill 4"), 400),
        ];
        let comparison = compare(&payments, &rows);
        assert!(comparison.is_equal());
        assert_eq!(lines(&comparison.matched), [2, 3, 4, 5]);
    }

    #[test]
    fn each_difference_is_reported_once() {
        let payments = [
            settled("1", FIRST, 100),
            settled("2", SECOND, 200),
            settled("3", "c", 300),
        ];
        let rows = [
            row(2, Some(FIRST), None, 999),
            row(3, Some(SECOND), None, 200),
            row(4, Some(SECOND), None, 200),
            row(5, None, None, 300),
        ];
        let comparison = compare(&payments, &rows);
        assert_eq!(lines(&comparison.matched), [3]);
        assert_eq!(lines(&comparison.differing), [2]);
        let only_bank: Vec<_> = comparison.only_bank.iter().map(|row| row.line).collect();
        assert_eq!(only_bank, [4, 5], "an amount alone identifies nothing");
        let missing: Vec<_> = comparison.only_settled.iter().map(|it| it.order).collect();
        assert_eq!(missing, ["3"]);
    }

    #[test]
    fn an_ambiguous_key_identifies_nothing() {
        let payments = [
            settled("1", "aaaaaaaa1", 100),
            settled("2", "aaaaaaaa2", 100),
        ];
        let rows = [row(2, Some("aaaaaaaa"), None, 100)];
        let comparison = compare(&payments, &rows);
        assert_eq!(comparison.only_bank.len(), 1);
        assert_eq!(comparison.only_settled.len(), 2);
    }
}
