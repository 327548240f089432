//! When a delivery is repeated.

use std::time::Duration;

/// The waits before each attempt.
const WAITS: [Duration; 10] = [
    Duration::ZERO,
    Duration::from_secs(5),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 60 * 60),
    Duration::from_secs(5 * 60 * 60),
    Duration::from_secs(10 * 60 * 60),
    Duration::from_secs(14 * 60 * 60),
    Duration::from_secs(20 * 60 * 60),
    Duration::from_secs(24 * 60 * 60),
];

/// The maximum `Retry-After` that is honoured.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// After this time without a success, an endpoint is disabled.
pub(super) const MAX_FAILING: Duration = Duration::from_secs(5 * 24 * 60 * 60);

/// Returns how long to wait after `attempts` have failed, or `None` if there is no further attempt.
///
/// `random` spreads the attempts of many deliveries over another tenth of the wait.
pub(super) fn wait(attempts: i64, retry_after: Option<Duration>, random: u8) -> Option<Duration> {
    let wait = *WAITS.get(usize::try_from(attempts).ok()?)?;
    let wait = wait + wait * u32::from(random) / 2_560;
    let demanded = retry_after.unwrap_or_default().min(MAX_RETRY_AFTER);
    Some(wait.max(demanded))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_for_about_three_days_and_then_end() {
        let waits: Vec<_> = (0..12).map(|attempts| wait(attempts, None, 0)).collect();
        assert_eq!(waits[0], Some(Duration::ZERO));
        assert_eq!(waits[9], Some(Duration::from_secs(86_400)));
        assert_eq!(waits[10..], [None, None]);
        assert!(waits[..10].is_sorted());
        let longest = wait(1, None, u8::MAX).unwrap();
        assert!(longest > Duration::from_secs(5) && longest < Duration::from_millis(5_500));
    }

    #[test]
    fn a_demanded_wait_is_honoured_up_to_a_day() {
        let demanded = |seconds| wait(1, Some(Duration::from_secs(seconds)), 0);
        assert_eq!(demanded(60), Some(Duration::from_secs(60)));
        assert_eq!(demanded(1), Some(Duration::from_secs(5)));
        assert_eq!(demanded(u64::MAX), Some(Duration::from_secs(86_400)));
    }
}
