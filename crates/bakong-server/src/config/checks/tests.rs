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
        (
            "store = 7",
            &[],
            "store or BAKONG_SERVER_STORE must be a text",
        ),
        ("stroe = \"x\"", &[], "there is no setting stroe"),
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
            "store = \"x\"\n[bakong]\nenvironment = \"sit\"",
            &[],
            "bakong login",
        ),
        (
            "store = \"x\"\n[bakong]\nenvironment = \"sit\"\ntoken_file = \"token\"",
            &[],
            "[merchant] is missing",
        ),
        (
            "store = \"x\"\n[telegram]\nbot_token_file = \"bot\"\nchat_id = \"1\"\napi_url = \"file:///bot\"",
            &[],
            "telegram.api_url",
        ),
        ("store = \"x\"\nlog_format = \"xml\"", &[], "\"json\""),
        (
            "store = \"x\"\nbakong = 7",
            &[("BAKONG_SERVER_BAKONG_TOKEN_FILE", "token")],
            "[bakong]",
        ),
        (
            "store = \"x\"",
            &[("BAKONG_SERVER_STROE", "x")],
            "BAKONG_SERVER_STROE",
        ),
        (
            "store = \"x\"",
            &[("BAKONG_SERVER_SANDBOX", "maybe")],
            "BAKONG_SERVER_SANDBOX must be true or false",
        ),
        (
            "store = \"x\"\nexpires_in = \"geheim\"",
            &[],
            "expires_in or BAKONG_SERVER_EXPIRES_IN must be a whole number",
        ),
        ("store = \"x\"\nsandbox_port = 70000", &[], "sandbox_port"),
        ("store = \"x\"\nsandbox_port = -1", &[], "sandbox_port"),
        (
            "store = \"x\"\n[merchants]\nname = \"x\"",
            &[],
            "there is no setting merchants.name",
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

#[test]
fn all_settings_can_be_in_the_file_and_names_of_files_are_relative_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bakong.toml");
    let text = r#"
        bind = "0.0.0.0:443"
        public_url = "https://pay.example.com"
        tls_cert_file = "cert.pem"
        tls_key_file = "/keys/key.pem"
        metrics_bind = "127.0.0.1:9100"
        log_format = "json"
        log_level = "warn"
        store = "payments.db"
        expires_in = 300
        dropin_expires_in = 600
        deeplinks = true
        policy = "invoice"
        sandbox = true
        sandbox_port = 8601
        allow_private_webhooks = true
        embed_origins = "https://a.example http://[::1]:3000"
        [bakong]
        base_url = "http://bakong.internal:8080"
        allow_plain_http = true
        token_file = "token"
        renewal_email = "shop@example.com"
        requests_per_day = 500
        [merchant]
        account = "sokha@devb"
        name = "Sokha Coffee"
        city = "Siem Reap"
        merchant_id = "123456"
        acquiring_bank = "Dev Bank"
        contact = " "
        [telegram]
        bot_token_file = "bot"
        chat_id = "-1001"
        api_url = "http://127.0.0.1:8081"
    "#;
    fs::write(&path, text).unwrap();
    let config = Config::load(Some(&path), []).unwrap();
    let tls = config.tls.unwrap();
    assert_eq!(tls.cert_file, folder.path().join("cert.pem"));
    assert_eq!(tls.key_file, Path::new("/keys/key.pem"));
    assert_eq!(config.metrics_bind.unwrap().port(), 9100);
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(config.log.level, tracing::Level::WARN);
    assert_eq!(config.dropin_expires_in, Duration::from_secs(600));
    assert!(config.deeplinks && config.allow_private_webhooks);
    assert_eq!(config.policy, Policy::INVOICE);
    let sandbox = config.sandbox.unwrap();
    assert_eq!(sandbox.port, 8601);
    let state = folder.path().join("payments.sandbox.json");
    assert_eq!(sandbox.state_file, Some(state));
    let origins = ["https://a.example", "http://[::1]:3000"];
    assert_eq!(config.pages.embed_origins, origins);
    let live = config.live.unwrap();
    assert_eq!(live.token_file, folder.path().join("token"));
    assert_eq!(live.requests_per_day, 500);
    let registered = ("123456".to_owned(), "Dev Bank".to_owned());
    assert_eq!(live.merchant.registered, Some(registered));
    assert_eq!(live.merchant.city, "Siem Reap");
    assert_eq!(live.merchant.contact, None);
    let telegram = config.telegram.unwrap();
    assert_eq!(telegram.bot_token_file, folder.path().join("bot"));
    assert_eq!(telegram.api_url, "http://127.0.0.1:8081");
}

#[test]
fn variables_are_enough_without_a_file() {
    let variables = [
        ("BAKONG_SERVER_STORE", "payments.db"),
        ("BAKONG_SERVER_TELEGRAM_BOT_TOKEN_FILE", "bot"),
        ("BAKONG_SERVER_TELEGRAM_CHAT_ID", "-1001"),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = Config::load(None, variables).unwrap();
    assert!(config.live.is_none() && config.sandbox.is_some());
    let telegram = config.telegram.unwrap();
    assert_eq!(telegram.api_url, "https://api.telegram.org");
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("bakong.toml");
    let error = Config::load(Some(&missing), []).unwrap_err().to_string();
    assert!(error.contains("bakong.toml"), "{error}");
    assert!(error.contains("--config"), "{error}");
}
