//! A pseudo-terminal: what a person sees and types.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};
use tokio::process::Command;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::support::bakong;

/// A terminal of 50 rows and 100 columns.
pub(crate) struct Pty {
    terminal: OwnedFd,
    keyboard: File,
    chunks: UnboundedReceiver<Vec<u8>>,
    seen: Vec<u8>,
}

impl Pty {
    pub(crate) fn open() -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY;
        let terminal = rustix::fs::open(name, flags, Mode::empty()).unwrap();
        let size = Winsize {
            ws_row: 50,
            ws_col: 100,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&terminal, size).unwrap();
        let keyboard = File::from(master);
        let mut screen = keyboard.try_clone().unwrap();
        let (sender, chunks) = unbounded_channel();
        // Reading ends when the last handle of the terminal is closed.
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = screen.read(&mut buffer) {
                let _ = sender.send(buffer[..length].to_vec());
            }
        });
        Self {
            terminal,
            keyboard,
            chunks,
            seen: Vec::new(),
        }
    }

    pub(crate) fn stdio(&self) -> Stdio {
        Stdio::from(self.terminal.try_clone().unwrap())
    }

    /// The command with this terminal as standard output and standard error.
    pub(crate) fn bakong(&self, arguments: &[&str]) -> Command {
        let mut command = bakong(arguments);
        command
            .env("TERM", "xterm-256color")
            .env("LC_ALL", "C.UTF-8")
            .stdout(self.stdio())
            .stderr(self.stdio());
        command
    }

    /// The modes of the terminal.
    pub(crate) fn modes(&self) -> Termios {
        tcgetattr(&self.terminal).unwrap()
    }

    /// Types a text, and Enter.
    pub(crate) fn enter(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).unwrap();
        self.keyboard.write_all(b"\n").unwrap();
    }

    /// Waits until the terminal has received a text.
    pub(crate) async fn wait_for(&mut self, text: &str) {
        while !self.seen().contains(text) {
            let next = tokio::time::timeout(Duration::from_secs(60), self.chunks.recv()).await;
            let seen = self.seen();
            let next = next.unwrap_or_else(|_| panic!("no {text:?}: {seen}"));
            self.seen.extend(next.expect("the terminal is open"));
        }
    }

    /// What the terminal has received up to the last wait.
    pub(crate) fn seen(&self) -> String {
        String::from_utf8_lossy(&self.seen).into_owned()
    }

    /// Closes the terminal, after the command has ended, and returns what it has received.
    pub(crate) async fn close(self) -> String {
        let Self {
            terminal,
            keyboard: _keyboard,
            mut chunks,
            mut seen,
        } = self;
        drop(terminal);
        while let Some(chunk) = chunks.recv().await {
            seen.extend(chunk);
        }
        String::from_utf8_lossy(&seen).into_owned()
    }
}
