//! Integers of the tables.

use std::ops::Range;

use bakong_flow::bakong_api::khqr_core::Timestamp;

use super::Corrupt;

/// Returns the milliseconds of `time` as a column has them. A later time than a column can have becomes the maximum.
pub(crate) fn millis(time: Timestamp) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// Returns the first and the last millisecond of a period, as a column has them.
pub(crate) fn millis_of(period: &Range<Timestamp>) -> (i64, i64) {
    // A period that ends at 0 has no millisecond.
    (millis(period.start), millis(period.end) - 1)
}

/// Returns the time of a column. A negative value counts as 1970.
pub(crate) fn timestamp(millis: i64) -> Timestamp {
    Timestamp::from_millis(u64::try_from(millis).unwrap_or(0))
}

/// Returns `value` as a column has it.
pub(crate) fn integer<T: TryInto<i64>>(column: &'static str, value: T) -> Result<i64, Corrupt> {
    let too_large = |_| Corrupt::unstorable(column, "the number has more than 63 bits");
    value.try_into().map_err(too_large)
}

/// Returns the value of a column that has no negative values.
pub(crate) fn unsigned<T: TryFrom<i64>>(column: &'static str, value: i64) -> Result<T, Corrupt> {
    let invalid = |_| Corrupt::new(column, format_args!("{value} is out of range"));
    value.try_into().map_err(invalid)
}
