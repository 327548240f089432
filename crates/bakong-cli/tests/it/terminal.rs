//! A pseudo-terminal for a command.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use tokio::sync::Notify;

/// Opens a pseudo-terminal of 100 columns and 50 rows: the side of a person, and the side of the command.
pub(crate) fn open() -> (OwnedFd, OwnedFd) {
    let person = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&person).unwrap();
    unlockpt(&person).unwrap();
    let name = ptsname(&person, Vec::new()).unwrap();
    let flags = OFlags::RDWR | OFlags::NOCTTY;
    let command = rustix::fs::open(name, flags, Mode::empty()).unwrap();
    let size = Winsize {
        ws_row: 50,
        ws_col: 100,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&command, size).unwrap();
    (person, command)
}

/// A person in front of a terminal.
pub(crate) struct Person {
    keyboard: File,
    command_side: OwnedFd,
    seen: Arc<Seen>,
}

/// What the terminal shows.
#[derive(Default)]
struct Seen {
    text: Mutex<String>,
    changed: Notify,
}

impl Person {
    pub(crate) fn new() -> Self {
        let (person, command_side) = open();
        let keyboard = File::from(person);
        let mut screen = keyboard.try_clone().unwrap();
        let seen = Arc::new(Seen::default());
        let shown = Arc::clone(&seen);
        // The thread ends with the last handle of the command's side.
        std::thread::spawn(move || {
            let mut buffer = [0; 4_096];
            while let Ok(length @ 1..) = screen.read(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..length]);
                shown.text.lock().unwrap().push_str(&text);
                shown.changed.notify_one();
            }
        });
        Self {
            keyboard,
            command_side,
            seen,
        }
    }

    /// The terminal as a standard stream of a command.
    pub(crate) fn stream(&self) -> Stdio {
        self.command_side.try_clone().unwrap().into()
    }

    /// Everything that the terminal has shown.
    pub(crate) fn screen(&self) -> String {
        self.seen.text.lock().unwrap().clone()
    }

    /// Waits until the terminal has shown a text this many times.
    pub(crate) async fn sees(&self, text: &str, times: usize) {
        let shown = async {
            while self.screen().matches(text).count() < times {
                self.seen.changed.notified().await;
            }
        };
        let limit = Duration::from_secs(60);
        let found = tokio::time::timeout(limit, shown).await;
        assert!(found.is_ok(), "{text} is missing: {}", self.screen());
    }

    /// Types a line.
    pub(crate) fn types(&mut self, line: &str) {
        self.keyboard
            .write_all(format!("{line}\n").as_bytes())
            .unwrap();
    }
}
