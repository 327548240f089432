//! Writes CSV (RFC 4180) that is safe to open in a spreadsheet.

/// A CSV text in memory.
#[derive(Debug)]
pub(crate) struct CsvText(csv::Writer<Vec<u8>>);

impl CsvText {
    pub(crate) fn new(header: &[&str]) -> Self {
        let mut text = Self(csv::Writer::from_writer(Vec::new()));
        text.write(header.iter().map(|name| (*name).to_owned()));
        text
    }

    /// Adds a row. Values may be hostile, such as the name of a payer.
    pub(crate) fn row(&mut self, values: &[String]) {
        self.write(values.iter().map(|value| without_formula(value)));
    }

    pub(crate) fn finish(self) -> String {
        let bytes = self.0.into_inner().unwrap_or_default();
        String::from_utf8(bytes).unwrap_or_default()
    }

    fn write(&mut self, values: impl Iterator<Item = String>) {
        // Writing to memory cannot fail, and all rows have as many values as the header.
        let _ = self.0.write_record(values);
    }
}

/// A spreadsheet evaluates a value that starts like a formula. An apostrophe makes it text. Control characters, which
/// could act on a terminal, are removed.
fn without_formula(value: &str) -> String {
    let value: String = value.chars().filter(|c| !c.is_control()).collect();
    if value.starts_with(['=', '+', '-', '@']) {
        format!("'{value}")
    } else {
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_value_is_neither_a_formula_nor_a_control_sequence() {
        let mut text = CsvText::new(&["a", "b"]);
        text.row(&[
            "=HYPERLINK(\"http://evil\")".into(),
            "x,\"y\"\u{1b}[2J\n".into(),
        ]);
        assert_eq!(
            text.finish(),
            "a,b\n\"'=HYPERLINK(\"\"http://evil\"\")\",\"x,\"\"y\"\"[2J\"\n"
        );
    }
}
