//! A request for a code: all fields in one string.
//!
//! khqr-core checks fields in the SDK's order, but the account, the amount and the times are parsed before its builder
//! sees them. So an error of these is noted, a placeholder takes the place of the value, and the error that comes
//! first in the SDK's order is returned.

use khqr_core::{
    AccountId, Amount, Currency, Error, ErrorKind, Khqr, KhqrBuilder, KhqrDraft, KhqrRewrite,
    PayloadAmount, Tag, TagPath, Timestamp, utf16_len,
};

/// Separates the fields. JavaScript replaces this character in a field by another control character, which every field
/// rejects in the same way.
pub const SEPARATOR: char = '\0';

/// A field of the string. The number is the field's index and its bit in the flags, which tells an absent field from an
/// empty one. `js/request.js` has the same numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names are those of khqr-core")]
pub enum Field {
    Account,
    MerchantName,
    MerchantCity,
    /// Account information (29/01) or merchant ID (30/01).
    AccountDetail,
    AcquiringBank,
    Currency,
    Amount,
    BillNumber,
    MobileNumber,
    StoreLabel,
    TerminalLabel,
    Purpose,
    Language,
    AlternateName,
    AlternateCity,
    UnionPay,
    CategoryCode,
    ExpiresAt,
    CreatedAt,
}

const FIELDS: usize = Field::CreatedAt as usize + 1;

/// The code has a merchant account.
pub const MERCHANT: u32 = 1 << 24;
/// Values have the meaning that NBC's SDK gives them: an amount of zero makes a static code, the text of an amount is
/// kept, and the currency is a number.
pub const SDK: u32 = 1 << 25;
/// The amount counts minor units.
pub const MINOR_UNITS: u32 = 1 << 26;
/// The currency was a string. The SDK checks the length of strings only.
pub const TEXT_CURRENCY: u32 = 1 << 27;
/// The expiry was a number. The SDK checks the number of characters of a number.
pub const NUMBER_EXPIRY: u32 = 1 << 28;

/// The fields and the flags of a request.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    values: [&'a str; FIELDS],
    flags: u32,
}

impl<'a> Request<'a> {
    /// Splits the string. Returns `None` if it does not have exactly the expected number of fields.
    #[must_use]
    pub fn new(fields: &'a str, flags: u32) -> Option<Self> {
        let mut values = [""; FIELDS];
        let mut parts = fields.split(SEPARATOR);
        for value in &mut values {
            *value = parts.next()?;
        }
        parts.next().is_none().then_some(Self { values, flags })
    }

    fn get(&self, field: Field) -> Option<&'a str> {
        let index = field as usize;
        (self.has(1 << index)).then(|| self.values[index])
    }

    const fn has(&self, flag: u32) -> bool {
        self.flags & flag != 0
    }
}

/// Checks a request. The code is created at `now`, unless the request has a creation time.
///
/// # Errors
/// The error that the SDK would report first.
pub fn draft<'a>(request: &Request<'a>, now: Timestamp) -> Result<KhqrDraft<'a>, Error> {
    let mut earliest = Earliest::default();
    let template = if request.has(MERCHANT) {
        Tag::MERCHANT
    } else {
        Tag::INDIVIDUAL
    };
    let account = AccountId::new(request.get(Field::Account).unwrap_or_default())
        .map_err(|error| error.in_field(sub(template, 0)));
    let account = match account {
        Ok(account) => account,
        Err(error) => {
            earliest.note(error);
            AccountId::new("name@bank")?
        }
    };
    let currency = earliest.or(currency(request), Currency::Khr);
    let payment = payment(request, currency, now, &mut earliest);
    let name = request.get(Field::MerchantName).unwrap_or_default();
    let detail = request.get(Field::AccountDetail);
    let bank = request.get(Field::AcquiringBank);
    let written = if request.has(MERCHANT) {
        let (id, bank) = (detail.unwrap_or_default(), bank.unwrap_or_default());
        let builder = KhqrBuilder::merchant(account, id, bank, name);
        finish(builder, request, currency, payment, &mut earliest)
    } else {
        let mut builder = KhqrBuilder::individual(account, name);
        if let Some(text) = detail {
            builder = builder.account_information(text);
        }
        if let Some(text) = bank {
            builder = builder.acquiring_bank(text);
        }
        finish(builder, request, currency, payment, &mut earliest)
    };
    match (written, earliest.0) {
        (Ok(draft), None) => Ok(draft),
        (Ok(_), Some(error)) => Err(error),
        (Err(error), noted) => {
            let mut earliest = Earliest(noted);
            earliest.note(error);
            Err(earliest.0.unwrap_or(error))
        }
    }
}

/// Adds the amount and the times of a request to a parsed code, in the currency of that code.
///
/// # Errors
/// The errors of [`Khqr::with_amount`], and of an amount or a time that cannot be parsed.
pub fn rewrite<'a>(
    khqr: &Khqr<'a>,
    request: &Request<'_>,
    now: Timestamp,
) -> Result<KhqrRewrite<'a>, Error> {
    let amount = amount(request, khqr.currency()?)?
        .ok_or(Error::new(ErrorKind::Missing).in_field(Tag::TRANSACTION_AMOUNT))?;
    let expires_at = expiry(request)?;
    khqr.with_amount(amount, creation(request, now)?, expires_at)
}

/// The amount and the times of a code for one payment.
#[derive(Clone, Copy)]
struct Payment {
    amount: PayloadAmount,
    created_at: Timestamp,
    expires_at: Timestamp,
}

fn finish<'a, Kind>(
    mut builder: KhqrBuilder<'a, Kind>,
    request: &Request<'a>,
    currency: Currency,
    payment: Option<Payment>,
    earliest: &mut Earliest,
) -> Result<KhqrDraft<'a>, Error> {
    macro_rules! set {
        ($($field:ident => $setter:ident,)*) => {
            $(if let Some(text) = request.get(Field::$field) {
                builder = builder.$setter(text);
            })*
        };
    }
    set! {
        MerchantCity => merchant_city,
        CategoryCode => merchant_category_code,
        UnionPay => union_pay_account,
        BillNumber => bill_number,
        MobileNumber => mobile_number,
        StoreLabel => store_label,
        TerminalLabel => terminal_label,
        Purpose => purpose_of_transaction,
    }
    let language = request.get(Field::Language);
    let name = request.get(Field::AlternateName);
    let city = request.get(Field::AlternateCity);
    if language.is_none() && (name.is_some() || city.is_some()) {
        let tag = sub(Tag::LANGUAGE_TEMPLATE, 0);
        earliest.note(Error::new(ErrorKind::Missing).in_field(tag));
    }
    if language.or(name).or(city).is_some() {
        let language = language.unwrap_or("en");
        builder = builder.second_language(language, name.unwrap_or_default(), city);
    }
    match payment {
        None => builder.static_code(currency),
        Some(payment) => {
            builder.dynamic_code(payment.amount, payment.created_at, payment.expires_at)
        }
    }
}

fn currency(request: &Request<'_>) -> Result<Currency, Error> {
    let at = |kind| Error::new(kind).in_field(Tag::TRANSACTION_CURRENCY);
    let Some(text) = request.get(Field::Currency) else {
        return Err(at(ErrorKind::Missing));
    };
    match text.parse() {
        Ok(currency) if !request.has(SDK) || text == Currency::numeric_code(currency) => {
            Ok(currency)
        }
        _ if request.has(TEXT_CURRENCY) && utf16_len(text) > 3 => {
            Err(at(ErrorKind::TooLong { max: 3 }))
        }
        _ => Err(at(ErrorKind::UnsupportedCurrency)),
    }
}

/// The amount, or `None` if the payer chooses it.
fn amount(request: &Request<'_>, currency: Currency) -> Result<Option<PayloadAmount>, Error> {
    let Some(text) = request.get(Field::Amount) else {
        return Ok(None);
    };
    if request.has(MINOR_UNITS) {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let kind = if is_number {
            ErrorKind::AmountTooLarge
        } else {
            ErrorKind::AmountSyntax
        };
        let units: Option<u64> = text.parse().ok().filter(|_| is_number);
        let units = units.ok_or(Error::new(kind).in_field(Tag::TRANSACTION_AMOUNT))?;
        return Ok(Some(Amount::from_minor_units(units, currency).into()));
    }
    if !request.has(SDK) {
        return Ok(Some(Amount::parse(text, currency)?.into()));
    }
    if is_zero(text) {
        return Ok(None);
    }
    PayloadAmount::from_text(text, currency).map(Some)
}

fn payment(
    request: &Request<'_>,
    currency: Currency,
    now: Timestamp,
    earliest: &mut Earliest,
) -> Option<Payment> {
    let one = Amount::from_minor_units(1, currency).into();
    let amount = earliest.or(amount(request, currency), Some(one))?;
    // The SDK checks the expiry but not the creation time, so the expiry's error is noted first.
    let expires_at = expiry(request).map_err(|error| earliest.note(error));
    let created_at = earliest.or(creation(request, now), now);
    Some(Payment {
        amount,
        created_at,
        expires_at: expires_at.unwrap_or(created_at),
    })
}

/// Whether the text is zero as a decimal number: `0`, `0.00`.
fn is_zero(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let zeros = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte == b'0');
    zeros(whole) && zeros(fraction)
}

/// Parses milliseconds. A number that does not fit becomes the largest value, which no code may have.
fn moment(text: &str) -> Option<Timestamp> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(Timestamp::from_millis(u64::MAX)))
}

fn expiry(request: &Request<'_>) -> Result<Timestamp, Error> {
    let kind = match request.get(Field::ExpiresAt) {
        None => ErrorKind::Missing,
        Some(text) => match moment(text) {
            Some(moment) if moment.as_millis() == 0 => ErrorKind::NotAllowed,
            Some(moment) => return Ok(moment),
            // A fraction, a negative number or a number with an exponent. The SDK checks the number of characters,
            // including the sign. A positive exponent means more than 21 digits.
            None if request.has(NUMBER_EXPIRY) => match text.len() {
                13 if !text.contains("e+") => ErrorKind::ExpiresBeforeCreation,
                _ => ErrorKind::WrongLength { expected: 13 },
            },
            None => ErrorKind::NotDigits,
        },
    };
    Err(Error::new(kind).in_field(sub(Tag::TIMESTAMPS, 1)))
}

fn creation(request: &Request<'_>, now: Timestamp) -> Result<Timestamp, Error> {
    let Some(text) = request.get(Field::CreatedAt) else {
        return Ok(now);
    };
    moment(text).ok_or(Error::new(ErrorKind::NotDigits).in_field(sub(Tag::TIMESTAMPS, 0)))
}

/// A field inside a template. `number` is below 100.
fn sub(template: Tag, number: u8) -> TagPath {
    Tag::new(number).map_or(TagPath::from(template), |tag| template.sub(tag))
}

/// The noted error that the SDK would report first.
#[derive(Default)]
struct Earliest(Option<Error>);

impl Earliest {
    /// Notes an error. Of two errors with the same rank, the first one wins.
    fn note(&mut self, error: Error) {
        if self.0.is_none_or(|other| rank(error) < rank(other)) {
            self.0 = Some(error);
        }
    }

    /// The value, or `placeholder` after noting the error.
    fn or<T>(&mut self, result: Result<T, Error>, placeholder: T) -> T {
        result.unwrap_or_else(|error| {
            self.note(error);
            placeholder
        })
    }
}

/// The position of an error in the SDK's order of checks.
fn rank(error: Error) -> u8 {
    let top = error.tag().map(|tag| tag.top().number());
    match (top, error.kind()) {
        // The SDK writes a template of 100 characters or more with a length of three digits. It checks this last.
        (_, ErrorKind::TemplateTooLong) => u8::MAX,
        (_, ErrorKind::UnionPayInUsd) => 4,
        (Some(15), _) => 0,
        (Some(29 | 30), _) => 1,
        (Some(52), _) => 2,
        (Some(53), _) => 3,
        (Some(54), _) => 5,
        (Some(59), _) => 6,
        (Some(60), _) => 7,
        (Some(62), _) => 8,
        (Some(64), _) => 9,
        _ => 10,
    }
}
