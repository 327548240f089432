//! Checks printed codes, one on each line of standard input: reports each line that a bank's app would refuse, and each
//! code that an earlier line has.
//!
//! ```console
//! $ cargo run --release -p bakong-khqr-core --features std --example check_codes < codes.txt
//! line 2: CRC (tag 63) at byte 96: the checksum does not match the text; the code was changed or misread
//! line 3: the same code as in line 1
//! 3 lines, 1 invalid, 1 repeated
//! ```
//!
//! The input is a stream. To find repeated codes, the program stores 24 bytes of each in a hash table: 80 MB for a
//! million codes.

use std::collections::HashMap;
use std::io::{self, BufRead, Read as _, Write};
use std::process::ExitCode;

use khqr_core::{Khqr, Md5Handle, Timestamp};

/// No code is longer: the largest QR code holds 7,089 bytes. Two more are for `\r\n`.
const LONGEST_LINE: u64 = 7_089 + 2;

/// The number of lines, of invalid lines, and of lines with a code of an earlier line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) lines: u64,
    pub(crate) invalid: u64,
    pub(crate) repeated: u64,
}

#[allow(dead_code, reason = "a test uses the rest of this file as a module")]
fn main() -> ExitCode {
    let report = io::BufWriter::new(io::stdout().lock());
    match check(io::stdin().lock(), report, Timestamp::now()) {
        Ok(summary) if summary.invalid == 0 && summary.repeated == 0 => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            // Standard error may be closed too; nothing is left to do then.
            let _ = writeln!(
                io::stderr(),
                "cannot read the codes or write the report: {error}"
            );
            ExitCode::from(2)
        }
    }
}

/// Checks the lines of `input` for this time, and writes the report.
pub(crate) fn check(
    mut input: impl BufRead,
    mut report: impl Write,
    now: Timestamp,
) -> io::Result<Summary> {
    let mut summary = Summary::default();
    // The MD5 of a code, and the first line with it. Shorter than the code, and the same for the same text only.
    let mut first_lines: HashMap<Md5Handle, u64> = HashMap::new();
    let mut line = Vec::new();
    loop {
        line.clear();
        if input
            .by_ref()
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut line)?
            == 0
        {
            break;
        }
        if !line.ends_with(b"\n") {
            // The rest of a line that is too long, or nothing at the end of the input.
            input.skip_until(b'\n')?;
        }
        summary.lines += 1;
        let number = summary.lines;
        let code = match str::from_utf8(line.trim_ascii()) {
            Ok(code) => code,
            Err(error) => {
                summary.invalid += 1;
                writeln!(report, "line {number}: not a text in UTF-8: {error}")?;
                continue;
            }
        };
        match Khqr::parse(code).and_then(|khqr| khqr.verify(now).map(|_| khqr.md5())) {
            Ok(md5) => {
                let first = *first_lines.entry(md5).or_insert(number);
                if first != number {
                    summary.repeated += 1;
                    writeln!(report, "line {number}: the same code as in line {first}")?;
                }
            }
            Err(error) => {
                // The message names the field and the position. It contains no text of the code.
                summary.invalid += 1;
                writeln!(report, "line {number}: {error}")?;
            }
        }
    }
    let Summary {
        lines,
        invalid,
        repeated,
    } = &summary;
    writeln!(
        report,
        "{lines} lines, {invalid} invalid, {repeated} repeated"
    )?;
    report.flush()?;
    Ok(summary)
}
