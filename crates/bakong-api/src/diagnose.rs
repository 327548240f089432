//! Diagnoses why a payment is not found: looks the payment up by every known identifier and compares the answers.

use std::fmt;

use khqr_core::{Amount, Md5Handle};

use crate::endpoint::{
    CheckAnswer, CheckTransactionByHash, CheckTransactionByMd5, CheckTransactionByShortHash,
    ShortHash, TransactionHash,
};
use crate::error::{ApiError, ErrorClass, Remedy};
use crate::lookup::Lookup;
use crate::session::Session;
use crate::transaction::{Reading, Transaction};
use crate::transport::Transport;

/// What is known about a payment. Each identifier allows another lookup.
///
/// ```
/// use bakong_api::diagnose::Clues;
/// use bakong_api::khqr_core::{Amount, Md5Handle};
///
/// let clues = Clues::new()
///     .with_md5(Md5Handle::of("the code's text"))
///     .with_amount(Amount::us_cents(150));
/// assert_eq!(clues.hash, None);
/// ```
#[derive(Clone, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct Clues {
    /// The MD5 of the code that was shown.
    pub md5: Option<Md5Handle>,
    /// The transaction's full hash.
    pub hash: Option<TransactionHash>,
    /// The first eight digits of the hash, as payers' apps show them.
    pub short_hash: Option<ShortHash>,
    /// The expected amount. A lookup by short hash needs it.
    pub amount: Option<Amount>,
}

/// The answers to all lookups that the clues allow.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Diagnosis {
    /// The answers, in the order of the lookups.
    pub answers: Vec<(Lookup, Result<CheckAnswer, ApiError>)>,
    /// The lookups that were skipped, and why.
    pub not_asked: Vec<(Lookup, NotAsked)>,
    clues_disagree: bool,
    /// The expected amount, if it was known at the start.
    amount: Option<Amount>,
}

/// Why a lookup was skipped.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum NotAsked {
    /// The identifier is unknown, and no answer contained it.
    Unknown,
    /// A lookup by short hash needs the amount, which is unknown.
    AmountUnknown,
    /// The last answer showed that further requests would fail as well: the quota is exhausted, the token is
    /// rejected, the client is blocked or rate-limited, or Bakong is unavailable.
    Pointless,
}

/// A conclusion from the answers. Its `Display` output is a sentence without control characters or secrets.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Finding {
    /// At least two lookups were answered, and all found the same transaction.
    Found,
    /// Only this lookup found the transaction. No other answer can be compared with it.
    FoundBy(Lookup),
    /// The transaction found by this lookup has a different amount or currency than the clues.
    OtherAmount(Lookup),
    /// No lookup that was answered found a transaction.
    NotFound,
    /// The MD5 belongs to a static code.
    StaticQr,
    /// The first lookup found the transaction; the second reported that it failed.
    FoundAndFailed(Lookup, Lookup),
    /// The transaction failed, and no lookup found it.
    Failed,
    /// The first lookup found a transaction; the second found none.
    FoundOnlyBy(Lookup, Lookup),
    /// The lookups found different transactions.
    DifferentTransactions(Lookup, Lookup),
    /// Both lookups found a transaction, but at least one has no readable hash. They may be different transactions.
    NotComparable(Lookup, Lookup),
    /// The lookups found the same transaction with different values of this field.
    DifferentField(Lookup, Lookup, &'static str),
    /// The short hash is not the beginning of the full hash.
    CluesDisagree,
    /// This lookup failed; its error gives the reason.
    LookupFailed(Lookup),
}

impl<T: Transport> Session<T> {
    /// Looks a payment up by MD5, full hash and short hash, and skips those that are unknown. A hash in one answer
    /// is used for the next lookup. Sends at most three requests, each through [`send`](Self::send), and stops
    /// when further requests would fail as well.
    pub async fn diagnose(&self, clues: &Clues) -> Diagnosis {
        let mut clues = clues.clone();
        let mut diagnosis = Diagnosis {
            answers: Vec::new(),
            not_asked: Vec::new(),
            clues_disagree: false,
            amount: clues.amount,
        };
        for lookup in [Lookup::Md5, Lookup::Hash, Lookup::ShortHash] {
            let answer = if diagnosis.is_pointless() {
                Err(NotAsked::Pointless)
            } else {
                self.look_up(lookup, &clues).await
            };
            match answer {
                Ok(answer) => {
                    if let Ok(CheckAnswer::Paid(transaction)) = &answer {
                        clues.learn(transaction);
                    }
                    diagnosis.answers.push((lookup, answer));
                }
                Err(why) => diagnosis.not_asked.push((lookup, why)),
            }
        }
        diagnosis.clues_disagree = clues.disagree();
        diagnosis
    }

    async fn look_up(
        &self,
        lookup: Lookup,
        clues: &Clues,
    ) -> Result<Result<CheckAnswer, ApiError>, NotAsked> {
        let unknown = NotAsked::Unknown;
        Ok(match lookup {
            Lookup::Md5 => {
                let md5 = clues.md5.ok_or(unknown)?;
                self.send(&CheckTransactionByMd5::new(md5)).await
            }
            Lookup::Hash => {
                let hash = clues.hash.clone().ok_or(unknown)?;
                self.send(&CheckTransactionByHash::new(hash)).await
            }
            Lookup::ShortHash => {
                let hash = clues.short_hash.clone().ok_or(unknown)?;
                let amount = clues.amount.ok_or(NotAsked::AmountUnknown)?;
                self.send(&CheckTransactionByShortHash::new(hash, amount))
                    .await
            }
        })
    }
}

impl Clues {
    /// Creates clues without any identifier.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the MD5 of the code that was shown.
    #[must_use]
    pub fn with_md5(mut self, md5: Md5Handle) -> Self {
        self.md5 = Some(md5);
        self
    }

    /// Adds the full hash of the transaction.
    #[must_use]
    pub fn with_hash(mut self, hash: TransactionHash) -> Self {
        self.hash = Some(hash);
        self
    }

    /// Adds the first eight digits of the hash. This lookup also needs the amount.
    #[must_use]
    pub fn with_short_hash(mut self, short_hash: ShortHash) -> Self {
        self.short_hash = Some(short_hash);
        self
    }

    /// Adds the expected amount.
    #[must_use]
    pub fn with_amount(mut self, amount: Amount) -> Self {
        self.amount = Some(amount);
        self
    }

    /// Adds the identifiers and the amount of a transaction if they are still unknown.
    fn learn(&mut self, transaction: &Transaction) {
        let hash = || TransactionHash::new(transaction.hash.as_deref()?).ok();
        self.hash = self.hash.take().or_else(hash);
        let short = || self.hash.as_ref().and_then(TransactionHash::short);
        self.short_hash = self.short_hash.take().or_else(short);
        self.amount = self.amount.or(transaction.amount.known().copied());
    }

    /// Whether the short hash is not the beginning of the full one.
    fn disagree(&self) -> bool {
        match (&self.hash, &self.short_hash) {
            (Some(hash), Some(short)) => hash
                .short()
                .is_none_or(|own| !own.as_str().eq_ignore_ascii_case(short.as_str())),
            _ => false,
        }
    }
}

impl Diagnosis {
    /// Returns the transaction, if one was found and all lookups that found one provably found the same.
    #[must_use]
    pub fn transaction(&self) -> Option<&Transaction> {
        let mut paid = self.paid();
        let (_, first) = paid.next()?;
        paid.all(|(_, other)| is_same(first, other) == Some(true))
            .then_some(first)
    }

    /// Returns the conclusions, the most important first. Empty only if no lookup was possible.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let paid: Vec<_> = self.paid().collect();
        let answered = |wanted: CheckAnswer| {
            self.answers
                .iter()
                .filter(move |(_, answer)| answer.as_ref().ok() == Some(&wanted))
                .map(|(lookup, _)| *lookup)
        };
        if let Some(((first, transaction), others)) = paid.split_first() {
            findings.extend(
                others
                    .iter()
                    .flat_map(|(other, its)| differences(*first, transaction, *other, its)),
            );
            // If an answer has no hash, the others may differ from each other.
            if paid.iter().any(|(_, its)| its.hash.as_deref().is_none()) {
                let pairs = others.iter().zip(others.iter().skip(1));
                findings.extend(pairs.filter_map(|((one, its), (other, others))| {
                    separation(*one, its, *other, others)
                }));
            }
            let unaware = answered(CheckAnswer::NotFound);
            findings.extend(unaware.map(|lookup| Finding::FoundOnlyBy(*first, lookup)));
            let failed = answered(CheckAnswer::Failed);
            findings.extend(failed.map(|lookup| Finding::FoundAndFailed(*first, lookup)));
            let other = paid.iter().find(|(_, its)| self.has_other_amount(its));
            findings.extend(other.map(|(lookup, _)| Finding::OtherAmount(*lookup)));
            if findings.is_empty() {
                findings.push(match others {
                    [] => Finding::FoundBy(*first),
                    _ => Finding::Found,
                });
            }
        } else if answered(CheckAnswer::Failed).next().is_some() {
            findings.push(Finding::Failed);
        } else if answered(CheckAnswer::NotFound).next().is_some() {
            findings.push(Finding::NotFound);
        }
        if answered(CheckAnswer::StaticQr).next().is_some() {
            findings.push(Finding::StaticQr);
        }
        if self.clues_disagree {
            findings.push(Finding::CluesDisagree);
        }
        let failed = self.answers.iter().filter(|(_, answer)| answer.is_err());
        findings.extend(failed.map(|(lookup, _)| Finding::LookupFailed(*lookup)));
        findings
    }

    /// Whether a transaction has a different amount or currency than expected.
    fn has_other_amount(&self, transaction: &Transaction) -> bool {
        let Some(amount) = self.amount else {
            return false;
        };
        let currency = transaction.currency.known();
        let is_other = |paid: &Amount| *paid != amount;
        currency.is_some_and(|paid| *paid != amount.currency())
            || transaction.amount.known().is_some_and(is_other)
    }

    fn paid(&self) -> impl Iterator<Item = (Lookup, &Transaction)> {
        self.answers
            .iter()
            .filter_map(|(lookup, answer)| match answer {
                Ok(CheckAnswer::Paid(transaction)) => Some((*lookup, &**transaction)),
                _ => None,
            })
    }

    /// Whether another request would fail like the last one.
    fn is_pointless(&self) -> bool {
        let last = self
            .answers
            .last()
            .and_then(|(_, answer)| answer.as_ref().err());
        last.is_some_and(|error| match error.class().remedy() {
            _ if error.is_of_renewal() => true,
            // During an outage, further requests fail too, and count against the quota.
            Remedy::AskAgain => error.class() != ErrorClass::Malformed,
            Remedy::NextDay | Remedy::NewToken => true,
            Remedy::Attention => error.code().is_none(),
        })
    }
}

/// Whether two answers describe one transaction. `None` if a hash is missing: another field, even the time, can be
/// equal in two transactions.
fn is_same(one: &Transaction, other: &Transaction) -> Option<bool> {
    let (one, other) = (one.hash.as_deref()?, other.hash.as_deref()?);
    Some(one.eq_ignore_ascii_case(other))
}

/// Returns why two answers do not provably describe one transaction.
fn separation(
    first: Lookup,
    one: &Transaction,
    second: Lookup,
    other: &Transaction,
) -> Option<Finding> {
    match is_same(one, other) {
        Some(true) => None,
        Some(false) => Some(Finding::DifferentTransactions(first, second)),
        None => Some(Finding::NotComparable(first, second)),
    }
}

fn differences(
    first: Lookup,
    one: &Transaction,
    second: Lookup,
    other: &Transaction,
) -> Vec<Finding> {
    fn differs<T: PartialEq>(one: &Reading<T>, other: &Reading<T>) -> bool {
        matches!((one, other), (Reading::Known(one), Reading::Known(other)) if one != other)
    }
    if let Some(finding) = separation(first, one, second, other) {
        return vec![finding];
    }
    [
        (
            "fromAccountId",
            differs(&one.from_account_id, &other.from_account_id),
        ),
        (
            "toAccountId",
            differs(&one.to_account_id, &other.to_account_id),
        ),
        ("currency", differs(&one.currency, &other.currency)),
        ("amount", differs(&one.amount, &other.amount)),
        ("createdDateMs", differs(&one.created_at, &other.created_at)),
    ]
    .into_iter()
    .filter(|(_, differs)| *differs)
    .map(|(field, _)| Finding::DifferentField(first, second, field))
    .collect()
}

impl fmt::Display for NotAsked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "the identifier is unknown",
            Self::AmountUnknown => "a lookup by short hash needs the amount, which is unknown",
            Self::Pointless => "the previous answer showed that this lookup would fail as well",
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Found => f.write_str("Bakong found the payment, and all answers agree."),
            Self::FoundBy(one) => write!(
                f,
                "The lookup by {one} found the payment. No other answer can be compared with it."
            ),
            Self::OtherAmount(one) => write!(
                f,
                "The payment found by {one} has a different amount or currency than expected."
            ),
            Self::NotFound => f.write_str(
                "No lookup found a payment. Either no payment was made, or it was made with another code (each \
                 generated code has a different MD5), or Bakong does not know it yet.",
            ),
            Self::StaticQr => f.write_str(
                "The code is static, so its payments cannot be looked up by MD5. Use the hash from the \
                 payer's app.",
            ),
            Self::Failed => f.write_str("The payment was attempted and failed."),
            Self::FoundAndFailed(one, other) => write!(
                f,
                "The lookup by {one} found the payment, but the lookup by {other} reported a failed payment. \
                 The payment may have been attempted twice. Check whether the money is in the account."
            ),
            Self::FoundOnlyBy(one, Lookup::Md5) => write!(
                f,
                "The lookup by {one} found the payment, but the lookup by MD5 did not: another code was paid. \
                 Check whether the code was generated again after it was shown."
            ),
            Self::FoundOnlyBy(one, Lookup::ShortHash) => write!(
                f,
                "The lookup by {one} found the payment, but the lookup by short hash did not. Check the amount \
                 and the currency."
            ),
            Self::FoundOnlyBy(one, other) => write!(
                f,
                "The lookup by {one} found the payment, but the lookup by {other} did not. Check that the \
                 {other} was copied completely."
            ),
            Self::DifferentTransactions(one, other) => write!(
                f,
                "The {one} and the {other} belong to different payments. Either the code was paid twice, \
                 and a lookup by MD5 finds only one of the payments, or the hash belongs to another order."
            ),
            Self::NotComparable(one, other) => write!(
                f,
                "The lookups by {one} and by {other} found a payment, but an answer has no readable hash. So they may \
                 have found different payments. Compare the payments with the account statement."
            ),
            Self::DifferentField(one, other, field) => write!(
                f,
                "The lookups by {one} and by {other} found the same payment with a different {field}. Report \
                 this to NBC."
            ),
            Self::CluesDisagree => f.write_str(
                "The short hash is not the beginning of the full hash, so the two belong to different payments.",
            ),
            Self::LookupFailed(lookup) => write!(
                f,
                "The lookup by {lookup} failed, which says nothing about the payment."
            ),
        }
    }
}
