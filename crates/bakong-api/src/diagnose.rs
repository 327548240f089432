//! Why is this payment not found? Asked in every way that Bakong offers, and the answers compared.

use std::fmt;

use khqr_core::{Amount, Md5Handle};

use crate::endpoint::{
    CheckAnswer, CheckTransactionByHash, CheckTransactionByMd5, CheckTransactionByShortHash,
    ShortHash, TransactionHash,
};
use crate::error::{ApiError, ErrorClass, Remedy};
use crate::session::Session;
use crate::transaction::{Reading, Transaction};
use crate::transport::Transport;

/// What is known of a payment. Each is one more way to ask about it.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Clues {
    /// The MD5 of the code that was shown.
    pub md5: Option<Md5Handle>,
    /// The transaction's full hash.
    pub hash: Option<TransactionHash>,
    /// The first eight digits of the hash, as the payer's app shows them.
    pub short_hash: Option<ShortHash>,
    /// The amount, without which a short hash cannot be asked about.
    pub amount: Option<Amount>,
}

/// A way to ask about a payment.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Lookup {
    /// `check_transaction_by_md5`.
    Md5,
    /// `check_transaction_by_hash`.
    Hash,
    /// `check_transaction_by_short_hash`.
    ShortHash,
}

/// What Bakong says of a payment, asked in each way that the clues allow.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Diagnosis {
    /// The answers, in the order in which they were asked for.
    pub answers: Vec<(Lookup, Result<CheckAnswer, ApiError>)>,
    /// The ways that were not tried, and why.
    pub not_asked: Vec<(Lookup, NotAsked)>,
    clues_disagree: bool,
    /// What the payment should be of, if that was known before.
    amount: Option<Amount>,
}

/// Why a way was not tried.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum NotAsked {
    /// What it asks by is not known, and no answer told it.
    Unknown,
    /// A short hash is asked about together with its amount, which is not known.
    AmountUnknown,
    /// An answer before it showed that no more would come of it: the day's requests are used up, the token
    /// is refused, this client is blocked or too fast, or Bakong is out of order or out of reach.
    Pointless,
}

/// Something that the answers show. Prints as a sentence, and is safe to print.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Finding {
    /// All that answered, and at least two did, know the same transaction.
    Found,
    /// This one knows the transaction, and no other answer could be compared with it.
    FoundBy(Lookup),
    /// The transaction that this one knows is of another amount or currency than the clues.
    OtherAmount(Lookup),
    /// None of those that answered knows a transaction.
    NotFound,
    /// The MD5 is of a static code.
    StaticQr,
    /// One knows the transaction, and another says that it failed.
    FoundAndFailed(Lookup, Lookup),
    /// The transaction failed, as far as anybody knows of it.
    Failed,
    /// The first knows a transaction, and the second knows none.
    FoundOnlyBy(Lookup, Lookup),
    /// They know different transactions.
    DifferentTransactions(Lookup, Lookup),
    /// They know the same transaction and tell this field of it differently.
    DifferentField(Lookup, Lookup, &'static str),
    /// The short hash is not the beginning of the full one.
    CluesDisagree,
    /// One could not be asked; its error says why.
    CouldNotAsk(Lookup),
}

impl<T: Transport> Session<T> {
    /// Asks about a payment by MD5, by full hash and by short hash, as far as they are known: a hash that
    /// one answer tells serves for the next question. Asks three times at most, each at the cost of a
    /// [`send`](Self::send), and stops where more would be pointless.
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
    /// Takes from a transaction what was not known before.
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
    /// The transaction, if one is known and no answer tells of another.
    #[must_use]
    pub fn transaction(&self) -> Option<&Transaction> {
        let (_, first) = self.paid().next()?;
        let is_one = |(_, one)| self.paid().all(|(_, other)| is_same(one, other));
        self.paid().all(is_one).then_some(first)
    }

    /// What the answers show, the most important first. Empty only where there was nothing to ask by.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let paid: Vec<_> = self.paid().collect();
        let those = |wanted: CheckAnswer| {
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
            // Two others may differ where the first tells no hash.
            let pairs = others.iter().zip(others.iter().skip(1));
            let pairs = pairs.filter(|((_, one), (_, other))| !is_same(one, other));
            findings.extend(
                pairs.map(|((one, _), (other, _))| Finding::DifferentTransactions(*one, *other)),
            );
            let unaware = those(CheckAnswer::NotFound);
            findings.extend(unaware.map(|lookup| Finding::FoundOnlyBy(*first, lookup)));
            let failed = those(CheckAnswer::Failed);
            findings.extend(failed.map(|lookup| Finding::FoundAndFailed(*first, lookup)));
            let other = paid.iter().find(|(_, its)| self.is_of_other_amount(its));
            findings.extend(other.map(|(lookup, _)| Finding::OtherAmount(*lookup)));
            if findings.is_empty() {
                findings.push(match others {
                    [] => Finding::FoundBy(*first),
                    _ => Finding::Found,
                });
            }
        } else if those(CheckAnswer::Failed).next().is_some() {
            findings.push(Finding::Failed);
        } else if those(CheckAnswer::NotFound).next().is_some() {
            findings.push(Finding::NotFound);
        }
        if those(CheckAnswer::StaticQr).next().is_some() {
            findings.push(Finding::StaticQr);
        }
        if self.clues_disagree {
            findings.push(Finding::CluesDisagree);
        }
        let failed = self.answers.iter().filter(|(_, answer)| answer.is_err());
        findings.extend(failed.map(|(lookup, _)| Finding::CouldNotAsk(*lookup)));
        findings
    }

    /// Whether a transaction says that it is of another amount or currency than was expected.
    fn is_of_other_amount(&self, transaction: &Transaction) -> bool {
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

    /// Whether another request would fare as the last one did.
    fn is_pointless(&self) -> bool {
        let last = self
            .answers
            .last()
            .and_then(|(_, answer)| answer.as_ref().err());
        last.is_some_and(|error| match error.class().remedy() {
            _ if error.is_of_renewal() => true,
            // Of an outage, each further question would cost a request and bring the same.
            Remedy::AskAgain => error.class() != ErrorClass::Malformed,
            Remedy::NextDay | Remedy::NewToken => true,
            Remedy::Attention => error.code().is_none(),
        })
    }
}

/// Whether two answers tell of one transaction: their hashes are equal, or one of them has none to tell.
fn is_same(one: &Transaction, other: &Transaction) -> bool {
    match (one.hash.as_deref(), other.hash.as_deref()) {
        (Some(one), Some(other)) => one.eq_ignore_ascii_case(other),
        _ => true,
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
    if !is_same(one, other) {
        return vec![Finding::DifferentTransactions(first, second)];
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

impl fmt::Display for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Md5 => "MD5",
            Self::Hash => "full hash",
            Self::ShortHash => "short hash",
        })
    }
}

impl fmt::Display for NotAsked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "it is not known",
            Self::AmountUnknown => "the amount is not known, and a short hash needs it",
            Self::Pointless => "the answer before it showed that no more would come of it",
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Found => f.write_str("Bakong knows the payment, and all answers agree."),
            Self::FoundBy(one) => write!(
                f,
                "By {one} Bakong knows the payment; there is no other answer to compare it with."
            ),
            Self::OtherAmount(one) => write!(
                f,
                "The payment that is known by {one} is of another amount or currency than was said."
            ),
            Self::NotFound => f.write_str(
                "Bakong knows of no payment, however it was asked: it was not paid, was paid on another \
                 code (one that is generated anew has another MD5), or is not known yet.",
            ),
            Self::StaticQr => f.write_str(
                "The code is static, and its payments cannot be found by MD5: ask by the hash from the \
                 payer's app.",
            ),
            Self::Failed => f.write_str("The payment was tried and failed."),
            Self::FoundAndFailed(one, other) => write!(
                f,
                "By {one} the payment is known, and by {other} it failed: it may have been tried twice. \
                 The money came, if the account says so."
            ),
            Self::FoundOnlyBy(one, Lookup::Md5) => write!(
                f,
                "By {one} the payment is known, and by MD5 it is not: what was paid is another code than the \
                 one that was asked about. Was the code generated anew after it was shown?"
            ),
            Self::FoundOnlyBy(one, Lookup::ShortHash) => write!(
                f,
                "By {one} the payment is known, and by short hash it is not: are its amount and currency \
                 those that were asked with?"
            ),
            Self::FoundOnlyBy(one, other) => write!(
                f,
                "By {one} the payment is known, and by {other} it is not: is the {other} copied whole?"
            ),
            Self::DifferentTransactions(one, other) => write!(
                f,
                "The {one} and the {other} are of different payments. The code may have been paid twice, of \
                 which a look-up by MD5 shows one; or the hash is of another order."
            ),
            Self::DifferentField(one, other, field) => write!(
                f,
                "By {one} and by {other} the same payment is told with a different {field}: have NBC look \
                 at it."
            ),
            Self::CluesDisagree => f.write_str(
                "The short hash is not the beginning of the full hash, so the two are of different payments.",
            ),
            Self::CouldNotAsk(lookup) => write!(
                f,
                "By {lookup} it could not be asked, which says nothing of the payment."
            ),
        }
    }
}
