use std::fs;

use super::*;
use crate::config::table::Kind;

const FILE: &str = r#"
    store = "payments.db"
    [bakong]
    environment = "sit"
    token_file = "token"
    [merchant]
    account = "sokha@devb"
    name = "Sokha Coffee"
"#;

fn load(text: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bakong.toml");
    fs::write(&path, text).unwrap();
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::load(Some(&path), variables).map_err(|error| error.to_string())
}

#[test]
fn every_setting_has_a_variable_that_overrides_the_file() {
    let config = load(
        FILE,
        &[
            ("BAKONG_SERVER_BIND", "0.0.0.0:80"),
            ("BAKONG_SERVER_EXPIRES_IN", "120"),
            ("BAKONG_SERVER_SANDBOX", "false"),
            ("BAKONG_SERVER_MERCHANT_NAME", "Dara Tea"),
            ("BAKONG_SERVER_BAKONG_ALLOW_PLAIN_HTTP", "true"),
            ("PATH", "ignored"),
        ],
    )
    .unwrap();
    assert_eq!(config.bind.port(), 80);
    assert_eq!(config.expires_in, Duration::from_secs(120));
    assert!(config.sandbox.is_none());
    let live = config.live.unwrap();
    assert_eq!(live.merchant.name, "Dara Tea");
    assert!(live.allow_plain_http);
    assert!(live.token_file.is_absolute());
}

#[test]
fn a_variable_of_each_setting_has_the_type_of_the_setting() {
    for (path, kind) in table::SETTINGS {
        let value = match kind {
            Kind::Text => "text",
            Kind::Number => "77",
            Kind::Switch => "true",
        };
        let variable = format!("BAKONG_SERVER_{}", path.join("_").to_uppercase());
        // The value may be wrong, but never its type.
        if let Err(error) = load(FILE, &[(&variable, value)]) {
            assert!(!error.contains("type"), "{variable}: {error}");
        }
    }
}

#[test]
fn a_wrong_setting_is_named_with_what_to_write() {
    for (text, variables, expected) in [
        ("", &[][..], "store is missing"),
        ("store = 7", &[], "invalid type"),
        ("stroe = \"x\"", &[], "unknown field"),
        ("store = \"mysql://shop:geheim@h/d\"", &[], "postgres://"),
        ("store = \"POSTGRES://shop:geheim@h/d\"", &[], "postgres://"),
        ("store = \"x", &[], "line 1"),
        ("store = \"x\"\nbind = \"8600\"", &[], "127.0.0.1:8600"),
        ("store = \"x\"\npolicy = \"often\"", &[], "web_shop"),
        // These would change the policy of the checkout.
        (
            "store = \"x\"\nembed_origins = \"https://a.example; script-src *\"",
            &[],
            "embed_origins",
        ),
        (
            "store = \"x\"\nembed_origins = \"https://a.example/shop *\"",
            &[],
            "embed_origins",
        ),
        ("store = \"x\"\nexpires_in = 1", &[], "60 to 2592000"),
        (
            FILE,
            &[("BAKONG_SERVER_BAKONG_REQUESTS_PER_DAY", "1")],
            "at least 10",
        ),
        ("store = \"x\"\nlog_level = \"loud\"", &[], "debug"),
        ("store = \"x\"\ntls_key_file = \"key\"", &[], "together"),
        ("store = \"x\"\n[telegram]", &[], "bot_token_file"),
        ("store = \"x\"\nsandbox = false", &[], "nothing to serve"),
        ("store = \"x\"\n[bakong]", &[], "environment"),
        (
            "store = \"x\"\n[bakong]\nbase_url = \"http://bakong.example\"",
            &[],
            "https",
        ),
        (
            "store = \"x\"",
            &[("BAKONG_SERVER_STROE", "x")],
            "BAKONG_SERVER_STROE",
        ),
        (
            "store = \"x\"",
            &[("BAKONG_SERVER_SANDBOX", "maybe")],
            "invalid type",
        ),
        (
            FILE,
            &[("BAKONG_SERVER_MERCHANT_ACCOUNT", "sokha")],
            "merchant.account",
        ),
        (
            FILE,
            &[("BAKONG_SERVER_MERCHANT_MERCHANT_ID", "1")],
            "together",
        ),
    ] {
        let error = load(text, variables).unwrap_err();
        assert!(error.contains(expected), "{text}: {error}");
        assert!(!error.contains("geheim"), "{error}");
    }
}

#[test]
fn a_secret_password_of_the_store_is_not_printed() {
    let text = "store = \"postgres://shop:hunter2@db/payments\"\nsandbox = true";
    assert!(!format!("{:?}", load(text, &[]).unwrap()).contains("hunter2"));
    let wrong = format!("{text}\nsandbox = \"hunter2");
    assert!(!load(&wrong, &[]).unwrap_err().contains("hunter2"));
}
