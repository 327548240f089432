//! The TLS handshake with the server, with a certificate authority of the test.

use std::path::Path;

use bakong_flow::PaymentStore;
use bakong_flow::store::contract::sample::md5;
use bakong_flow::store::{PaymentKey, StoreError};
use bakong_store::{PostgresDatabase, PostgresOptions};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

use super::setup::{FATAL, assert_error};
use super::{Cluster, store};

/// A certificate authority.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages.push(KeyUsagePurpose::KeyCertSign);
        let key = KeyPair::generate().unwrap();
        Self {
            pem: params.self_signed(&key).unwrap().pem(),
            issuer: Issuer::new(params, key),
        }
    }

    /// Starts a server whose certificate is for `host`, valid until January 1 of a year.
    fn server(&self, host: &str, until: i32) -> Option<Cluster> {
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Cluster::start_with(
            "fsync = off\nssl = on\nssl_cert_file = 'test.crt'\nssl_key_file = 'test.key'\n",
            &[
                ("test.crt", &certificate.pem()),
                ("test.key", &key.serialize_pem()),
            ],
        )
    }
}

async fn open(
    cluster: &Cluster,
    host: &str,
    mode: &str,
    roots: Option<&Path>,
) -> Result<PostgresDatabase, StoreError> {
    let url = cluster.url("postgres").replace("127.0.0.1", host);
    let roots = roots.map(|path| format!("&sslrootcert={}", path.display()));
    let url = format!("{url}?sslmode={mode}{}", roots.unwrap_or_default());
    PostgresOptions::default().open(&url).await
}

#[tokio::test]
async fn the_certificate_is_verified_as_sslmode_says() {
    let authority = Authority::new("Test CA");
    let Some(cluster) = authority.server("127.0.0.1", 4096) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let roots = folder.path().join("ca.pem");
    std::fs::write(&roots, &authority.pem).unwrap();
    let opened = open(&cluster, "127.0.0.1", "verify-full", Some(&roots)).await;
    let opened = opened.unwrap();
    // The connections for leases and for notifications are encrypted, too.
    let found = store(&opened).await.find(&PaymentKey::Md5(md5(1))).await;
    assert_eq!(found.unwrap(), []);
    let plain = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
        WHERE application_name = 'bakong-store' AND NOT ssl";
    assert_eq!(cluster.sql("postgres", plain), "0");

    // Another host.
    let error = open(&cluster, "localhost", "verify-full", Some(&roots)).await;
    let words = [
        "the server's certificate is not for the host of the connection string",
        "sslmode=verify-ca",
    ];
    assert_error(&error.unwrap_err(), FATAL, &words);
    open(&cluster, "localhost", "verify-ca", Some(&roots))
        .await
        .unwrap();

    // An authority that is not trusted.
    let other = folder.path().join("other.pem");
    std::fs::write(&other, Authority::new("Other CA").pem).unwrap();
    let words = ["signed by an authority that is not trusted", "sslrootcert"];
    for (mode, roots) in [
        ("verify-full", Some(&*other)),
        ("verify-ca", Some(&*other)),
        ("verify-full", None),
    ] {
        let error = open(&cluster, "127.0.0.1", mode, roots).await;
        assert_error(&error.unwrap_err(), FATAL, &words);
    }
    open(&cluster, "127.0.0.1", "require", None).await.unwrap();
}

#[tokio::test]
async fn an_expired_certificate_is_refused() {
    let authority = Authority::new("Test CA");
    let Some(cluster) = authority.server("127.0.0.1", 2001) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let roots = folder.path().join("ca.pem");
    std::fs::write(&roots, &authority.pem).unwrap();
    let error = open(&cluster, "127.0.0.1", "verify-full", Some(&roots)).await;
    let words = ["the server's certificate has expired", "Renew"];
    assert_error(&error.unwrap_err(), FATAL, &words);
}
