//! Measures one client, in a process that does nothing else.

use std::fs;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::{self, Runtime};
use tokio::task::JoinHandle;

use crate::Failure;
use crate::callers::Caller;
use crate::server::raise_open_files;

/// The number of requests in flight in the throughput measurement.
const IN_FLIGHT: usize = 64;

/// The number of requests that each task sends before the measurement starts, to open connections and fill caches.
const WARM_UP: usize = 20;

#[derive(Clone, Copy)]
pub(crate) enum Measure {
    /// Processor time per request, sequentially on one thread, in nanoseconds.
    Cpu,
    /// Requests per second on two threads, and processor time per request in nanoseconds.
    Throughput,
    /// Peak memory with all requests started at once, in KiB, and the number of failed requests.
    Memory,
}

impl FromStr for Measure {
    type Err = Failure;

    fn from_str(name: &str) -> Result<Self, Failure> {
        match name {
            "cpu" => Ok(Self::Cpu),
            "throughput" => Ok(Self::Throughput),
            "memory" => Ok(Self::Memory),
            _ => Err(format!("unknown measure `{name}`").into()),
        }
    }
}

impl Measure {
    /// Returns the figures as they are printed.
    pub(crate) fn of(self, caller: impl Caller, requests: usize) -> Result<String, Failure> {
        match self {
            Self::Cpu => cpu(&caller, requests),
            Self::Throughput => throughput(caller, requests),
            Self::Memory => memory(caller, requests),
        }
    }
}

fn cpu(caller: &impl Caller, requests: usize) -> Result<String, Failure> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        repeat(caller, IN_FLIGHT * WARM_UP).await?;
        let before = processor_time();
        repeat(caller, requests).await?;
        let took = processor_time().saturating_sub(before);
        Ok(format!("{}", each(took, requests)))
    })
}

fn throughput(caller: impl Caller, requests: usize) -> Result<String, Failure> {
    let runtime = two_threads()?;
    let caller = Arc::new(caller);
    let share = requests / IN_FLIGHT;
    let all = async |share| {
        let task = || {
            let caller = Arc::clone(&caller);
            tokio::spawn(async move { repeat(&*caller, share).await })
        };
        let tasks: Vec<JoinHandle<_>> = (0..IN_FLIGHT).map(|_| task()).collect();
        for task in tasks {
            task.await??;
        }
        Ok::<_, Failure>(())
    };
    runtime.block_on(async {
        all(WARM_UP).await?;
        let (before, start) = (processor_time(), Instant::now());
        all(share).await?;
        let (lasted, took) = (start.elapsed(), processor_time().saturating_sub(before));
        let requests = share * IN_FLIGHT;
        let a_second = requests as u128 * 1_000_000_000 / lasted.as_nanos().max(1);
        Ok(format!("{a_second} {}", each(took, requests)))
    })
}

fn memory(caller: impl Caller, callers: usize) -> Result<String, Failure> {
    raise_open_files()?;
    let runtime = two_threads()?;
    let caller = Arc::new(caller);
    let failed = Arc::new(AtomicUsize::new(0));
    runtime.block_on(async {
        let task = || {
            let (caller, failed) = (Arc::clone(&caller), Arc::clone(&failed));
            tokio::spawn(async move {
                if let Err(failure) = caller.check().await
                    && failed.fetch_add(1, Ordering::Relaxed) == 0
                {
                    eprintln!("the first failure: {failure}");
                }
            })
        };
        let tasks: Vec<JoinHandle<()>> = (0..callers).map(|_| task()).collect();
        for task in tasks {
            task.await?;
        }
        Ok(format!(
            "{} {}",
            peak_memory()?,
            failed.load(Ordering::Relaxed)
        ))
    })
}

async fn repeat(caller: &impl Caller, requests: usize) -> Result<(), Failure> {
    for _ in 0..requests {
        caller.check().await?;
    }
    Ok(())
}

fn two_threads() -> Result<Runtime, Failure> {
    Ok(runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?)
}

fn each(all: Duration, requests: usize) -> u128 {
    all.as_nanos() / requests.max(1) as u128
}

/// The processor time of this process so far, user and system time together. Unlike `getrusage`, this clock
/// counts nanoseconds.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    // Neither number is negative.
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanoseconds = u64::try_from(time.tv_nsec).unwrap_or_default();
    Duration::from_secs(seconds) + Duration::from_nanos(nanoseconds)
}

/// The peak resident memory of this process, in KiB.
fn peak_memory() -> Result<u64, Failure> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    Ok(kib.ok_or("/proc/self/status has no VmHWM")?.parse()?)
}
