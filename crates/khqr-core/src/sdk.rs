//! The error codes and messages of the official SDK (`bakong-khqr` 1.0.20, `errorCode.js`).

use crate::error::{Error, ErrorKind};
use crate::field_table::find;
use crate::tag::TagPath;

impl Error {
    /// The error code of NBC's JavaScript SDK (`bakong-khqr` 1.0.20) for this error, if the SDK has one.
    #[must_use]
    pub fn sdk_code(self) -> Option<u8> {
        code(self.kind(), self.tag())
    }

    /// The message of NBC's JavaScript SDK for [`Error::sdk_code`], word for word.
    ///
    /// This message names neither the field nor its position. Use it to compare with the SDK. To users, show
    /// the `Display` text of the error instead.
    #[must_use]
    pub fn sdk_message(self) -> Option<&'static str> {
        self.sdk_code().and_then(message)
    }
}

/// The SDK's code. A code that depends on the field is in the field table.
fn code(kind: ErrorKind, tag: Option<TagPath>) -> Option<u8> {
    use ErrorKind as K;
    let field = tag.and_then(find).map(|field| &field.sdk);
    match kind {
        K::TextTooLong
        | K::TagNotDigits
        | K::LengthNotDigits
        | K::Truncated
        | K::Trailing
        | K::SplitCharacter
        | K::CrcMismatch
        | K::CrcNotLast
        | K::Repeated
        | K::TwoAccounts => Some(8),
        K::AccountShape => Some(3),
        K::AmountSyntax | K::AmountPrecision | K::AmountZero | K::AmountTooLarge => Some(4),
        K::UnsupportedCurrency => Some(28),
        K::UnionPayInUsd => Some(44),
        K::ExpiresBeforeCreation => Some(50),
        K::Expired => Some(46),
        K::CurrencyDiffers
        | K::Md5Syntax
        | K::CrcSyntax
        | K::TimestampSyntax
        | K::DateTimeSyntax
        | K::TemplateTooLong
        | K::BufferTooSmall { .. } => None,
        K::Missing => field?.missing,
        K::Empty => field?.empty.or(field?.missing).or(field?.length),
        K::TooLong { .. } | K::WrongLength { .. } => field?.length,
        K::ControlCharacter => field?.control.or(field?.length),
        K::NotAllowed | K::NotDigits => {
            tag.map(|_| field.and_then(|field| field.invalid).unwrap_or(8))
        }
    }
}

/// The SDK's message for a code that this crate reports.
///
/// Omits the codes 13, 14, 15 and 29, which the SDK uses only for network calls, and 36, which it never uses.
const fn message(code: u8) -> Option<&'static str> {
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
    fn every_reported_code_has_a_message_and_every_message_is_reported() {
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
