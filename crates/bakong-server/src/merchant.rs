//! Who is paid, and the codes of payments.

use std::time::Duration;

use khqr_core::{AccountId, AccountIdBuf, Amount, Khqr, KhqrBuilder, KhqrDraft, Timestamp};

/// The fields of the shop's codes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Merchant {
    /// The Bakong account that is paid.
    pub account: AccountIdBuf,
    /// The name that the customer sees, at most 25 characters.
    pub name: String,
    /// The city, at most 15 characters.
    pub city: String,
    /// The merchant id and the acquiring bank, for a merchant that is registered with its bank.
    pub registered: Option<(String, String)>,
    /// How a customer reaches the shop, such as a telephone number. The checkout page shows it.
    pub contact: Option<String>,
}

/// The fields of a code that belong to one payment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CodeFields<'a> {
    pub(crate) amount: Amount,
    pub(crate) bill: &'a str,
    pub(crate) terminal: Option<&'a str>,
    pub(crate) created_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

impl Merchant {
    /// Checks the fields by creating a code.
    ///
    /// # Errors
    /// [`khqr_core::Error`] of the first invalid field.
    pub fn check(&self) -> Result<(), khqr_core::Error> {
        let created_at = Timestamp::from_millis(1_795_000_000_000);
        let fields = CodeFields {
            amount: Amount::riel(100),
            bill: "1",
            terminal: None,
            created_at,
            expires_at: created_at.saturating_add(Duration::from_secs(60)),
        };
        self.code(&fields).map(drop)
    }

    /// Creates the text of a code.
    pub(crate) fn code(&self, fields: &CodeFields<'_>) -> Result<String, khqr_core::Error> {
        let account = self.account.as_id();
        let draft = match &self.registered {
            None => {
                let builder = KhqrBuilder::individual(account, &self.name);
                self.finish(builder, fields)?
            }
            Some((id, bank)) => {
                let builder = KhqrBuilder::merchant(account, id, bank, &self.name);
                self.finish(builder, fields)?
            }
        };
        Ok(draft.to_text())
    }

    fn finish<'a, Kind>(
        &'a self,
        builder: KhqrBuilder<'a, Kind>,
        fields: &CodeFields<'a>,
    ) -> Result<KhqrDraft<'a>, khqr_core::Error> {
        let mut builder = builder.merchant_city(&self.city).bill_number(fields.bill);
        if let Some(terminal) = fields.terminal {
            builder = builder.terminal_label(terminal);
        }
        builder.dynamic_code(fields.amount, fields.created_at, fields.expires_at)
    }

    /// The shop of the sandbox.
    ///
    /// # Errors
    /// Never, because the fields are constants.
    pub(crate) fn example() -> Result<Self, khqr_core::Error> {
        Ok(Self {
            account: AccountId::new("sokha@sandbox")?.into(),
            name: "Sokha Coffee".to_owned(),
            city: "Phnom Penh".to_owned(),
            registered: None,
            contact: Some("012 345 678".to_owned()),
        })
    }
}

/// Returns the bill number of a code for an order: the order's id if a code can contain it, and a random number otherwise.
pub(crate) fn bill_number(order: &str) -> Result<String, getrandom::Error> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./#".contains(&byte);
    if order.len() <= 25 && order.bytes().all(is_plain) {
        return Ok(order.to_owned());
    }
    Ok(format!("B-{:016x}", getrandom::u64()?))
}

/// Reads a code that this server created.
pub(crate) fn parse(code: &str) -> Option<Khqr<'_>> {
    Khqr::parse(code).ok()
}
