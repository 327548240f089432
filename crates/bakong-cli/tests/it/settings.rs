//! Settings: values of options from variables and from the profiles of the config file.

use bakong_sandbox::{ApiEndpoint, Sandbox};
use serde_json::Value;

use crate::support::{Finished, Folder, MD5, bakong, feed, token, words};

/// A command for a code, which sends no request.
const GENERATE: &str = "qr generate --json";

/// A config file, and the variables of one user.
struct User {
    folder: Folder,
    variables: Vec<(String, String)>,
}

impl User {
    /// A user with this config file.
    fn with(config: &str) -> Self {
        let folder = Folder::new();
        let path = folder.write("config.toml", config);
        let variables = vec![("BAKONG_CONFIG".to_owned(), path)];
        Self { folder, variables }
    }

    fn set(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    fn command(&self, line: &str) -> tokio::process::Command {
        let mut command = bakong(&words(line));
        let variables = self.variables.iter();
        command.envs(variables.map(|(name, value)| (name.as_str(), value.as_str())));
        command
    }

    async fn run(&self, line: &str) -> Finished {
        Finished::of(self.command(line).output().await.unwrap())
    }

    /// The fields of the code that `qr generate` makes.
    async fn fields(&self, line: &str) -> Value {
        let code = self.run(line).await.exits(0).json();
        let code = code["qr"].as_str().unwrap().to_owned();
        let decoded = bakong(&["qr", "decode", "--json", &code]).output();
        let decoded = Finished::of(decoded.await.unwrap()).json();
        decoded["khqr"].clone()
    }
}

#[tokio::test]
async fn the_command_line_beats_a_variable_and_a_variable_beats_the_profile() {
    let config = "[profiles.default]\naccount = \"shop@devb\"\nname = \"Profile\"\ncity = \"Kep\"\n\
                  [profiles.other]\naccount = \"other@devb\"\nname = \"Other\"";
    let user = User::with(config);
    let name = async |user: &User, line: &str| user.fields(line).await["merchantName"].clone();
    assert_eq!(name(&user, GENERATE).await, "Profile");
    assert_eq!(user.fields(GENERATE).await["merchantCity"], "Kep");
    for line in [
        "--profile other qr generate --json",
        "qr --profile other generate --json",
        "qr generate --json --profile=other",
    ] {
        assert_eq!(name(&user, line).await, "Other", "{line}");
    }
    let user = user.set("BAKONG_NAME", "Variable").set("BAKONG_CITY", " ");
    assert_eq!(name(&user, GENERATE).await, "Variable");
    assert_eq!(user.fields(GENERATE).await["merchantCity"], "Kep");
    let given = format!("{GENERATE} --name Given");
    assert_eq!(name(&user, &given).await, "Given");
    let user = user.set("BAKONG_PROFILE", "other").set("BAKONG_NAME", "");
    assert_eq!(name(&user, GENERATE).await, "Other");
    let line = format!("{GENERATE} --profile default");
    assert_eq!(name(&user, &line).await, "Profile");
}

#[tokio::test]
async fn an_option_that_excludes_a_setting_turns_it_off() {
    let config = "[profiles.default]\nenv = \"production\"\ntoken-file = \"no file\"\nemail = \"a@b.example\"\n\
                  store = \"no/folder/payments.db\"\naccount = \"shop@devb\"\nmerchant-id = \"M-1\"\nbank = \"DevB\"";
    let user = User::with(config);
    // The server of the profile is production, where a payment has no default amount.
    let line = "checkout --sandbox --json --name Sokha --pay-after 0s";
    user.run(line).await.status(0, "paid");
    // --account-information excludes the merchant ID.
    let line = format!("{GENERATE} --name Sokha --account-information 123");
    assert_eq!(user.fields(&line).await["merchantType"], "29");
    // --jsonl excludes all fields of a code.
    let input = r#"{"kind":"individual","bakongAccountID":"a@devb","merchantName":"A"}"#;
    let finished = feed(user.command("qr generate --jsonl"), format!("{input}\n")).await;
    assert!(
        finished.exits(0).json()["qr"]
            .as_str()
            .unwrap()
            .contains("a@devb")
    );
}

#[tokio::test]
async fn a_profile_names_the_server_and_the_token() {
    let sandbox = Sandbox::start().await.unwrap();
    let (url, token) = (sandbox.base_url(), token(&sandbox));
    let config = format!(
        "[profiles.default]\nbase-url = \"{url}\"\ntoken-file = \"till.token\"\nemail = \"shop@example.com\""
    );
    // The path is relative to the folder of the config file.
    let user = User::with(&config);
    user.folder.write("till.token", &token);
    let check = format!("tx check --md5 {MD5}");
    user.run(&check).await.exits(3).hides(&token);
    let status = user.run("token status").await.exits(0);
    status.shows("till.token");
    // BAKONG_TOKEN beats the file of the profile, and --token-file beats BAKONG_TOKEN.
    let user = user.set("BAKONG_TOKEN", crate::support::UNKNOWN_TOKEN);
    user.run(&check).await.exits(1);
    let file = user.folder.file("till.token");
    let line = format!("{check} --token-file {file}");
    user.run(&line).await.exits(3);
}

#[tokio::test]
async fn the_secret_token_of_a_profile_is_sent_to_its_own_server_only() {
    let (own, other) = (
        Sandbox::start().await.unwrap(),
        Sandbox::start().await.unwrap(),
    );
    let config = format!(
        "[profiles.default]\nbase-url = \"{}\"\ntoken-file = \"till.token\"\nemail = \"shop@example.com\"\n\
         allow-plain-http = true",
        own.base_url()
    );
    let token = token(&own);
    let check = format!("tx check --md5 {MD5}");
    let other_url = other.base_url();
    let option = format!("--base-url {other_url}");
    for (variable, option) in [("", option.as_str()), (other_url.as_str(), "")] {
        let user = User::with(&config).set("BAKONG_BASE_URL", variable);
        user.folder.write("till.token", &token);
        let finished = user.run(&format!("{check} {option}")).await.exits(2);
        finished.shows("there is no token");
        finished.shows("is for another server and is not used");
        finished.hides(&token);
        assert!(other.requests().is_empty());
        // The lookup of an account sends a token only if there is one.
        let line = format!("account check sokha@devb {option}");
        user.run(&line).await;
        let requests = other.requests();
        assert_eq!(requests.len(), 1, "{requests:?}");
        assert_eq!(requests[0].endpoint, Some(ApiEndpoint::CheckBakongAccount));
        assert!(requests[0].status.unwrap().is_success(), "{requests:?}");
        other.reset();
    }
    // The server of the profile, in other words.
    let same = format!("{}/", own.base_url());
    let user = User::with(&config).set("BAKONG_BASE_URL", &same);
    user.folder.write("till.token", &token);
    user.run(&check).await.exits(3);
    assert_eq!(own.requests().len(), 1);
    // Plain HTTP was allowed for the server of the profile.
    let user = User::with(&config).set("BAKONG_TOKEN", &token);
    let line = format!("{check} --base-url http://bakong.example");
    user.run(&line).await.exits(2).shows("--allow-plain-http");
}

#[tokio::test]
async fn an_address_alone_is_no_error() {
    let sandbox = Sandbox::start().await.unwrap();
    let url = sandbox.base_url();
    let config = format!("[profiles.default]\nbase-url = \"{url}\"\nemail = \"shop@example.com\"");
    for email in ["", "other@example.com"] {
        let user = User::with(&config)
            .set("BAKONG_TOKEN", &token(&sandbox))
            .set("BAKONG_EMAIL", email);
        user.run(&format!("tx check --md5 {MD5}")).await.exits(3);
    }
}

#[tokio::test]
async fn a_wrong_config_file_is_an_error_with_its_line() {
    let secret = crate::support::UNKNOWN_TOKEN;
    let token_key = format!("[profiles.default]\n\ntoken = \"{secret}\"");
    let token_file = format!("[profiles.default]\nenv = \"sit\"\ntoken-file = \"{secret}\"");
    for (config, texts) in [
        (
            "[profiles.default\n",
            &["config.toml, line 1: ", "unclosed table"][..],
        ),
        (
            "[profiles.default]\nname = \"A\"\nnmae = \"B\"",
            &["config.toml, line 3: there is no key \"nmae\""],
        ),
        (
            "[profiles.other]\nquota = \"100\"",
            &["line 2: quota must be a whole number"],
        ),
        (
            "[profiles.default]\nno-store = \"yes\"",
            &["no-store must be true or false"],
        ),
        (
            "[profiles.default]\nname = 1",
            &["name must be a text in quotes"],
        ),
        (&token_key, &["line 3: ", "token-file"]),
        (&token_file, &["line 3: ", "token-file looks like a token"]),
        ("env = \"sit\"", &["line 1: \"env\" is not in a profile"]),
        ("profiles.default = 1", &["\"default\" is no profile"]),
        (
            "[profiles.default]\nenv = \"sit\"\nbase-url = \"http://localhost:1\"",
            &["line 3: env and base-url cannot be combined"],
        ),
        (
            "[profiles.default]\nstore = \"a\"\nno-store = true",
            &["store and no-store cannot be combined"],
        ),
        (
            "[profiles.default]\ntoken-file = \"till.token\"",
            &["line 2: token-file belongs to one server; add env or base-url"],
        ),
    ] {
        let user = User::with(config);
        let finished = user.run("checkout --json").await.exits(2);
        let message = finished.json()["error"]["message"].to_string();
        for text in texts {
            assert!(finished.err.contains(text), "{text}: {finished:?}");
            let escaped = text.replace('"', "\\\"");
            assert!(message.contains(&escaped), "{text}: {message}");
        }
        finished.hides(&secret[..20]);
    }
}

#[tokio::test]
async fn a_profile_or_file_that_is_missing_is_an_error_if_it_was_named() {
    let user = User::with("[profiles.shop]\nname = \"A\"");
    user.run(GENERATE).await.exits(2).shows("--account");
    for user in [
        User::with("[profiles.shop]\n").set("BAKONG_PROFILE", "till"),
        User::with("[profiles.shop]\n"),
    ] {
        let option = if user.variables.len() == 1 {
            "--profile till"
        } else {
            ""
        };
        let finished = user.run(&format!("{GENERATE} {option}")).await.exits(2);
        finished.shows("there is no profile \"till\"");
        finished.shows("config.toml has shop");
    }
    let user = User::with("").set("BAKONG_CONFIG", "/no/such/file.toml");
    let finished = user.run(GENERATE).await.exits(2);
    finished.shows("BAKONG_CONFIG: there is no file /no/such/file.toml");
    let folder = Folder::new();
    let user = User::with("").set("BAKONG_CONFIG", &folder.file(""));
    user.run(GENERATE)
        .await
        .exits(2)
        .shows("not a regular file");
    // A command without settings does not read the file.
    let code = crate::support::static_code("Sokha");
    for line in [
        format!("qr decode '{code}'"),
        "sandbox --help".to_owned(),
        "completions bash".to_owned(),
    ] {
        let finished = Finished::of(user.command(&line).output().await.unwrap());
        finished.exits(0);
    }
}

#[tokio::test]
async fn an_error_names_the_origin_of_the_value() {
    let user = User::with("[profiles.default]\nbase-url = \"ftp://bakong\"\npolicy = \"often\"");
    let finished = user.run("watch --json").await.exits(2);
    finished.shows("The value of --policy is from line 3 of ");
    finished.shows("config.toml, profile \"default\"");
    let message = finished.json()["error"]["message"].to_string();
    assert!(message.contains("The value of --policy"), "{message}");
    let user = user.set("BAKONG_POLICY", "counter");
    let finished = user.run("watch").await.exits(2);
    finished.shows("--base-url: ");
    finished.shows("The value of --base-url is from line 2 of ");

    let user = User::with("").set("BAKONG_QUOTA", "many");
    let finished = user.run("watch").await.exits(2);
    finished.shows("The value of --quota is from BAKONG_QUOTA");
    let user = User::with("").set("BAKONG_NO_LISTS", "yes");
    let finished = user.run("watch").await.exits(2);
    finished.shows("BAKONG_NO_LISTS: expected true or false");
    let user = User::with("")
        .set("BAKONG_ENV", "sit")
        .set("BAKONG_BASE_URL", "http://localhost:1");
    let finished = user.run("checkout").await.exits(2);
    finished.shows("BAKONG_ENV and BAKONG_BASE_URL cannot be combined");
    let finished = user
        .run("checkout --sandbox --pay-after 0s --json")
        .await
        .exits(0);
    finished.shows("paid");
    // A password in a setting is not repeated.
    let user = User::with("[profiles.default]\nstore = \"mysql://shop:geheim@db/pay\"");
    let bare = user
        .command("store check")
        .env_remove("BAKONG_STORE")
        .output()
        .await
        .unwrap();
    let finished = Finished::of(bare).exits(2);
    finished.hides("geheim");
    finished.shows("The value of --store is from line 2 of ");
}

#[tokio::test]
async fn a_switch_is_true_or_false() {
    let config = "[profiles.default]\nno-store = true\nstore = \"\"\nbase-url = \"http://bakong.example\"\n\
                  allow-plain-http = false";
    let user = User::with(config).set("BAKONG_TOKEN", crate::support::UNKNOWN_TOKEN);
    let check = format!("tx check --md5 {MD5}");
    user.run(&check).await.exits(2).shows("--allow-plain-http");
    // --resume excludes --no-store.
    let finished = user.run("watch --resume").await.exits(2);
    finished.shows("--allow-plain-http");
    let user = user.set("BAKONG_ALLOW_PLAIN_HTTP", "true");
    // Nothing listens there.
    let line = format!("tx diagnose --md5 {MD5} --base-url http://0.0.0.0:1");
    user.run(&line).await.exits(1);
}
