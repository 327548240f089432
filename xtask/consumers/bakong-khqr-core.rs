use khqr_core::{AccountId, Amount, Error, Khqr};

pub fn account_and_amount(text: &str) -> Result<(AccountId<'_>, Option<Amount>), Error> {
    let code = Khqr::parse(text)?;
    Ok((code.account(), code.amount()?))
}
