//! Checks of transactions, by whatever somebody may hold in hand of them.

use khqr_core::{Currency, Md5Handle, Timestamp};

use super::body::{Body, IDENTIFIER};
use super::decimal::Decimal;
use crate::ledger::{Books, LookUp};
use crate::payment::Payment;
use crate::state::State;
use crate::wire::{self, Answer, Failure, ListedBy};

/// How many digits of a hash make a short one.
const SHORT_HASH: usize = 8;

impl State {
    pub(super) fn check_transaction_by_md5(
        &mut self,
        body: Body<'_>,
        now: Timestamp,
    ) -> Result<Answer, Failure> {
        let md5 = body.fields().text("md5", IDENTIFIER)?;
        answer(by_md5(&self.ledger.books(now), &md5))
    }

    pub(super) fn check_transaction_by_hash(
        &mut self,
        body: Body<'_>,
        now: Timestamp,
    ) -> Result<Answer, Failure> {
        let hash = body.fields().text("hash", IDENTIFIER)?;
        answer(by_hash(&self.ledger.books(now), &hash))
    }

    /// Eight digits are too few to tell transactions apart, so amount and currency must be right too.
    pub(super) fn check_transaction_by_short_hash(
        &mut self,
        body: Body<'_>,
        now: Timestamp,
    ) -> Result<Answer, Failure> {
        let fields = body.fields();
        let short = fields.text("hash", SHORT_HASH..=SHORT_HASH)?;
        let amount = fields.number("amount")?;
        let currency = fields.text("currency", 3..=3)?;
        let currency = [Currency::Khr, Currency::Usd]
            .into_iter()
            .find(|known| known.alphabetic_code() == currency)
            .ok_or(Failure::MissingFields)?;
        // A number that no amount can be is the amount of no transaction.
        let amount = Decimal::of_number(amount).ok_or(Failure::TransactionNotFound)?;
        let is_meant = |payment: &Payment| {
            payment.hash().starts_with(&*short)
                && payment.amount().currency() == currency
                && Decimal::of_amount(payment.amount()) == amount
        };
        answer(self.ledger.books(now).find(is_meant))
    }

    pub(super) fn check_transaction_by_instruction_ref(
        &mut self,
        body: Body<'_>,
        now: Timestamp,
    ) -> Result<Answer, Failure> {
        let reference = body.fields().text("instructionRef", IDENTIFIER)?;
        let is_meant = |payment: &Payment| payment.instruction_ref() == Some(&*reference);
        answer(self.ledger.books(now).find(is_meant))
    }

    pub(super) fn check_transaction_by_external_ref(
        &mut self,
        body: Body<'_>,
        now: Timestamp,
    ) -> Result<Answer, Failure> {
        let reference = body.fields().text("externalRef", IDENTIFIER)?;
        let is_meant = |payment: &Payment| payment.external_ref() == reference;
        answer(self.ledger.books(now).find(is_meant))
    }

    pub(super) fn check_transaction_by_md5_list(
        &mut self,
        body: Body<'_>,
        now: Timestamp,
    ) -> Result<Answer, Failure> {
        let asked = body.identifiers()?;
        let books = self.ledger.books(now);
        let found = asked.iter().map(|md5| (&**md5, by_md5(&books, md5)));
        Ok(wire::transactions(ListedBy::Md5, found))
    }

    pub(super) fn check_transaction_by_hash_list(
        &mut self,
        body: Body<'_>,
        now: Timestamp,
    ) -> Result<Answer, Failure> {
        let asked = body.identifiers()?;
        let books = self.ledger.books(now);
        let found = asked.iter().map(|hash| (&**hash, by_hash(&books, hash)));
        Ok(wire::transactions(ListedBy::Hash, found))
    }
}

/// A handle is the text of 32 lower-case digits, not the number behind it.
fn by_md5<'a>(books: &Books<'a>, text: &str) -> LookUp<'a> {
    match text.parse::<Md5Handle>() {
        Ok(md5) if md5.to_string() == text => books.by_md5(md5),
        _ => LookUp::Nothing,
    }
}

fn by_hash<'a>(books: &Books<'a>, text: &str) -> LookUp<'a> {
    books.find(|payment| payment.hash() == text)
}

fn answer(found: LookUp<'_>) -> Result<Answer, Failure> {
    match found {
        LookUp::Transferred(payment) => Ok(wire::transaction(payment)),
        LookUp::Nothing => Err(Failure::TransactionNotFound),
        LookUp::StaticCode => Err(Failure::StaticQr),
        LookUp::Failed => Err(Failure::TransactionFailed),
    }
}
