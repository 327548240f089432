//! Processes lines on every core and writes the answers in order.
//!
//! Each worker repeats three steps. It locks the input and reads the next chunk of lines. It processes
//! the chunk without a lock. It waits until all earlier chunks are written, and writes its answers. So the lines stay in
//! order, nothing is queued, and a slow reader slows down the workers. A line that arrives alone is answered
//! at once, without waiting for more input.

use std::io::{self, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;

use super::progress::Progress;
use crate::common::lines::{Chunk, Lines, Source};

/// The largest capacity of an answer buffer that is kept for the next chunk.
const MAX_CAPACITY: usize = 1 << 20;

/// Why not all lines were processed. The answers to the lines before the error have been written.
#[derive(Debug)]
pub(super) enum EngineError {
    Read(io::Error),
    Write(io::Error),
    /// A worker panicked. The panic message is on standard error.
    Panic,
    Thread(io::Error),
}

/// Processes every line of `input` and writes the answers to `output`.
///
/// `answer` appends the answers to some lines. After a panic, or a failed read or write, this function returns without
/// waiting for the other workers, because they may be waiting for input that never comes.
pub(super) fn run<R, W, A>(
    input: R,
    output: W,
    workers: usize,
    progress: &Progress,
    answer: A,
) -> Result<(), EngineError>
where
    R: Read + Send + 'static,
    W: Write + Send + 'static,
    A: Fn(Lines<'_>, &mut Vec<u8>) + Send + Sync + 'static,
{
    let engine = Arc::new(Engine {
        input: Mutex::new(Input {
            source: Source::new(input),
            chunks_read: 0,
        }),
        output: Mutex::new(Output {
            writer: output,
            chunks_written: 0,
            stopped: false,
            progress: progress.clone(),
        }),
        next: Condvar::new(),
        answer,
    });
    let (done, results) = mpsc::channel();
    for started in 0..workers.max(1) {
        let (engine, done) = (Arc::clone(&engine), done.clone());
        let work = move || drop(done.send(engine.work()));
        match thread::Builder::new().spawn(work) {
            Err(error) if started == 0 => return Err(EngineError::Thread(error)),
            // With fewer workers, the engine is only slower.
            _ => {}
        }
    }
    drop(done);
    let result = results.into_iter().collect();
    // Clears the progress bar before the caller prints a message.
    progress.end();
    result
}

struct Engine<R, W, A> {
    input: Mutex<Input<R>>,
    output: Mutex<Output<W>>,
    /// Notified when a chunk is written.
    next: Condvar,
    answer: A,
}

struct Input<R> {
    source: Source<R>,
    /// The number of chunks that were read.
    chunks_read: u64,
}

struct Output<W> {
    writer: W,
    /// The number of chunks whose answers were written.
    chunks_written: u64,
    stopped: bool,
    progress: Progress,
}

impl<R: Read, W: Write, A: Fn(Lines<'_>, &mut Vec<u8>)> Engine<R, W, A> {
    fn work(&self) -> Result<(), EngineError> {
        let mut chunk = Chunk::default();
        let mut answers = Vec::new();
        loop {
            let (number, is_filled) = self.take(&mut chunk);
            let answered = match is_filled {
                Ok(false) => return Ok(()),
                Ok(true) => {
                    let answer = || (self.answer)(chunk.lines(), &mut answers);
                    catch_unwind(AssertUnwindSafe(answer)).map_err(|_| EngineError::Panic)
                }
                Err(error) => Err(EngineError::Read(error)),
            };
            let Some(mut output) = self.wait_for_turn(number) else {
                return Ok(());
            };
            let written = answered.and_then(|()| output.write(&answers, chunk.read));
            output.stopped = written.is_err();
            drop(output);
            self.next.notify_all();
            written?;
            answers.clear();
            answers.shrink_to(MAX_CAPACITY);
        }
    }

    /// Reads the next chunk. Returns its number, and whether there was one.
    fn take(&self, chunk: &mut Chunk) -> (u64, io::Result<bool>) {
        let mut input = lock(&self.input);
        let is_filled = input.source.fill(chunk);
        let number = input.chunks_read;
        if !matches!(is_filled, Ok(false)) {
            input.chunks_read += 1;
        }
        (number, is_filled)
    }

    /// Waits until all chunks before this one are written. Returns `None` if the engine has stopped.
    fn wait_for_turn(&self, number: u64) -> Option<MutexGuard<'_, Output<W>>> {
        let is_later = |output: &mut Output<W>| output.chunks_written != number && !output.stopped;
        let output = self.next.wait_while(lock(&self.output), is_later);
        let output = output.unwrap_or_else(PoisonError::into_inner);
        (!output.stopped).then_some(output)
    }
}

impl<W: Write> Output<W> {
    fn write(&mut self, answers: &[u8], read: u64) -> Result<(), EngineError> {
        self.writer.write_all(answers).map_err(EngineError::Write)?;
        self.writer.flush().map_err(EngineError::Write)?;
        self.chunks_written += 1;
        self.progress.add(read);
        Ok(())
    }
}

/// Ignores poisoning: a panic never leaves the locked data half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The output, readable while the workers run.
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
    fn chunks_are_written_in_order() {
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
    fn a_panic_stops_after_the_lines_before() {
        let written = Written::default();
        let answer = |lines: Lines<'_>, out: &mut Vec<u8>| {
            let numbers = lines.flatten().map(|line| line.parse::<u32>().unwrap());
            for number in numbers {
                assert!(number < 150_000, "a deliberate panic");
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
        assert!(matches!(end, Err(EngineError::Panic)), "{end:?}");
        let written = lock(&written.0);
        assert!(!written.is_empty() && text(150_000).starts_with(&written));
    }

    #[test]
    fn a_failed_read_stops_after_the_lines_before() {
        struct Broken;

        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("torn"))
            }
        }

        let written = Written::default();
        let input = io::Cursor::new(text(100_000)).chain(Broken);
        let end = run(input, written.clone(), 3, &Progress::none(), echo);
        assert!(matches!(end, Err(EngineError::Read(_))), "{end:?}");
        assert!(*lock(&written.0) == text(100_000));
    }
}
