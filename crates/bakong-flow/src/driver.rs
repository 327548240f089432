//! Runs a machine: sleeps when it says wait, asks when it says check.

use bakong_api::khqr_core::Timestamp;
use bakong_api::{ApiError, CheckTransactionByMd5, Session, Transport};

use crate::clock::Clock;
use crate::machine::{Event, PaymentMachine, Step};

/// What happened, for a display or a log.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Progress<'p> {
    /// What became of the last answer.
    pub event: Event,
    /// Why there was none, if there was none.
    pub error: Option<&'p ApiError>,
    /// When the next check is due; `None` if there is none.
    pub next_check: Option<Timestamp>,
}

/// Runs `machine` until the payment is final or given up, and tells `observe` of every answer.
///
/// The future may be dropped at any time, and the machine run again: a check whose answer was lost with the
/// future is asked again. A payment that was given up stays so until [`PaymentMachine::resume`].
pub async fn drive<T: Transport>(
    session: &Session<T>,
    clock: &impl Clock,
    machine: &mut PaymentMachine,
    mut observe: impl FnMut(Progress<'_>),
) {
    loop {
        match machine.poll(clock.now()) {
            Step::Done => return,
            Step::Wait(until) => clock.sleep_until(until).await,
            // Only this function has the machine, so nobody else will bring the answer.
            Step::AwaitAnswer => machine.resume(clock.now()),
            Step::Check(ticket) => {
                let check = CheckTransactionByMd5::new(machine.payment().md5);
                let result = session.send(&check).await;
                let error = result.as_ref().err().cloned();
                let answer = result.map_err(|error| error.class());
                let event = machine.answer(ticket, answer, clock.now());
                tracing::debug!(md5 = %machine.payment().md5, ?event, "payment checked");
                observe(Progress {
                    event,
                    error: error.as_ref(),
                    next_check: machine.next_check(),
                });
            }
        }
    }
}
