//! Codes as scanners pass them on.

use khqr_core::{Khqr, Md5Handle};
use proptest::prelude::*;

use crate::payable;

proptest! {
    #[test]
    fn what_scanners_add_is_removed(
        before in "[ \t\r\n\u{feff}\u{a0}]{0,4}",
        after in "[ \t\r\n\u{feff}\u{a0}\u{2028}]{0,4}",
    ) {
        let code = payable(&[]);
        let scanned = format!("{before}{code}{after}");
        let khqr = Khqr::parse_scanned(&scanned).unwrap();
        prop_assert_eq!(khqr.text(), code.as_str());
        prop_assert_eq!(khqr.md5(), Md5Handle::of(&code));
        // The text is borrowed, not copied.
        prop_assert!(scanned.as_bytes().as_ptr_range().contains(&khqr.text().as_ptr()));
    }

    #[test]
    fn a_text_without_additions_gives_the_result_of_parse(text in crate::strategies::code()) {
        let is_trimmed = text.trim() == text && !text.starts_with('\u{feff}') && !text.ends_with('\u{feff}');
        if is_trimmed {
            prop_assert_eq!(Khqr::parse_scanned(&text), Khqr::parse(&text));
        }
    }
}

#[test]
fn blanks_inside_a_code_are_errors() {
    let code = payable(&[]);
    let (first, rest) = code.split_at(6);
    assert!(Khqr::parse_scanned(&format!("{first} {rest}")).is_err());
    let error = Khqr::parse_scanned(" \r\n").unwrap_err();
    assert_eq!(error, Khqr::parse("").unwrap_err());
}
