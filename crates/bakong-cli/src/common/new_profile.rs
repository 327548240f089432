//! Adds a profile to the config file. The text of the user is never changed.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use toml::de::DeTable;

use crate::common::config_file::Profile;

/// The keys of a new profile.
#[derive(Clone, Default, Debug)]
pub(crate) struct NewProfile(Vec<(&'static str, Value)>);

#[derive(Clone, Debug)]
enum Value {
    Text(String),
    Switch(bool),
}

impl NewProfile {
    pub(crate) fn set(&mut self, key: &'static str, text: impl Into<String>) {
        self.0.push((key, Value::Text(text.into())));
    }

    /// Sets a switch to `true`.
    pub(crate) fn turn_on(&mut self, key: &'static str) {
        self.0.push((key, Value::Switch(true)));
    }

    /// Whether an existing profile has these keys with these values.
    pub(crate) fn is_in(&self, profile: &Profile) -> bool {
        self.0.iter().all(|(key, value)| {
            let known = profile.get(*key).map(|entry| entry.value.as_str());
            match value {
                Value::Text(text) => known == Some(text),
                Value::Switch(switch) => known == Some(&switch.to_string()),
            }
        })
    }

    /// The lines of the file, one for each key.
    pub(crate) fn lines(&self) -> Vec<String> {
        let line = |(key, value): &(&str, Value)| match value {
            Value::Text(text) => format!("{key} = {}", quoted(text)),
            Value::Switch(switch) => format!("{key} = {switch}"),
        };
        self.0.iter().map(line).collect()
    }

    /// Appends the profile to the file. Creates the file, which only its owner can read, and its folder.
    ///
    /// # Errors
    ///
    /// The file cannot be written, or it would not be TOML afterwards. Then it is not changed.
    pub(crate) fn append(&self, name: &str, file: &Path) -> io::Result<()> {
        let before = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let mut added = String::new();
        if !before.is_empty() {
            added.push_str(if before.ends_with('\n') { "\n" } else { "\n\n" });
        }
        let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let name = if name.chars().all(is_bare) {
            name.to_owned()
        } else {
            quoted(name)
        };
        let lines = self.lines().join("\n");
        // Writing to a string cannot fail.
        let _ = writeln!(added, "[profiles.{name}]\n{lines}");
        // A section cannot be added to an inline table.
        if DeTable::parse(&format!("{before}{added}")).is_err() {
            return Err(io::Error::other("a section cannot be added to this file"));
        }
        if let Some(folder) = file.parent() {
            create_folder(folder)?;
        }
        let mut options = fs::OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(file)?.write_all(added.as_bytes())
    }
}

/// Creates a folder and the folders above it, for their owner only.
pub(crate) fn create_folder(folder: &Path) -> io::Result<()> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            _ if character.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(character));
            }
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile() -> NewProfile {
        let mut profile = NewProfile::default();
        profile.set("env", "sit");
        profile.set("token-file", "C:\\a \"b\"\n.token");
        profile.turn_on("allow-plain-http");
        profile
    }

    #[test]
    fn a_profile_is_appended_and_the_text_before_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bakong").join("config.toml");
        profile().append("default", &file).unwrap();
        let first = fs::read_to_string(&file).unwrap();
        fs::write(&file, format!("# mine\n{first}").trim_end()).unwrap();
        profile().append("shop 2", &file).unwrap();
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with(&format!("# mine\n{first}")), "{text}");
        let table: toml::Table = text.parse().unwrap();
        for name in ["default", "shop 2"] {
            let profile = &table["profiles"][name];
            assert_eq!(profile["token-file"].as_str(), Some("C:\\a \"b\"\n.token"));
            assert_eq!(profile["allow-plain-http"].as_bool(), Some(true));
        }
    }

    #[test]
    fn a_file_that_a_section_would_damage_is_not_changed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.toml");
        for text in [
            "profiles = { shop = { env = \"sit\" } }\n",
            "[profiles.default]\n",
        ] {
            fs::write(&file, text).unwrap();
            assert!(profile().append("default", &file).is_err(), "{text}");
            assert_eq!(fs::read_to_string(&file).unwrap(), text);
        }
    }
}
