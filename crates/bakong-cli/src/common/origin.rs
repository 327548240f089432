//! Where the values of options come from, if they are not on the command line.
//!
//! Errors name an option. For a value of a variable or of a profile, they also have to name the variable, or the file and the
//! key. The origins are set once, before the command runs.

use std::sync::OnceLock;

static ORIGINS: OnceLock<Origins> = OnceLock::new();

/// The origins of all values that were added to the command line.
#[derive(Clone, Default, Debug)]
pub(crate) struct Origins {
    values: Vec<Origin>,
    /// Why the token of the profile is not used.
    unused_token: Option<String>,
}

/// The origin of the value of one option.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Origin {
    /// The option with its two hyphens.
    option: String,
    /// The variable, or the key, the profile and the line of the file. Safe to print.
    source: String,
}

impl Origins {
    pub(crate) fn add(&mut self, name: &str, source: String) {
        let option = format!("--{name}");
        self.values.push(Origin { option, source });
    }

    pub(crate) fn set_unused_token(&mut self, reason: String) {
        self.unused_token = Some(reason);
    }

    /// Makes the origins known to [`of_message`] and [`unused_token`].
    pub(crate) fn publish(self) {
        // Only the first call has an effect, and there is one.
        let _ = ORIGINS.set(self);
    }

    /// One sentence for each option that the text names, without the last full stop.
    pub(crate) fn of_text(&self, text: &str) -> Option<String> {
        let named = self
            .values
            .iter()
            .filter(|it| names_option(text, &it.option));
        sentences(named)
    }

    /// One sentence for each option.
    pub(crate) fn of_all(&self) -> Option<String> {
        sentences(self.values.iter())
    }
}

fn sentences<'a>(origins: impl Iterator<Item = &'a Origin>) -> Option<String> {
    let sentence = |it: &Origin| format!("The value of {} is from {}", it.option, it.source);
    let all: Vec<_> = origins.map(sentence).collect();
    (!all.is_empty()).then(|| all.join(". "))
}

/// Whether the text has this option as a whole word.
fn names_option(text: &str, option: &str) -> bool {
    text.match_indices(option).any(|(start, _)| {
        let next = text[start + option.len()..].chars().next();
        next.is_none_or(|next| next != '-' && !next.is_alphanumeric())
    })
}

/// Says where the values of the options come from that an error message names.
pub(crate) fn of_message(message: &str) -> Option<String> {
    ORIGINS.get()?.of_text(message)
}

/// Why the token of the profile is not used, as a sentence without a full stop.
pub(crate) fn unused_token() -> Option<&'static str> {
    ORIGINS.get()?.unused_token.as_deref()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_origin_of_its_option_only() {
        let mut origins = Origins::default();
        origins.add("env", "BAKONG_ENV".to_owned());
        origins.add("store", "BAKONG_STORE".to_owned());
        let origin = origins.of_text("--env: unknown");
        assert_eq!(
            origin.as_deref(),
            Some("The value of --env is from BAKONG_ENV")
        );
        assert_eq!(
            origins.of_text("--environment, --no-store, --store-it"),
            None
        );
    }
}
