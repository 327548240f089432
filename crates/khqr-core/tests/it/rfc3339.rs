//! Times as RFC 3339, compared with jiff.

use khqr_core::{ErrorKind, Timestamp};
use proptest::prelude::*;

/// The last millisecond of the year 9999.
const LAST: u64 = 253_402_300_799_999;

#[track_caller]
fn parses(text: &str, millis: u64) {
    let time = Timestamp::parse_rfc3339(text);
    assert_eq!(time, Ok(Timestamp::from_millis(millis)), "{text}");
}

#[test]
fn times_print_with_a_fixed_width_up_to_the_year_9999() {
    for (millis, text) in [
        (0, "1970-01-01T00:00:00.000Z"),
        (3_661_000, "1970-01-01T01:01:01.000Z"),
        (951_782_400_001, "2000-02-29T00:00:00.001Z"),
        (1_795_000_000_000, "2026-11-18T11:06:40.000Z"),
        (LAST, "9999-12-31T23:59:59.999Z"),
        (LAST + 1, "+10000-01-01T00:00:00.000Z"),
        (u64::MAX, "+584556019-04-03T14:25:51.615Z"),
    ] {
        assert_eq!(Timestamp::from_millis(millis).rfc3339().to_string(), text);
    }
    let padded = format!("{:>26}|", Timestamp::from_millis(0).rfc3339());
    assert_eq!(padded, "  1970-01-01T00:00:00.000Z|");
}

#[test]
fn every_form_of_the_standard_is_parsed() {
    parses("2026-11-18T11:06:40Z", 1_795_000_000_000);
    parses("2026-11-18t11:06:40z", 1_795_000_000_000);
    parses("2026-11-18 18:06:40+07:00", 1_795_000_000_000);
    parses("2026-11-18T11:06:40-00:00", 1_795_000_000_000);
    parses("2026-11-17T11:07:40.1-23:59", 1_795_000_000_100);
    parses(
        "2026-11-18T11:06:40.1239999999999999999999Z",
        1_795_000_000_123,
    );
    // RFC 3339 section 5.8: a leap second.
    parses("1990-12-31T23:59:60Z", 662_687_999_000);
    parses("1969-12-31T23:59:00-00:01", 0);
}

#[test]
fn texts_and_dates_that_do_not_exist_are_rejected() {
    for text in [
        "",
        "2026-11-18",
        "2026-11-18T11:06:40",
        "2026-11-18T11:06Z",
        "2026-11-18T11:06:40.Z",
        "2026-11-18T11:06:40,1Z",
        "2026-11-18T11:06:40Z ",
        " 2026-11-18T11:06:40Z",
        "2026-11-18T11:06:40+0700",
        "2026-11-18T11:06:40+24:00",
        "2026-11-18T11:06:40+07:60",
        "2026-11-18T24:00:00Z",
        "2026-11-18T11:60:00Z",
        "2026-11-18T11:06:61Z",
        "2026-00-18T11:06:40Z",
        "2026-13-18T11:06:40Z",
        "2026-11-00T11:06:40Z",
        "2026-11-31T11:06:40Z",
        "2026-02-29T11:06:40Z",
        "2100-02-29T11:06:40Z",
        "0000-01-01T00:00:00Z",
        "1969-12-31T23:59:59.999Z",
        "1970-01-01T00:00:00+00:01",
        "+10000-01-01T00:00:00.000Z",
        "២០២៦-11-18T11:06:40Z",
    ] {
        let error = Timestamp::parse_rfc3339(text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DateTimeSyntax, "{text}");
    }
}

proptest! {
    #[test]
    fn times_print_and_parse_as_jiff_does(millis in 0..=LAST, minutes in -1_439i64..=1_439) {
        let time = Timestamp::from_millis(millis);
        let text = time.rfc3339().to_string();
        prop_assert_eq!(Timestamp::parse_rfc3339(&text), Ok(time));
        let theirs: jiff::Timestamp = text.parse().unwrap();
        prop_assert_eq!(u64::try_from(theirs.as_millisecond()), Ok(millis));
        // The same moment with another offset.
        let local = i64::try_from(millis).unwrap() + minutes * 60_000;
        if let Ok(local) = u64::try_from(local) && local <= LAST {
            let text = Timestamp::from_millis(local).rfc3339().to_string();
            let sign = if minutes < 0 { '-' } else { '+' };
            let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
            let text = text.replace('Z', &format!("{sign}{hours:02}:{rest:02}"));
            prop_assert_eq!(Timestamp::parse_rfc3339(&text), Ok(time));
        }
    }

    #[test]
    fn no_text_causes_a_panic(text in "[0-9TtZz:.+ -]{0,40}|.{0,40}") {
        let _ = Timestamp::parse_rfc3339(&text);
    }
}

#[cfg(feature = "jiff")]
#[test]
fn times_convert_from_and_to_jiff() {
    let time = Timestamp::from_millis(1_795_000_000_123);
    let theirs = time.to_jiff().unwrap();
    assert_eq!(theirs.to_string(), "2026-11-18T11:06:40.123Z");
    assert_eq!(Timestamp::from(theirs), time);
    // Rounds down; earlier times become the start of 1970.
    let later = theirs + jiff::SignedDuration::from_nanos(999_999);
    assert_eq!(Timestamp::from(later), time);
    assert_eq!(
        Timestamp::from(jiff::Timestamp::MIN),
        Timestamp::from_millis(0)
    );
    // jiff ends with the year 9999.
    assert_eq!(Timestamp::from_millis(u64::MAX).to_jiff(), None);
    assert_eq!(Timestamp::from_millis(LAST + 1).to_jiff(), None);
}

#[test]
fn the_time_between_two_moments_is_never_negative() {
    let [first, second] = [1_000, 3_500].map(Timestamp::from_millis);
    assert_eq!(second.saturating_since(first).as_millis(), 2_500);
    assert_eq!(first.saturating_since(second).as_millis(), 0);
}
