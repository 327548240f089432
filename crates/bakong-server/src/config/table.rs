//! Reads the settings of the file and of the variables, without checking them.

use std::collections::BTreeMap;
use std::path::Path;

use khqr_core::Printable;
use toml::{Table, Value};

use crate::error::StartError;
use crate::files;

/// How the names of the variables begin.
pub const VARIABLE_PREFIX: &str = "BAKONG_SERVER_";

/// All settings. The variable of a setting is the prefix and its path in upper case: `BAKONG_SERVER_MERCHANT_NAME`.
pub(super) const SETTINGS: &[(&[&str], Kind)] = &[
    (&["bind"], Kind::Text),
    (&["public_url"], Kind::Text),
    (&["tls_cert_file"], Kind::Text),
    (&["tls_key_file"], Kind::Text),
    (&["metrics_bind"], Kind::Text),
    (&["log_format"], Kind::Text),
    (&["log_level"], Kind::Text),
    (&["store"], Kind::Text),
    (&["expires_in"], Kind::Number),
    (&["dropin_expires_in"], Kind::Number),
    (&["deeplinks"], Kind::Switch),
    (&["policy"], Kind::Text),
    (&["sandbox"], Kind::Switch),
    (&["sandbox_port"], Kind::Number),
    (&["allow_private_webhooks"], Kind::Switch),
    (&["embed_origins"], Kind::Text),
    (&["dashboard_password_hash"], Kind::Text),
    (&["bakong", "environment"], Kind::Text),
    (&["bakong", "base_url"], Kind::Text),
    (&["bakong", "token_file"], Kind::Text),
    (&["bakong", "renewal_email"], Kind::Text),
    (&["bakong", "requests_per_day"], Kind::Number),
    (&["bakong", "allow_plain_http"], Kind::Switch),
    (&["merchant", "account"], Kind::Text),
    (&["merchant", "name"], Kind::Text),
    (&["merchant", "city"], Kind::Text),
    (&["merchant", "merchant_id"], Kind::Text),
    (&["merchant", "acquiring_bank"], Kind::Text),
    (&["merchant", "contact"], Kind::Text),
    (&["telegram", "bot_token_file"], Kind::Text),
    (&["telegram", "chat_id"], Kind::Text),
    (&["telegram", "api_url"], Kind::Text),
];

/// The type of a setting.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Text,
    Number,
    /// `true` or `false`.
    Switch,
}

impl Kind {
    fn fits(self, value: &Value) -> bool {
        match self {
            Self::Text => value.is_str(),
            Self::Number => value.as_integer().is_some_and(|number| number >= 0),
            Self::Switch => value.is_bool(),
        }
    }

    const fn expected(self) -> &'static str {
        match self {
            Self::Text => "a text in quotes",
            Self::Number => "a whole number without quotes",
            Self::Switch => "true or false",
        }
    }
}

/// Returns the settings of the file, which variables override.
pub(super) fn load(
    path: Option<&Path>,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<Table, StartError> {
    let mut table = match path {
        None => Table::new(),
        Some(path) => read(path)?,
    };
    override_with(&mut table, variables)?;
    check(&table)?;
    Ok(table)
}

/// Checks the names and the types of all settings.
fn check(table: &Table) -> Result<(), StartError> {
    let sections = table.iter().flat_map(|(name, value)| match value {
        Value::Table(section) => {
            let inner = section.iter();
            inner
                .map(|(inner, value)| (vec![name.as_str(), inner.as_str()], value))
                .collect()
        }
        value => vec![(vec![name.as_str()], value)],
    });
    for (path, value) in sections {
        let name = path.join(".");
        let Some((_, kind)) = SETTINGS.iter().find(|(known, _)| *known == path) else {
            let is_section = SETTINGS
                .iter()
                .any(|(known, _)| known.len() > 1 && known.first() == path.first());
            let what = if is_section && path.len() == 1 {
                format!("{name} is a section: write [{name}] above its settings")
            } else {
                let names: Vec<_> = SETTINGS.iter().map(|(path, _)| path.join(".")).collect();
                let name = Printable(&name).to_string();
                format!(
                    "there is no setting {name}; the settings are {}",
                    names.join(", ")
                )
            };
            return Err(StartError::new(format!(
                "the configuration is wrong: {what}"
            )));
        };
        if !kind.fits(value) {
            // The value is not repeated, because it may be a password.
            let variable = path.join("_").to_uppercase();
            let expected = kind.expected();
            return Err(StartError::new(format!(
                "the configuration is wrong: {name} or {VARIABLE_PREFIX}{variable} must be {expected}"
            )));
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Table, StartError> {
    let name = Printable(&path.to_string_lossy()).to_string();
    let text = files::read_text(path).map_err(|error| {
        StartError::new(format!(
            "cannot read the configuration {name}: {error}; name another file with --config"
        ))
    })?;
    text.parse().map_err(|error: toml::de::Error| {
        // The full text of the error shows the line, which may contain a password.
        let start = error.span().map_or(0, |span| span.start);
        let line = text.get(..start).unwrap_or_default().matches('\n').count() + 1;
        let message = Printable(error.message()).to_string();
        StartError::new(format!("{name}, line {line}: {message}"))
    })
}

fn override_with(
    table: &mut Table,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<(), StartError> {
    let known: BTreeMap<String, (&[&str], Kind)> = SETTINGS
        .iter()
        .map(|(path, kind)| (path.join("_").to_uppercase(), (*path, *kind)))
        .collect();
    for (variable, text) in variables {
        let Some(name) = variable.strip_prefix(VARIABLE_PREFIX) else {
            continue;
        };
        let Some((path, kind)) = known.get(name) else {
            let names: Vec<_> = known.keys().map(String::as_str).collect();
            let variable = Printable(&variable).to_string();
            return Err(StartError::new(format!(
                "there is no setting for the variable {variable}. After {VARIABLE_PREFIX} follows one of {}",
                names.join(", ")
            )));
        };
        // A value of the wrong type stays a text, and the error names the type that is expected.
        let value = match kind {
            Kind::Text => None,
            Kind::Number => text.parse().ok().map(Value::Integer),
            Kind::Switch => text.parse().ok().map(Value::Boolean),
        };
        let value = value.unwrap_or(Value::String(text));
        let mut table = &mut *table;
        if let [section, _] = path {
            let section = table
                .entry(*section)
                .or_insert_with(|| Value::Table(Table::new()));
            match section {
                Value::Table(section) => table = section,
                // The file has another type here, which is reported later.
                _ => continue,
            }
        }
        if let Some(last) = path.last() {
            table.insert((*last).to_owned(), value);
        }
    }
    Ok(())
}
