use bakong_store::bakong_flow::bakong_api::{AccessToken, BaseUrl};
use bakong_store::bakong_flow::store::PaymentKey;
use bakong_store::bakong_flow::{OrderId, PaymentStore};
use bakong_store::{Registration, SqliteDatabase};

pub async fn is_known(
    base_url: &BaseUrl,
    token: &AccessToken,
    order: &str,
) -> Result<bool, Box<dyn std::error::Error>> {
    let database = SqliteDatabase::open("payments.db").await?;
    let registration = Registration::of(base_url, token)?;
    let store = database.store(&registration).await?;
    let found = store.find(&PaymentKey::Order(OrderId::new(order)?)).await?;
    Ok(!found.is_empty())
}
