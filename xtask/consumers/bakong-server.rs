use bakong_server::{Config, Server, StartError};

pub async fn serve(config: &Config) -> Result<(), StartError> {
    let server = Server::start(config).await?;
    println!("{}", server.public_url());
    server.shutdown().await;
    Ok(())
}
