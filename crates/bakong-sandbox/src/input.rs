//! JSON that people write by hand: what is wrong with it is told with the place and what to do.
//!
//! Values are kept as the text that was sent, so that an amount is read from its own digits.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

/// What is wrong with a rule or a request to the sandbox: what, where, and what to do about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InputError {
    pub(crate) what: String,
    /// Such as `body.amount`.
    pub(crate) place: String,
    pub(crate) help: String,
}

impl InputError {
    pub(crate) fn new(
        place: impl Into<String>,
        what: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self {
            what: what.into(),
            place: place.into(),
            help: help.into(),
        }
    }
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.place, self.what, self.help)
    }
}

impl Error for InputError {}

/// An object of which each field is taken once. What is null counts as absent.
#[derive(Debug)]
pub(crate) struct Input {
    place: String,
    fields: BTreeMap<String, Box<RawValue>>,
    /// The fields that were asked for, to name them where there is one too many.
    known: Vec<&'static str>,
}

impl Input {
    /// Reads an object, which errors call `place`. Nothing at all counts as `{}`.
    pub(crate) fn read(place: impl Into<String>, text: &[u8]) -> Result<Self, InputError> {
        let place = place.into();
        let mut fields = BTreeMap::new();
        if !text.trim_ascii().is_empty() {
            fields = serde_json::from_slice(text).map_err(|error| {
                let help = "send a JSON object, such as {\"name\":\"value\"}";
                InputError::new(place.clone(), error.to_string(), help)
            })?;
        }
        Ok(Self {
            place,
            fields,
            known: Vec::new(),
        })
    }

    /// What errors call the object.
    pub(crate) fn name(&self) -> &str {
        &self.place
    }

    /// The place of a field.
    pub(crate) fn place(&self, name: &str) -> String {
        format!("{}.{name}", self.place)
    }

    pub(crate) fn error(
        &self,
        name: &str,
        what: impl Into<String>,
        help: impl Into<String>,
    ) -> InputError {
        InputError::new(self.place(name), what, help)
    }

    /// The text of a value as it was sent.
    pub(crate) fn raw(&mut self, name: &'static str) -> Option<String> {
        self.known.push(name);
        let value = self.fields.remove(name)?;
        (value.get() != "null").then(|| value.get().to_owned())
    }

    /// Whether the field was sent, be it as null.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    fn value<T: DeserializeOwned>(
        &mut self,
        name: &'static str,
        what: &str,
    ) -> Result<Option<T>, InputError> {
        let Some(raw) = self.raw(name) else {
            return Ok(None);
        };
        let wrong = |_| {
            self.error(
                name,
                format!("{} is not {what}", brief(&raw)),
                format!("give {what}"),
            )
        };
        serde_json::from_str(&raw).map(Some).map_err(wrong)
    }

    pub(crate) fn text(&mut self, name: &'static str) -> Result<Option<String>, InputError> {
        self.value(name, "a text")
    }

    pub(crate) fn whole(&mut self, name: &'static str) -> Result<Option<u64>, InputError> {
        self.value(name, "a whole number that is not negative")
    }

    pub(crate) fn small(&mut self, name: &'static str) -> Result<Option<u32>, InputError> {
        self.value(name, "a whole number from 0 to 4294967295")
    }

    /// False unless said.
    pub(crate) fn flag(&mut self, name: &'static str) -> Result<bool, InputError> {
        Ok(self.value(name, "true or false")?.unwrap_or_default())
    }

    /// Several values of one kind, or one by itself.
    pub(crate) fn several<T: DeserializeOwned>(
        &mut self,
        name: &'static str,
        what: &str,
    ) -> Result<Vec<T>, InputError> {
        let Some(raw) = self.raw(name) else {
            return Ok(Vec::new());
        };
        let one = || serde_json::from_str(&raw).map(|one| vec![one]);
        serde_json::from_str(&raw).or_else(|_| one()).map_err(|_| {
            let what = format!("a list of {what}");
            self.error(
                name,
                format!("{} is not {what}", brief(&raw)),
                format!("give {what}"),
            )
        })
    }

    /// A text in the form of `T`.
    pub(crate) fn parsed<T: FromStr>(
        &mut self,
        name: &'static str,
        help: &str,
    ) -> Result<Option<T>, InputError>
    where
        T::Err: fmt::Display,
    {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        let parsed = text.parse();
        parsed
            .map(Some)
            .map_err(|error: T::Err| self.error(name, error.to_string(), help))
    }

    /// The value of a field that has to be there.
    pub(crate) fn needed<T>(
        &self,
        name: &str,
        value: Option<T>,
        help: &str,
    ) -> Result<T, InputError> {
        value.ok_or_else(|| self.error(name, "it is missing", help))
    }

    /// Refuses what nobody asked for: a misspelt name would be dropped in silence.
    pub(crate) fn finish(self) -> Result<(), InputError> {
        let Some(name) = self.fields.keys().next() else {
            return Ok(());
        };
        let known = if self.known.is_empty() {
            "leave it out; there is nothing to say".to_owned()
        } else {
            format!("there are: {}", self.known.join(", "))
        };
        Err(self.error(&brief(name), "there is no such field", known))
    }
}

/// So much of a text as an error may repeat.
pub(crate) fn brief(text: &str) -> String {
    let mut brief: String = text.chars().take(40).collect();
    if brief.len() < text.len() {
        brief.push('…');
    }
    brief
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(text: &str) -> Input {
        Input::read("body", text.as_bytes()).unwrap()
    }

    #[test]
    fn each_kind_of_value_is_read() {
        let mut input = input(
            r#"{"a":"x","b":7,"c":true,"d":["p","q"],"e":"p","f":1.10,"g":null,"h":"dara@devb"}"#,
        );
        assert!(input.has("g") && !input.has("z"));
        assert_eq!(input.text("a"), Ok(Some("x".to_owned())));
        assert_eq!(input.whole("b"), Ok(Some(7)));
        assert_eq!(input.flag("c"), Ok(true));
        assert_eq!(input.flag("nothing"), Ok(false));
        let list = |input: &mut Input, name| input.several::<String>(name, "texts").unwrap();
        assert_eq!(list(&mut input, "d"), ["p", "q"]);
        assert_eq!(list(&mut input, "e"), ["p"]);
        assert_eq!(list(&mut input, "nothing"), [""; 0]);
        assert_eq!(input.raw("f").as_deref(), Some("1.10"));
        assert_eq!(input.text("g"), Ok(None));
        let account: Option<khqr_core::AccountIdBuf> = input.parsed("h", "").unwrap();
        assert_eq!(account.unwrap().as_str(), "dara@devb");
        assert_eq!(input.finish(), Ok(()));
        assert_eq!(Input::read("body", b" \n").unwrap().finish(), Ok(()));
    }

    #[test]
    fn an_error_says_what_where_and_what_to_do() {
        let told = |error: InputError| error.to_string();
        assert_eq!(
            told(input(r#"{"a":1}"#).text("a").unwrap_err()),
            "body.a: 1 is not a text; give a text"
        );
        let mut one = input(r#"{"a":1,"x":2}"#);
        one.whole("a").unwrap();
        assert_eq!(
            told(one.finish().unwrap_err()),
            "body.x: there is no such field; there are: a"
        );
        let one = input("{}");
        assert_eq!(
            told(one.needed::<u8>("qr", None, "give the code").unwrap_err()),
            "body.qr: it is missing; give the code"
        );
        for text in ["[]", "{", "\u{1}", r#"{"a":}"#] {
            let error = Input::read("body", text.as_bytes()).unwrap_err();
            assert!(told(error).starts_with("body: "), "{text}");
        }
        for (text, name) in [
            (r#"{"n":-1}"#, "negative"),
            (r#"{"n":1.5}"#, "negative"),
            (r#"{"n":"1"}"#, "negative"),
        ] {
            let error = input(text).whole("n").unwrap_err();
            assert!(told(error).contains(name), "{text}");
        }
        let error = input(r#"{"n":4294967296}"#).small("n").unwrap_err();
        assert!(told(error).contains("4294967295"));
        let error = input(r#"{"n":["a",1]}"#).several::<String>("n", "texts");
        assert!(told(error.unwrap_err()).contains("a list of texts"));
        let long = format!(r#"{{"n":"{}"}}"#, "ក".repeat(500));
        assert!(told(input(&long).whole("n").unwrap_err()).len() < 300);
    }
}
