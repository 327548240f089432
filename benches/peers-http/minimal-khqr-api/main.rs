//! Checks once whether the code with the MD5 on the command line was paid, with khqr-api.

use std::env;
use std::error::Error;

use khqr_api::{BakongClient, Environment};

fn main() -> Result<(), Box<dyn Error>> {
    let md5 = env::args().nth(1).ok_or("usage: minimal-khqr-api MD5")?;
    let client = BakongClient::new(Environment::Production, env::var("BAKONG_TOKEN")?);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let answer = runtime.block_on(client.check_transaction_by_md5(&md5))?;
    println!("{answer:?}");
    Ok(())
}
