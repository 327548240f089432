//! `bakong qr generate`.

use khqr_core::{AccountId, Amount, Error, KhqrBuilder, KhqrDraft, Printable};
use serde_json::json;

use super::moment;
use super::refusal::Refusal;
use crate::arguments::GenerateArguments;
use crate::common::code::{self, Code};
use crate::common::exit::{Exit, Failure};
use crate::common::output::Stream;
use crate::common::time::ADVISED_LIFE;
use crate::common::{money, output};

/// The lines below the drawing: the code may take three on a narrow terminal.
const CODE_AND_MD5: usize = 4;

pub(crate) fn run(arguments: &GenerateArguments) -> Result<Exit, Failure> {
    let code = match draft(arguments) {
        Ok(draft) => Code::from(draft),
        Err(error) if arguments.json => {
            output::say_json(&json!({ "error": Refusal::from(error) }));
            return Ok(Exit::Usage);
        }
        Err(error) => {
            let hint = money::hint(&error, arguments.amount.as_deref(), arguments.currency);
            return Err(code::refused(&error).and(hint));
        }
    };
    if arguments.json {
        output::say_json(&json!({ "qr": code.text, "md5": code.md5.to_string() }));
    } else {
        code::show(&code.text, Stream::Out, CODE_AND_MD5);
        output::say(output::row("code", Printable(&code.text)));
        // A static code's MD5 is no handle: see `Md5Handle`.
        if arguments.amount.is_some() {
            output::say(output::row("MD5", code.md5));
        }
    }
    Ok(Exit::Success)
}

fn draft(arguments: &GenerateArguments) -> Result<KhqrDraft<'_>, Error> {
    let amount = arguments
        .amount
        .as_deref()
        .map(|text| Amount::parse(text, arguments.currency))
        .transpose()?;
    let account = AccountId::new(arguments.account.as_deref().unwrap_or_default())?;
    let name = arguments.name.as_deref().unwrap_or_default();
    match (&arguments.merchant_id, &arguments.bank) {
        (Some(id), Some(bank)) => finish(
            arguments,
            amount,
            KhqrBuilder::merchant(account, id, bank, name),
        ),
        (_, bank) => {
            let mut builder = KhqrBuilder::individual(account, name);
            if let Some(text) = &arguments.account_information {
                builder = builder.account_information(text);
            }
            if let Some(bank) = bank {
                builder = builder.acquiring_bank(bank);
            }
            finish(arguments, amount, builder)
        }
    }
}

/// Adds what both kinds of code have.
fn finish<'a, Kind>(
    arguments: &'a GenerateArguments,
    amount: Option<Amount>,
    builder: KhqrBuilder<'a, Kind>,
) -> Result<KhqrDraft<'a>, Error> {
    let mut builder = builder
        .merchant_city(&arguments.city)
        .merchant_category_code(&arguments.category_code);
    if let Some(text) = &arguments.union_pay {
        builder = builder.union_pay_account(text);
    }
    if let Some(text) = &arguments.bill {
        builder = builder.bill_number(text);
    }
    if let Some(text) = &arguments.mobile {
        builder = builder.mobile_number(text);
    }
    if let Some(text) = &arguments.store {
        builder = builder.store_label(text);
    }
    if let Some(text) = &arguments.terminal {
        builder = builder.terminal_label(text);
    }
    if let Some(text) = &arguments.purpose {
        builder = builder.purpose_of_transaction(text);
    }
    if let (Some(language), Some(name)) = (&arguments.language, &arguments.alternate_name) {
        builder = builder.second_language(language, name, arguments.alternate_city.as_deref());
    }
    match amount {
        Some(amount) => {
            let now = moment(arguments.now);
            builder.dynamic_code(
                amount,
                now,
                now.saturating_add(arguments.expires_in.unwrap_or(ADVISED_LIFE)),
            )
        }
        None => builder.static_code(arguments.currency),
    }
}
