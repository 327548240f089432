//! `bakong qr generate` for one code.

use khqr_core::{AccountId, Amount, Error, Khqr, KhqrDraft, Printable, Timestamp};
use serde_json::json;

use super::render;
use crate::arguments::GenerateArguments;
use crate::common::code::{self, CodeFields, GeneratedCode, PaymentFields};
use crate::common::exit::{Exit, Failure};
use crate::common::output::{self, Stream};
use crate::common::refusal::Refusal;
use crate::common::time::{RECOMMENDED_LIFETIME, moment_or_now};
use crate::common::{lookup, money, terminal_qr};

/// The number of lines below the drawing. The code may take up three of them on a narrow terminal.
const CODE_AND_MD5: usize = 4;

pub(super) fn run(arguments: &GenerateArguments) -> Result<Exit, Failure> {
    let code = match draft(arguments) {
        Ok(draft) => GeneratedCode::from(draft),
        Err(error) => {
            let fields = &arguments.fields;
            let hint = money::hint(&error, fields.amount.as_deref(), fields.currency);
            let reason = Refusal::from(error).reason();
            return Err(code::usage_error(&error).and(hint).because(reason));
        }
    };
    if let Some(file) = &arguments.output {
        render::save(&code.text, &arguments.draw, file)?;
    } else if arguments.draw.is_given() {
        return Err(Failure::usage(
            "the options for images need --output: add -o card.svg",
        ));
    }
    if arguments.json {
        let expires_at = Khqr::parse(&code.text).and_then(|khqr| khqr.expires_at());
        let expires_at = expires_at.ok().flatten().map(Timestamp::as_millis);
        let (text, md5) = (&code.text, code.md5);
        output::print_json(&json!({ "qr": text, "md5": md5, "expiresAt": expires_at }));
    } else if Stream::Out.is_terminal() || terminal_qr::is_drawn_in_pipe(arguments.qr) {
        terminal_qr::print(&code.text, arguments.qr, Stream::Out, CODE_AND_MD5);
        output::print(output::row("code", Printable(&code.text)));
        // A static code cannot be looked up by its MD5; see `Md5Handle`.
        if arguments.fields.amount.is_some() {
            output::print(output::row("MD5", code.md5));
        }
    } else {
        // A program needs every character, so that it gets the same MD5.
        output::print(&code.text);
    }
    let is_static = Khqr::parse(&code.text).is_ok_and(|khqr| khqr.amount_text().is_none());
    if is_static && !arguments.json && !output::is_output_lost() {
        output::note(lookup::STATIC_CODE);
    }
    if let Some(file) = &arguments.output {
        output::note(format_args!("saved {}", Printable(&file.to_string_lossy())));
    }
    Ok(Exit::Success)
}

fn draft(arguments: &GenerateArguments) -> Result<KhqrDraft<'_>, Error> {
    let given = &arguments.fields;
    let payment = match &given.amount {
        Some(text) => {
            let created_at = moment_or_now(arguments.now);
            let life = given.expires_in.unwrap_or(RECOMMENDED_LIFETIME);
            PaymentFields::Dynamic {
                amount: Amount::parse(text, given.currency)?.into(),
                created_at,
                expires_at: created_at.saturating_add(life),
            }
        }
        None => PaymentFields::Static(given.currency),
    };
    let account = AccountId::new(given.account.as_deref().unwrap_or_default())?;
    let language = given
        .language
        .as_deref()
        .zip(given.alternate_name.as_deref());
    let fields = CodeFields {
        name: given.name.as_deref().unwrap_or_default(),
        merchant_id: given.merchant_id.as_deref(),
        bank: given.bank.as_deref(),
        account_information: given.account_information.as_deref(),
        city: Some(&given.city),
        category_code: Some(&given.category_code),
        union_pay: given.union_pay.as_deref(),
        bill: given.bill.as_deref(),
        mobile: given.mobile.as_deref(),
        store: given.store.as_deref(),
        terminal: given.terminal.as_deref(),
        purpose: given.purpose.as_deref(),
        second_language: language
            .map(|(language, name)| (language, name, given.alternate_city.as_deref())),
    };
    fields.draft(account, payment)
}
