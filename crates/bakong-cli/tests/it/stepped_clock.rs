//! The command on a machine whose system clock is wrong or is set, with libfaketime. Without libfaketime, the tests report
//! that they did not run. With `BAKONG_REQUIRE_FAKETIME=1`, which CI sets, they fail.

use std::time::{Duration, Instant};

use bakong_sandbox::Sandbox;
use tokio::process::Command;

use crate::support::{Finished, Folder, Shop, bakong, dara, token, words};

/// The system clock of the processes of one test. A file contains the difference to the real one.
struct FakeClock {
    file: String,
    _folder: Folder,
}

impl FakeClock {
    /// Creates a clock that differs by `seconds` from the real one. Returns `None` if libfaketime is not installed.
    async fn ahead_by(seconds: i64) -> Option<Self> {
        let folder = Folder::new();
        let clock = Self {
            file: folder.file("clock"),
            _folder: folder,
        };
        clock.set(3_600);
        if clock.difference().await < 3_000 {
            assert!(
                std::env::var_os("BAKONG_REQUIRE_FAKETIME").is_none(),
                "libfaketime is missing; install the package faketime"
            );
            let message = "not run: libfaketime is missing; install the package faketime";
            #[expect(clippy::print_stderr, reason = "a test that did not run says so")]
            {
                eprintln!("{message}");
            }
            return None;
        }
        clock.set(seconds);
        Some(clock)
    }

    /// Sets the clock. Running processes see the new time at once.
    fn set(&self, seconds: i64) {
        // A process reads the old file or the new one, and no empty one.
        let new = format!("{}.new", self.file);
        std::fs::write(&new, format!("{seconds:+}")).unwrap();
        std::fs::rename(new, &self.file).unwrap();
    }

    /// Lets a command use this clock. The monotonic clock stays right, as if the system clock were set.
    fn give_to<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command
            .env("LD_PRELOAD", "/usr/$LIB/faketime/libfaketimeMT.so.1")
            .env("FAKETIME_TIMESTAMP_FILE", &self.file)
            .env("FAKETIME_NO_CACHE", "1")
            .env("DONT_FAKE_MONOTONIC", "1")
    }

    /// Returns how many seconds the clock of a process is ahead.
    async fn difference(&self) -> i64 {
        let mut command = Command::new("date");
        let output = self.give_to(command.arg("+%s")).output().await.unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.trim().parse::<i64>().unwrap() - jiff::Timestamp::now().as_second()
    }
}

#[tokio::test]
async fn a_clock_that_is_set_ahead_expires_no_code() {
    let Some(clock) = FakeClock::ahead_by(0).await else {
        return;
    };
    let sandbox = Sandbox::start().await.unwrap();
    let url = sandbox.base_url();
    let mut command = bakong(&["checkout", "--qr", "light", "--base-url", &url]);
    clock.give_to(command.env("BAKONG_TOKEN", token(&sandbox)));
    let mut shop = Shop::started(command).await;
    // The code is valid for ten minutes.
    clock.set(11 * 60);
    assert!(clock.difference().await >= 11 * 60 - 1);
    let checks = sandbox.requests().len();
    let start = Instant::now();
    while sandbox.requests().len() < checks + 2 {
        assert_eq!(shop.child.try_wait().unwrap(), None, "the command ended");
        assert!(start.elapsed() < Duration::from_secs(120), "no checks");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    dara(&sandbox).pay(&shop.code).unwrap();
    shop.finish().await.exits(0).shows("PAID");
}

#[tokio::test]
async fn a_clock_that_is_two_hours_slow_shows_no_code_and_names_the_difference() {
    let Some(clock) = FakeClock::ahead_by(-7_200).await else {
        return;
    };
    let sandbox = Sandbox::start().await.unwrap();
    let line = format!("checkout --base-url {}", sandbox.base_url());
    let mut command = bakong(&words(&line));
    clock.give_to(command.env("BAKONG_TOKEN", token(&sandbox)));
    let finished = Finished::of(command.output().await.unwrap()).exits(1);
    finished.shows("warning: this machine's clock is 2 h behind Bakong's");
    finished.shows("No code was shown");
    finished.hides("000201");
}
