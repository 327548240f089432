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
pub(super) const SETTINGS: &[&[&str]] = &[
    &["bind"],
    &["public_url"],
    &["tls_cert_file"],
    &["tls_key_file"],
    &["metrics_bind"],
    &["log_format"],
    &["log_level"],
    &["store"],
    &["expires_in"],
    &["dropin_expires_in"],
    &["deeplinks"],
    &["policy"],
    &["sandbox"],
    &["sandbox_port"],
    &["allow_private_webhooks"],
    &["embed_origins"],
    &["dashboard_password_hash"],
    &["bakong", "environment"],
    &["bakong", "base_url"],
    &["bakong", "token_file"],
    &["bakong", "renewal_email"],
    &["bakong", "requests_per_day"],
    &["bakong", "allow_plain_http"],
    &["merchant", "account"],
    &["merchant", "name"],
    &["merchant", "city"],
    &["merchant", "merchant_id"],
    &["merchant", "acquiring_bank"],
    &["telegram", "bot_token_file"],
    &["telegram", "chat_id"],
    &["telegram", "api_url"],
    &["merchant", "contact"],
];

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
    Ok(table)
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
    let known: BTreeMap<String, &[&str]> = SETTINGS
        .iter()
        .map(|path| (path.join("_").to_uppercase(), *path))
        .collect();
    for (variable, text) in variables {
        let Some(name) = variable.strip_prefix(VARIABLE_PREFIX) else {
            continue;
        };
        let Some(path) = known.get(name) else {
            let names: Vec<_> = known.keys().map(String::as_str).collect();
            let variable = Printable(&variable).to_string();
            return Err(StartError::new(format!(
                "there is no setting for the variable {variable}. After {VARIABLE_PREFIX} follows one of {}",
                names.join(", ")
            )));
        };
        let value = match (*path, text.as_str()) {
            (["expires_in" | "sandbox_port"], number) => match number.parse() {
                Ok(number) => Value::Integer(number),
                Err(_) => Value::String(text),
            },
            (["sandbox" | "allow_private_webhooks"] | [_, "allow_plain_http"], "true") => {
                Value::Boolean(true)
            }
            (["sandbox" | "allow_private_webhooks"] | [_, "allow_plain_http"], "false") => {
                Value::Boolean(false)
            }
            _ => Value::String(text),
        };
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
