//! Policies. Nearly all payments have a predefined one, which is stored by name.

use bakong_flow::Policy;

use super::{Corrupt, from_json, to_json};

const COLUMN: &str = "payments.policy";

/// The predefined policies by name. If a later version of bakong-flow changes one, its values stay here under the
/// old name, because the policy of an open payment must not change.
const NAMED: [(&str, Policy); 3] = [
    ("counter", Policy::COUNTER),
    ("web_shop", Policy::WEB_SHOP),
    ("invoice", Policy::INVOICE),
];

/// Returns the policy as its column has it.
pub(super) fn encode(policy: &Policy) -> Result<String, Corrupt> {
    match NAMED.iter().find(|(_, named)| named == policy) {
        Some((name, _)) => Ok((*name).to_owned()),
        None => to_json(COLUMN, policy),
    }
}

/// Returns the policy of a column.
pub(super) fn decode(text: &str) -> Result<Policy, Corrupt> {
    match NAMED.iter().find(|(name, _)| *name == text) {
        Some((_, policy)) => Ok(*policy),
        None => from_json(COLUMN, text),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_policy_is_read_as_it_was_written() {
        let mut own = Policy::COUNTER;
        own.schedule.first = Duration::from_nanos(1_000_000_001);
        for policy in [Policy::COUNTER, Policy::WEB_SHOP, Policy::INVOICE, own] {
            let text = encode(&policy).unwrap();
            assert_eq!(decode(&text).unwrap(), policy, "{text}");
        }
        assert!(decode("").is_err());
        assert!(decode("counters").is_err());
    }

    /// Stores have payments with these names.
    #[test]
    fn a_named_policy_keeps_its_values() {
        let seconds = |policy: Policy| {
            let (schedule, grace) = (policy.schedule, policy.grace);
            let times = [
                schedule.first,
                schedule.shortest,
                schedule.longest,
                grace.after_expiry,
                grace.final_check_window,
            ];
            (times.map(|time| time.as_secs()), schedule.percent_of_age)
        };
        let named = NAMED.map(|(name, policy)| (name, seconds(policy)));
        let expected = [
            ("counter", ([3, 2, 45, 30, 840], 20)),
            ("web_shop", ([10, 5, 120, 60, 1_740], 40)),
            ("invoice", ([300, 300, 21_600, 3_600, 3_600], 100)),
        ];
        assert_eq!(named, expected);
    }
}
