//! `bakong checkout`: one payment, from the code to the receipt.

mod bakong;
mod display;
mod interrupt;
mod order;
mod report;

use std::cell::RefCell;
use std::time::Duration;

use bakong_api::{CheckAnswer, CheckTransactionByMd5};
use bakong_flow::{Clock, Payment, PaymentMachine, Policy, Progress, SystemClock, drive};
use khqr_core::Khqr;

use crate::arguments::CheckoutArguments;
use crate::exit::{Exit, Failure};
use crate::{block_on, remote};

use self::bakong::Bakong;
use self::display::Display;
use self::interrupt::interrupted;
use self::order::{Order, Shown};
use self::report::{Ending, Report};

pub(crate) fn run(arguments: &CheckoutArguments) -> Result<Exit, Failure> {
    let order = Order::of(arguments)?;
    block_on(take_payment(arguments, &order))
}

async fn take_payment(arguments: &CheckoutArguments, order: &Order<'_>) -> Result<Exit, Failure> {
    let prepared = tokio::select! {
        prepared = prepare(arguments, order) => prepared,
        () = interrupted() => Err(NotShown::Interrupted),
    };
    let (bakong, shown) = match prepared {
        Ok(prepared) => prepared,
        Err(not_shown) => return not_shown.report(arguments.json),
    };
    let ending = wait_for_money(arguments, &bakong, &shown).await?;
    let report = Report {
        shown: &shown,
        bakong: &bakong,
        ending,
    };
    let exit = report.print(arguments.json);
    bakong.close().await;
    Ok(exit)
}

/// Why no code was shown, so that nobody can have paid.
enum NotShown {
    Interrupted,
    Because(Failure),
    CouldNotAsk(bakong_api::ApiError, String),
}

impl NotShown {
    fn report(self, json: bool) -> Result<Exit, Failure> {
        match self {
            Self::Because(failure) => Err(failure),
            Self::Interrupted => Err(Failure::new(
                Exit::Interrupted,
                "stopped; no code was shown, so nothing was paid",
            )),
            Self::CouldNotAsk(error, advice) => report::not_shown(&error, &advice, json),
        }
    }
}

/// Opens Bakong, makes the code, and asks about it once before it is shown: a code whose payment could
/// not be seen must not be paid.
async fn prepare(
    arguments: &CheckoutArguments,
    order: &Order<'_>,
) -> Result<(Bakong, Shown), NotShown> {
    let bakong = Bakong::open(arguments).await?;
    let shown = order.code(SystemClock.now()).map_err(NotShown::Because)?;
    let check = CheckTransactionByMd5::new(shown.md5);
    match bakong.session().send(&check).await {
        Ok(CheckAnswer::NotFound) => {}
        Ok(_) => {
            let reason = "Bakong knows this code already; every order needs a --bill of its own";
            return Err(NotShown::Because(Failure::new(
                Exit::NeedsAttention,
                reason,
            )));
        }
        Err(error) => {
            let advice = remote::advice(&error, bakong.session().base_url());
            return Err(NotShown::CouldNotAsk(error, advice));
        }
    }
    bakong
        .send_customer(&shown.text)
        .map_err(NotShown::Because)?;
    Ok((bakong, shown))
}

/// Shows the code and asks until the payment is final, given up, or the user stops it.
async fn wait_for_money(
    arguments: &CheckoutArguments,
    bakong: &Bakong,
    shown: &Shown,
) -> Result<Ending, Failure> {
    let clock = SystemClock;
    let unusable = |reason: String| Failure::new(Exit::NeedsAttention, reason);
    let khqr = Khqr::parse(&shown.text).map_err(|error| unusable(error.to_string()))?;
    let payment = Payment::of_khqr(&khqr).map_err(|error| unusable(error.to_string()))?;
    let mut machine = PaymentMachine::new(payment, Policy::COUNTER, clock.now());

    let display = Display::open(arguments, bakong, shown);
    let last_error = RefCell::new(None);
    let observe = |progress: Progress<'_>| {
        display.tell(progress.error);
        *last_error.borrow_mut() = progress.error.cloned();
    };
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    let stopped = {
        let mut driving = std::pin::pin!(drive(bakong.session(), &clock, &mut machine, observe));
        let mut interrupted = std::pin::pin!(interrupted());
        loop {
            tokio::select! {
                biased;
                () = &mut driving => break false,
                () = &mut interrupted => break true,
                _ = seconds.tick() => display.tick(clock.now()),
            }
        }
    };
    display.close();

    let checks = machine.checks();
    Ok(match machine.outcome() {
        Some(outcome) => Ending::Final(outcome.clone(), checks),
        None if stopped => Ending::Stopped,
        None => Ending::GaveUp(last_error.into_inner()),
    })
}
