//! `bakong checkout`: one payment, from the code to the receipt.

mod backend;
mod display;
mod order;
mod report;

use std::time::Duration;

use bakong_api::endpoint::CheckTransactionByMd5;
use bakong_api::{CheckAnswer, Remedy};
use bakong_flow::{Clock, OrderId, Payment, Policy, SystemClock, WatchError, Watched};
use khqr_core::Khqr;
use tokio::time::MissedTickBehavior;

use crate::arguments::CheckoutArguments;
use crate::common::exit::{Exit, Failure};
use crate::common::interrupt::Interrupts;
use crate::common::{output, runtime::block_on};

use self::backend::Bakong;
use self::display::Display;
use self::order::{Order, Shown};
use self::report::{Ending, Report};

pub(crate) fn run(arguments: &CheckoutArguments) -> Result<Exit, Failure> {
    let result = Order::of(arguments).and_then(|order| block_on(take_payment(arguments, &order)));
    match result {
        Err(failure) if arguments.json => {
            output::say_json(&report::not_shown(&failure));
            Ok(failure.exit())
        }
        result => result,
    }
}

async fn take_payment(arguments: &CheckoutArguments, order: &Order<'_>) -> Result<Exit, Failure> {
    let mut interrupts = Interrupts::listen()?;
    let (bakong, shown) = tokio::select! {
        prepared = prepare(arguments, order) => prepared?,
        () = interrupts.recv() => {
            let reason = "stopped; no code was shown, so nothing was paid";
            return Err(Failure::new(Exit::Interrupted, reason));
        }
    };
    let ending = wait_for_money(arguments, &bakong, &shown, &mut interrupts).await?;
    let report = Report {
        now: SystemClock.now(),
        shown: &shown,
        bakong: &bakong,
        ending,
    };
    let exit = report.print(arguments.json);
    bakong.close().await;
    Ok(exit)
}

/// Opens Bakong, makes the code, and asks about it once before it is shown: a code whose payment could
/// not be seen must not be paid.
async fn prepare(
    arguments: &CheckoutArguments,
    order: &Order<'_>,
) -> Result<(Bakong, Shown), Failure> {
    let bakong = Bakong::open(arguments).await?;
    let shown = order.code(SystemClock.now())?;
    let session = bakong.session();
    if !arguments.json && !bakong.is_sandbox() {
        output::note(format_args!("Asking {}.", session.base_url()));
    }
    match session.send(&CheckTransactionByMd5::new(shown.md5)).await {
        Ok(CheckAnswer::NotFound) => {}
        Ok(_) => {
            let reason = "Bakong knows this code already; every order needs a --bill of its own";
            return Err(Failure::new(Exit::NeedsAttention, reason));
        }
        Err(error) => {
            let failure = bakong.asked().could_not_ask(&error);
            return Err(failure.and(". No code was shown, so nothing was paid."));
        }
    }
    bakong.send_customer(&shown.text)?;
    Ok((bakong, shown))
}

/// Shows the code and asks until the payment is final, given up, or the user stops it.
async fn wait_for_money(
    arguments: &CheckoutArguments,
    bakong: &Bakong,
    shown: &Shown,
    interrupts: &mut Interrupts,
) -> Result<Ending, Failure> {
    let unusable = |reason: String| Failure::new(Exit::NeedsAttention, reason);
    let khqr = Khqr::parse(&shown.text).map_err(|error| unusable(error.to_string()))?;
    let order =
        OrderId::new(&shown.md5.to_string()).map_err(|error| unusable(error.to_string()))?;
    let payment = Payment::of_khqr(order, &khqr).map_err(|error| unusable(error.to_string()))?;
    let refused = |error: WatchError| {
        let reason = format!("{error}. No code was shown, so nothing was paid");
        Failure::new(Exit::CouldNotAsk, reason)
    };
    let watching = bakong.watcher().watch(payment, POLICY);
    let mut watched = watching.await.map_err(refused)?;

    let display = Display::open(arguments, bakong, shown);
    let ending = watch(&mut watched, &display, interrupts).await;
    display.close();
    Ok(ending)
}

/// Follows the payment until it is final, given up, or the user stops it.
async fn watch(watched: &mut Watched, display: &Display, interrupts: &mut Interrupts) -> Ending {
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    seconds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut interrupted = std::pin::pin!(interrupts.recv());
    loop {
        let progress = tokio::select! {
            biased;
            changed = watched.changed() => match changed {
                Some(progress) => progress,
                None => return Ending::GaveUp(None),
            },
            () = &mut interrupted => return Ending::Stopped,
            _ = seconds.tick() => watched.progress(),
        };
        if let Some(outcome) = progress.outcome {
            return Ending::Final(outcome, progress.checks);
        }
        let now = SystemClock.now();
        let patience = POLICY.grace.after_expiry.saturating_add(PATIENCE);
        let is_over = now > progress.expires_at.saturating_add(patience);
        let trouble = progress.trouble.as_deref();
        if trouble.is_some_and(|error| is_over || error.class().remedy() != Remedy::AskAgain) {
            return Ending::GaveUp(trouble.cloned());
        }
        display.tell(&progress);
        display.tick(now);
    }
}

/// At a counter, and with nobody to share the last check with.
const POLICY: Policy = {
    let mut policy = Policy::COUNTER;
    policy.grace.after_expiry = Duration::from_secs(15);
    policy.grace.last_check_within = Duration::ZERO;
    policy
};

/// How long an outage at the very end is waited out.
const PATIENCE: Duration = Duration::from_secs(20);
