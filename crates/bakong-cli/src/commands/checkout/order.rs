//! What is to be paid, checked before anything is sent.

use bakong_api::{BaseUrl, Environment};
use khqr_core::{AccountId, Amount, KhqrBuilder, KhqrDraft, Md5Handle, Timestamp};

use crate::arguments::CheckoutArguments;
use crate::common::code::{self, Code};
use crate::common::exit::Failure;
use crate::common::{money, remote};

/// An order as the command line has it.
pub(super) struct Order<'a> {
    account: AccountId<'a>,
    name: &'a str,
    amount: Amount,
    bill: String,
    arguments: &'a CheckoutArguments,
}

/// A code that is shown, and what it asks for.
pub(super) struct Shown {
    pub(super) text: String,
    pub(super) md5: Md5Handle,
    pub(super) account: String,
    pub(super) name: String,
    pub(super) city: String,
    pub(super) amount: Amount,
    pub(super) bill: String,
    pub(super) created_at: Timestamp,
    pub(super) expires_at: Timestamp,
}

impl<'a> Order<'a> {
    /// Takes the order from the command line.
    pub(super) fn of(arguments: &'a CheckoutArguments) -> Result<Self, Failure> {
        let base_url = remote::base_url(&arguments.target)?;
        let defaults = match &base_url {
            None if arguments.sandbox => true,
            None => {
                return Err(Failure::usage(
                    "say which Bakong to ask: --sandbox, --env sit, --env production or --base-url URL",
                ));
            }
            Some(base_url) => defaults_allowed(base_url),
        };
        let given = |option: &'a Option<String>, flag: &str, default: &'static str| match option {
            Some(text) => Ok(text.as_str()),
            None if defaults => Ok(default),
            None => Err(Failure::usage(format!(
                "{flag} is missing: where real money moves nothing is made up"
            ))),
        };
        let account = given(&arguments.account, "--account", "sokha@sandbox")?;
        let name = given(&arguments.name, "--name", "Sokha Coffee")?;
        let currency = arguments.currency;
        let amount = given(&arguments.amount, "--amount", money::example(currency))?;
        let order = Self {
            account: AccountId::new(account).map_err(|error| code::refused(&error))?,
            name,
            amount: money::parse(amount, currency)?,
            bill: match &arguments.bill {
                Some(bill) => bill.clone(),
                None => unique_bill()?,
            },
            arguments,
        };
        // Whatever is wrong with it should be said before Bakong is opened.
        let now = Timestamp::from_millis(1_795_000_000_000);
        order.draft(now).map_err(|error| code::refused(&error))?;
        Ok(order)
    }

    /// The code, created at `now`.
    pub(super) fn code(&self, now: Timestamp) -> Result<Shown, Failure> {
        let draft = self.draft(now).map_err(|error| code::refused(&error))?;
        let Code { text, md5 } = draft.into();
        Ok(Shown {
            text,
            md5,
            account: self.account.as_str().to_owned(),
            name: self.name.to_owned(),
            city: self.arguments.city.clone(),
            amount: self.amount,
            bill: self.bill.clone(),
            created_at: now,
            expires_at: now.saturating_add(self.arguments.expires_in),
        })
    }

    fn draft(&self, now: Timestamp) -> Result<KhqrDraft<'_>, khqr_core::Error> {
        let arguments = self.arguments;
        match (&arguments.merchant_id, &arguments.bank) {
            (Some(id), Some(bank)) => self.finish(
                KhqrBuilder::merchant(self.account, id, bank, self.name),
                now,
            ),
            (_, Some(bank)) => self.finish(
                KhqrBuilder::individual(self.account, self.name).acquiring_bank(bank),
                now,
            ),
            (_, None) => self.finish(KhqrBuilder::individual(self.account, self.name), now),
        }
    }

    fn finish<'b, Kind>(
        &'b self,
        builder: KhqrBuilder<'b, Kind>,
        now: Timestamp,
    ) -> Result<KhqrDraft<'b>, khqr_core::Error> {
        let expires_at = now.saturating_add(self.arguments.expires_in);
        builder
            .merchant_city(&self.arguments.city)
            .bill_number(&self.bill)
            .dynamic_code(self.amount, now, expires_at)
    }
}

/// Nothing is made up for NBC's production. Any other address may lead there too, through a proxy or a
/// tunnel, so the account that is made up is at no bank there is: no app would pay it.
fn defaults_allowed(base_url: &BaseUrl) -> bool {
    !Environment::of_host(base_url.host()).is_some_and(Environment::is_production)
}

/// A bill number that no other order has: two codes of the same text share one MD5.
fn unique_bill() -> Result<String, Failure> {
    let random = getrandom::u64()
        .map_err(|error| Failure::usage(format!("give the order a --bill: {error}")))?;
    Ok(format!("B-{random:016x}"))
}
