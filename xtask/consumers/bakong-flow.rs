use bakong_flow::bakong_api::khqr_core::Khqr;
use bakong_flow::bakong_api::{Session, Transport};
use bakong_flow::{MemoryStore, OrderId, Outcome, Payment, Policy, Watcher};

pub async fn sell<T: Transport + 'static>(
    session: Session<T>,
    code: &str,
) -> Result<Outcome, Box<dyn std::error::Error>> {
    let watcher = Watcher::start(session, MemoryStore::new()).await?;
    let payment = Payment::of_khqr(OrderId::new("INV-2041")?, &Khqr::parse(code)?)?;
    let mut watched = watcher.watch(payment, Policy::COUNTER).await?;
    Ok(watched.outcome().await?)
}
