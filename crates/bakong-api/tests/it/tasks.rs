//! Runs many futures on one thread. Each is polled only after it was woken, so a lost wake-up shows as a task that
//! never completes.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

pub(crate) struct Tasks<'f, T>(Vec<Task<'f, T>>);

struct Task<'f, T> {
    state: State<'f, T>,
    woken: Arc<Woken>,
}

enum State<'f, T> {
    Waiting(Pin<Box<dyn Future<Output = T> + Send + 'f>>),
    Done(T),
    Cancelled,
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl<'f, T> Tasks<'f, T> {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a future without polling it, and returns its number.
    pub(crate) fn add(&mut self, future: impl Future<Output = T> + Send + 'f) -> usize {
        self.0.push(Task {
            state: State::Waiting(Box::pin(future)),
            woken: Arc::new(Woken(AtomicBool::new(true))),
        });
        self.0.len() - 1
    }

    /// Polls a task if it was woken, and returns whether it was.
    pub(crate) fn poll(&mut self, number: usize) -> bool {
        let task = &mut self.0[number];
        let State::Waiting(future) = &mut task.state else {
            return false;
        };
        if !task.woken.0.swap(false, Ordering::SeqCst) {
            return false;
        }
        let waker = Waker::from(Arc::clone(&task.woken));
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            task.state = State::Done(output);
        }
        true
    }

    /// Polls woken tasks until none is woken.
    pub(crate) fn run(&mut self) {
        loop {
            let polled = (0..self.0.len()).filter(|number| self.poll(*number));
            if polled.count() == 0 {
                return;
            }
        }
    }

    /// Drops the future of a task that has not completed.
    pub(crate) fn cancel(&mut self, number: usize) {
        if matches!(self.0[number].state, State::Waiting(_)) {
            self.0[number].state = State::Cancelled;
        }
    }

    pub(crate) fn output(&self, number: usize) -> Option<&T> {
        match &self.0[number].state {
            State::Done(output) => Some(output),
            State::Waiting(_) | State::Cancelled => None,
        }
    }

    /// Returns the outputs of completed tasks, in the order in which they were added.
    pub(crate) fn outputs(&self) -> Vec<&T> {
        (0..self.0.len())
            .filter_map(|number| self.output(number))
            .collect()
    }

    pub(crate) fn waiting(&self) -> usize {
        let waits = |task: &&Task<'_, T>| matches!(task.state, State::Waiting(_));
        self.0.iter().filter(waits).count()
    }
}

/// Runs a future that does not wait for another one.
pub(crate) fn block_on<T>(future: impl Future<Output = T> + Send) -> T {
    let mut tasks = Tasks::new();
    tasks.add(future);
    tasks.run();
    match tasks.0.pop().map(|task| task.state) {
        Some(State::Done(output)) => output,
        _ => panic!("the future waits"),
    }
}
