//! Lines that this command prints and reads again: `bakong qr generate --jsonl | bakong watch`.

use std::borrow::Cow;

use serde::Deserialize;

/// Returns the code of a line: the line itself, or the `qr` of a JSON object. A code never starts with a brace.
pub(crate) fn code_of(line: &str) -> Cow<'_, str> {
    #[derive(Deserialize)]
    struct Generated {
        qr: String,
    }

    if line.trim_start().starts_with('{')
        && let Ok(generated) = serde_json::from_str::<Generated>(line)
    {
        return generated.qr.into();
    }
    line.into()
}
