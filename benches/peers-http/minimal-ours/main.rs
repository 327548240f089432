//! Checks once whether the code with the MD5 on the command line was paid, with our crates.

use std::env;
use std::error::Error;

use bakong_api::endpoint::CheckTransactionByMd5;
use bakong_api::{AccessToken, Environment, Session};
use bakong_http::HyperTransport;

fn main() -> Result<(), Box<dyn Error>> {
    let md5 = env::args().nth(1).ok_or("usage: minimal-ours MD5")?;
    let session = Session::new(HyperTransport::new()?, Environment::Production)
        .with_token(AccessToken::new(&env::var("BAKONG_TOKEN")?)?);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let check = CheckTransactionByMd5::new(md5.parse()?);
    let answer = runtime.block_on(session.send(&check))?;
    println!("{answer:?}");
    Ok(())
}
