//! A server whose certificate is from a private certificate authority.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::support::{
    Finished, Folder, MD5, UNKNOWN_TOKEN, bakong, run_line, run_with_token, words,
};

/// Starts a fake Bakong that finds no payment. Returns its address and its certificate authority in PEM.
pub(crate) async fn start() -> (String, String) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages.push(KeyUsagePurpose::KeyCertSign);
    let key = KeyPair::generate().unwrap();
    let authority = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let _ = stream.read(&mut [0; 4096]).await;
            let body = r#"{"responseCode":1,"errorCode":1,"responseMessage":"Transaction could not be found.","data":null}"#;
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    (format!("https://localhost:{port}"), authority)
}

async fn with_variables(line: &str, variables: &[(&str, &str)]) -> Finished {
    let mut command = bakong(&words(line));
    command.env("BAKONG_TOKEN", UNKNOWN_TOKEN);
    command.envs(variables.iter().copied());
    Finished::of(command.output().await.unwrap())
}

#[tokio::test]
async fn a_private_certificate_authority_can_be_trusted() {
    let (url, pem) = start().await;
    let folder = Folder::new();
    let file = folder.write("ca.pem", &pem);
    let line = format!("tx check --md5 {MD5} --base-url {url}");

    let finished = run_with_token(&line, UNKNOWN_TOKEN).await.exits(1);
    finished.shows("--ca-file");
    finished.hides("trust_pem");

    let trusting = format!("{line} --ca-file {file}");
    run_with_token(&trusting, UNKNOWN_TOKEN).await.exits(3);

    let none = folder.file("none");
    let variables: [&[(&str, &str)]; 4] = [
        &[("SSL_CERT_FILE", &file)],
        &[("SSL_CERT_FILE", &file), ("SSL_CERT_DIR", &none)],
        &[("SSL_CERT_FILE", &file), ("SSL_CERT_DIR", "")],
        &[
            ("SSL_CERT_FILE", ""),
            ("SSL_CERT_DIR", &hashed(&folder, &pem)),
        ],
    ];
    for variables in variables {
        with_variables(&line, variables).await.exits(3);
    }

    // --ca-file adds to the authorities of the variables.
    let other = folder.write("other.pem", &start().await.1);
    let variables = [("SSL_CERT_FILE", other.as_str())];
    with_variables(&line, &variables).await.exits(1);
    with_variables(&trusting, &variables).await.exits(3);
}

/// A folder with this certificate.
fn hashed(folder: &Folder, pem: &str) -> String {
    let certificates = folder.file("certs");
    std::fs::create_dir(&certificates).unwrap();
    std::fs::write(format!("{certificates}/a1b2c3d4.0"), pem).unwrap();
    certificates
}

#[tokio::test]
async fn certificates_that_cannot_be_used_are_named() {
    let folder = Folder::new();
    let text = folder.write("text", "no certificate");
    let none = folder.file("none");
    let line = format!("tx check --md5 {MD5} --base-url https://localhost:1");
    for file in [&text, &none, "/dev/zero"] {
        let line = format!("{line} --ca-file {file}");
        let finished = run_with_token(&line, UNKNOWN_TOKEN).await.exits(2);
        finished.shows("--ca-file");
        finished.shows(file);
        let variables = [("SSL_CERT_FILE", file)];
        let finished = with_variables(&line, &variables).await.exits(2);
        finished.shows(file);
    }
    for (name, file, why) in [
        ("SSL_CERT_FILE", &text, "no valid certificate"),
        ("SSL_CERT_FILE", &none, "not found"),
        ("SSL_CERT_DIR", &none, "no file with a valid certificate"),
    ] {
        let finished = with_variables(&line, &[(name, file)]).await.exits(2);
        finished.shows(&format!("{name}: {file}: "));
        finished.shows(why);
    }
    // The variables do not matter to a sandbox inside the command.
    let sandbox = run_line("checkout --sandbox --pay-after 0s --json");
    sandbox.await.exits(0);
}
