//! Checks of transactions, by each identifier that a client may have.

use khqr_core::{Amount, Currency, Md5Handle};

use super::body::IDENTIFIER;
use super::call::Call;
use super::minor_units::minor_units;
use super::refused::Refused;
use crate::bank::{Ledger, Lookup, SearchKey, Transfer};
use crate::wire::{self, Answer, Failure, ListedBy};

/// The number of digits of a short hash.
const SHORT_HASH: usize = 8;

pub(super) fn by_md5(call: &mut Call<'_>) -> Result<Answer, Refused> {
    let md5 = call.body.fields().text("md5", IDENTIFIER)?;
    let found = find_by_md5(call.ledger(), &md5);
    let is_open = matches!(found, Lookup::NotFound);
    let answer = respond(found);
    if is_open {
        observe_check(call, &md5);
    }
    answer
}

pub(super) fn by_hash(call: &mut Call<'_>) -> Result<Answer, Refused> {
    let hash = call.body.fields().text("hash", IDENTIFIER)?;
    respond(find_by_hash(call.ledger(), &hash))
}

/// Eight digits do not identify a transaction, so amount and currency must match too.
pub(super) fn by_short_hash(call: &mut Call<'_>) -> Result<Answer, Refused> {
    let fields = call.body.fields();
    let short = fields.text("hash", SHORT_HASH..=SHORT_HASH)?;
    let amount = fields.number("amount")?;
    let currency = fields.text("currency", 3..=3)?;
    let currency = [Currency::Khr, Currency::Usd]
        .into_iter()
        .find(|known| known.alphabetic_code() == currency)
        .ok_or_else(|| Refused::missing_fields("body.currency is neither `KHR` nor `USD`"))?;
    let units = minor_units(amount, currency).ok_or(Failure::TransactionNotFound)?;
    let amount = Amount::from_minor_units(units, currency);
    let matches =
        |transfer: &Transfer| transfer.hash().starts_with(&*short) && transfer.amount() == amount;
    let key = SearchKey::ShortHash(&short);
    respond(call.ledger().find(key, matches))
}

pub(super) fn by_instruction_ref(call: &mut Call<'_>) -> Result<Answer, Refused> {
    let reference = call.body.fields().text("instructionRef", IDENTIFIER)?;
    let matches = |transfer: &Transfer| transfer.instruction_ref() == Some(&*reference);
    let key = SearchKey::InstructionRef(&reference);
    respond(call.ledger().find(key, matches))
}

pub(super) fn by_external_ref(call: &mut Call<'_>) -> Result<Answer, Refused> {
    let reference = call.body.fields().text("externalRef", IDENTIFIER)?;
    let matches = |transfer: &Transfer| transfer.external_ref() == reference;
    let key = SearchKey::ExternalRef(&reference);
    respond(call.ledger().find(key, matches))
}

pub(super) fn by_md5_list(call: &mut Call<'_>) -> Result<Answer, Refused> {
    let identifiers = call.body.identifiers()?;
    let ledger = call.ledger();
    let mut unpaid = Vec::new();
    let results = identifiers.iter().map(|md5| {
        let found = find_by_md5(ledger, md5);
        if matches!(found, Lookup::NotFound) {
            unpaid.push(md5);
        }
        (&**md5, found)
    });
    let answer = wire::transactions(ListedBy::Md5, results);
    for md5 in unpaid {
        observe_check(call, md5);
    }
    Ok(answer)
}

pub(super) fn by_hash_list(call: &mut Call<'_>) -> Result<Answer, Refused> {
    let identifiers = call.body.identifiers()?;
    let ledger = call.ledger();
    let results = identifiers
        .iter()
        .map(|hash| (&**hash, find_by_hash(ledger, hash)));
    Ok(wire::transactions(ListedBy::Hash, results))
}

/// Reads 32 lower-case hexadecimal digits. A check with any other form finds nothing.
fn md5(text: &str) -> Option<Md5Handle> {
    let md5 = text.parse::<Md5Handle>().ok()?;
    (md5.to_string() == text).then_some(md5)
}

fn find_by_md5<'a>(ledger: &'a Ledger, text: &str) -> Lookup<'a> {
    md5(text).map_or(Lookup::NotFound, |md5| ledger.find_by_md5(md5))
}

fn find_by_hash<'a>(ledger: &'a Ledger, text: &str) -> Lookup<'a> {
    match text.get(..SHORT_HASH).map(SearchKey::ShortHash) {
        Some(key) => ledger.find(key, |transfer| transfer.hash() == text),
        None => Lookup::NotFound,
    }
}

fn observe_check(call: &mut Call<'_>, text: &str) {
    if let Some(md5) = md5(text) {
        call.backend.observe_check(md5, call.now);
    }
}

fn respond(found: Lookup<'_>) -> Result<Answer, Refused> {
    let failure = match found {
        Lookup::Transferred(transfer) => return Ok(wire::transaction(transfer)),
        Lookup::NotFound => Failure::TransactionNotFound,
        Lookup::StaticCode => Failure::StaticQr,
        Lookup::Failed => Failure::TransactionFailed,
    };
    Err(failure.into())
}
