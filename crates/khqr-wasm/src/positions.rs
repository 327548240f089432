//! Where values start and end in a text, in UTF-16 code units, the index of JavaScript strings.

use khqr_core::{Fields, Khqr, Payload};

/// The start of a value that the code does not have.
pub const ABSENT: u16 = u16::MAX;

/// How many numbers [`fields`] writes.
pub const FIELDS_LEN: usize = 2 * 28 + 1;

/// Converts byte positions to UTF-16 code units.
struct Units<'a> {
    text: &'a str,
    /// The position in UTF-16 code units at each byte; empty if both are equal.
    table: Vec<u16>,
}

impl<'a> Units<'a> {
    fn new(text: &'a str) -> Self {
        let mut table = Vec::new();
        if !text.is_ascii() {
            table.reserve_exact(text.len() + 1);
            let mut units = 0;
            // A text has at most 7,089 bytes, so the count does not overflow.
            table.extend(text.bytes().map(|byte| {
                let at = units;
                // Bytes of 0x80 to 0xBF continue a character, which was counted at its first byte. A character of four
                // bytes has two code units.
                units += u16::from(byte & 0xC0 != 0x80) + u16::from(byte >= 0xF0);
                at
            }));
            table.push(units);
        }
        Self { text, table }
    }

    fn at(&self, byte: usize) -> u16 {
        match self.table.get(byte) {
            Some(units) => *units,
            None => u16::try_from(byte).unwrap_or(ABSENT),
        }
    }

    /// The start and the end of `value`, which is a part of the text.
    fn of(&self, value: &str) -> [u16; 2] {
        let start = value
            .as_ptr()
            .addr()
            .saturating_sub(self.text.as_ptr().addr());
        [self.at(start), self.at(start + value.len())]
    }
}

/// The positions of the fields that the SDK's `decode` returns, in the order of [`khqr_core::KhqrFields`], and then
/// of the other known fields: 55, 56, 57 and 61. Two numbers for each field, after the tag of the account.
pub fn fields(khqr: &Khqr<'_>, positions: &mut Vec<u16>) {
    let units = Units::new(khqr.text());
    let f = khqr.to_fields();
    // The first field is `29` or `30`, which is a constant of khqr-core and not a part of the text.
    let kind = if f.merchant_type == "30" { 30 } else { 29 };
    let values: [Option<&str>; FIELDS_LEN / 2] = [
        Some(f.bakong_account_id),
        f.account_information,
        f.merchant_id,
        f.acquiring_bank,
        f.bill_number,
        f.mobile_number,
        f.store_label,
        f.terminal_label,
        f.purpose_of_transaction,
        f.language_preference,
        f.merchant_name_alternate_language,
        f.merchant_city_alternate_language,
        f.creation_timestamp,
        f.expiration_timestamp,
        f.payload_format_indicator,
        f.point_of_initiation_method,
        f.union_pay_merchant,
        f.merchant_category_code,
        f.transaction_currency,
        f.transaction_amount,
        f.country_code,
        f.merchant_name,
        f.merchant_city,
        Some(f.crc),
        khqr.tip_or_convenience_indicator(),
        khqr.convenience_fee_fixed(),
        khqr.convenience_fee_percentage(),
        khqr.postal_code(),
    ];
    positions.push(kind);
    for value in values {
        positions.extend(value.map_or([ABSENT; 2], |value| units.of(value)));
    }
}

/// The fields of any EMVCo code in the order of the text, templates before their fields. Four numbers for each:
/// its depth, its tag, and the start and the end of its value.
pub fn tree(payload: Payload<'_>, rows: &mut Vec<u16>) {
    let units = Units::new(payload.text());
    Tree { units, rows }.add(payload.fields(), 0);
}

struct Tree<'a> {
    units: Units<'a>,
    rows: &'a mut Vec<u16>,
}

impl Tree<'_> {
    fn add(&mut self, fields: Fields<'_>, depth: u16) {
        for field in fields {
            let [start, end] = self.units.of(field.value());
            let tag = u16::from(field.tag().number());
            self.rows.extend([depth, tag, start, end]);
            if let Some(fields) = field.template() {
                self.add(fields, depth + 1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use khqr_core::{Crc, Field};
    use khqr_kit::{Random, generate, known_codes};

    use super::*;

    /// Cuts a value out of a text by positions in UTF-16 code units, as JavaScript does.
    fn slice(text: &str, position: &[u16]) -> Option<String> {
        let (start, end) = (usize::from(position[0]), usize::from(position[1]));
        let units: Vec<u16> = text.encode_utf16().collect();
        (position[0] != ABSENT).then(|| String::from_utf16(&units[start..end]).unwrap())
    }

    fn texts() -> Vec<String> {
        let mut random = Random::seeded(7);
        let mut texts: Vec<String> = (0..500).map(|_| generate::code(&mut random)).collect();
        texts.extend(known_codes::texts(generate::NOW));
        texts
    }

    #[test]
    fn positions_cut_out_the_values_of_khqr_core() {
        let mut with_emoji = 0;
        for text in texts() {
            let Ok(khqr) = Khqr::parse(&text) else {
                continue;
            };
            let mut positions = Vec::new();
            fields(&khqr, &mut positions);
            assert_eq!(positions.len(), FIELDS_LEN);
            let values: Vec<Option<String>> = positions[1..]
                .chunks(2)
                .map(|position| slice(&text, position))
                .collect();
            with_emoji += usize::from(text.chars().any(|c| c.len_utf16() == 2));
            let own = |value: Option<&str>| value.map(str::to_owned);
            assert_eq!(
                positions[0],
                if khqr.merchant_id().is_some() {
                    30
                } else {
                    positions[0]
                }
            );
            assert_eq!(values[0], own(Some(khqr.account().as_str())), "{text}");
            assert_eq!(values[4], own(khqr.bill_number()), "{text}");
            assert_eq!(
                values[10],
                own(khqr.merchant_name_alternate_language()),
                "{text}"
            );
            assert_eq!(values[21], own(khqr.merchant_name()), "{text}");
            assert_eq!(
                values[23].as_deref(),
                Some(&text[text.len() - 4..]),
                "{text}"
            );
            assert_eq!(values[27], own(khqr.postal_code()), "{text}");
        }
        assert!(with_emoji > 0, "no text has a character of two code units");
    }

    #[test]
    fn a_tree_has_every_field_once_and_in_order() {
        let body = "620f".replace("0f", "15") + "50050001x" + "0102😀" + "5902ខខ";
        let covered = format!("{body}6304");
        let text = format!("{covered}{}", Crc::of(covered.as_bytes()));
        let payload = Payload::parse(&text).unwrap();
        let mut rows = Vec::new();
        tree(payload, &mut rows);
        let row = |row: &[u16]| (row[0], row[1], slice(&text, &row[2..]).unwrap());
        let rows: Vec<_> = rows.chunks(4).map(row).collect();
        let own = |depth, tag, value: &str| (depth, tag, value.to_owned());
        assert_eq!(
            rows,
            [
                own(0, 62, "50050001x0102😀"),
                own(1, 50, "0001x"),
                own(2, 0, "x"),
                own(1, 1, "😀"),
                own(0, 59, "ខខ"),
                own(0, 63, &text[text.len() - 4..]),
            ]
        );
        assert_eq!(payload.fields().filter_map(Field::template).count(), 1);
    }
}
