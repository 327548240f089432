//! A transaction for people and for machines.

use bakong_api::khqr_core::Printable;
use bakong_api::{Reading, Transaction};
use bakong_flow::Mismatch;
use bakong_flow::settlement::Detail;
use serde_json::{Map, Value, json};

use crate::common::money;
use crate::common::output::row;
use crate::common::time::in_phnom_penh;

/// The rows of a receipt that come from the transaction.
pub(crate) fn rows(transaction: &Transaction) -> Vec<String> {
    let text = |name, reading: &Reading<String>| match reading {
        Reading::Known(text) => Some(row(name, Printable(text))),
        Reading::Unreadable(raw) => {
            Some(row(name, format_args!("{} (unreadable)", Printable(raw))))
        }
        Reading::Absent => None,
    };
    let paid = match (&transaction.amount, &transaction.currency) {
        (Reading::Known(amount), _) => amount.to_string(),
        (Reading::Unreadable(raw), Reading::Known(currency)) => {
            format!("{} {currency} (unreadable)", Printable(raw))
        }
        (Reading::Unreadable(amount), Reading::Unreadable(currency)) => {
            format!("{} {} (unreadable)", Printable(amount), Printable(currency))
        }
        (Reading::Unreadable(raw), Reading::Absent) => format!("{} (unreadable)", Printable(raw)),
        (Reading::Absent, _) => "Bakong does not say how much".to_owned(),
    };
    let at = match &transaction.created_at {
        Reading::Known(at) => Some(row(
            "at",
            format_args!("{} in Phnom Penh", in_phnom_penh(*at)),
        )),
        Reading::Unreadable(raw) => {
            Some(row("at", format_args!("{} (unreadable)", Printable(raw))))
        }
        Reading::Absent => None,
    };
    [
        Some(row("paid", paid)),
        text("to", &transaction.to_account_id),
        text("from", &transaction.from_account_id),
        at,
        text("remark", &transaction.description),
        text("reference", &transaction.external_ref),
        text("hash", &transaction.hash),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Every field under Bakong's own name; amounts as text, exactly; what cannot be read as its JSON text
/// under `unreadable`.
pub(crate) fn json(transaction: &Transaction) -> Value {
    let mut object = Fields::default();
    object.text("hash", &transaction.hash);
    object.text("fromAccountId", &transaction.from_account_id);
    object.text("toAccountId", &transaction.to_account_id);
    object.put("currency", &transaction.currency, |currency| {
        currency.alphabetic_code().into()
    });
    object.put("amount", &transaction.amount, |amount| {
        money::decimal(*amount).into()
    });
    object.text("description", &transaction.description);
    object.put("createdDateMs", &transaction.created_at, |at| {
        at.as_millis().into()
    });
    object.put("acknowledgedDateMs", &transaction.acknowledged_at, |at| {
        at.as_millis().into()
    });
    object.text("trackingStatus", &transaction.tracking_status);
    object.text("receiverBank", &transaction.receiver_bank);
    object.text("receiverBankAccount", &transaction.receiver_bank_account);
    object.text("instructionRef", &transaction.instruction_ref);
    object.text("externalRef", &transaction.external_ref);
    object.finish()
}

/// How a transaction differs from the order, in words.
pub(crate) fn describe(mismatch: &Mismatch) -> String {
    match mismatch {
        Mismatch::Short { paid } => format!("too little was paid: {paid}"),
        Mismatch::Over { paid } => format!("too much was paid: {paid}"),
        Mismatch::OtherCurrency { paid } => format!("it was paid in {paid}"),
        Mismatch::OtherRecipient { paid } => {
            format!("another account was paid: {}", Printable(paid))
        }
        Mismatch::Untold(Detail::Amount) => "Bakong does not say readably how much".to_owned(),
        Mismatch::Untold(Detail::Currency) => "Bakong does not say in which currency".to_owned(),
        Mismatch::Untold(Detail::Recipient) => "Bakong does not say to whom".to_owned(),
        Mismatch::SettledAnother { order } => {
            format!(
                "the same transaction settled another order: {}",
                Printable(order.as_str())
            )
        }
        Mismatch::OrderSettled => "the order was settled before, by another transaction".to_owned(),
        Mismatch::OtherCode => {
            "only its hash finds it, and the code's MD5 does not: another code was paid".to_owned()
        }
        Mismatch::BeforeOpened => "it was made before the code was shown".to_owned(),
        Mismatch::Cancelled => "the order was cancelled before".to_owned(),
        _ => "it differs from what was asked for".to_owned(),
    }
}

/// The same for machines.
pub(crate) fn mismatch_json(mismatch: &Mismatch) -> Value {
    let (kind, paid) = match mismatch {
        Mismatch::Short { paid } => ("short", Some(money::decimal(*paid))),
        Mismatch::Over { paid } => ("over", Some(money::decimal(*paid))),
        Mismatch::OtherCurrency { paid } => ("other_currency", Some(paid.to_string())),
        Mismatch::OtherRecipient { paid } => ("other_recipient", Some(paid.clone())),
        Mismatch::Untold(Detail::Amount) => ("untold_amount", None),
        Mismatch::Untold(Detail::Currency) => ("untold_currency", None),
        Mismatch::Untold(Detail::Recipient) => ("untold_recipient", None),
        Mismatch::SettledAnother { .. } => ("settled_another", None),
        Mismatch::OrderSettled => ("order_settled", None),
        Mismatch::OtherCode => ("other_code", None),
        Mismatch::BeforeOpened => ("before_opened", None),
        Mismatch::Cancelled => ("cancelled", None),
        _ => ("other", None),
    };
    json!({ "kind": kind, "paid": paid })
}

#[derive(Default)]
struct Fields {
    known: Map<String, Value>,
    unreadable: Map<String, Value>,
}

impl Fields {
    fn put<T>(&mut self, name: &str, reading: &Reading<T>, write: impl FnOnce(&T) -> Value) {
        let value = match reading {
            Reading::Known(value) => write(value),
            Reading::Absent => Value::Null,
            Reading::Unreadable(raw) => {
                self.unreadable.insert(name.to_owned(), (**raw).into());
                Value::Null
            }
        };
        self.known.insert(name.to_owned(), value);
    }

    fn text(&mut self, name: &str, reading: &Reading<String>) {
        self.put(name, reading, |text| text.as_str().into());
    }

    fn finish(mut self) -> Value {
        if !self.unreadable.is_empty() {
            self.known
                .insert("unreadable".to_owned(), self.unreadable.into());
        }
        self.known.into()
    }
}
