use bakong_api::async_trait::async_trait;
use bakong_api::bytes::Bytes;
use bakong_api::endpoint::CheckTransactionByMd5;
use bakong_api::http::{Request, Response};
use bakong_api::khqr_core::Md5Handle;
use bakong_api::transport::TransportError;
use bakong_api::{AccessToken, ApiError, CheckAnswer, Environment, Session, Transport};

struct Own;

#[async_trait]
impl Transport for Own {
    async fn send(&self, _request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        Ok(Response::new(Bytes::new()))
    }
}

pub async fn check(token: AccessToken, code: &str) -> Result<CheckAnswer, ApiError> {
    let session = Session::new(Own, Environment::Production).with_token(token);
    session
        .send(&CheckTransactionByMd5::new(Md5Handle::of(code)))
        .await
}
