//! `bakong login`: from an e-mail address to a profile that other commands use.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use bakong_sandbox::{ApiEndpoint, Sandbox};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::support::{Finished, MD5, Shop, bakong, dara, feed, unused_path, words};
use crate::terminal::Person;

const EMAIL: &str = "shop@example.com";
const PROJECT: &str = "--email shop@example.com --organization Sokha --project till";

/// A user with folders of their own, which several commands share.
struct User {
    home: PathBuf,
}

impl User {
    fn new() -> Self {
        let home = unused_path("home");
        fs::create_dir_all(&home).unwrap();
        Self { home }
    }

    fn command(&self, line: &str) -> Command {
        let mut command = bakong(&words(line));
        command
            .env("HOME", &self.home)
            .env("XDG_CONFIG_HOME", self.home.join("config"))
            .env("XDG_DATA_HOME", self.home.join("data"));
        command
    }

    async fn run(&self, line: &str) -> Finished {
        Finished::of(self.command(line).output().await.unwrap())
    }

    fn config(&self) -> PathBuf {
        self.home.join("config/bakong/config.toml")
    }

    fn config_text(&self) -> String {
        fs::read_to_string(self.config()).unwrap()
    }

    fn write_config(&self, text: &str) {
        fs::create_dir_all(self.config().parent().unwrap()).unwrap();
        fs::write(self.config(), text).unwrap();
    }

    /// Logs in without a terminal, and writes the code to standard input when it was sent.
    async fn log_in(&self, sandbox: &Sandbox, options: &str) -> Finished {
        let url = sandbox.base_url();
        let line = format!("login --base-url {url} --code - {options}");
        let mut child = self.command(&line).stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let code = loop {
            if child.try_wait().unwrap().is_some() {
                break String::new();
            }
            match sandbox.verification_code(EMAIL) {
                Some(code) => break code,
                None => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        };
        // A command that needs no code closes its input.
        let _ = stdin.write_all(format!("{code}\n").as_bytes()).await;
        drop(stdin);
        Finished::of(child.wait_with_output().await.unwrap())
    }
}

impl Drop for User {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.home);
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// The endpoints that the sandbox was asked for.
fn endpoints(sandbox: &Sandbox) -> Vec<ApiEndpoint> {
    let requests = sandbox.requests();
    requests.iter().filter_map(|one| one.endpoint).collect()
}

#[tokio::test]
async fn after_a_login_on_a_terminal_a_checkout_needs_no_options() {
    let sandbox = Sandbox::start().await.unwrap();
    let (user, mut person, url) = (User::new(), Person::new(), sandbox.base_url());
    let mut child = user
        .command(&format!("login --base-url {url}"))
        .stdin(person.stream())
        .stdout(person.stream())
        .stderr(person.stream())
        .spawn()
        .unwrap();
    for (question, answer) in [
        ("E-mail address of the project: ", EMAIL),
        ("Name of the organization: ", "Sokha Coffee"),
        ("Name of the project: ", "till"),
    ] {
        person.sees(question, 1).await;
        person.types(answer);
    }
    // A sandbox sends no e-mail.
    person
        .sees("bakong sandbox mailbox --email shop@example.com", 1)
        .await;
    // A wrong code is asked for again.
    person.sees("Code from the e-mail: ", 1).await;
    person.types("too short");
    person.sees("Code from the e-mail: ", 2).await;
    assert!(person.screen().contains("must have exactly 20 characters"));
    assert!(!person.screen().contains("--code"), "{}", person.screen());
    person.types(&sandbox.verification_code(EMAIL).unwrap());
    assert_eq!(child.wait().await.unwrap().code(), Some(0));
    person.sees("Next: bakong checkout\r\n", 1).await;

    let host = url.strip_prefix("http://").unwrap().replace(':', "-");
    let file = user.home.join(format!("data/bakong/{host}.token"));
    let token = fs::read_to_string(&file).unwrap();
    assert!(!person.screen().contains(token.trim()));
    assert_eq!((mode(&file), mode(&user.config())), (0o600, 0o600));
    let config = format!(
        "[profiles.default]\nbase-url = \"{url}\"\ntoken-file = \"{}\"\nemail = \"{EMAIL}\"\n",
        file.to_str().unwrap()
    );
    assert_eq!(user.config_text(), config);

    let shop = Shop::started(user.command("checkout --qr light")).await;
    let _ = dara(&sandbox).pay(&shop.code).unwrap();
    shop.finish().await.exits(0);
    user.run(&format!("tx check --md5 {MD5}")).await.exits(3);
    user.run("token status").await.exits(0);
}

#[tokio::test]
async fn a_login_without_a_terminal_says_what_is_missing() {
    let user = User::new();
    let finished = user.run("login").await.exits(2);
    finished.shows("--env sit");
    let line = "login --env sit --json";
    let message = user.run(line).await.exits(2).json()["error"]["message"].to_string();
    for option in ["--email", "--organization", "--project", "--code -"] {
        assert!(message.contains(option), "{message}");
    }
    assert!(!user.config().exists());
}

#[tokio::test]
async fn a_script_logs_in_and_a_second_login_renews_the_token() {
    let sandbox = Sandbox::start().await.unwrap();
    let user = User::new();
    let options = format!("{PROJECT} --json");
    let json = user.log_in(&sandbox, &options).await.status(0, "issued");
    assert_eq!(json["profile"], "default");
    assert_eq!(json["profileAdded"], true);
    let file = json["tokenFile"].as_str().unwrap();
    let first = fs::read_to_string(file).unwrap();
    assert!(!json.to_string().contains(first.trim()));
    let config = user.config_text();

    // The address and the file are in the profile now.
    sandbox.advance(Duration::from_secs(5));
    let options = "--organization Sokha --project till";
    let finished = user.log_in(&sandbox, options).await.exits(0);
    finished.shows("shop@example.com is registered already");
    finished.shows("of ");
    finished.shows("uses the token");
    let second = fs::read_to_string(file).unwrap();
    assert_ne!(first, second);
    finished.hides(second.trim());
    assert_eq!(user.config_text(), config);
    let asked = endpoints(&sandbox);
    assert_eq!(asked.last(), Some(&ApiEndpoint::RenewToken), "{asked:?}");
}

#[tokio::test]
async fn a_profile_of_the_user_is_never_changed() {
    let sandbox = Sandbox::start().await.unwrap();
    let (user, url) = (User::new(), sandbox.base_url());
    let mine = "# my shop\n[profiles.default]\nname = \"Sokha\"";
    user.write_config(mine);
    let finished = user.log_in(&sandbox, PROJECT).await.exits(0);
    finished.shows("The profile \"default\" was not added");
    finished.shows(&format!("  base-url = \"{url}\""));
    finished.shows("  token-file = ");
    assert_eq!(user.config_text(), mine);
    // Another name adds a profile with a token file of its own.
    let options = format!("{PROJECT} --profile till-2");
    let finished = user.log_in(&sandbox, &options).await.exits(0);
    finished.shows("bakong checkout --profile till-2");
    let config = user.config_text();
    assert!(config.starts_with(&format!("{mine}\n\n[profiles.till-2]\n")));
    assert!(config.contains(".till-2.token"), "{config}");
    let check = format!("tx check --md5 {MD5} --profile till-2");
    user.run(&check).await.exits(3);
}

#[tokio::test]
async fn a_code_of_an_earlier_e_mail_requests_no_other_one() {
    let sandbox = Sandbox::start().await.unwrap();
    let (user, url) = (User::new(), sandbox.base_url());
    let request = format!("token request --base-url {url} {PROJECT}");
    user.run(&request).await.exits(0);
    let code = sandbox.verification_code(EMAIL).unwrap();
    let line = format!("login --base-url {url} --email {EMAIL} --code {code}");
    user.run(&line).await.exits(0).hides(&code);
    assert_eq!(
        endpoints(&sandbox),
        [ApiEndpoint::RequestToken, ApiEndpoint::Verify]
    );
    user.run(&line).await.exits(1).hides(&code);
    // A code in the wrong place is not repeated.
    let line = format!("login --base-url {url} {code}");
    user.run(&line).await.exits(2).hides(&code);
}

#[tokio::test]
async fn a_wrong_code_names_its_source() {
    let sandbox = Sandbox::start().await.unwrap();
    let (user, url) = (User::new(), sandbox.base_url());
    let wrong = async |line: &str, input: &str| {
        let line = format!("{line} --base-url {url}");
        feed(user.command(&line), input).await.exits(2)
    };
    let line = format!("login {PROJECT} --code -");
    let finished = wrong(&line, "short\n").await;
    finished.shows("standard input: code must have");
    finished.shows("bakong sandbox mailbox --email shop@example.com --url http://127.0.0.1:");
    finished.hides("--code");
    let finished = wrong("token verify --code -", "short\n").await;
    finished.shows("standard input: code must have");
    let finished = wrong("token verify --code short", "").await;
    finished.shows("--code: code must have");
    let line = format!("login --email {EMAIL} --code short");
    wrong(&line, "").await.shows("--code: code must have");
}
