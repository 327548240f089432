use bakong_sandbox::Sandbox;
use bakong_sandbox::khqr_core::AccountId;

pub async fn pay(code: &str) -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::start().await?;
    sandbox.customer(AccountId::new("dara@devb")?).pay(code)?;
    sandbox.stop().await;
    Ok(())
}
