//! The deviations from the official SDK: each a row, known by its name. What is not in here is a bug,
//! of ours or of this list.

/// One way in which we are meant to answer otherwise than the official SDK.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Row {
    EndlessLoop,
    ExceptionAsCode,
    TemplateOver99,
    AmountTyped,
    ShortCategory,
    AccountShape,
    CityOnly,
    ShortLanguage,
    UpiLength,
    ControlCharacter,
    NumbersLoosely,
    CreationLength,
    Repeated,
    BadLength,
    ExpiryEverywhere,
    ExpiryMissing,
    AmountSyntaxRead,
    AmountZeroRead,
    RielDecimals,
    FormatIndicator,
    Country,
    CreationNumber,
    LanguageMissing,
    FreeText,
    BadTag,
    MalformedFirst,
    SplitCharacter,
    ChecksumNotLast,
    TextTooLong,
    TextTooShort,
    NoChecksum,
    AccountFirst,
    MerchantIdCode,
    DecodeUnchecked,
    DecodeForeign,
    DecodeSpread,
    TreeUnchecked,
    TreeRepeated,
    TreePartial,
    TreeShort,
    TreeSticky,
}

/// Every row, its name, and what the official SDK does there and we do.
const TABLE: [(Row, &str, &str); 41] = [
    (
        Row::EndlessLoop,
        "endless-loop",
        "never returns on a template with a bad sub-length or stray characters; here an error",
    ),
    (
        Row::ExceptionAsCode,
        "exception-as-code",
        "gives an exception as the code for a numeric account, or a second name without a language; here 3 and 37",
    ),
    (
        Row::TemplateOver99,
        "template-over-99",
        "writes a length of three digits; here an error that names the template",
    ),
    (
        Row::AmountTyped,
        "amount-typed",
        "reads amounts as JavaScript numbers and writes `NaN`, `0x10`, `1e+21`; here plain exact decimals or 4",
    ),
    (
        Row::ShortCategory,
        "short-category",
        "takes a category code of less than four digits; here 51",
    ),
    (
        Row::AccountShape,
        "account-shape",
        "takes `@`, `user@`, `a@b@c`, white space in accounts; here 3",
    ),
    (
        Row::CityOnly,
        "city-only",
        "writes and takes a second language with a city only; here 37, or 38 where the language is empty",
    ),
    (
        Row::ShortLanguage,
        "short-language",
        "takes a language of one character; here 38",
    ),
    (
        Row::UpiLength,
        "upi-length",
        "writes UnionPay accounts up to 99 characters; here up to 31, or 43",
    ),
    (
        Row::ControlCharacter,
        "control-character",
        "takes control characters in texts; here the field's own code",
    ),
    (
        Row::NumbersLoosely,
        "numbers-loosely",
        "reads times with JavaScript's `Number` (spaces, `1.7e12`); here digits or 45, and 49 where they are too many",
    ),
    (
        Row::CreationLength,
        "creation-length",
        "writes whatever its clock says; here a creation of 13 digits or an error without a code",
    ),
    (
        Row::Repeated,
        "repeated",
        "takes the last of two equal tags, or of 29 and 30; here an error",
    ),
    (
        Row::BadLength,
        "bad-length",
        "reads lengths with `parseInt`: `4x`, `+4`; here two digits",
    ),
    (
        Row::ExpiryEverywhere,
        "expiry-everywhere",
        "checks the expiry only where 01 stands before 99 and is `12`; here wherever there is an amount",
    ),
    (
        Row::ExpiryMissing,
        "expiry-missing",
        "takes an amount with a creation time alone where 01 is not `12`; here 45",
    ),
    (
        Row::AmountSyntaxRead,
        "amount-syntax-read",
        "verifies amounts that are no plain decimals of at most two places; here 4",
    ),
    (
        Row::AmountZeroRead,
        "amount-zero-read",
        "verifies an amount of zero; here 4",
    ),
    (
        Row::RielDecimals,
        "riel-decimals",
        "verifies parts of a riel (`100.00` is fine); here 4",
    ),
    (
        Row::FormatIndicator,
        "format-indicator",
        "verifies any format indicator of up to two characters; here `01`, or 8",
    ),
    (
        Row::Country,
        "country",
        "verifies any country of up to three characters; here `KH`, or 8",
    ),
    (
        Row::CreationNumber,
        "creation-number",
        "verifies a creation that is no number, or empty; here 8",
    ),
    (
        Row::LanguageMissing,
        "language-missing",
        "stumbles over a second name without a language, without a code; here 37",
    ),
    (
        Row::FreeText,
        "free-text",
        "takes a template that is free text, or ends early; here an error",
    ),
    (
        Row::BadTag,
        "bad-tag",
        "skips tags that are not two digits; here an error",
    ),
    (
        Row::MalformedFirst,
        "malformed-first",
        "takes a last value cut short, and names a field that it then misses; here the form comes first: 8",
    ),
    (
        Row::SplitCharacter,
        "split-character",
        "cuts a character in two where a length says so; here an error",
    ),
    (
        Row::ChecksumNotLast,
        "checksum-not-last",
        "takes a checksum field before the end; here an error",
    ),
    (
        Row::TextTooLong,
        "text-too-long",
        "takes texts longer than a QR code holds (7,089 bytes); here an error",
    ),
    (
        Row::TextTooShort,
        "text-too-short",
        "refuses texts under 12 characters as such (8); here for what they lack (5)",
    ),
    (
        Row::NoChecksum,
        "no-checksum",
        "says no more than false without a checksum at the end; here 24, its number for that",
    ),
    (
        Row::AccountFirst,
        "account-first",
        "looks for missing fields and in the text's order; here an account is read before anything is verified",
    ),
    (
        Row::MerchantIdCode,
        "merchant-id-code",
        "verifies tag 30 as if it were 29, and says 35 of a long merchant id; here 32, as when generating",
    ),
    (
        Row::DecodeUnchecked,
        "decode-unchecked",
        "decodes texts without a right checksum; here an error",
    ),
    (
        Row::DecodeForeign,
        "decode-foreign",
        "decodes texts without a Bakong account, such as PromptPay's; here an error",
    ),
    (
        Row::DecodeSpread,
        "decode-spread",
        "decodes a template of unknown tags into fields named `0`, `1`, …, a character each; here nothing",
    ),
    (
        Row::TreeUnchecked,
        "tree-unchecked",
        "shows what stands before the first malformed field, whatever the checksum; here an error",
    ),
    (
        Row::TreeRepeated,
        "tree-repeated",
        "shows the last of two equal tags; here both",
    ),
    (
        Row::TreePartial,
        "tree-partial",
        "shows the well-formed beginning of a template; here a template is opened whole or stays text",
    ),
    (
        Row::TreeShort,
        "tree-short",
        "opens no template of less than six characters; here every well-formed one",
    ),
    (
        Row::TreeSticky,
        "tree-sticky",
        "shows the inner fields of 62/50–99 again under each tag after it; here each has its own",
    ),
];

impl Row {
    pub(super) fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|(row, ..)| *row)
    }

    fn entry(self) -> (&'static str, &'static str) {
        let found = TABLE.iter().find(|(row, ..)| *row == self);
        found.map_or(("unlisted", ""), |(_, id, sentence)| (*id, *sentence))
    }

    /// Its name in tables and vectors.
    pub(super) fn id(self) -> &'static str {
        self.entry().0
    }

    /// What the official SDK does there, and we.
    pub(super) fn sentence(self) -> &'static str {
        self.entry().1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_listed_once_under_a_name_of_its_own() {
        let mut ids: Vec<&str> = Row::all().map(Row::id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), TABLE.len());
        assert!(!ids.contains(&"unlisted"));
        // The last one declared; each is found by itself.
        assert_eq!(Row::TreeSticky as usize + 1, TABLE.len());
    }
    #[test]
    fn the_page_of_khqr_core_names_every_row_and_no_other() {
        let page = include_str!("../../../crates/khqr-core/DEVIATIONS.md");
        let named = page.lines().skip(2).flat_map(|line| {
            let names = line.trim_end_matches('|').rsplit('|').next();
            names.unwrap_or_default().split([',', ' ', '`'])
        });
        let mut named: Vec<&str> = named.filter(|name| !name.is_empty()).collect();
        let mut listed: Vec<&str> = Row::all().map(Row::id).collect();
        named.sort_unstable();
        listed.sort_unstable();
        assert_eq!(named, listed);
    }
}
