use bakong::prelude::*;

pub async fn sell(token: AccessToken, code: &str) -> Result<Outcome, Box<dyn std::error::Error>> {
    let base_url = BaseUrl::from(Environment::Production);
    let registration = Registration::of(&base_url, &token)?;
    let session = Session::new(HyperTransport::for_watcher().build()?, base_url).with_token(token);
    let database = SqliteDatabase::open("payments.db").await?;
    let watcher = Watcher::start(session, database.store(&registration).await?).await?;
    let payment = Payment::of_khqr(OrderId::new("INV-2041")?, &Khqr::parse(code)?)?;
    let mut watched = watcher.watch(payment, Policy::COUNTER).await?;
    let outcome = watched.outcome().await?;
    watcher.shutdown().await;
    Ok(outcome)
}
