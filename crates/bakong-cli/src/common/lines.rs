//! Reads standard input and files line by line, in chunks of whole lines.

use std::fmt;
use std::io::{self, ErrorKind, Read};

use memchr::{memchr, memrchr};

use crate::common::exit::{Exit, Failure};
use crate::common::piped;

/// The longest line in bytes, without its line feed. A longer line is reported and skipped.
const LONGEST_LINE: usize = 1 << 20;

/// The size of one read: enough work for one worker, and little memory.
const ONE_READ: usize = 128 << 10;

/// The byte order mark that editors on Windows write at the start of a file, in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

const UTF_16: &str = "the text is UTF-16, not UTF-8. Convert it: iconv -f UTF-16 -t UTF-8";

/// The argument, or one line from standard input if the argument is `-`. Line breaks at its ends are not part of a
/// code. A line that this command printed as JSON is replaced by its code.
pub(crate) fn text_or_line(argument: &str) -> Result<Result<String, Unreadable>, Failure> {
    if argument != "-" {
        return Ok(Ok(argument.trim_matches(['\r', '\n']).to_owned()));
    }
    let mut chunk = Chunk::default();
    Source::new(io::stdin().lock())
        .fill(&mut chunk)
        .map_err(|error| Failure::new(Exit::NoAnswer, format!("standard input: {error}")))?;
    let line = chunk.lines().next().unwrap_or(Ok(""));
    Ok(line.map(|line| piped::code_of(line).into_owned()))
}

/// Like [`text_or_line`], but fails if the line is unreadable.
pub(crate) fn readable_text(argument: &str) -> Result<String, Failure> {
    text_or_line(argument)?.map_err(|error| Failure::new(Exit::NotValid, error.to_string()))
}

/// The text without its byte order mark. Fails if it is UTF-16, which the first two bytes show: a byte order mark, or an
/// ASCII character and a zero (Unicode Standard, section 23.8).
fn without_byte_order_mark(text: &[u8]) -> io::Result<&[u8]> {
    match text {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, 1..=255, ..] | [1..=255, 0, ..] => {
            Err(io::Error::new(ErrorKind::InvalidData, UTF_16))
        }
        _ => Ok(text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)),
    }
}

/// A whole text without its byte order mark.
pub(crate) fn to_text(bytes: &[u8]) -> io::Result<&str> {
    std::str::from_utf8(without_byte_order_mark(bytes)?)
        .map_err(|error| io::Error::new(ErrorKind::InvalidData, error))
}

/// A buffer of whole lines. The last one may be unterminated: the last line of the input, or the start of a line that
/// is too long.
#[derive(Default)]
pub(crate) struct Chunk {
    buffer: Vec<u8>,
    /// How many bytes of the input were read for this chunk.
    pub(crate) read: u64,
}

impl Chunk {
    pub(crate) fn lines(&self) -> Lines<'_> {
        Lines(&self.buffer)
    }
}

/// Why a line cannot be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unreadable {
    TooLong,
    NotUtf8 {
        /// The offset of the first invalid byte.
        at: usize,
    },
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "the line is longer than {LONGEST_LINE} bytes"),
            Self::NotUtf8 { at } => write!(f, "byte {at}: not UTF-8"),
        }
    }
}

/// The lines of a chunk, without `\n` or `\r\n`.
pub(crate) struct Lines<'a>(&'a [u8]);

impl<'a> Iterator for Lines<'a> {
    type Item = Result<&'a str, Unreadable>;

    fn next(&mut self) -> Option<Self::Item> {
        let (line, rest) = match memchr(b'\n', self.0) {
            Some(end) => (self.0.get(..end)?, self.0.get(end + 1..)?),
            None if self.0.is_empty() => return None,
            None => (self.0, &[][..]),
        };
        self.0 = rest;
        if line.len() > LONGEST_LINE {
            return Some(Err(Unreadable::TooLong));
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let not_utf8 = |error: std::str::Utf8Error| Unreadable::NotUtf8 {
            at: error.valid_up_to(),
        };
        Some(std::str::from_utf8(line).map_err(not_utf8))
    }
}

/// Reads chunks from an input.
pub(crate) struct Source<R> {
    input: R,
    /// The start of a line whose end was not read yet.
    partial: Vec<u8>,
    /// Whether the rest of a line that is too long is being skipped.
    skipping: bool,
    /// Whether the first chunk was read.
    started: bool,
    ended: bool,
}

impl<R: Read> Source<R> {
    pub(crate) const fn new(input: R) -> Self {
        Self {
            input,
            partial: Vec::new(),
            skipping: false,
            started: false,
            ended: false,
        }
    }

    /// Fills the chunk with the lines that one read completes. Reads again only if it completes none. Returns `false`
    /// at the end of the input.
    ///
    /// # Errors
    /// The error of a read, or an error if the input is UTF-16.
    pub(crate) fn fill(&mut self, chunk: &mut Chunk) -> io::Result<bool> {
        let is_filled = self.fill_raw(chunk)?;
        if !std::mem::replace(&mut self.started, true) {
            let text = without_byte_order_mark(&chunk.buffer)?;
            let mark = chunk.buffer.len() - text.len();
            chunk.buffer.drain(..mark);
            return Ok(is_filled && !chunk.buffer.is_empty());
        }
        Ok(is_filled)
    }

    fn fill_raw(&mut self, chunk: &mut Chunk) -> io::Result<bool> {
        let buffer = &mut chunk.buffer;
        buffer.clear();
        buffer.append(&mut self.partial);
        chunk.read = 0;
        while !self.ended {
            let mut start = buffer.len();
            chunk.read += self.read(buffer)? as u64;
            if self.skipping {
                let end = memchr(b'\n', buffer).map(|at| at + 1);
                self.skipping = end.is_none();
                buffer.drain(..end.unwrap_or(buffer.len()));
                start = 0;
            }
            if let Some(at) = memrchr(b'\n', &buffer[start..]) {
                let end = start + at + 1;
                self.partial.extend_from_slice(&buffer[end..]);
                buffer.truncate(end);
                return Ok(true);
            }
            if buffer.len() > LONGEST_LINE {
                self.skipping = true;
                return Ok(true);
            }
        }
        Ok(!buffer.is_empty())
    }

    /// Appends one read to the buffer. After an error, the partial line in the buffer is lost.
    fn read(&mut self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        let start = buffer.len();
        buffer.resize(start + ONE_READ, 0);
        let result = loop {
            match self.input.read(&mut buffer[start..]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => break result,
            }
        };
        let read = *result.as_ref().unwrap_or(&0);
        buffer.truncate(start + read);
        self.ended = read == 0;
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns one of these buffers for each read.
    struct Reads(Vec<Vec<u8>>);

    impl Read for Reads {
        fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
            let Some(next) = self.0.first_mut() else {
                return Ok(0);
            };
            let len = next.len().min(space.len());
            space[..len].copy_from_slice(&next[..len]);
            next.drain(..len);
            if next.is_empty() {
                self.0.remove(0);
            }
            Ok(len)
        }
    }

    /// The lines, grouped by chunk.
    fn chunks(reads: &[&[u8]]) -> Vec<Vec<Result<String, Unreadable>>> {
        let all = reads.iter().map(|read| read.len()).sum::<usize>();
        let reads = reads.iter().map(|read| read.to_vec()).collect();
        let mut source = Source::new(Reads(reads));
        let mut chunk = Chunk::default();
        let mut chunks = Vec::new();
        let mut read = 0;
        while source.fill(&mut chunk).unwrap() {
            read += chunk.read;
            chunks.push(chunk.lines().map(|line| line.map(str::to_owned)).collect());
        }
        assert!(read <= all as u64);
        chunks
    }

    fn line(text: &str) -> Result<String, Unreadable> {
        Ok(text.to_owned())
    }

    #[test]
    fn lines_are_available_as_soon_as_they_are_complete() {
        let found = chunks(&[b"a\n", b"b\nc\nd", b"e", b"f\r\n\n", b"g"]);
        let expected: [&[_]; 4] = [
            &[line("a")],
            &[line("b"), line("c")],
            &[line("def"), line("")],
            &[line("g")],
        ];
        assert_eq!(found, expected);
        assert_eq!(chunks(&[]), [[]; 0]);
        assert_eq!(chunks(&[b"\n"]), [[line("")]]);
        assert_eq!(chunks(&[b"a\r"]), [[line("a")]]);
        assert_eq!(chunks(&[b"a\r\r\n"]), [[line("a\r")]]);
    }

    #[test]
    fn invalid_utf8_is_reported_with_its_offset() {
        let found = chunks(&[b"ab\xffc\nd\n"]);
        assert_eq!(found, [[Err(Unreadable::NotUtf8 { at: 2 }), line("d")]]);
    }

    #[test]
    fn a_byte_order_mark_is_not_part_of_the_first_line() {
        for reads in [
            &[&b"\xef\xbb\xbfa\nb\n"[..]][..],
            &[b"\xef", b"\xbb", b"\xbfa\n", b"b\n"],
        ] {
            assert_eq!(chunks(reads).concat(), [line("a"), line("b")]);
        }
        assert_eq!(chunks(&[b"\xef\xbb\xbf"]), [[]; 0]);
        // A byte order mark is removed only at the start of the input.
        let inner = chunks(&[b"a\n\xef\xbb\xbfb\n"]).concat();
        assert_eq!(inner, [line("a"), line("\u{feff}b")]);
    }

    #[test]
    fn utf_16_has_its_own_message() {
        let text: Vec<u16> = "{\"a\"}\n".encode_utf16().collect();
        let big = text.iter().flat_map(|unit| unit.to_be_bytes()).collect();
        let little = text.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let with_mark = |mark: [u8; 2], text: &Vec<u8>| [&mark[..], text].concat();
        for text in [
            with_mark([0xfe, 0xff], &big),
            with_mark([0xff, 0xfe], &little),
            big,
            little,
        ] {
            let mut source = Source::new(Reads(vec![text]));
            let error = source.fill(&mut Chunk::default()).unwrap_err();
            assert!(error.to_string().contains("UTF-16"), "{error}");
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_skipped() {
        let longest = "x".repeat(LONGEST_LINE);
        for (len, expected) in [
            (LONGEST_LINE, line(&longest)),
            (LONGEST_LINE + 1, Err(Unreadable::TooLong)),
            (LONGEST_LINE + 2 * ONE_READ, Err(Unreadable::TooLong)),
            (3 * LONGEST_LINE, Err(Unreadable::TooLong)),
        ] {
            for end in ["\n", "\nz\n", "\nz"] {
                let text = format!("a\n{}{end}", "x".repeat(len));
                for size in [text.len(), 100_000, ONE_READ - 1] {
                    let reads: Vec<_> = text.as_bytes().chunks(size).collect();
                    let found: Vec<_> = chunks(&reads).concat();
                    let mut all = vec![line("a"), expected.clone()];
                    all.extend(end.contains('z').then(|| line("z")));
                    assert!(found == all, "{len} {end:?} {size}");
                }
            }
        }
        let endless = "x".repeat(2 * LONGEST_LINE);
        assert_eq!(
            chunks(&[endless.as_bytes()]).concat(),
            [Err(Unreadable::TooLong)]
        );
    }
}
