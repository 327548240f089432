//! A request for each endpoint, for tests that do not depend on its content.

use std::time::Duration;

use bakong_api::endpoint::{
    CheckBakongAccount, CheckTransactionByExternalRef, CheckTransactionByHash,
    CheckTransactionByHashList, CheckTransactionByInstructionRef, CheckTransactionByMd5,
    CheckTransactionByMd5List, CheckTransactionByShortHash, ExternalRef, GenerateDeeplinkByQr,
    InstructionRef, RequestToken, Verify,
};
use bakong_api::khqr_core::{AccountId, Amount, Currency, Khqr, KhqrBuilder, Md5Handle, Timestamp};
use bakong_api::{ApiError, Endpoint, Session, ShortHash, TransactionHash, Transport};
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
    let hash = hash_of(&MD5.repeat(2));
    match endpoint {
        ApiEndpoint::RequestToken => {
            let registration = RequestToken::new("new@example.com", "Shop", "Till").unwrap();
            send(session, &registration).await
        }
        ApiEndpoint::Verify => {
            let code = Verify::new("AAAAAAAAAAAAAAAAAAAA").unwrap();
            send(session, &code).await
        }
        ApiEndpoint::RenewToken => send(session, &renewal()).await,
        ApiEndpoint::GenerateDeeplinkByQr => {
            let code = code(0, Timestamp::from_millis(1_800_000_000_000));
            let link = GenerateDeeplinkByQr::new(&Khqr::parse(&code).unwrap());
            send(session, &link).await
        }
        ApiEndpoint::CheckTransactionByMd5 => send(session, &CheckTransactionByMd5::new(md5)).await,
        ApiEndpoint::CheckTransactionByHash => {
            send(session, &CheckTransactionByHash::new(hash)).await
        }
        ApiEndpoint::CheckTransactionByShortHash => {
            let short = ShortHash::new(&MD5[..8]).unwrap();
            send(session, &CheckTransactionByShortHash::new(short, usd(100))).await
        }
        ApiEndpoint::CheckTransactionByInstructionRef => {
            let reference = InstructionRef::new("INSTRUCTION-1").unwrap();
            send(session, &CheckTransactionByInstructionRef::new(reference)).await
        }
        ApiEndpoint::CheckTransactionByExternalRef => {
            let reference = ExternalRef::new("100FT00000000000").unwrap();
            send(session, &CheckTransactionByExternalRef::new(reference)).await
        }
        ApiEndpoint::CheckTransactionByMd5List => {
            send(session, &CheckTransactionByMd5List::new([md5]).unwrap()).await
        }
        ApiEndpoint::CheckTransactionByHashList => {
            send(session, &CheckTransactionByHashList::new([hash]).unwrap()).await
        }
        ApiEndpoint::CheckBakongAccount => {
            let account = AccountId::new("nobody@devb").unwrap();
            send(session, &CheckBakongAccount::new(account)).await
        }
        other => panic!("no request for {other:?}"),
    }
}

async fn send<T: Transport, E: Endpoint>(
    session: &Session<T>,
    request: &E,
) -> Result<(), ApiError> {
    session.send(request).await.map(drop)
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
