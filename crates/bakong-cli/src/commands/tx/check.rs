//! `bakong tx check`: checks whether the payment was made.

use bakong_api::CheckAnswer;
use bakong_api::endpoint::{
    CheckTransactionByExternalRef, CheckTransactionByHash, CheckTransactionByInstructionRef,
    CheckTransactionByMd5, CheckTransactionByShortHash,
};
use bakong_api::khqr_core::{Amount, Md5Handle};
use serde_json::json;

use super::answer::{status, transaction_json, transaction_of};
use super::comparison::Comparison;
use crate::arguments::{CheckArguments, LookupArguments};
use crate::common::colour::Tone;
use crate::common::exit::{Exit, Failure};
use crate::common::output::{Stream, print, print_json};
use crate::common::refusal::{self, Refusal};
use crate::common::remote::Remote;
use crate::common::runtime::block_on_unless_stopped;
use crate::common::{lines, lookup, remote, transaction};

pub(super) fn run(arguments: &CheckArguments) -> Result<Exit, Failure> {
    let amount = arguments.money.amount()?;
    let of_code = arguments.lookup.text.as_deref().map(of_code).transpose()?;
    let (md5, comparison) = match of_code {
        Some(_) if amount.is_some() => {
            return Err(Failure::usage(
                "leave out --amount: the code has the amount",
            ));
        }
        Some((md5, comparison)) => (Some(md5), Some(comparison)),
        None => (arguments.lookup.md5, comparison(arguments, amount)?),
    };
    let answer = block_on_unless_stopped("the state of the payment is unknown", async {
        let remote = remote::open(&arguments.target, &arguments.token)?;
        look_up(&remote, md5, &arguments.lookup, amount).await
    })?;
    Ok(report(&answer, comparison.as_ref(), arguments.json))
}

/// The MD5 of a code, and the amount and the account to compare with.
fn of_code(argument: &str) -> Result<(Md5Handle, Comparison), Failure> {
    let text = lines::readable_text(argument)?;
    let invalid = |refusal: Refusal| refusal.failure_of(Exit::Usage, "not a KHQR");
    let khqr = refusal::parse(&text).map_err(invalid)?;
    let amount = khqr.amount().map_err(|error| invalid(error.into()))?;
    let Some(amount) = amount else {
        return Err(Failure::usage(lookup::STATIC_CODE));
    };
    let comparison = Comparison::new(amount, Some(khqr.account().as_str()))?;
    Ok((khqr.md5(), comparison))
}

/// The order to compare with. A short hash is looked up together with the amount, so it needs no account.
fn comparison(
    arguments: &CheckArguments,
    amount: Option<Amount>,
) -> Result<Option<Comparison>, Failure> {
    let account = arguments.account.as_deref();
    if amount.is_some() && account.is_none() && arguments.lookup.short_hash.is_none() {
        return Err(Failure::usage(
            "--amount requires --account: both are compared with the payment",
        ));
    }
    amount
        .map(|amount| Comparison::new(amount, account))
        .transpose()
}

/// Sends the lookup that the options select.
async fn look_up(
    remote: &Remote,
    md5: Option<Md5Handle>,
    lookup: &LookupArguments,
    amount: Option<Amount>,
) -> Result<CheckAnswer, Failure> {
    let session = &remote.session;
    let answer = if let Some(md5) = md5 {
        session.send(&CheckTransactionByMd5::new(md5)).await
    } else if let Some(hash) = lookup.hash.clone() {
        session.send(&CheckTransactionByHash::new(hash)).await
    } else if let (Some(hash), Some(amount)) = (lookup.short_hash.clone(), amount) {
        let check = CheckTransactionByShortHash::new(hash, amount);
        session.send(&check).await
    } else if let Some(reference) = lookup.instruction_ref.clone() {
        let check = CheckTransactionByInstructionRef::new(reference);
        session.send(&check).await
    } else if let Some(reference) = lookup.external_ref.clone() {
        let check = CheckTransactionByExternalRef::new(reference);
        session.send(&check).await
    } else {
        return Err(Failure::usage(
            "choose a lookup: the code, or an option such as --md5",
        ));
    };
    answer.map_err(|error| remote.advisor.failure(&error))
}

fn report(answer: &CheckAnswer, comparison: Option<&Comparison>, as_json: bool) -> Exit {
    let paid = transaction_of(answer);
    let mismatches = match (paid, comparison) {
        (Some(transaction), Some(comparison)) => comparison.mismatches(transaction),
        _ => Vec::new(),
    };
    let needs_review = !mismatches.is_empty();
    let compared = comparison.is_some_and(|it| it.includes_recipient || needs_review);
    let exit = match answer {
        CheckAnswer::Paid(_) if !needs_review => Exit::Success,
        CheckAnswer::NotFound => Exit::NotFound,
        _ => Exit::NeedsAttention,
    };
    if as_json {
        print_json(&json!({
            "status": if needs_review { "needs_review" } else { status(answer) },
            "transaction": transaction_json(paid),
            "compared": paid.is_some() && compared,
            "mismatches": transaction::mismatches_json(&mismatches),
        }));
        return exit;
    }
    let (tone, headline) = match answer {
        CheckAnswer::Paid(_) if needs_review => {
            (Tone::Attention, &*transaction::review_headline(&mismatches))
        }
        CheckAnswer::Paid(_) if compared => {
            (Tone::Good, "PAID: amount, currency and recipient match")
        }
        CheckAnswer::Paid(_) => (
            Tone::Attention,
            "PAID, but not compared with an order. Use --amount and --account to compare",
        ),
        CheckAnswer::NotFound => (Tone::Attention, "NOT FOUND: Bakong has no such payment"),
        CheckAnswer::Failed => (Tone::Bad, "FAILED: Bakong reports that the payment failed"),
        CheckAnswer::StaticQr => (
            Tone::Attention,
            "STATIC CODE: payments of a static code cannot be looked up by MD5",
        ),
        _ => (
            Tone::Bad,
            "UNKNOWN: this version does not know the answer. Update the command",
        ),
    };
    print(tone.paint_headline(headline, Stream::Out));
    if let Some(transaction) = paid {
        transaction::rows(transaction).iter().for_each(print);
    }
    exit
}
