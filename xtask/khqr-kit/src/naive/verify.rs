//! Verifies a code: whether it may be paid at a given time, and how much.

use khqr_core::{Amount, Currency, ErrorKind, PointOfInitiation};

use super::{
    Code, Defect, amount, category_defect, is_digits, language_defect, length, text_defect,
};

/// Currency, amount and expiry of a code that may be paid.
type Payable = (Currency, Option<Amount>, Option<u64>);

impl Code {
    /// Reads tag 01.
    ///
    /// # Errors
    /// The defect of the field.
    pub fn point_of_initiation(&self) -> Result<Option<PointOfInitiation>, Defect> {
        let kind = match self.get("01") {
            None => return Ok(None),
            Some("11") => return Ok(Some(PointOfInitiation::Static)),
            Some("12") => return Ok(Some(PointOfInitiation::Dynamic)),
            Some(value) if length(value) > 2 => ErrorKind::TooLong { max: 2 },
            Some(_) => ErrorKind::NotAllowed,
        };
        Err(self.defect(kind, "01"))
    }

    /// Reads tag 53.
    ///
    /// # Errors
    /// The defect of the field.
    pub fn currency(&self) -> Result<Currency, Defect> {
        let kind = match self.get("53") {
            None => ErrorKind::Missing,
            Some("116") => return Ok(Currency::Khr),
            Some("840") => return Ok(Currency::Usd),
            Some("") => ErrorKind::Empty,
            Some(value) if length(value) > 3 => ErrorKind::TooLong { max: 3 },
            Some(_) => ErrorKind::UnsupportedCurrency,
        };
        Err(self.defect(kind, "53"))
    }

    /// Reads tag 54.
    ///
    /// # Errors
    /// The defect of the field or of the currency.
    pub fn amount(&self) -> Result<Option<Amount>, Defect> {
        let kind = match self.get("54") {
            None => return Ok(None),
            Some("") => ErrorKind::Empty,
            Some(value) if length(value) > 13 => ErrorKind::TooLong { max: 13 },
            Some(value) => {
                let currency = self.currency()?;
                match amount::minor_units(value, currency) {
                    Ok(units) => return Ok(Some(Amount::from_minor_units(units, currency))),
                    Err(kind) => kind,
                }
            }
        };
        Err(self.defect(kind, "54"))
    }

    /// Reads tag 99/00.
    ///
    /// # Errors
    /// The defect of the field.
    pub fn created_at(&self) -> Result<Option<u64>, Defect> {
        self.moment("99/00")
    }

    /// Reads tag 99/01.
    ///
    /// # Errors
    /// The defect of the field.
    pub fn expires_at(&self) -> Result<Option<u64>, Defect> {
        match self.moment("99/01")? {
            Some(0) => Err(self.defect(ErrorKind::NotAllowed, "99/01")),
            Some(moment) if moment.to_string().len() != 13 => {
                Err(self.defect(ErrorKind::WrongLength { expected: 13 }, "99/01"))
            }
            moment => Ok(moment),
        }
    }

    fn moment(&self, path: &str) -> Result<Option<u64>, Defect> {
        match self.get(path) {
            None => Ok(None),
            Some("") => Err(self.defect(ErrorKind::Empty, path)),
            Some(value) if !is_digits(value) => Err(self.defect(ErrorKind::NotDigits, path)),
            Some(value) => match value.parse() {
                Ok(moment) => Ok(Some(moment)),
                Err(_) => Err(self.defect(ErrorKind::WrongLength { expected: 13 }, path)),
            },
        }
    }

    /// Checks whether the code may be paid at `now`, in milliseconds. Checks the rules of dynamic codes first, then
    /// missing fields, then each field in the order of the text.
    ///
    /// # Errors
    /// The first defect in this order.
    pub fn verify(&self, now: u64) -> Result<Payable, Defect> {
        let missing = |tag: &str| Err(Defect::of_field(ErrorKind::Missing, tag));
        let has_amount = self.get("54").is_some();
        if self.get("01") == Some("12") && !has_amount {
            return missing("54");
        }
        if has_amount && self.get("99").is_none() {
            return missing("99");
        }
        for tag in ["00", "52", "53", "58", "59", "60"] {
            if self.get(tag).is_none() {
                return missing(tag);
            }
        }
        for tag in &self.order {
            self.check_field(tag, now)?;
        }
        let expires_at = if has_amount { self.expires_at()? } else { None };
        Ok((self.currency()?, self.amount()?, expires_at))
    }

    fn check_field(&self, tag: &str, now: u64) -> Result<(), Defect> {
        let value = self.get(tag).unwrap_or_default();
        let refuse = |kind: Option<ErrorKind>| match kind {
            Some(kind) => Err(self.defect(kind, tag)),
            None => Ok(()),
        };
        match tag {
            "00" => refuse(only_value_defect(value, "01", 2)),
            "01" => self.point_of_initiation().map(drop),
            "15" => self.check_text("15", 99, true),
            "29" | "30" => {
                self.check_text(&format!("{tag}/01"), 32, true)?;
                self.check_text(&format!("{tag}/02"), 32, false)
            }
            "52" => refuse(category_defect(value)),
            "53" => self.currency().map(drop),
            // Without a valid currency, only the length and the sign of an amount can be checked.
            "54" if self.currency().is_err() => refuse(match length(value) {
                0 => Some(ErrorKind::Empty),
                14.. => Some(ErrorKind::TooLong { max: 13 }),
                _ => value.contains('-').then_some(ErrorKind::AmountSyntax),
            }),
            "54" => match self.amount()? {
                Some(amount) if amount.minor_units() == 0 => refuse(Some(ErrorKind::AmountZero)),
                _ => Ok(()),
            },
            "58" => refuse(only_value_defect(value, "KH", 3)),
            "59" => self.check_text("59", 25, false),
            "60" => self.check_text("60", 15, false),
            "62" => ["62/01", "62/02", "62/03", "62/07", "62/08"]
                .into_iter()
                .try_for_each(|path| self.check_text(path, 25, false)),
            "64" => self.check_language(),
            "99" if self.get("54").is_some() => self.check_times(now),
            _ => Ok(()),
        }
    }

    fn check_text(&self, path: &str, max: u8, may_be_empty: bool) -> Result<(), Defect> {
        match self.get(path) {
            None => Ok(()),
            Some("") if may_be_empty => Ok(()),
            Some(value) => match text_defect(value, max) {
                Some(kind) => Err(self.defect(kind, path)),
                None => Ok(()),
            },
        }
    }

    /// A name or a city requires a language, and a language requires a name. The template may be empty.
    fn check_language(&self) -> Result<(), Defect> {
        let [language, name, city] = ["64/00", "64/01", "64/02"].map(|path| self.get(path));
        let missing = |path| Err(self.defect(ErrorKind::Missing, path));
        let is_set = |value: Option<&str>| value.is_some_and(|value| !value.is_empty());
        if is_set(language) && !is_set(name) {
            return missing("64/01");
        }
        if name.is_some() || is_set(city) {
            let Some(language) = language else {
                return missing("64/00");
            };
            if let Some(kind) = language_defect(language) {
                return Err(self.defect(kind, "64/00"));
            }
        }
        self.check_text("64/01", 25, false)?;
        self.check_text("64/02", 15, false)
    }

    /// Checks the times of a code with an amount, the expiry first.
    fn check_times(&self, now: u64) -> Result<(), Defect> {
        let refuse = |kind| Err(self.defect(kind, "99/01"));
        let Some(expires) = self.expires_at()? else {
            return refuse(ErrorKind::Missing);
        };
        let is_after_all = |defect: &Defect| matches!(defect.kind, ErrorKind::WrongLength { .. });
        let created = match self.created_at() {
            Err(defect) if is_after_all(&defect) => Some(u64::MAX),
            created => created?,
        };
        if created.is_some_and(|created| expires < created) {
            refuse(ErrorKind::ExpiresBeforeCreation)
        } else if expires < now {
            refuse(ErrorKind::Expired)
        } else {
            Ok(())
        }
    }
}

/// Checks a field with a single allowed value. A wrong value longer than `limit` counts as too long.
fn only_value_defect(value: &str, only: &str, limit: usize) -> Option<ErrorKind> {
    let max = u8::try_from(only.len()).unwrap();
    match length(value) {
        _ if value == only => None,
        0 => Some(ErrorKind::Empty),
        len if len > limit => Some(ErrorKind::TooLong { max }),
        _ => Some(ErrorKind::NotAllowed),
    }
}
