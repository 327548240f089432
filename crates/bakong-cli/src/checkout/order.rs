//! What is to be paid, checked before anything is sent.

use khqr_core::{AccountId, Amount, KhqrBuilder, KhqrDraft, Md5Handle, Timestamp};

use crate::arguments::CheckoutArguments;
use crate::code::Code;
use crate::exit::Failure;
use crate::money;

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
        let defaults = defaults_allowed(arguments);
        let target = &arguments.target;
        let nowhere = !arguments.sandbox && target.env.is_none() && target.base_url.is_none();
        let given = |option: &'a Option<String>, flag: &str, default: &'static str| match option {
            Some(text) => Ok(text.as_str()),
            None if defaults => Ok(default),
            None if nowhere => Err(Failure::usage(
                "say which Bakong to ask: --sandbox, --env sit, --env production or --base-url URL",
            )),
            None => Err(Failure::usage(format!(
                "say who is to be paid: {flag} is missing"
            ))),
        };
        let account = given(&arguments.account, "--account", "sokha@devb")?;
        let name = given(&arguments.name, "--name", "Sokha Coffee")?;
        let order = Self {
            account: AccountId::new(account)
                .map_err(|error| Failure::usage(format!("--account: {error}")))?,
            name,
            amount: money::parse(&arguments.amount, arguments.currency).map_err(Failure::usage)?,
            bill: match &arguments.bill {
                Some(bill) => bill.clone(),
                None => unique_bill()?,
            },
            arguments,
        };
        // Whatever is wrong with it should be said before Bakong is opened.
        let now = Timestamp::from_millis(1_795_000_000_000);
        order
            .draft(now)
            .map_err(|error| Failure::usage(error.to_string()))?;
        Ok(order)
    }

    /// The code, created at `now`.
    pub(super) fn code(&self, now: Timestamp) -> Result<Shown, Failure> {
        let draft = self
            .draft(now)
            .map_err(|error| Failure::usage(error.to_string()))?;
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

/// Made-up names are for places where no real money moves: a default account in production would send a
/// customer's money to whoever has it.
fn defaults_allowed(arguments: &CheckoutArguments) -> bool {
    let target = &arguments.target;
    arguments.sandbox
        || target
            .env
            .is_some_and(|environment| !environment.is_production())
        || target
            .base_url
            .as_ref()
            .is_some_and(bakong_api::BaseUrl::is_loopback)
}

/// A bill number that no other order has: two codes of the same text share one MD5.
fn unique_bill() -> Result<String, Failure> {
    let random = getrandom::u64()
        .map_err(|error| Failure::usage(format!("give the order a --bill: {error}")))?;
    Ok(format!("B-{random:016x}"))
}
