//! A reader of its own, as plain as can be, to find in a text what makes it deviate. It counts in UTF-16
//! units, as the SDK does, and never asks our reader.

use super::rows::Row;

/// A field: its tag and its value.
pub(super) type Field = (u8, String);

/// The templates that KHQR knows.
const KNOWN_TEMPLATES: [u8; 5] = [29, 30, 62, 64, 99];

/// The most bytes that a QR code holds.
const MAX_TEXT: usize = 7_089;

/// Length of `6304` and four digits.
const CHECKSUM_FIELD: usize = 8;

/// CRC-16/IBM-3740.
pub(super) fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |crc, byte| {
        let [high, low] = crc.to_be_bytes();
        (u16::from(low) << 8) ^ CRC_OF_BYTE[usize::from(high ^ byte)]
    })
}

/// What each byte does to the checksum; bit by bit, it would be most of the chore's time.
const CRC_OF_BYTE: [u16; 256] = crc_of_byte();

const fn crc_of_byte() -> [u16; 256] {
    let mut table = [0; 256];
    let mut byte: u8 = 0;
    loop {
        let mut crc = u16::from_be_bytes([byte, 0]);
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 == 0 {
                crc << 1
            } else {
                (crc << 1) ^ 0x1021
            };
            bit += 1;
        }
        table[byte as usize] = crc;
        if byte == u8::MAX {
            return table;
        }
        byte += 1;
    }
}

/// The text with a right checksum behind it.
pub(super) fn sealed(body: &str) -> String {
    let covered = format!("{body}6304");
    let crc = crc(covered.as_bytes());
    format!("{covered}{crc:04X}")
}

/// A field as it is written.
pub(super) fn encoded(tag: u8, value: &str) -> String {
    format!("{tag:02}{:02}{value}", units(value))
}

/// The length of a text in UTF-16 units.
pub(super) fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// What keeps a text from being read as a KHQR.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Defect {
    TooLong,
    NoChecksum,
    WrongChecksum,
    /// The form, whatever the fields mean.
    Form(Row),
    /// The account, with the SDK's code for what is wrong with it.
    Account(u64),
}

impl Defect {
    /// The SDK's code for it.
    pub(super) const fn code(self) -> u64 {
        match self {
            Self::NoChecksum => 24,
            Self::TooLong | Self::WrongChecksum | Self::Form(_) => 8,
            Self::Account(code) => code,
        }
    }
}

/// The fields before the checksum, if the text is well formed and rightly sealed.
pub(super) fn payload(text: &str) -> Result<Vec<Field>, Defect> {
    let mut rest = body(text)?;
    let mut fields = Vec::new();
    while !rest.is_empty() {
        fields.push(checked_field(&mut rest)?);
    }
    Ok(fields)
}

/// The same, if the text is also a KHQR: nothing said twice, one account, templates well formed. The top
/// comes first, then the templates, then what the account is.
pub(super) fn khqr(text: &str) -> Result<Vec<Field>, Defect> {
    let mut rest = body(text)?;
    let mut fields: Vec<Field> = Vec::new();
    while !rest.is_empty() {
        let (tag, value) = checked_field(&mut rest)?;
        if get(&fields, tag).is_some() {
            return Err(Defect::Form(Row::Repeated));
        }
        fields.push((tag, value));
    }
    let account = match (get(&fields, 29), get(&fields, 30)) {
        (Some(account), None) | (None, Some(account)) => account,
        (None, None) => return Err(Defect::Account(5)),
        (Some(_), Some(_)) => return Err(Defect::Form(Row::Repeated)),
    };
    for tag in KNOWN_TEMPLATES {
        template(get(&fields, tag).unwrap_or_default()).map_err(Defect::Form)?;
    }
    let subs = template(account).map_err(Defect::Form)?;
    self::account(get(&subs, 0).unwrap_or_default()).map_err(Defect::Account)?;
    Ok(fields)
}

fn body(text: &str) -> Result<Vec<u16>, Defect> {
    if text.len() > MAX_TEXT {
        return Err(Defect::TooLong);
    }
    let bytes = text.as_bytes();
    let Some(covered) = bytes.len().checked_sub(4).map(|at| &bytes[..at]) else {
        return Err(Defect::NoChecksum);
    };
    let digits = &bytes[covered.len()..];
    if !covered.ends_with(b"6304") || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(Defect::NoChecksum);
    }
    let right = format!("{:04x}", crc(covered));
    if !right.as_bytes().eq_ignore_ascii_case(digits) {
        return Err(Defect::WrongChecksum);
    }
    let mut body: Vec<u16> = text.encode_utf16().collect();
    body.truncate(body.len() - CHECKSUM_FIELD);
    Ok(body)
}

fn checked_field(rest: &mut Vec<u16>) -> Result<Field, Defect> {
    // At the top, what is cut short ran into the checksum.
    let (tag, value) = field(rest).map_err(|row| match row {
        Row::FreeText => Defect::Form(Row::MalformedFirst),
        row => Defect::Form(row),
    })?;
    if tag == 63 {
        return Err(Defect::Form(Row::ChecksumNotLast));
    }
    Ok((tag, value))
}

/// Takes the first field off.
fn field(rest: &mut Vec<u16>) -> Result<Field, Row> {
    let [tag, length] = [0, 2].map(|at| rest.get(at..at + 2).map(two_digits));
    let (Some(tag), Some(length)) = (tag, length) else {
        return Err(Row::FreeText);
    };
    let tag = tag.ok_or(Row::BadTag)?;
    let length = length.ok_or(Row::BadLength)?;
    let end = 4 + usize::from(length);
    let value = rest.get(4..end).ok_or(Row::FreeText)?;
    let value = String::from_utf16(value).map_err(|_| Row::SplitCharacter)?;
    rest.drain(..end);
    Ok((tag, value))
}

fn two_digits(units: &[u16]) -> Option<u8> {
    let text = String::from_utf16(units).ok()?;
    let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// Any well-formed level: its fields in their order.
pub(super) fn level(text: &str) -> Result<Vec<Field>, Row> {
    let mut rest: Vec<u16> = text.encode_utf16().collect();
    let mut fields = Vec::new();
    while !rest.is_empty() {
        fields.push(field(&mut rest)?);
    }
    Ok(fields)
}

/// A level on which nothing may stand twice.
pub(super) fn template(text: &str) -> Result<Vec<Field>, Row> {
    let mut rest: Vec<u16> = text.encode_utf16().collect();
    let mut fields: Vec<Field> = Vec::new();
    while !rest.is_empty() {
        let (tag, value) = field(&mut rest)?;
        if get(&fields, tag).is_some() {
            return Err(Row::Repeated);
        }
        fields.push((tag, value));
    }
    Ok(fields)
}

/// The value of the first field with this tag.
pub(super) fn get(fields: &[Field], tag: u8) -> Option<&str> {
    let found = fields.iter().find(|(other, _)| *other == tag);
    found.map(|(_, value)| value.as_str())
}

/// The SDK's code for what is wrong with an account, by our rule of what an account is.
pub(super) fn account(text: &str) -> Result<(), u64> {
    if text.is_empty() {
        return Err(1);
    }
    if units(text) > 32 {
        return Err(6);
    }
    let shaped = text
        .split_once('@')
        .is_some_and(|(name, bank)| !name.is_empty() && !bank.is_empty() && !bank.contains('@'));
    if shaped && !text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        Ok(())
    } else {
        Err(3)
    }
}

/// Digits, and if need be a point and more digits: the whole part and the decimals.
pub(super) fn plain_decimal(text: &str) -> Option<(&str, &str)> {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    match text.split_once('.') {
        Some((whole, decimals)) => (digits(whole) && digits(decimals)).then_some((whole, decimals)),
        None => digits(text).then_some((text, "")),
    }
}

/// A JSON number without its exponent; `None` if it has more than some digits or is below zero.
pub(super) fn plain_number(number: &str) -> Option<String> {
    const MOST: usize = 40;
    let Some((mantissa, exponent)) = number.split_once(['e', 'E']) else {
        return plain_decimal(number).map(|_| number.to_owned());
    };
    let (whole, decimals) = plain_decimal(mantissa)?;
    let mut digits = format!("{whole}{decimals}");
    // How many digits stand before the point, of which some are yet to be written.
    let exponent: i64 = exponent.parse().ok()?;
    let point = i64::try_from(whole.len()).ok()?.checked_add(exponent)?;
    if point <= 0 {
        let zeros = usize::try_from(1 - point)
            .ok()
            .filter(|zeros| *zeros < MOST)?;
        digits.insert_str(0, &"0".repeat(zeros));
    }
    let point = usize::try_from(point.max(1))
        .ok()
        .filter(|point| *point < MOST)?;
    while digits.len() < point {
        digits.push('0');
    }
    let (whole, decimals) = digits.split_at(point);
    Some(if decimals.is_empty() {
        whole.to_owned()
    } else {
        format!("{whole}.{decimals}")
    })
}

/// Whether there is nothing but zeros in it.
pub(super) fn zeros(digits: &str) -> bool {
    digits.bytes().all(|digit| digit == b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: &str = "29140010sokha@devb";

    fn defect(body: &str) -> Option<Defect> {
        khqr(&sealed(body)).err()
    }

    #[test]
    fn the_checksum_is_the_one_that_everyone_prints() {
        // CRC-16/IBM-3740 of the customary test text.
        assert_eq!(crc(b"123456789"), 0x29B1);
        assert_eq!(khqr("000201"), Err(Defect::NoChecksum));
        assert_eq!(khqr("ច6304"), Err(Defect::NoChecksum));
        assert_eq!(khqr("0002016304ABCD"), Err(Defect::WrongChecksum));
        assert!(payload(&sealed("000201").to_lowercase()).is_ok());
        let long = encoded(40, &"ច".repeat(99)).repeat(24);
        assert_eq!(defect(&long), Some(Defect::TooLong));
    }

    #[test]
    fn fields_are_measured_in_utf16() {
        let fields = khqr(&sealed(&format!("{ACCOUNT}5902😀6002ចន"))).unwrap();
        assert_eq!(get(&fields, 59), Some("😀"));
        assert_eq!(get(&fields, 60), Some("ចន"));
        assert_eq!(units("a😀ច"), 4);
    }

    #[test]
    fn every_defect_is_told_from_the_others() {
        use Defect::{Account, Form};
        for (body, wanted) in [
            (String::new(), Account(5)),
            ("2900".to_owned(), Account(1)),
            (encoded(29, "00020@"), Account(3)),
            (encoded(29, &encoded(0, &"a".repeat(33))), Account(6)),
            (format!("{ACCOUNT}30140010sokha@devb"), Form(Row::Repeated)),
            (format!("{ACCOUNT}5x01a"), Form(Row::BadTag)),
            (format!("{ACCOUNT}5901x5901y"), Form(Row::Repeated)),
            (
                format!("{ACCOUNT}6210{}", "0101a0101b"),
                Form(Row::Repeated),
            ),
            (format!("{ACCOUNT}590x"), Form(Row::BadLength)),
            (format!("{ACCOUNT}59+4abcd"), Form(Row::BadLength)),
            (format!("{ACCOUNT}5905abc"), Form(Row::MalformedFirst)),
            (format!("{ACCOUNT}59"), Form(Row::MalformedFirst)),
            (format!("{ACCOUNT}5901😀x"), Form(Row::SplitCharacter)),
            (format!("{ACCOUNT}6300"), Form(Row::ChecksumNotLast)),
            (format!("{ACCOUNT}62041234"), Form(Row::FreeText)),
            (format!("{ACCOUNT}6203123"), Form(Row::FreeText)),
            (format!("{ACCOUNT}6205010xa"), Form(Row::BadLength)),
        ] {
            assert_eq!(defect(&body), Some(wanted), "{body}");
        }
        assert_eq!(defect(ACCOUNT), None);
        // A template that KHQR does not know is anybody's.
        assert_eq!(defect(&format!("{ACCOUNT}40041234")), None);
    }

    #[test]
    fn numbers_lose_their_exponent_and_no_digit() {
        for (number, wanted) in [
            ("5.00", Some("5.00")),
            ("1e3", Some("1000")),
            ("1.5E+2", Some("150")),
            ("1.25e1", Some("12.5")),
            ("1e-7", Some("0.0000001")),
            ("12.5e-1", Some("1.25")),
            ("5e0", Some("5")),
            ("1e99", None),
            ("1e-99", None),
            ("-1", None),
        ] {
            assert_eq!(plain_number(number).as_deref(), wanted, "{number}");
        }
    }

    #[test]
    fn decimals_are_plain_or_none() {
        assert_eq!(plain_decimal("05.10"), Some(("05", "10")));
        for text in ["", ".", "5.", ".5", "1e3", "-1", "1,0", "៥", "1.2.3", " 5"] {
            assert_eq!(plain_decimal(text), None, "{text}");
        }
    }
}
