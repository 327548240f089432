//! Blanks and line breaks that got into a code when it was copied.

use khqr_core::Payload;

/// Characters that do not belong to a code, and their position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Blank {
    what: &'static str,
    /// The byte offset in the text.
    at: usize,
}

/// Returns the first sign that an unreadable code was copied incorrectly, if there is one. Payment apps wrap long
/// codes, and editors add blanks.
pub(crate) fn find(text: &str) -> Option<Blank> {
    let blank = |at| {
        let what = match text.get(at..)?.chars().next()? {
            '\r' | '\n' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => "a line break",
            '\t' => "a tab",
            _ => "a blank",
        };
        Some(Blank { what, at })
    };
    // A code starts and ends with digits, and no field contains a line break or a tab.
    let first = text.chars().next()?;
    if is_blank(first) {
        return blank(0);
    }
    if let Some(at) =
        text.find(|c: char| is_blank(c) && c.is_control() || "\u{2028}\u{2029}".contains(c))
    {
        return blank(at);
    }
    let (last, end) = text.char_indices().next_back()?;
    if is_blank(end) {
        return blank(last);
    }
    // Other blanks may belong to a name, but not if the code is valid without them.
    let at = text.find(is_blank)?;
    let without: String = text.chars().filter(|&c| !is_blank(c)).collect();
    Payload::parse(&without).is_ok().then(|| blank(at))?
}

/// Whether this is white space, or a character without width.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || "\u{200b}\u{2060}\u{feff}".contains(c)
}

impl std::fmt::Display for Blank {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { what, at } = self;
        write!(
            f,
            "byte {at}: {what} does not belong to the code. Copy the code again, without blanks and line breaks around \
             or inside it"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "00020101021229140010sokha@devb5204599953031165405100005802KH5912Sokha Coffee6010Phnom Penh\
         62120108INV-20419934001317950000000000113179500060000063046965";

    #[test]
    fn blanks_around_a_code_and_line_breaks_in_it_are_found() {
        let middle = format!("{}\n{}", &CODE[..40], &CODE[40..]);
        for (text, what, at) in [
            (format!(" {CODE}"), "a blank", 0),
            (format!("\t{CODE}"), "a tab", 0),
            (format!("{CODE} "), "a blank", CODE.len()),
            (format!("{CODE}\u{a0}"), "a blank", CODE.len()),
            (format!("{CODE}\u{200b}"), "a blank", CODE.len()),
            (format!("{CODE}\r"), "a line break", CODE.len()),
            (middle, "a line break", 40),
        ] {
            assert_eq!(find(&text), Some(Blank { what, at }), "{text:?}");
        }
    }

    #[test]
    fn a_blank_inside_is_found_if_the_code_is_right_without() {
        let code = CODE.replace("5912Sokha Coffee", "5911SokhaCoffee");
        let code = code.replace("6010Phnom Penh", "6005Takeo");
        let body = code.split_at(code.len() - 4).0;
        let code = format!("{body}{}", khqr_core::Crc::of(body.as_bytes()));
        assert_eq!(find(&code), None);
        let spaced = format!("{} {}", &code[..10], &code[10..]);
        let expected = Blank {
            what: "a blank",
            at: 10,
        };
        assert_eq!(find(&spaced), Some(expected));
    }

    #[test]
    fn an_altered_code_has_no_blank() {
        assert_eq!(find(&CODE.replace("10000", "10001")), None);
        assert_eq!(find("hello"), None);
        assert_eq!(find(""), None);
    }
}
