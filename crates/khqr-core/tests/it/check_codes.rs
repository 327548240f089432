//! The example that checks a file of codes.

use std::fmt::Write as _;

use khqr_core::{Currency, KhqrBuilder};

use crate::{CREATED, account};

#[path = "../../examples/check_codes.rs"]
mod example;

use example::{Summary, check};

fn printed(bill: &str) -> String {
    KhqrBuilder::individual(account(), "Sokha Coffee")
        .bill_number(bill)
        .static_code(Currency::Khr)
        .unwrap()
        .to_text()
}

fn report(input: &[u8]) -> (Summary, String) {
    let mut report = Vec::new();
    let summary = check(input, &mut report, CREATED).unwrap();
    (summary, String::from_utf8(report).unwrap())
}

#[test]
fn the_report_names_each_invalid_line_and_each_repeated_code() {
    let (first, second) = (printed("1"), printed("2"));
    let damaged = first.replace("Sokha", "Dara.");
    let endless = "0".repeat(100_000);
    let mut input = format!("{first}\n{damaged}\r\n\n{endless}\n").into_bytes();
    input.extend(b"\xff\xfe\n");
    input.extend(format!("{second}\r\n  {first}").into_bytes());

    let (summary, report) = report(&input);
    let expected = Summary {
        lines: 7,
        invalid: 4,
        repeated: 1,
    };
    assert_eq!(summary, expected, "{report}");
    let lines: Vec<&str> = report.lines().collect();
    assert!(lines[0].starts_with("line 2: "), "{report}");
    assert!(lines[1].starts_with("line 3: "), "{report}");
    assert!(lines[2].starts_with("line 4: "), "{report}");
    assert!(
        lines[3].starts_with("line 5: not a text in UTF-8"),
        "{report}"
    );
    assert_eq!(lines[4], "line 7: the same code as in line 1");
    assert_eq!(lines[5], "7 lines, 4 invalid, 1 repeated");
    assert!(!report.contains("Dara"), "{report}");
}

#[test]
fn many_codes_are_checked_in_one_pass() {
    // Under Miri, all codes would take minutes.
    let codes = if cfg!(miri) { 20 } else { 2_000 };
    let mut input = String::new();
    for bill in 0..codes {
        writeln!(input, "{}", printed(&bill.to_string())).unwrap();
    }
    let (summary, report) = report(input.as_bytes());
    assert_eq!((summary.lines, report.lines().count()), (codes, 1));
}

#[test]
fn an_empty_input_has_no_lines() {
    assert_eq!(report(b"").1, "0 lines, 0 invalid, 0 repeated\n");
}
