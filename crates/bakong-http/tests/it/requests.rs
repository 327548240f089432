//! A request for each endpoint, for tests that do not depend on its content.

use std::time::Duration;

use bakong_api::endpoint::{
    CheckBakongAccount, CheckTransactionByExternalRef, CheckTransactionByHash,
    CheckTransactionByHashList, CheckTransactionByInstructionRef, CheckTransactionByMd5,
    CheckTransactionByMd5List, CheckTransactionByShortHash, ExternalRef, GenerateDeeplinkByQr,
    InstructionRef, RequestToken, Verify,
};
use bakong_api::khqr_core::{AccountId, Amount, Currency, Khqr, KhqrBuilder, Md5Handle, Timestamp};
use bakong_api::{ApiError, Session, ShortHash, TransactionHash, Transport};
use bakong_sandbox::ApiEndpoint;

use crate::MD5;
use crate::relays::renewal;

pub(crate) const fn usd(cents: u64) -> Amount {
    Amount::from_minor_units(cents, Currency::Usd)
}

/// A dynamic code of the shop with this bill number, valid for a day.
pub(crate) fn code(number: usize, now: Timestamp) -> String {
    let end = now.saturating_add(Duration::from_secs(86_400));
    KhqrBuilder::individual(AccountId::new("shop@devb").unwrap(), "Shop")
        .bill_number(&format!("INV-{number}"))
        .dynamic_code(usd(150), now, end)
        .unwrap()
        .to_text()
}

pub(crate) fn hash_of(text: &str) -> TransactionHash {
    TransactionHash::new(text).unwrap()
}

/// Sends a valid request to this endpoint and discards the answer.
pub(crate) async fn send_to<T: Transport>(
    session: &Session<T>,
    endpoint: ApiEndpoint,
) -> Result<(), ApiError> {
    let md5: Md5Handle = MD5.parse().unwrap();
    let hash = || hash_of(&MD5.repeat(2));
    match endpoint {
        ApiEndpoint::RequestToken => {
            let registration = RequestToken::new("new@example.com", "Shop", "Till").unwrap();
            session.send(&registration).await
        }
        ApiEndpoint::Verify => {
            let code = Verify::new("AAAAAAAAAAAAAAAAAAAA").unwrap();
            session.send(&code).await.map(drop)
        }
        ApiEndpoint::RenewToken => session.send(&renewal()).await.map(drop),
        ApiEndpoint::GenerateDeeplinkByQr => {
            let code = code(0, Timestamp::from_millis(1_800_000_000_000));
            let link = GenerateDeeplinkByQr::new(&Khqr::parse(&code).unwrap());
            session.send(&link).await.map(drop)
        }
        ApiEndpoint::CheckTransactionByMd5 => {
            let check = CheckTransactionByMd5::new(md5);
            session.send(&check).await.map(drop)
        }
        ApiEndpoint::CheckTransactionByHash => {
            let check = CheckTransactionByHash::new(hash());
            session.send(&check).await.map(drop)
        }
        ApiEndpoint::CheckTransactionByShortHash => {
            let short = ShortHash::new(&MD5[..8]).unwrap();
            let check = CheckTransactionByShortHash::new(short, usd(100));
            session.send(&check).await.map(drop)
        }
        ApiEndpoint::CheckTransactionByInstructionRef => {
            let reference = InstructionRef::new("INSTRUCTION-1").unwrap();
            let check = CheckTransactionByInstructionRef::new(reference);
            session.send(&check).await.map(drop)
        }
        ApiEndpoint::CheckTransactionByExternalRef => {
            let reference = ExternalRef::new("100FT00000000000").unwrap();
            let check = CheckTransactionByExternalRef::new(reference);
            session.send(&check).await.map(drop)
        }
        ApiEndpoint::CheckTransactionByMd5List => {
            let check = CheckTransactionByMd5List::new([md5]).unwrap();
            session.send(&check).await.map(drop)
        }
        ApiEndpoint::CheckTransactionByHashList => {
            let check = CheckTransactionByHashList::new([hash()]).unwrap();
            session.send(&check).await.map(drop)
        }
        ApiEndpoint::CheckBakongAccount => {
            let check = CheckBakongAccount::new(AccountId::new("nobody@devb").unwrap());
            session.send(&check).await.map(drop)
        }
        other => panic!("no request for {other:?}"),
    }
}

/// Whether repeating a request to this endpoint is safe.
pub(crate) const fn is_repeatable(endpoint: ApiEndpoint) -> bool {
    !matches!(
        endpoint,
        ApiEndpoint::RequestToken
            | ApiEndpoint::Verify
            | ApiEndpoint::RenewToken
            | ApiEndpoint::GenerateDeeplinkByQr
    )
}
