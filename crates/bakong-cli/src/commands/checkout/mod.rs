//! `bakong checkout`: takes one payment, from the code to the receipt.

mod backend;
mod check_key;
mod check_now;
mod display;
mod order;
mod report;

use std::pin::pin;
use std::time::Duration;

use bakong_api::CheckAnswer;
use bakong_api::endpoint::CheckTransactionByMd5;
use bakong_flow::watcher::Progress;
use bakong_flow::{OrderId, Payment, Policy, WatchError, Watched};
use khqr_core::{Khqr, Timestamp};
use tokio::time::MissedTickBehavior;

use crate::arguments::CheckoutArguments;
use crate::common::exit::{Exit, Failure};
use crate::common::interrupt::Interrupts;
use crate::common::runtime::block_on;
use crate::common::{output, reader};

use self::backend::Backend;
use self::check_key::CheckKey;
use self::check_now::{CheckState, RequestedCheck};
use self::display::Display;
use self::order::{CheckoutOrder, ShownCode};
use self::report::{Ending, Report};

/// The policy for a customer at the counter. The final check is not delayed to share a list request.
const POLICY: Policy = {
    let mut policy = Policy::COUNTER;
    policy.grace.after_expiry = Duration::from_secs(15);
    policy.grace.final_check_window = Duration::ZERO;
    policy
};

/// How long to repeat the final check if it fails.
const FINAL_CHECK_TIMEOUT: Duration = Duration::from_secs(20);

/// How long the final check may be delayed by the pause after earlier failures.
const FINAL_CHECK_DELAY: Duration = Duration::from_secs(100);

pub(crate) fn run(arguments: &CheckoutArguments) -> Result<Exit, Failure> {
    let order = CheckoutOrder::of(arguments);
    let result = order.and_then(|order| block_on(take_payment(arguments, &order)));
    match result {
        // If standard output is closed, the failure is printed on standard error.
        Err(failure) if arguments.json && !output::is_output_lost() => {
            output::print_json(&report::failure_json(&failure));
            Ok(failure.exit())
        }
        result => result,
    }
}

async fn take_payment(
    arguments: &CheckoutArguments,
    order: &CheckoutOrder<'_>,
) -> Result<Exit, Failure> {
    let mut interrupts = Interrupts::listen()?;
    let mut unread = pin!(reader::gone());
    let mut stop = pin!(async {
        tokio::select! {
            () = interrupts.recv() => Ending::Stopped,
            () = &mut unread => Ending::Unread,
        }
    });
    let backend = tokio::select! {
        backend = Backend::open(arguments) => backend?,
        ending = &mut stop => return Err(stopped_early(&ending)),
    };
    let result = take_payment_with(arguments, order, &backend, stop).await;
    // Also after a failure: the next command must not wait for the lease of this one.
    backend.close().await;
    result
}

async fn take_payment_with(
    arguments: &CheckoutArguments,
    order: &CheckoutOrder<'_>,
    backend: &Backend,
    mut stop: impl Future<Output = Ending> + Unpin,
) -> Result<Exit, Failure> {
    let (mut watched, shown) = tokio::select! {
        opened = open_code(arguments, order, backend) => opened?,
        ending = &mut stop => return Err(stopped_early(&ending)),
    };
    let display = Display::open(arguments, backend, &shown);
    let key = CheckKey::listen(display.is_shown());
    let now = || backend.now();
    let ending = follow(&mut watched, &display, key, now, stop).await;
    display.close();
    let report = Report {
        now: backend.now(),
        shown: &shown,
        backend,
        ending,
    };
    let exit = report.print(arguments.json);
    if report.is_final() && !output::is_output_lost() {
        backend.kept.receipt_printed(&shown.md5).await;
    }
    Ok(exit)
}

/// Generates the code, looks it up once, and starts to watch it. Then the code may be shown: a customer must not pay a code
/// whose payment the shop cannot see.
async fn open_code(
    arguments: &CheckoutArguments,
    order: &CheckoutOrder<'_>,
    backend: &Backend,
) -> Result<(Watched, ShownCode), Failure> {
    let shown = order.code(backend.now())?;
    if !arguments.json && !backend.is_sandbox() {
        output::note(format_args!("Connecting to {}.", backend.advisor.base_url));
    }
    // If another command leads, it counts the requests, and it has checked the connection.
    let was_leader = backend.is_leader();
    if was_leader {
        look_up(backend, &shown).await?;
    }
    if shown.expires_at <= backend.now() {
        let message = "this machine's clock is so far behind that every phone would call the code expired. Set the \
             clock, and try again. No code was shown, so nothing was paid";
        return Err(Failure::new(Exit::NoAnswer, message));
    }
    let watched = match backend.watcher.watch(payment(&shown)?, POLICY).await {
        Ok(watched) => watched,
        Err(error) => return Err(refused(backend, error).await),
    };
    // The command that led has ended meanwhile, and may have left because it could not reach Bakong.
    if !was_leader
        && backend.is_leader()
        && let Err(failure) = look_up(backend, &shown).await
    {
        // If this fails, the payment expires.
        let _ = watched.cancel().await;
        return Err(failure);
    }
    backend.send_customer(&shown.text, arguments.pay_after)?;
    Ok((watched, shown))
}

/// Looks the code up, which must be unknown to Bakong.
async fn look_up(backend: &Backend, shown: &ShownCode) -> Result<(), Failure> {
    let check = CheckTransactionByMd5::new(shown.md5);
    let answer = match backend.watcher.send_spare(&check).await {
        Ok(answer) => answer,
        Err(error) => return Err(refused(backend, error.into()).await),
    };
    match answer {
        Ok(CheckAnswer::NotFound) => Ok(()),
        Ok(_) => {
            let message = "Bakong already has a payment for this code. Use a different --bill for every order";
            Err(Failure::new(Exit::NeedsAttention, message))
        }
        Err(error) => {
            let failure = backend.advisor.failure(&error);
            Err(failure.and(". No code was shown, so nothing was paid."))
        }
    }
}

/// Returns the payment of a code.
fn payment(shown: &ShownCode) -> Result<Payment, Failure> {
    let unusable = |reason: String| Failure::new(Exit::NeedsAttention, reason);
    let khqr = Khqr::parse(&shown.text).map_err(|error| unusable(error.to_string()))?;
    let order = OrderId::new(&shown.bill).map_err(|error| unusable(error.to_string()))?;
    Payment::of_khqr(order, &khqr).map_err(|error| unusable(error.to_string()))
}

/// Returns the failure of a command that ended before it showed a code.
fn stopped_early(ending: &Ending) -> Failure {
    match ending {
        Ending::Unread => {
            let message = "standard output is closed. No code was shown, so nothing was paid";
            Failure::new(Exit::NoAnswer, message)
        }
        _ => {
            let message = "stopped before the code was shown, so nothing was paid";
            Failure::new(Exit::Interrupted, message)
        }
    }
}

/// Returns the failure for a payment that is not watched.
async fn refused(backend: &Backend, error: WatchError) -> Failure {
    let failure = backend.kept.failure(&backend.watcher, &error).await;
    failure.and(". No code was shown, so nothing was paid")
}

/// Follows the payment until it is final, until the final check fails, or until `stop`. `now` is Bakong's time.
///
/// No failure ends the command while the code can be paid, not even a block or a rejected token: the cause may pass or
/// be repaired, and otherwise nobody notices the payment.
async fn follow(
    watched: &mut Watched,
    display: &Display,
    mut key: CheckKey,
    now: impl Fn() -> Timestamp,
    stop: impl Future<Output = Ending>,
) -> Ending {
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut stop = pin!(stop);
    // The checks before the final check was due.
    let mut early_checks = 0;
    let mut requested = None;
    loop {
        let progress = tokio::select! {
            biased;
            changed = watched.changed() => match changed {
                Some(progress) => progress,
                None => return Ending::GaveUp(None),
            },
            ending = &mut stop => return ending,
            () = key.pressed() => {
                let progress = watched.progress();
                display.line_entered();
                if CheckState::of(requested.as_ref(), &progress) != CheckState::Requested {
                    requested = Some(RequestedCheck::send(watched, &progress));
                }
                progress
            }
            _ = seconds.tick() => watched.progress(),
        };
        if let Some(outcome) = progress.outcome {
            return Ending::Final(outcome, progress.checks);
        }
        let now = now();
        let final_check_at = progress
            .expires_at
            .saturating_add(POLICY.grace.after_expiry);
        if now < final_check_at {
            early_checks = progress.checks;
        }
        if let Some(error) = &progress.last_error
            && has_final_check_failed(&progress, early_checks, final_check_at, now)
        {
            return Ending::GaveUp(Some(error.as_ref().clone()));
        }
        display.update(&progress);
        let state = CheckState::of(requested.as_ref(), &progress);
        display.tick(now, key.is_available().then_some(state));
    }
}

/// Whether to give up, if the last request failed. `early_checks` counts the checks before `final_check_at`.
fn has_final_check_failed(
    progress: &Progress,
    early_checks: u32,
    final_check_at: Timestamp,
    now: Timestamp,
) -> bool {
    let latest = final_check_at.saturating_add(FINAL_CHECK_DELAY);
    // Without quota, or with a rejected token, the next check may be hours away.
    let is_final_check_sent = progress.checks > early_checks && !progress.is_asking;
    let is_none_left = progress.next_check.is_some_and(|next| next > latest);
    now > latest
        || (now > final_check_at.saturating_add(FINAL_CHECK_TIMEOUT)
            && (is_final_check_sent || is_none_left))
}
