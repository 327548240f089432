//! Lines in, answers out, in order and on every core.
//!
//! The workers take turns. Each takes the next chunk of lines, with a number, while the others wait for the
//! input; answers it while they take theirs; and writes the answers when its number is up. So the order is
//! kept, nothing is queued, and whoever reads slowly slows everybody. A single line goes through one thread
//! and waits for nobody.

use std::io::{self, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;

use super::input::{Chunk, Lines, Source};
use super::progress::Progress;

/// What is kept of a buffer when the answers to a chunk were much longer than usual.
const KEPT: usize = 1 << 20;

/// Why not all lines were answered. Those before it were.
#[derive(Debug)]
pub(super) enum Stop {
    Read(io::Error),
    Write(io::Error),
    /// A worker panicked; the panic was told on standard error.
    Panic,
    Thread(io::Error),
}

/// Answers every line of `input` on `output`, with this many workers.
///
/// `answer` writes the answers to some lines, one after the other. When it panics, or when reading or
/// writing fails, the others are not waited for: they may be waiting for input that never comes.
pub(super) fn run<R, W, A>(
    input: R,
    output: W,
    workers: usize,
    progress: &Progress,
    answer: A,
) -> Result<(), Stop>
where
    R: Read + Send + 'static,
    W: Write + Send + 'static,
    A: Fn(Lines<'_>, &mut Vec<u8>) + Send + Sync + 'static,
{
    let shop = Arc::new(Shop {
        input: Mutex::new(Input {
            source: Source::new(input),
            taken: 0,
        }),
        output: Mutex::new(Output {
            writer: output,
            written: 0,
            stopped: false,
            progress: progress.clone(),
        }),
        next: Condvar::new(),
        answer,
    });
    let (done, ends) = mpsc::channel();
    for started in 0..workers.max(1) {
        let (shop, done) = (Arc::clone(&shop), done.clone());
        let work = move || drop(done.send(shop.work()));
        match thread::Builder::new().spawn(work) {
            Err(error) if started == 0 => return Err(Stop::Thread(error)),
            // Some do as well, only slower.
            _ => {}
        }
    }
    drop(done);
    let end = ends.into_iter().collect();
    // Workers may still be there, and what is told next is not to stand on the bar's line.
    progress.end();
    end
}

struct Shop<R, W, A> {
    input: Mutex<Input<R>>,
    output: Mutex<Output<W>>,
    /// Told when a chunk was written.
    next: Condvar,
    answer: A,
}

struct Input<R> {
    source: Source<R>,
    /// How many chunks were taken.
    taken: u64,
}

struct Output<W> {
    writer: W,
    /// How many chunks were written.
    written: u64,
    stopped: bool,
    progress: Progress,
}

impl<R: Read, W: Write, A: Fn(Lines<'_>, &mut Vec<u8>)> Shop<R, W, A> {
    fn work(&self) -> Result<(), Stop> {
        let mut chunk = Chunk::default();
        let mut answers = Vec::new();
        loop {
            let (number, is_filled) = self.take(&mut chunk);
            let answered = match is_filled {
                Ok(false) => return Ok(()),
                Ok(true) => {
                    let answer = || (self.answer)(chunk.lines(), &mut answers);
                    catch_unwind(AssertUnwindSafe(answer)).map_err(|_| Stop::Panic)
                }
                Err(error) => Err(Stop::Read(error)),
            };
            let Some(mut output) = self.turn(number) else {
                return Ok(());
            };
            let written = answered.and_then(|()| output.write(&answers, chunk.read));
            output.stopped = written.is_err();
            drop(output);
            self.next.notify_all();
            written?;
            answers.clear();
            answers.shrink_to(KEPT);
        }
    }

    /// The next chunk and its number.
    fn take(&self, chunk: &mut Chunk) -> (u64, io::Result<bool>) {
        let mut input = lock(&self.input);
        let is_filled = input.source.fill(chunk);
        let number = input.taken;
        if !matches!(is_filled, Ok(false)) {
            input.taken += 1;
        }
        (number, is_filled)
    }

    /// Waits until all chunks before this one were written; `None` if they will not be.
    fn turn(&self, number: u64) -> Option<MutexGuard<'_, Output<W>>> {
        let is_later = |output: &mut Output<W>| output.written != number && !output.stopped;
        let output = self.next.wait_while(lock(&self.output), is_later);
        let output = output.unwrap_or_else(PoisonError::into_inner);
        (!output.stopped).then_some(output)
    }
}

impl<W: Write> Output<W> {
    fn write(&mut self, answers: &[u8], read: u64) -> Result<(), Stop> {
        self.writer.write_all(answers).map_err(Stop::Write)?;
        self.writer.flush().map_err(Stop::Write)?;
        self.written += 1;
        self.progress.add(read);
        Ok(())
    }
}

/// No code that holds one of the locks leaves half of a change behind when it panics.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was written, to be looked at while the workers live.
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            lock(&self.0).extend_from_slice(text);
            Ok(text.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn echo(lines: Lines<'_>, out: &mut Vec<u8>) {
        for line in lines.flatten() {
            out.extend_from_slice(line.as_bytes());
            out.push(b'\n');
        }
    }

    fn text(lines: u32) -> Vec<u8> {
        (0..lines)
            .flat_map(|number| format!("{number}\n").into_bytes())
            .collect()
    }

    #[test]
    fn many_chunks_keep_their_order() {
        for workers in [1, 2, 7] {
            let written = Written::default();
            let input = text(200_000);
            let end = run(
                io::Cursor::new(input.clone()),
                written.clone(),
                workers,
                &Progress::none(),
                echo,
            );
            assert!(end.is_ok());
            assert!(*lock(&written.0) == input);
        }
    }

    #[test]
    fn a_panic_ends_it_after_the_lines_before() {
        let written = Written::default();
        let answer = |lines: Lines<'_>, out: &mut Vec<u8>| {
            let numbers = lines.flatten().map(|line| line.parse::<u32>().unwrap());
            for number in numbers {
                assert!(number < 150_000, "as this test wants it");
                out.extend_from_slice(format!("{number}\n").as_bytes());
            }
        };
        let end = run(
            io::Cursor::new(text(200_000)),
            written.clone(),
            3,
            &Progress::none(),
            answer,
        );
        assert!(matches!(end, Err(Stop::Panic)), "{end:?}");
        let written = lock(&written.0);
        assert!(!written.is_empty() && text(150_000).starts_with(&written));
    }

    #[test]
    fn input_that_cannot_be_read_ends_it_after_the_lines_before() {
        struct Broken;

        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("torn"))
            }
        }

        let written = Written::default();
        let input = io::Cursor::new(text(100_000)).chain(Broken);
        let end = run(input, written.clone(), 3, &Progress::none(), echo);
        assert!(matches!(end, Err(Stop::Read(_))), "{end:?}");
        assert!(*lock(&written.0) == text(100_000));
    }

    #[test]
    fn output_that_cannot_be_written_ends_it_though_input_is_to_come() {
        struct Full;

        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }

        let (reader, mut writer) = io::pipe().unwrap();
        writer.write_all(b"a\n").unwrap();
        let end = run(reader, Full, 3, &Progress::none(), echo);
        assert!(matches!(end, Err(Stop::Write(_))), "{end:?}");
        drop(writer);
    }
}
