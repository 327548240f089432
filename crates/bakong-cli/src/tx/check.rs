//! `bakong tx check`: was it paid?

use bakong_api::khqr_core::{AccountIdBuf, Amount, Currency, Timestamp};
use bakong_api::{
    ApiError, CheckAnswer, CheckTransactionByExternalRef, CheckTransactionByHash,
    CheckTransactionByInstructionRef, CheckTransactionByMd5, CheckTransactionByShortHash,
};
use bakong_flow::{Expected, Mismatch, Settlement};
use serde_json::{Value, json};

use super::{status, transaction_json, transaction_of};
use crate::arguments::{CheckArguments, LookupArguments};
use crate::exit::{Exit, Failure};
use crate::remote::HttpSession;
use crate::{block_on, code, money, output, remote, transaction};

pub(super) fn run(arguments: &CheckArguments) -> Result<Exit, Failure> {
    let amount = amount(arguments)?;
    let expected = expected(arguments, amount)?;
    let question = Question::of(&arguments.lookup, amount)?;
    let answer = block_on(async {
        let remote = remote::open(&arguments.target, &arguments.token)?;
        let answer = question.ask(&remote.session).await;
        answer.map_err(|error| remote.asked.could_not_ask(&error))
    })?;
    Ok(report(&answer, expected.as_ref(), arguments.json))
}

fn amount(arguments: &CheckArguments) -> Result<Option<Amount>, Failure> {
    let currency = arguments.currency.unwrap_or(Currency::Khr);
    let amount = arguments.amount.as_deref();
    amount.map(|text| money::parse(text, currency)).transpose()
}

/// What the order asks for, if that was said.
fn expected(
    arguments: &CheckArguments,
    amount: Option<Amount>,
) -> Result<Option<Expected>, Failure> {
    match (&arguments.account, amount) {
        (Some(account), Some(amount)) => {
            let recipient = AccountIdBuf::new(account).map_err(|error| code::refused(&error))?;
            Ok(Some(Expected::new(amount, recipient)))
        }
        (None, Some(_)) if arguments.lookup.short_hash.is_none() => Err(Failure::usage(
            "--amount is compared together with --account: say both, or neither",
        )),
        _ => Ok(None),
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

fn report(answer: &CheckAnswer, expected: Option<&Expected>, as_json: bool) -> Exit {
    // When it was due is not known here, so nothing is late.
    let due = Timestamp::from_millis(u64::MAX);
    let settlement = match (answer, expected) {
        (CheckAnswer::Paid(transaction), Some(expected)) => Some(expected.settle(transaction, due)),
        _ => None,
    };
    let mismatches: &[Mismatch] = match &settlement {
        Some(Settlement::NeedsReview(mismatches)) => mismatches,
        _ => &[],
    };
    let (exit, sentence) = match answer {
        CheckAnswer::Paid(_) if !mismatches.is_empty() => (
            Exit::NeedsAttention,
            "NEEDS REVIEW: money came, but it is not what was asked for",
        ),
        CheckAnswer::Paid(_) if settlement.is_some() => {
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
        let mismatches: Value = mismatches.iter().map(transaction::mismatch_json).collect();
        output::say_json(&json!({
            "status": status(answer),
            "transaction": transaction_json(transaction_of(answer)),
            "compared": settlement.is_some(),
            "mismatches": mismatches,
        }));
        return exit;
    }
    output::say(sentence);
    if let Some(transaction) = transaction_of(answer) {
        transaction::rows(transaction).iter().for_each(output::say);
    }
    for mismatch in mismatches {
        output::say(output::row("because", transaction::describe(mismatch)));
    }
    exit
}
