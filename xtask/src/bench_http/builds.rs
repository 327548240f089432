//! What the smallest program that asks Bakong costs to compile: how many crates, and how long from an
//! empty folder.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use super::PROJECT;
use crate::failure::Failure;
use crate::invocation::Invocation;

/// How often each is built. What counts is the quicker time.
const ROUNDS: u32 = 2;

/// A program that does nothing but ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Minimal {
    Ours,
    /// Without our crates' default features.
    OursLean,
    KhqrApi,
}

impl Minimal {
    pub(super) const ALL: [Self; 3] = [Self::Ours, Self::OursLean, Self::KhqrApi];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Ours => "minimal-ours",
            Self::OursLean => "minimal-ours-lean",
            Self::KhqrApi => "minimal-khqr-api",
        }
    }

    pub(super) fn project(self) -> String {
        format!("{PROJECT}/{}", self.name())
    }
}

/// What it took to build one of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Build {
    pub(super) program: Minimal,
    /// The packages that were compiled, beside the program itself.
    pub(super) crates: u64,
    /// The quickest.
    pub(super) took: Duration,
    /// Of all processors together, the least: what neighbours on the machine leave as it is, nearly.
    pub(super) processor: Duration,
}

/// Builds each of them from nothing, in turns, by the dev profile.
pub(super) fn measure(root: &Path, target: &Path) -> Result<Vec<Build>, Failure> {
    let mut builds: Vec<Build> = Vec::new();
    for _ in 0..ROUNDS {
        for program in Minimal::ALL {
            let build = build(program, root, target)?;
            match builds.iter_mut().find(|other| other.program == program) {
                Some(before) => {
                    before.took = before.took.min(build.took);
                    before.processor = before.processor.min(build.processor);
                }
                None => builds.push(build),
            }
        }
    }
    Ok(builds)
}

fn build(program: Minimal, root: &Path, target: &Path) -> Result<Build, Failure> {
    let folder = target.join("bench-http").join(program.name());
    remove(&folder)?;
    let manifest = format!("{}/Cargo.toml", program.project());
    // Offline, so that no network is timed.
    let cargo = Invocation::cargo(root, &["build", "--offline", "--message-format", "json"])
        .also(&["--manifest-path", &manifest])
        .with_env("CARGO_TARGET_DIR", folder.to_string_lossy());
    println!("$ {cargo}");
    let (start, before) = (Instant::now(), childrens_time()?);
    let messages = cargo.output()?;
    let took = start.elapsed();
    let processor = childrens_time()?.saturating_sub(before);
    remove(&folder)?;
    let crates = compiled(&messages, program.name())?;
    println!("{crates} crates, {took:.1?}, {processor:.1?} of processors");
    Ok(Build {
        program,
        crates,
        took,
        processor,
    })
}

/// The processor time of all processes that were started here and have ended, and of theirs.
fn childrens_time() -> Result<Duration, Failure> {
    let told = fs::read_to_string("/proc/self/stat").ok();
    let time = told.as_deref().and_then(childrens_time_in);
    time.ok_or_else(|| Failure::new("the system tells no times in /proc/self/stat, as Linux does"))
}

fn childrens_time_in(stat: &str) -> Option<Duration> {
    // The program's name stands in brackets and may itself hold spaces and brackets.
    let (_, fields) = stat.rsplit_once(") ")?;
    // `cutime` and `cstime` of proc(5), in hundredths of a second.
    let mut times = fields
        .split(' ')
        .skip(13)
        .map(|time| time.parse::<u64>().ok());
    let ticks = times.next()?? + times.next()??;
    Some(Duration::from_millis(ticks * 10))
}

fn remove(folder: &Path) -> Result<(), Failure> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Failure::new(format!(
            "{} could not be removed: {error}",
            folder.display()
        ))),
        _ => Ok(()),
    }
}

/// How many packages cargo's messages tell of, beside the one of this name. A package with a build script
/// has several artifacts and is one.
fn compiled(messages: &str, beside: &str) -> Result<u64, Failure> {
    let mut packages = BTreeSet::new();
    for line in messages.lines() {
        let unread = |_| Failure::new(format!("cargo's message is no JSON: {line}"));
        let message: serde_json::Value = serde_json::from_str(line).map_err(unread)?;
        if message.get("reason").and_then(|reason| reason.as_str()) != Some("compiler-artifact") {
            continue;
        }
        let named = message
            .pointer("/target/name")
            .and_then(|name| name.as_str());
        if let Some(package) = message.get("package_id").and_then(|id| id.as_str())
            && named != Some(beside)
        {
            packages.insert(package.to_owned());
        }
    }
    u64::try_from(packages.len()).map_err(|_| Failure::new("too many crates to count"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_counts_once_and_the_program_not_at_all() {
        let artifact = |package: &str, target: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","package_id":"{package}","target":{{"name":"{target}"}}}}"#
            )
        };
        let messages = [
            artifact("ring 0.17", "build-script-build"),
            r#"{"reason":"build-script-executed","package_id":"ring 0.17"}"#.to_owned(),
            artifact("ring 0.17", "ring"),
            artifact("syn 2", "syn"),
            artifact("syn 3", "syn"),
            artifact("program 0", "minimal-ours"),
            r#"{"reason":"build-finished","success":true}"#.to_owned(),
        ];
        let count = |messages: &str| compiled(messages, "minimal-ours");
        assert_eq!(count(&messages.join("\n")), Ok(3));
        assert!(count("   Compiling syn").is_err());
    }

    #[test]
    fn the_time_of_children_is_the_sum_of_its_two_fields() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194304 1 2 3 4 50 60 700 25 20 0 1 0 99";
        assert_eq!(childrens_time_in(stat), Some(Duration::from_millis(7_250)));
        assert_eq!(childrens_time_in("7 (a) S 1"), None);
    }
}
