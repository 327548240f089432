//! `bakong tx check`: was it paid?

use bakong_api::endpoint::{
    CheckTransactionByExternalRef, CheckTransactionByHash, CheckTransactionByInstructionRef,
    CheckTransactionByMd5, CheckTransactionByShortHash,
};
use bakong_api::khqr_core::{AccountIdBuf, Amount, Timestamp};
use bakong_api::{ApiError, CheckAnswer, Transaction};
use bakong_flow::settlement::Settlement;
use bakong_flow::{Expected, Mismatch};
use serde_json::{Value, json};

use super::{status, transaction_json, transaction_of};
use crate::arguments::{CheckArguments, LookupArguments};
use crate::common::exit::{Exit, Failure};
use crate::common::remote::HttpSession;
use crate::common::{
    code, output, remote, runtime::block_on_unless_stopped as block_on, transaction,
};

pub(super) fn run(arguments: &CheckArguments) -> Result<Exit, Failure> {
    let amount = arguments.money.amount()?;
    let order = order(arguments, amount)?;
    let question = Question::of(&arguments.lookup, amount)?;
    let answer = block_on("nothing is known of the payment", async {
        let remote = remote::open(&arguments.target, &arguments.token)?;
        let answer = question.ask(&remote.session).await;
        answer.map_err(|error| remote.asked.could_not_ask(&error))
    })?;
    Ok(report(&answer, order.as_ref(), arguments.json))
}

/// What the payment has to be.
enum Order {
    /// What the order asks for.
    Whole(Expected),
    /// Of this much: a short hash is asked about with it.
    Amount(Amount),
}

impl Order {
    /// How a payment differs from it.
    fn mismatches(&self, transaction: &Transaction) -> Vec<Mismatch> {
        // When it was due is not known here, so nothing is late.
        let due = Timestamp::from_millis(u64::MAX);
        let amount = match self {
            Self::Whole(expected) => {
                return match expected.settle(transaction, due) {
                    Settlement::NeedsReview(mismatches) => mismatches,
                    _ => Vec::new(),
                };
            }
            Self::Amount(amount) => *amount,
        };
        let mismatch = match (transaction.currency.known(), transaction.amount.known()) {
            (Some(&paid), _) if paid != amount.currency() => Some(Mismatch::OtherCurrency { paid }),
            (_, Some(&paid)) if paid.currency() != amount.currency() => {
                Some(Mismatch::OtherCurrency {
                    paid: paid.currency(),
                })
            }
            (_, Some(&paid)) if paid.minor_units() < amount.minor_units() => {
                Some(Mismatch::Short { paid })
            }
            (_, Some(&paid)) if amount.minor_units() < paid.minor_units() => {
                Some(Mismatch::Over { paid })
            }
            // Bakong was asked with the amount, and found it.
            _ => None,
        };
        mismatch.into_iter().collect()
    }
}

/// What the payment has to be, as far as it was said.
fn order(arguments: &CheckArguments, amount: Option<Amount>) -> Result<Option<Order>, Failure> {
    match (&arguments.account, amount) {
        (Some(account), Some(amount)) => {
            let recipient = AccountIdBuf::new(account).map_err(|error| {
                Failure::usage(format!("--account: {}", code::without_tag(&error)))
            })?;
            Ok(Some(Order::Whole(Expected::new(amount, recipient))))
        }
        (None, Some(_)) if arguments.lookup.short_hash.is_none() => Err(Failure::usage(
            "--amount is compared together with --account: say both, or neither",
        )),
        (_, amount) => Ok(amount.map(Order::Amount)),
    }
}

/// What is asked.
enum Question {
    Md5(CheckTransactionByMd5),
    Hash(CheckTransactionByHash),
    ShortHash(CheckTransactionByShortHash),
    InstructionRef(CheckTransactionByInstructionRef),
    ExternalRef(CheckTransactionByExternalRef),
}

impl Question {
    fn of(lookup: &LookupArguments, amount: Option<Amount>) -> Result<Self, Failure> {
        let LookupArguments {
            md5,
            hash,
            short_hash,
            instruction_ref,
            external_ref,
        } = lookup;
        let md5 = md5.map(|md5| Self::Md5(CheckTransactionByMd5::new(md5)));
        let hash = || Some(Self::Hash(CheckTransactionByHash::new(hash.clone()?)));
        let short_hash = || {
            let check = CheckTransactionByShortHash::new(short_hash.clone()?, amount?);
            Some(Self::ShortHash(check))
        };
        let instruction_ref = || {
            let check = CheckTransactionByInstructionRef::new(instruction_ref.clone()?);
            Some(Self::InstructionRef(check))
        };
        let external_ref = || {
            let check = CheckTransactionByExternalRef::new(external_ref.clone()?);
            Some(Self::ExternalRef(check))
        };
        md5.or_else(hash)
            .or_else(short_hash)
            .or_else(instruction_ref)
            .or_else(external_ref)
            .ok_or_else(|| Failure::usage("say what to ask by, such as --md5"))
    }

    async fn ask(&self, session: &HttpSession) -> Result<CheckAnswer, ApiError> {
        match self {
            Self::Md5(check) => session.send(check).await,
            Self::Hash(check) => session.send(check).await,
            Self::ShortHash(check) => session.send(check).await,
            Self::InstructionRef(check) => session.send(check).await,
            Self::ExternalRef(check) => session.send(check).await,
        }
    }
}

fn report(answer: &CheckAnswer, order: Option<&Order>, as_json: bool) -> Exit {
    let mismatches = match (answer, order) {
        (CheckAnswer::Paid(transaction), Some(order)) => order.mismatches(transaction),
        _ => Vec::new(),
    };
    let is_paid = matches!(answer, CheckAnswer::Paid(_));
    let is_whole = matches!(order, Some(Order::Whole(_)));
    let (exit, sentence) = match answer {
        CheckAnswer::Paid(_) if !mismatches.is_empty() => (
            Exit::NeedsAttention,
            "NEEDS REVIEW: money came, but it is not what was asked for",
        ),
        CheckAnswer::Paid(_) if is_whole => {
            (Exit::Success, "PAID: amount, currency and recipient match")
        }
        CheckAnswer::Paid(_) => (
            Exit::Success,
            "PAID, and not compared with any order: --amount and --account do that",
        ),
        CheckAnswer::NotFound => (Exit::NotFound, "Bakong knows of no payment"),
        CheckAnswer::Failed => (Exit::NeedsAttention, "the payment failed"),
        CheckAnswer::StaticQr => (
            Exit::NeedsAttention,
            "the code is static; its payments cannot be looked up by MD5",
        ),
    };
    if as_json {
        let needs_review = !mismatches.is_empty();
        let compared = is_paid && (is_whole || needs_review);
        let mismatches: Value = mismatches.iter().map(transaction::mismatch_json).collect();
        output::say_json(&json!({
            "status": if needs_review { "needs_review" } else { status(answer) },
            "transaction": transaction_json(transaction_of(answer)),
            "compared": compared,
            "mismatches": mismatches,
        }));
        return exit;
    }
    output::say(sentence);
    if let Some(transaction) = transaction_of(answer) {
        transaction::rows(transaction).iter().for_each(output::say);
    }
    for mismatch in &mismatches {
        output::say(output::row("because", transaction::describe(mismatch)));
    }
    exit
}
