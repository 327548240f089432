//! The tag-length-value form of a payload and of its templates.

use khqr_core::ErrorKind;

use super::{Defect, is_digits, length};

/// A field and the byte offset of its tag.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Node {
    /// Two digits.
    pub tag: String,
    /// The value without tag and length.
    pub value: String,
    /// Byte offset in the payload.
    pub offset: usize,
}

impl Node {
    /// Returns tag, length and value.
    #[must_use]
    pub fn encoded(&self) -> String {
        encoded(&self.tag, &self.value)
    }

    /// Returns the fields of the value up to the first malformed one, and the defect of that field.
    #[must_use]
    pub fn inner(&self) -> (Vec<Node>, Option<Defect>) {
        fields(&self.value, self.offset + 4, Some(&self.tag))
    }
}

/// Encodes a field: tag, length, value.
#[must_use]
pub fn encoded(tag: &str, value: &str) -> String {
    format!("{tag}{:02}{value}", length(value))
}

/// Returns the fields of `text` up to the first malformed one, and the defect of that field. `offset` is the position
/// of `text` in the payload. `inside` is the tag of the template that contains `text`.
fn fields(text: &str, offset: usize, inside: Option<&str>) -> (Vec<Node>, Option<Defect>) {
    let (mut found, mut at) = (Vec::new(), 0);
    while at < text.len() {
        match first_field(&text[at..], offset + at, inside) {
            Ok(field) => {
                at += field.encoded().len();
                found.push(field);
            }
            Err(defect) => return (found, Some(defect)),
        }
    }
    (found, None)
}

fn first_field(text: &str, offset: usize, inside: Option<&str>) -> Result<Node, Defect> {
    let part = |from: usize| text.chars().skip(from).take(2).collect::<String>();
    let (tag, digits) = (part(0), part(2));
    let about_template = |kind| Defect {
        kind,
        field: inside.map(str::to_owned),
        offset: Some(offset),
    };
    // khqr-core counts trailing characters in bytes.
    if text.len() < 4 {
        return Err(about_template(ErrorKind::Trailing));
    }
    if tag.len() != 2 || !is_digits(&tag) {
        return Err(about_template(ErrorKind::TagNotDigits));
    }
    let path = inside.map_or(tag.clone(), |template| format!("{template}/{tag}"));
    let about_field = |kind, at| Defect::of_field(kind, &path).at(at);
    if digits.len() != 2 || !is_digits(&digits) {
        return Err(about_field(ErrorKind::LengthNotDigits, offset + 2));
    }
    let wanted: usize = digits.parse().unwrap();
    let units: Vec<u16> = text[4..].encode_utf16().take(wanted).collect();
    if units.len() < wanted {
        return Err(about_field(ErrorKind::Truncated, offset));
    }
    match String::from_utf16(&units) {
        Ok(value) => Ok(Node { tag, value, offset }),
        Err(_) => Err(about_field(ErrorKind::SplitCharacter, offset)),
    }
}

/// CRC-16/IBM-3740, bit by bit: polynomial 0x1021, initial value 0xFFFF, no reflection.
fn checksum(bytes: &[u8]) -> u16 {
    let mut crc = 0xFFFF_u16;
    for byte in bytes {
        for bit in (0..8).rev() {
            let carry = (crc >> 15) ^ u16::from(byte >> bit & 1);
            crc = (crc << 1) ^ (carry * 0x1021);
        }
    }
    crc
}

/// Appends the checksum field to `body`.
#[must_use]
pub fn sealed(body: &str) -> String {
    let covered = format!("{body}6304");
    format!("{covered}{:04X}", checksum(covered.as_bytes()))
}

/// Checks the checksum. Returns the fields before it up to the first malformed one, and the defect of that field.
pub(super) fn unsealed(text: &str) -> Result<(Vec<Node>, Option<Defect>), Defect> {
    // The number of digits that the largest QR code can hold.
    if text.len() > 7_089 {
        return Err(Defect::of_text(ErrorKind::TextTooLong));
    }
    let chars: Vec<char> = text.chars().collect();
    let missing = Defect::of_field(ErrorKind::Missing, "63");
    let at = chars.len().checked_sub(8).ok_or(missing.clone())?;
    let header: String = chars[at..at + 4].iter().collect();
    let digits: String = chars[at + 4..].iter().collect();
    if header != "6304" || !digits.chars().all(|c| c.is_ascii_hexdigit()) {
        return Err(missing);
    }
    let body: String = chars[..at].iter().collect();
    if sealed(&body)[body.len() + 4..] != digits.to_uppercase() {
        return Err(Defect::of_field(ErrorKind::CrcMismatch, "63").at(body.len()));
    }
    Ok(fields(&body, 0, None))
}

/// Reads a payload into its fields, including the checksum field.
///
/// # Errors
/// The first defect of the text.
pub fn payload(text: &str) -> Result<Vec<Node>, Defect> {
    let (mut nodes, defect) = unsealed(text)?;
    if let Some(early) = nodes.iter().find(|node| node.tag == "63") {
        return Err(Defect::of_field(ErrorKind::CrcNotLast, "63").at(early.offset));
    }
    match defect {
        Some(defect) => Err(defect),
        None => {
            nodes.push(Node {
                tag: "63".to_owned(),
                value: text[text.len() - 4..].to_owned(),
                offset: text.len() - 8,
            });
            Ok(nodes)
        }
    }
}

/// Returns the fields inside `node`, which is nested in the templates `above`. Returns `None` if EMVCo does not define
/// this tag as a template or if the value does not consist of fields.
#[must_use]
pub fn template(above: &[String], node: &Node) -> Option<Vec<Node>> {
    let number: u8 = node.tag.parse().unwrap();
    let may_be = match above {
        [] => matches!(number, 26..=51 | 62 | 64 | 80..=99),
        [only] => only == "62" && number >= 50,
        _ => false,
    };
    match node.inner() {
        (fields, None) if may_be && !fields.is_empty() => Some(fields),
        _ => None,
    }
}
