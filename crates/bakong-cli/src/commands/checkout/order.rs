//! The order that the command line describes, and its code.

use bakong_api::{BaseUrl, Environment};
use bakong_flow::Expected;
use khqr_core::{AccountId, Amount, KhqrDraft, Md5Handle, Timestamp};

use crate::arguments::CheckoutArguments;
use crate::common::code::{self, CodeFields, GeneratedCode, PaymentFields};
use crate::common::exit::Failure;
use crate::common::{money, remote};

/// A checked order.
pub(super) struct CheckoutOrder<'a> {
    account: AccountId<'a>,
    name: &'a str,
    amount: Amount,
    bill: String,
    arguments: &'a CheckoutArguments,
}

/// The code for an order, as shown to the customer.
pub(super) struct ShownCode {
    pub(super) text: String,
    pub(super) md5: Md5Handle,
    pub(super) account: String,
    pub(super) expected: Expected,
    pub(super) name: String,
    pub(super) city: String,
    pub(super) amount: Amount,
    pub(super) bill: String,
    pub(super) created_at: Timestamp,
    pub(super) expires_at: Timestamp,
}

impl<'a> CheckoutOrder<'a> {
    /// Reads and checks the order, so that mistakes are reported before any request.
    pub(super) fn of(arguments: &'a CheckoutArguments) -> Result<Self, Failure> {
        let base_url = remote::base_url(&arguments.target)?;
        let has_defaults = match &base_url {
            None if arguments.sandbox => true,
            None => {
                return Err(Failure::usage(
                    "choose a Bakong server: --sandbox, --env sit, --env production or --base-url URL",
                ));
            }
            Some(base_url) => allows_defaults(base_url),
        };
        let given = |option: &'a Option<String>, flag: &str, default: &'static str| match option {
            Some(text) => Ok(text.as_str()),
            None if has_defaults => Ok(default),
            None => Err(Failure::usage(format!(
                "{flag} is missing: it has no default in production"
            ))),
        };
        let account = given(&arguments.account, "--account", "sokha@sandbox")?;
        let name = given(&arguments.name, "--name", "Sokha Coffee")?;
        let currency = arguments.currency;
        let amount = given(&arguments.amount, "--amount", money::example(currency))?;
        let order = Self {
            account: AccountId::new(account).map_err(|error| code::usage_error(&error))?,
            name,
            amount: money::parse(amount, currency)?,
            bill: match &arguments.bill {
                Some(bill) => bill.clone(),
                None => unique_bill()?,
            },
            arguments,
        };
        // The check does not depend on the time.
        let any_time = Timestamp::from_millis(1_795_000_000_000);
        order
            .draft(any_time)
            .map_err(|error| code::usage_error(&error))?;
        Ok(order)
    }

    /// The code, created at `now`.
    pub(super) fn code(&self, now: Timestamp) -> Result<ShownCode, Failure> {
        let draft = self.draft(now).map_err(|error| code::usage_error(&error))?;
        let GeneratedCode { text, md5 } = draft.into();
        Ok(ShownCode {
            text,
            md5,
            account: self.account.as_str().to_owned(),
            expected: Expected::new(self.amount, self.account.into()),
            name: self.name.to_owned(),
            city: self.arguments.city.clone(),
            amount: self.amount,
            bill: self.bill.clone(),
            created_at: now,
            expires_at: now.saturating_add(self.arguments.expires_in),
        })
    }

    fn draft(&self, now: Timestamp) -> Result<KhqrDraft<'_>, khqr_core::Error> {
        let fields = CodeFields {
            name: self.name,
            merchant_id: self.arguments.merchant_id.as_deref(),
            bank: self.arguments.bank.as_deref(),
            city: Some(&self.arguments.city),
            bill: Some(&self.bill),
            ..CodeFields::default()
        };
        let payment = PaymentFields::Dynamic {
            amount: self.amount.into(),
            created_at: now,
            expires_at: now.saturating_add(self.arguments.expires_in),
        };
        fields.draft(self.account, payment)
    }
}

/// Whether the options of the order may have defaults. They may not on NBC's production hosts. Another address may
/// also lead to production, through a proxy. For that case, the default account is at a bank that does not exist, so
/// no app can pay to it.
fn allows_defaults(base_url: &BaseUrl) -> bool {
    !Environment::of_host(base_url.host()).is_some_and(Environment::is_production)
}

/// A random bill number. Two codes with the same text have the same MD5, so every order needs its own number.
fn unique_bill() -> Result<String, Failure> {
    let random = getrandom::u64().map_err(|error| {
        let message =
            format!("cannot generate a random bill number ({error}); set one with --bill");
        Failure::usage(message)
    })?;
    Ok(format!("B-{random:016x}"))
}
