//! The config file: profiles, which give values to options.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use bakong_api::token::without_tokens;
use etcetera::BaseStrategy;
use khqr_core::Printable;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use crate::common::exit::Failure;
use crate::common::options::looks_like_token;
use crate::common::{files, lines};

/// The environment variable that names the file.
pub(crate) const VARIABLE: &str = "BAKONG_CONFIG";

/// The profile that is used without `--profile` and without `BAKONG_PROFILE`, if it exists.
pub(crate) const DEFAULT_PROFILE: &str = "default";

/// The largest config file in bytes.
const LARGEST: u64 = 1 << 20;

/// What to do about a token in the config file.
const SAVE_TOKEN: &str =
    "Save the token in a file that only you can read, and name that file with token-file";

/// The type of a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Text,
    /// A path. In a profile, it is relative to the folder of the config file, and `~/` is the user's home folder.
    Path,
    /// A path, or a URL with `://`.
    Place,
    Number,
    /// `true` or `false`.
    Switch,
}

impl Kind {
    const fn expected(self) -> &'static str {
        match self {
            Self::Text | Self::Path | Self::Place => "a text in quotes",
            Self::Number => "a whole number",
            Self::Switch => "true or false",
        }
    }
}

/// The value of a key. `Debug` prints nothing of it, because it may have a password.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The value as it would be on the command line.
    pub(crate) value: String,
    /// The line of the file, from 1.
    pub(crate) line: usize,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)
    }
}

/// The keys of a profile. A key with an empty text is not in it.
pub(crate) type Profile = BTreeMap<String, Entry>;

/// All profiles of a config file.
pub(crate) type Profiles = BTreeMap<String, Profile>;

/// Where the config file is, which may not exist.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ConfigPath {
    pub(crate) path: PathBuf,
    /// Whether `BAKONG_CONFIG` names the file.
    pub(crate) is_named: bool,
}

impl ConfigPath {
    /// The file of `BAKONG_CONFIG`, or the one in the user's config folder. `None` if the user has no such folder.
    pub(crate) fn find() -> Option<Self> {
        let named = std::env::var_os(VARIABLE).filter(|value| !is_blank(value));
        if let Some(path) = named {
            let (path, is_named) = (path.into(), true);
            return Some(Self { path, is_named });
        }
        let base = etcetera::base_strategy::choose_native_strategy().ok()?;
        let path = base.config_dir().join("bakong").join("config.toml");
        let is_named = false;
        Some(Self { path, is_named })
    }

    /// Reads the file. Returns `None` if it does not exist. `kind_of` returns the type of a key, or `None` if there is no
    /// such key.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is not TOML, or has an unknown key or a value of the wrong type.
    pub(crate) fn read(
        &self,
        kind_of: impl Fn(&str) -> Option<Kind>,
    ) -> Result<Option<Profiles>, Failure> {
        if matches!(self.path.try_exists(), Ok(false)) {
            return Ok(None);
        }
        let name = shown(&self.path);
        let remedy = format!("name another file with {VARIABLE}");
        let bytes = files::read(&self.path, LARGEST)
            .map_err(|failure| Failure::usage(format!("the config file {failure}; {remedy}")))?;
        let text = lines::to_text(&bytes)
            .map_err(|error| Failure::usage(format!("the config file {name}: {error}")))?;
        let folder = self.path.parent().unwrap_or(Path::new(""));
        let reader = Reader {
            name,
            text,
            folder,
            kind_of,
        };
        reader.profiles().map(Some)
    }
}

/// Whether a variable counts as unset.
pub(crate) fn is_blank(value: &OsString) -> bool {
    value.to_string_lossy().trim().is_empty()
}

/// A path in a form that is safe to print.
pub(crate) fn shown(path: &Path) -> String {
    Printable(&path.to_string_lossy()).to_string()
}

/// A word of the file in a form that is safe to print. Somebody may have pasted a token in its place.
fn shown_word(word: &str) -> String {
    Printable(&without_tokens(word)).to_string()
}

struct Reader<'a, K> {
    name: String,
    text: &'a str,
    folder: &'a Path,
    kind_of: K,
}

impl<K: Fn(&str) -> Option<Kind>> Reader<'_, K> {
    fn profiles(&self) -> Result<Profiles, Failure> {
        let root = DeTable::parse(self.text).map_err(|error| {
            // The full text of the error shows the line, which may have a password.
            let start = error.span().map_or(0, |span| span.start);
            self.wrong(start, format_args!("{}", Printable(error.message())))
        })?;
        let mut profiles = Profiles::new();
        for (key, value) in root.get_ref() {
            let named = match (key.get_ref().as_ref(), value.get_ref()) {
                ("profiles", DeValue::Table(named)) => named,
                (key_text, _) => {
                    return Err(self.wrong(
                        key.span().start,
                        format_args!(
                            "\"{}\" is not in a profile. Put the keys below [profiles.{DEFAULT_PROFILE}]",
                            shown_word(key_text)
                        ),
                    ));
                }
            };
            for (profile, keys) in named {
                let DeValue::Table(keys) = keys.get_ref() else {
                    return Err(self.wrong(
                        profile.span().start,
                        format_args!(
                            "\"{0}\" is no profile. A profile is a section [profiles.{0}]",
                            shown_word(profile.get_ref())
                        ),
                    ));
                };
                let keys = keys.iter().filter_map(|(key, value)| {
                    self.entry(key, value)
                        .map(|entry| Some((key.get_ref().to_string(), entry?)))
                        .transpose()
                });
                let keys: Profile = keys.collect::<Result<_, Failure>>()?;
                profiles.insert(profile.get_ref().to_string(), keys);
            }
        }
        Ok(profiles)
    }

    /// Returns the value of a key, or `None` if it is an empty text.
    fn entry(
        &self,
        key: &Spanned<DeString<'_>>,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<Option<Entry>, Failure> {
        let (key, start) = (key.get_ref().as_ref(), key.span().start);
        if key == "token" {
            return Err(self.wrong(
                start,
                format_args!("a profile has no key \"token\". {SAVE_TOKEN}"),
            ));
        }
        let kind = (self.kind_of)(key).ok_or_else(|| {
            self.wrong(
                start,
                format_args!(
                    "there is no key \"{}\". The keys are the names of options, such as base-url",
                    shown_word(key)
                ),
            )
        })?;
        let value = match (kind, value.get_ref()) {
            (Kind::Text, DeValue::String(text)) => text.to_string(),
            (Kind::Path, DeValue::String(text)) if looks_like_token(text) => {
                return Err(self.wrong(
                    start,
                    format_args!("the value of {key} looks like a token. {SAVE_TOKEN}"),
                ));
            }
            (Kind::Path, DeValue::String(text)) => self.path(text),
            (Kind::Place, DeValue::String(text)) if text.contains("://") => text.to_string(),
            (Kind::Place, DeValue::String(text)) => self.path(text),
            (Kind::Number, DeValue::Integer(number)) if number.radix() == 10 => {
                number.as_str().to_owned()
            }
            (Kind::Switch, DeValue::Boolean(switch)) => switch.to_string(),
            _ => {
                let expected = kind.expected();
                return Err(self.wrong(start, format_args!("{key} must be {expected}")));
            }
        };
        let line = self.line(start);
        Ok((!value.trim().is_empty()).then_some(Entry { value, line }))
    }

    /// An absolute path for a path of the file.
    fn path(&self, text: &str) -> String {
        if text.trim().is_empty() {
            return String::new();
        }
        let home = text.strip_prefix("~/").map(|rest| {
            let home = etcetera::home_dir().map(|home| home.join(rest));
            home.map_or(Cow::Borrowed(text), |path| {
                path.to_string_lossy().into_owned().into()
            })
        });
        let path = home.unwrap_or(Cow::Borrowed(text));
        self.folder
            .join(path.as_ref())
            .to_string_lossy()
            .into_owned()
    }

    fn line(&self, offset: usize) -> usize {
        let before = self.text.get(..offset).unwrap_or_default();
        before.matches('\n').count() + 1
    }

    fn wrong(&self, offset: usize, what: fmt::Arguments<'_>) -> Failure {
        let (name, line) = (&self.name, self.line(offset));
        Failure::usage(format!("the config file {name}, line {line}: {what}"))
    }
}
