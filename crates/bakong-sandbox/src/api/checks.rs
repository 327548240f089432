//! Checks of transactions, by whatever somebody may hold in hand of them.

use khqr_core::{Currency, Md5Handle, Timestamp};

use super::body::{Body, IDENTIFIER};
use super::decimal::Decimal;
use crate::codes::OpenCodes;
use crate::index::Handle;
use crate::ledger::{Books, LookUp};
use crate::payment::Transfer;
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
        let found = by_md5(&self.ledger.books(now), &md5);
        note_open(&mut self.open_codes, &md5, found, now);
        answer(found)
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
        let is_meant = |payment: &Transfer| {
            payment.hash().starts_with(&*short)
                && payment.amount().currency() == currency
                && Decimal::of_amount(payment.amount()) == amount
        };
        let handle = Handle::ShortHash(&short);
        answer(self.ledger.books(now).find(handle, is_meant))
    }

    pub(super) fn check_transaction_by_instruction_ref(
        &mut self,
        body: Body<'_>,
        now: Timestamp,
    ) -> Result<Answer, Failure> {
        let reference = body.fields().text("instructionRef", IDENTIFIER)?;
        let is_meant = |payment: &Transfer| payment.instruction_ref() == Some(&*reference);
        let handle = Handle::InstructionRef(&reference);
        answer(self.ledger.books(now).find(handle, is_meant))
    }

    pub(super) fn check_transaction_by_external_ref(
        &mut self,
        body: Body<'_>,
        now: Timestamp,
    ) -> Result<Answer, Failure> {
        let reference = body.fields().text("externalRef", IDENTIFIER)?;
        let is_meant = |payment: &Transfer| payment.external_ref() == reference;
        let handle = Handle::ExternalRef(&reference);
        answer(self.ledger.books(now).find(handle, is_meant))
    }

    pub(super) fn check_transaction_by_md5_list(
        &mut self,
        body: Body<'_>,
        now: Timestamp,
    ) -> Result<Answer, Failure> {
        let asked = body.identifiers()?;
        let books = self.ledger.books(now);
        let open_codes = &mut self.open_codes;
        let found = asked.iter().map(|md5| {
            let found = by_md5(&books, md5);
            note_open(open_codes, md5, found, now);
            (&**md5, found)
        });
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
    match text.get(..SHORT_HASH) {
        Some(short) => books.find(Handle::ShortHash(short), |payment| payment.hash() == text),
        None => LookUp::Nothing,
    }
}

/// A code that somebody asks about and that is not paid is one that a shop is showing.
fn note_open(open_codes: &mut OpenCodes, text: &str, found: LookUp<'_>, now: Timestamp) {
    if let (LookUp::Nothing, Ok(md5)) = (found, text.parse::<Md5Handle>())
        && md5.to_string() == text
    {
        open_codes.asked(md5, now);
    }
}

fn answer(found: LookUp<'_>) -> Result<Answer, Failure> {
    match found {
        LookUp::Transferred(payment) => Ok(wire::transaction(payment)),
        LookUp::Nothing => Err(Failure::TransactionNotFound),
        LookUp::StaticCode => Err(Failure::StaticQr),
        LookUp::Failed => Err(Failure::TransactionFailed),
    }
}
