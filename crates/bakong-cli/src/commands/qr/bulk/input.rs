//! Standard input as chunks of whole lines.

use std::io::{self, ErrorKind, Read};

use memchr::{memchr, memrchr};

/// The longest line that is read, without its line feed. What is longer is refused and skipped.
pub(in crate::commands::qr) const LONGEST_LINE: usize = 1 << 20;

/// How much is read at once: much work for one worker's turn, and little to hold.
const ONE_READ: usize = 128 << 10;

/// Lines, the last of which may have no end: the input's last, or as much as was read of one that is too
/// long.
#[derive(Default)]
pub(super) struct Chunk {
    buffer: Vec<u8>,
    filled: usize,
    /// How far reading it moved on in the input.
    pub(super) read: u64,
}

impl Chunk {
    pub(super) fn lines(&self) -> Lines<'_> {
        Lines(self.buffer.get(..self.filled).unwrap_or_default())
    }

    /// Empties it but for this.
    fn start_with(&mut self, begun: &[u8]) {
        self.read = 0;
        self.filled = begun.len();
        if self.buffer.len() < begun.len() {
            self.buffer.resize(begun.len(), 0);
        }
        if let Some(start) = self.buffer.get_mut(..begun.len()) {
            start.copy_from_slice(begun);
        }
    }

    /// The room for one read after what is there.
    fn room(&mut self) -> &mut [u8] {
        let end = self.filled + ONE_READ;
        if self.buffer.len() < end {
            self.buffer.resize(end, 0);
        }
        self.buffer.get_mut(self.filled..end).unwrap_or_default()
    }

    /// Moves what follows the first line feed before `end` to the front of the chunk, which is empty.
    /// Whether there is a line feed.
    fn drop_to_line_feed(&mut self, end: usize) -> bool {
        let Some(at) = memchr(b'\n', self.buffer.get(..end).unwrap_or_default()) else {
            return false;
        };
        self.buffer.copy_within(at + 1..end, 0);
        self.filled = end - at - 1;
        true
    }

    /// Takes off what follows the last line feed, if there is one; none is before `from`.
    fn split_after_last_line(&mut self, from: usize) -> Option<&[u8]> {
        let filled = self.filled;
        let at = memrchr(b'\n', self.buffer.get(from..filled)?)?;
        self.filled = from + at + 1;
        self.buffer.get(self.filled..filled)
    }
}

/// Why a line is no text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::commands::qr) enum Unreadable {
    TooLong,
    NotUtf8 {
        /// The first byte that is wrong.
        at: usize,
    },
}

/// The lines of a chunk without their ends, `\n` or `\r\n`.
pub(super) struct Lines<'a>(&'a [u8]);

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

/// Where the lines come from.
pub(super) struct Source<R> {
    input: R,
    /// The beginning of a line whose end was not read yet.
    begun: Vec<u8>,
    /// Whether the rest of a line is skipped.
    skipping: bool,
    ended: bool,
}

impl<R: Read> Source<R> {
    pub(super) const fn new(input: R) -> Self {
        Self {
            input,
            begun: Vec::new(),
            skipping: false,
            ended: false,
        }
    }

    /// Puts the lines that one read completes into the chunk, reading on only where it completes none.
    /// `false` when there are no more.
    pub(super) fn fill(&mut self, chunk: &mut Chunk) -> io::Result<bool> {
        chunk.start_with(&self.begun);
        self.begun.clear();
        while !self.ended {
            let new = self.read(chunk.room())?;
            let end = chunk.filled + new;
            chunk.read += new as u64;
            if new == 0 {
                self.ended = true;
            } else if self.skipping {
                // Nothing else is in the chunk.
                self.skipping = !chunk.drop_to_line_feed(end);
            } else {
                chunk.filled = end;
            }
            let fresh = chunk.filled.saturating_sub(new);
            if let Some(rest) = chunk.split_after_last_line(fresh) {
                self.begun.extend_from_slice(rest);
                return Ok(true);
            }
            if chunk.filled > LONGEST_LINE {
                self.skipping = true;
                return Ok(true);
            }
        }
        Ok(chunk.filled > 0)
    }

    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.input.read(room) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // What was begun is not known to be a line.
                Err(error) => {
                    self.ended = true;
                    return Err(error);
                }
                read => return read,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives what it is told, a piece a read.
    struct Pieces(Vec<Vec<u8>>);

    impl Read for Pieces {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            let Some(piece) = self.0.first_mut() else {
                return Ok(0);
            };
            let len = piece.len().min(room.len());
            room[..len].copy_from_slice(&piece[..len]);
            piece.drain(..len);
            if piece.is_empty() {
                self.0.remove(0);
            }
            Ok(len)
        }
    }

    /// The lines chunk by chunk.
    fn chunks(pieces: &[&[u8]]) -> Vec<Vec<Result<String, Unreadable>>> {
        let all = pieces.iter().map(|piece| piece.len()).sum::<usize>();
        let pieces = pieces.iter().map(|piece| piece.to_vec()).collect();
        let mut source = Source::new(Pieces(pieces));
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
    fn what_a_read_completes_is_answered_at_once() {
        let found = chunks(&[b"a\n", b"b\nc\nd", b"e", b"f\r\n\n", b"g"]);
        let wanted: [&[_]; 4] = [
            &[line("a")],
            &[line("b"), line("c")],
            &[line("def"), line("")],
            &[line("g")],
        ];
        assert_eq!(found, wanted);
        assert_eq!(chunks(&[]), [[]; 0]);
        assert_eq!(chunks(&[b"\n"]), [[line("")]]);
        assert_eq!(chunks(&[b"a\r"]), [[line("a")]]);
        assert_eq!(chunks(&[b"a\r\r\n"]), [[line("a\r")]]);
    }

    #[test]
    fn a_line_that_is_no_text_says_where() {
        let found = chunks(&[b"ab\xffc\nd\n"]);
        assert_eq!(found, [[Err(Unreadable::NotUtf8 { at: 2 }), line("d")]]);
    }

    #[test]
    fn lines_may_be_long_and_not_too_long() {
        let longest = "x".repeat(LONGEST_LINE);
        for (len, wanted) in [
            (LONGEST_LINE, line(&longest)),
            (LONGEST_LINE + 1, Err(Unreadable::TooLong)),
            (LONGEST_LINE + 2 * ONE_READ, Err(Unreadable::TooLong)),
            (3 * LONGEST_LINE, Err(Unreadable::TooLong)),
        ] {
            for end in ["\n", "\nz\n", "\nz"] {
                let text = format!("a\n{}{end}", "x".repeat(len));
                for piece in [text.len(), 100_000, ONE_READ - 1] {
                    let pieces: Vec<_> = text.as_bytes().chunks(piece).collect();
                    let found: Vec<_> = chunks(&pieces).concat();
                    let mut all = vec![line("a"), wanted.clone()];
                    all.extend(end.contains('z').then(|| line("z")));
                    assert!(found == all, "{len} {end:?} {piece}");
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
