use bakong_http::HyperTransport;
use bakong_http::bakong_api::endpoint::CheckTransactionByMd5;
use bakong_http::bakong_api::khqr_core::Md5Handle;
use bakong_http::bakong_api::{AccessToken, CheckAnswer, Environment, Session};

pub async fn check(
    token: AccessToken,
    code: &str,
) -> Result<CheckAnswer, Box<dyn std::error::Error>> {
    let session = Session::new(HyperTransport::new()?, Environment::Production).with_token(token);
    Ok(session
        .send(&CheckTransactionByMd5::new(Md5Handle::of(code)))
        .await?)
}
