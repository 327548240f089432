//! What of a rule can have no effect: somebody who asks for it expects one, and would wait for it in vain.

use std::collections::BTreeMap;

use super::edits::{Edits, ItemEdit, TransactionPlace};
use super::{Fault, GARBLED, Source, Trouble};
use crate::answer::LISTED;
use crate::delivery::Delivery;
use crate::endpoint::{ApiEndpoint, TokenUse};
use crate::input::InputError;

/// Refuses a fault of which a part, or all, does nothing. `headers` are the fields of the rule `name` that say any.
pub(super) fn check(fault: &Fault, headers: &[&'static str], name: &str) -> Result<(), InputError> {
    let Trouble {
        source,
        expires_tokens,
        edits,
        delivery,
        ..
    } = &fault.trouble;
    let parts = parts(edits);
    let found = match source {
        Source::Own if *expires_tokens => expired(&parts),
        Source::Own if parts.is_empty() && headers.is_empty() && is_plain(*delivery) => {
            let help = "give an answer, a change of the sandbox's own, or how that comes";
            return Err(InputError::new(name, "it changes nothing", help));
        }
        Source::Own => {
            of_other_endpoints(&parts, &fault.target.endpoints).or_else(|| beyond(&parts))
        }
        Source::Answer(answer) => {
            let body = edits.apply(answer.body());
            let len = body.as_ref().unwrap_or(answer.body()).len();
            unchanged(&parts, answer.body()).or_else(|| undelivered(*delivery, len))
        }
        Source::Cut => without_answer(headers, &parts, *delivery),
        Source::Hang => without_answer(headers, &parts, *delivery).or_else(|| {
            let what = "nothing comes, and so nothing comes later";
            (!delivery.latency.is_zero()).then(|| ("delayMs", what.to_owned()))
        }),
    };
    found.map_or(Ok(()), |(field, what)| {
        let help = "leave it out, or change what it is for";
        Err(InputError::new(format!("{name}.{field}"), what, help))
    })
}

/// A field without effect, and why.
type Idle = Option<(&'static str, String)>;

/// Each change by itself, with the field that asks for it.
fn parts(edits: &Edits) -> Vec<(&'static str, Edits)> {
    let none = Edits::default;
    let mut parts = Vec::new();
    let mut part = |name, edits: Edits| {
        if edits != none() {
            parts.push((name, edits));
        }
    };
    let (float_times, text_amounts) = (edits.float_times, edits.text_amounts);
    part(
        "floatTimes",
        Edits {
            float_times,
            ..none()
        },
    );
    part(
        "textAmounts",
        Edits {
            text_amounts,
            ..none()
        },
    );
    let without_error_code = edits.without_error_code;
    part(
        "withoutErrorCode",
        Edits {
            without_error_code,
            ..none()
        },
    );
    let reversed = edits.reversed;
    part("reversedList", Edits { reversed, ..none() });
    let transaction_place = edits.transaction_place;
    part(
        "transactionPlace",
        Edits {
            transaction_place,
            ..none()
        },
    );
    for (place, edit) in &edits.items {
        let name = match edit {
            ItemEdit::Missing => "withoutItems",
            ItemEdit::ServiceFailed => "serviceFailedItems",
            ItemEdit::Nameless => "namelessItems",
            ItemEdit::Text(text) if text == GARBLED => "garbledItems",
            ItemEdit::Text(_) => "items",
        };
        let items = BTreeMap::from([(*place, edit.clone())]);
        part(name, Edits { items, ..none() });
    }
    parts
}

fn is_of_lists(edits: &Edits) -> bool {
    edits.reversed || !edits.items.is_empty() || edits.transaction_place != TransactionPlace::Data
}

fn is_of_transactions(edits: &Edits) -> bool {
    is_of_lists(edits) || edits.float_times || edits.text_amounts
}

fn is_plain(delivery: Delivery) -> bool {
    delivery == Delivery::default()
}

/// Without a good token nobody is told of a transaction.
fn expired(parts: &[(&'static str, Edits)]) -> Idle {
    let mut parts = parts.iter();
    let (name, _) = parts.find(|(_, edits)| is_of_transactions(edits))?;
    Some((
        name,
        "whoever asks with a token that has expired is told of no transaction".into(),
    ))
}

fn of_other_endpoints(parts: &[(&'static str, Edits)], endpoints: &[ApiEndpoint]) -> Idle {
    if endpoints.is_empty() {
        return None;
    }
    let tells_of = |edits: &Edits, endpoint: &ApiEndpoint| match endpoint {
        ApiEndpoint::CheckTransactionByMd5List | ApiEndpoint::CheckTransactionByHashList => true,
        _ if is_of_lists(edits) => false,
        _ => !is_of_transactions(edits) || endpoint.token_use() == TokenUse::Needed,
    };
    let mut parts = parts.iter();
    let (name, edits) = parts.find(|(_, edits)| !endpoints.iter().any(|it| tells_of(edits, it)))?;
    let what = if is_of_lists(edits) {
        "no endpoint in `on` answers with a list"
    } else {
        "no endpoint in `on` answers with a transaction"
    };
    Some((name, what.into()))
}

/// An item that no list of the sandbox's own has.
fn beyond(parts: &[(&'static str, Edits)]) -> Idle {
    let mut parts = parts.iter();
    let is_beyond = |edits: &Edits| edits.items.keys().any(|place| *place >= LISTED);
    let (name, _) = parts.find(|(_, edits)| is_beyond(edits))?;
    Some((
        name,
        format!("a list has at most {LISTED} items, counted from 0"),
    ))
}

/// A change that leaves a written answer as it was.
fn unchanged(parts: &[(&'static str, Edits)], body: &[u8]) -> Idle {
    // Writes it anew and changes nothing in it.
    let idle = Edits {
        items: BTreeMap::from([(usize::MAX, ItemEdit::Missing)]),
        ..Edits::default()
    };
    let before = idle.apply(body);
    let mut parts = parts.iter();
    let (name, _) = parts.find(|(_, edits)| edits.apply(body) == before)?;
    Some((name, "it changes nothing in this answer".into()))
}

fn undelivered(delivery: Delivery, len: usize) -> Idle {
    if delivery.limit.is_some_and(|limit| limit >= len) {
        return Some((
            "truncateTo",
            format!("the body of this answer has {len} bytes and comes whole"),
        ));
    }
    (delivery.gap.is_some() && len == 0).then(|| ("dripMs", "this answer has no body".into()))
}

fn without_answer(
    headers: &[&'static str],
    parts: &[(&'static str, Edits)],
    delivery: Delivery,
) -> Idle {
    let mut names = headers
        .iter()
        .copied()
        .chain(parts.iter().map(|(name, _)| *name));
    let by_delivery = || {
        let truncated = delivery.limit.map(|_| "truncateTo");
        truncated.or_else(|| delivery.gap.map(|_| "dripMs"))
    };
    let name = names.next().or_else(by_delivery)?;
    Some((name, "there is no answer that it could change".into()))
}
