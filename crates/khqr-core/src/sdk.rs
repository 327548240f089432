//! The official SDK's numbers and sentences for errors (`bakong-khqr` 1.0.20, `errorCode.js`).

use crate::error::ErrorKind;
use crate::tag::TagPath;

/// The SDK's number for what is wrong with a field.
pub(crate) fn code(kind: ErrorKind, tag: Option<TagPath>) -> Option<u8> {
    use ErrorKind as K;
    Some(match kind {
        K::TextTooLong
        | K::TagNotDigits
        | K::LengthNotDigits
        | K::Truncated
        | K::Trailing
        | K::SplitCharacter
        | K::CrcMismatch
        | K::CrcNotLast
        | K::Repeated
        | K::TwoAccounts => 8,
        K::AccountShape => 3,
        K::AmountSyntax | K::AmountPrecision | K::AmountZero | K::AmountTooLarge => 4,
        K::UnsupportedCurrency => 28,
        K::UnionPayInUsd => 44,
        K::ExpiresBeforeCreation => 50,
        K::Expired => 46,
        K::CurrencyDiffers
        | K::Md5Syntax
        | K::CrcSyntax
        | K::TimestampSyntax
        | K::TemplateTooLong
        | K::BufferTooSmall { .. } => {
            return None;
        }
        K::Missing => return required_code(tag?),
        K::Empty => {
            let tag = tag?;
            return empty_code(tag).or_else(|| length_code(tag));
        }
        K::TooLong { .. } | K::WrongLength { .. } => return length_code(tag?),
        K::ControlCharacter => match tag?.numbers() {
            (29 | 30, Some(0)) => 3,
            _ => return length_code(tag?),
        },
        K::NotAllowed | K::NotDigits => match tag?.numbers() {
            (1, None) => 48,
            (52, None) => 51,
            (99, Some(1)) => 45,
            _ => 8,
        },
    })
}

/// The SDK's number for a field that is not there.
const fn required_code(tag: TagPath) -> Option<u8> {
    Some(match tag.numbers() {
        (0, None) => 23,
        (29 | 30, None) => 5,
        (29 | 30, Some(0)) => 1,
        (30, Some(1)) => 30,
        (29 | 30, Some(2)) => 31,
        (52, None) => 25,
        (53, None) => 9,
        (54, None) => 47,
        (58, None) => 26,
        (59, None) => 2,
        (60, None) => 27,
        (63, None) => 24,
        (64, Some(0)) => 37,
        (64, Some(1)) => 39,
        (99, None | Some(1)) => 45,
        _ => return None,
    })
}

/// The SDK's number for a field that is there and empty, where that is not its number for a wrong length.
const fn empty_code(tag: TagPath) -> Option<u8> {
    match tag.numbers() {
        (1, None) => Some(48),
        (54, None) => Some(4),
        (99, Some(0)) => Some(8),
        (64, Some(_)) => None,
        _ => required_code(tag),
    }
}

/// The SDK's number for a field of the wrong length.
const fn length_code(tag: TagPath) -> Option<u8> {
    Some(match tag.numbers() {
        (0, None) => 16,
        (1, None) => 17,
        (15, None) => 43,
        (29 | 30, Some(0)) => 6,
        (29, Some(1)) => 35,
        (30, Some(1)) => 32,
        (29 | 30, Some(2)) => 33,
        (52, None) => 18,
        (53, None) => 19,
        (54, None) => 4,
        (58, None) => 20,
        (59, None) => 7,
        (60, None) => 21,
        (62, Some(1)) => 10,
        (62, Some(2)) => 34,
        (62, Some(3)) => 11,
        (62, Some(7)) => 12,
        (62, Some(8)) => 42,
        (63, None) => 22,
        (64, Some(0)) => 38,
        (64, Some(1)) => 40,
        (64, Some(2)) => 41,
        (99, Some(1)) => 49,
        _ => return None,
    })
}

/// The SDK's sentence for a number, if this crate reports that number.
///
/// The other numbers are of the SDK's calls over the network (13, 14, 15, 29) or never used by it (36).
pub(crate) const fn message(code: u8) -> Option<&'static str> {
    Some(match code {
        1 => "Bakong Account ID cannot be null or empty",
        2 => "Merchant name cannot be null or empty",
        3 => "Bakong Account ID is invalid",
        4 => "Amount is invalid",
        5 => "Merchant type cannot be null or empty",
        6 => "Bakong Account ID Length is Invalid",
        7 => "Merchant Name Length is invalid",
        8 => "KHQR provided is invalid",
        9 => "Currency type cannot be null or empty",
        10 => "Bill Name Length is invalid",
        11 => "Store Label Length is invalid",
        12 => "Terminal Label Length is invalid",
        16 => "Payload Format indicator Length is invalid",
        17 => "Point of initiation Length is invalid",
        18 => "Merchant code Length is invalid",
        19 => "Transaction currency Length is invalid",
        20 => "Country code Length is invalid",
        21 => "Merchant city Length is invalid",
        22 => "CRC Length is invalid",
        23 => "Payload format indicator tag required",
        24 => "CRC tag required",
        25 => "Merchant category tag required",
        26 => "Country Code cannot be null or empty",
        27 => "Merchant City cannot be null or empty",
        28 => "Unsupported currency",
        30 => "Merchant ID cannot be null or empty",
        31 => "Acquiring Bank cannot be null or empty",
        32 => "Merchant ID Length is invalid",
        33 => "Acquiring Bank Length is invalid",
        34 => "Mobile Number Length is invalid",
        35 => "Account Information Length is invalid",
        37 => "Language Preference cannot be null or empty",
        38 => "Language Preference Length is invalid",
        39 => "Merchant Name Alternate Language cannot be null or empty",
        40 => "Merchant Name Alternate Language Length is invalid",
        41 => "Merchant City Alternate Language Length is invalid",
        42 => "Purpose of Transaction Length is invalid",
        43 => "Upi Account Information Length is invalid",
        44 => "Upi Account Information Length does not accept USD",
        45 => "Expiration timestamp is required for dynamic KHQR",
        46 => "This dynamic KHQR has expired",
        47 => "This dynamic KHQR has invalid field transaction amount",
        48 => "Point of Initiation Method is invalid",
        49 => "Expiration timestamp length is invalid",
        50 => "Expiration timestamp is in the past",
        51 => "Invalid merchant category code",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tag::Tag;

    #[test]
    fn where_a_field_has_a_number_of_its_own() {
        let account = Tag::new(29).unwrap().sub(Tag::new(0).unwrap());
        let indicator = TagPath::from(Tag::new(1).unwrap());
        let creation = Tag::new(99).unwrap().sub(Tag::new(0).unwrap());
        for (kind, path, number) in [
            (ErrorKind::ControlCharacter, account, Some(3)),
            (ErrorKind::TooLong { max: 32 }, account, Some(6)),
            (ErrorKind::Empty, indicator, Some(48)),
            (ErrorKind::TooLong { max: 2 }, indicator, Some(17)),
            (ErrorKind::Empty, creation, Some(8)),
        ] {
            assert_eq!(code(kind, Some(path)), number, "{kind:?} of {path}");
        }
    }

    #[test]
    fn every_number_that_is_reported_has_its_sentence() {
        let kinds = [
            ErrorKind::Missing,
            ErrorKind::Empty,
            ErrorKind::TooLong { max: 1 },
            ErrorKind::ControlCharacter,
            ErrorKind::NotAllowed,
            ErrorKind::AccountShape,
            ErrorKind::AmountZero,
            ErrorKind::UnsupportedCurrency,
            ErrorKind::UnionPayInUsd,
            ErrorKind::ExpiresBeforeCreation,
            ErrorKind::Expired,
        ];
        let mut reported = [false; 52];
        for kind in kinds {
            for top in (0..=99).filter_map(Tag::new) {
                let subs = (0..=99).filter_map(Tag::new).map(|sub| top.sub(sub));
                for path in subs.chain([top.into()]) {
                    if let Some(code) = code(kind, Some(path)) {
                        assert!(message(code).is_some(), "{kind:?} of {path}: {code}");
                        reported[usize::from(code)] = true;
                    }
                }
            }
        }
        for (code, reported) in reported.into_iter().enumerate() {
            let known = u8::try_from(code).ok().and_then(message).is_some();
            assert_eq!(known, reported, "{code}");
        }
    }
}
