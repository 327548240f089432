//! The known deviations from the official SDK. `crates/khqr-core/DEVIATIONS.md` describes each under the name given here.
//! Any other difference is a bug, in khqr-core or in this list.

macro_rules! deviations {
    ($($variant:ident = $name:literal,)*) => {
        /// A way in which khqr-core must differ from the official SDK.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Deviation {
            $($variant,)*
        }

        impl Deviation {
            /// All deviations.
            pub(crate) const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Returns the name in tables and vectors.
            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

deviations! {
    EndlessLoop = "endless-loop",
    ExceptionAsCode = "exception-as-code",
    TemplateOver99 = "template-over-99",
    AmountTyped = "amount-typed",
    ShortCategory = "short-category",
    AccountShape = "account-shape",
    CityOnly = "city-only",
    ShortLanguage = "short-language",
    UpiLength = "upi-length",
    ControlCharacter = "control-character",
    NumbersLoosely = "numbers-loosely",
    CreationLength = "creation-length",
    Repeated = "repeated",
    BadLength = "bad-length",
    ExpiryEverywhere = "expiry-everywhere",
    ExpiryMissing = "expiry-missing",
    AmountSyntaxRead = "amount-syntax-read",
    AmountZeroRead = "amount-zero-read",
    RielDecimals = "riel-decimals",
    FormatIndicator = "format-indicator",
    Country = "country",
    CreationNumber = "creation-number",
    LanguageMissing = "language-missing",
    FreeText = "free-text",
    BadTag = "bad-tag",
    MalformedFirst = "malformed-first",
    SplitCharacter = "split-character",
    ChecksumNotLast = "checksum-not-last",
    TextTooLong = "text-too-long",
    TextTooShort = "text-too-short",
    NoChecksum = "no-checksum",
    AccountFirst = "account-first",
    MerchantIdCode = "merchant-id-code",
    DecodeUnchecked = "decode-unchecked",
    DecodeForeign = "decode-foreign",
    DecodeSpread = "decode-spread",
    TreeUnchecked = "tree-unchecked",
    TreeRepeated = "tree-repeated",
    TreePartial = "tree-partial",
    TreeShort = "tree-short",
    TreeSticky = "tree-sticky",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_khqr_core_describes_every_deviation_and_no_other() {
        let page = include_str!("../../../crates/khqr-core/DEVIATIONS.md");
        let mut described: Vec<&str> = page
            .lines()
            .skip(2)
            .filter_map(|row| row.trim_end_matches('|').rsplit('|').next())
            .flat_map(|names| names.split([',', ' ', '`']))
            .filter(|name| !name.is_empty())
            .collect();
        let mut listed: Vec<&str> = Deviation::ALL
            .iter()
            .map(|deviation| deviation.name())
            .collect();
        described.sort_unstable();
        listed.sort_unstable();
        assert_eq!(described, listed);
    }
}
