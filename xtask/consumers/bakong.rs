use bakong::prelude::*;

pub async fn sell(token: AccessToken, code: &str) -> Result<Outcome, Box<dyn std::error::Error>> {
    let session = Session::new(
        HyperTransport::for_watcher().build()?,
        Environment::Production,
    )
    .with_token(token);
    let database = SqliteDatabase::open("payments.db").await?;
    let registration = Registration::new("production", "shop@example.com")?;
    let watcher = Watcher::start(session, database.store(&registration).await?).await?;
    let payment = Payment::of_khqr(OrderId::new("INV-2041")?, &Khqr::parse(code)?)?;
    let mut watched = watcher.watch(payment, Policy::COUNTER).await?;
    Ok(watched.outcome().await?)
}
