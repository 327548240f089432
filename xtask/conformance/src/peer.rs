//! Other programs, asked line by line.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::failure::Failure;

/// A running program that answers each line on its standard input with a line on its standard output.
#[derive(Debug)]
pub(super) struct Peer {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Peer {
    pub(super) fn start(name: impl Into<String>, mut command: Command) -> Result<Self, Failure> {
        let name = name.into();
        let unstartable = |why: String| Failure::new(format!("{name} could not be started: {why}"));
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| unstartable(error.to_string()))?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(unstartable("it has no pipes".to_owned()));
        };
        Ok(Self {
            name,
            child,
            stdin: Some(stdin),
            stdout: BufReader::new(stdout),
        })
    }

    /// The answers to these lines, none of which may hold a line feed; it stays for further ones.
    pub(super) fn ask(&mut self, lines: &[String]) -> Result<Vec<String>, Failure> {
        let Some(mut stdin) = self.stdin.take() else {
            return Err(self.silent("was asked after its end"));
        };
        let (answers, written) = self.exchange(lines, move |text| {
            stdin.write_all(text)?;
            stdin.flush()?;
            Ok(Some(stdin))
        })?;
        self.stdin = written;
        Ok(answers)
    }

    /// The answers of a program that may wait for the end of its input before it says anything.
    pub(super) fn finish(mut self, lines: &[String]) -> Result<Vec<String>, Failure> {
        let stdin = self.stdin.take();
        let (answers, _) = self.exchange(lines, move |text| {
            if let Some(mut stdin) = stdin {
                stdin.write_all(text)?;
            }
            Ok(None)
        })?;
        let mut more = String::new();
        if self.stdout.read_line(&mut more).unwrap_or_default() > 0 {
            return Err(self.silent("answered more lines than it was asked"));
        }
        Ok(answers)
    }

    // Written by a thread of its own: a pipe holds some 64 KiB, and then each would wait for the other.
    fn exchange(
        &mut self,
        lines: &[String],
        write: impl FnOnce(&[u8]) -> std::io::Result<Option<ChildStdin>> + Send,
    ) -> Result<(Vec<String>, Option<ChildStdin>), Failure> {
        let mut text = lines.join("\n");
        if !lines.is_empty() {
            text.push('\n');
        }
        std::thread::scope(|scope| {
            let writer = scope.spawn(move || write(text.as_bytes()));
            let mut answers = Vec::with_capacity(lines.len());
            while answers.len() < lines.len() {
                let mut answer = String::new();
                match self.stdout.read_line(&mut answer) {
                    Ok(0) => {
                        return Err(self.silent(&format!(
                            "ended after {} of {} answers; the next question was {:?}",
                            answers.len(),
                            lines.len(),
                            lines[answers.len()]
                        )));
                    }
                    Ok(_) => answers.push(answer),
                    Err(error) => return Err(self.silent(&format!("could not be read: {error}"))),
                }
            }
            match writer.join() {
                Ok(Ok(stdin)) => Ok((answers, stdin)),
                _ => Err(self.silent("stopped listening")),
            }
        })
    }

    fn silent(&self, what: &str) -> Failure {
        Failure::new(format!("{} {what}", self.name))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn lines(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("line {number}")).collect()
    }

    #[test]
    fn more_than_a_pipe_holds_comes_back_in_order() {
        let mut cat = Peer::start("cat", Command::new("cat")).unwrap();
        for _ in 0..2 {
            let answers = cat.ask(&lines(20_000)).unwrap();
            assert_eq!(answers.last().map(|line| line.trim()), Some("line 19999"));
        }
        assert_eq!(cat.finish(&lines(3)).unwrap().len(), 3);
    }

    #[test]
    fn a_program_that_ends_early_or_says_too_much_is_told() {
        let mut head = Command::new("head");
        head.arg("-n1");
        let ended = Peer::start("head", head).unwrap().finish(&lines(2));
        assert!(
            ended
                .unwrap_err()
                .to_string()
                .starts_with("head ended after 1 of 2 answers")
        );
        let mut twice = Command::new("sed");
        twice.arg("p");
        let more = Peer::start("sed", twice).unwrap().finish(&lines(2));
        assert!(
            more.unwrap_err()
                .to_string()
                .contains("sed answered more lines")
        );
    }
}
