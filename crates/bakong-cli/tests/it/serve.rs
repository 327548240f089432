//! `bakong serve`.

use std::process::Stdio;
use std::time::Duration;

use bakong_sandbox::Sandbox;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdout};

use crate::support::{Finished, Folder, bakong, unused_path, words};

async fn get(address: &str, path: &str, key: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer {key}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    response
}

/// Waits until a server with `--json` is ready. Returns its object, and the output after it.
async fn started(child: &mut Child) -> (Value, Lines<BufReader<ChildStdout>>) {
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let info = lines.next_line().await.unwrap().expect("no JSON object");
    (serde_json::from_str(&info).unwrap(), lines)
}

#[tokio::test]
async fn the_server_prints_its_addresses_and_a_key_and_stops_at_a_signal() {
    let data = unused_path("serve");
    let data = data.to_str().unwrap();
    let arguments = [
        "serve",
        "--sandbox",
        "--json",
        "--listen",
        "127.0.0.1:0",
        "--data",
        data,
    ];
    let mut child = bakong(&arguments)
        .env_remove("BAKONG_TEST_KEY")
        .spawn()
        .unwrap();
    let (info, _lines) = started(&mut child).await;
    let address = info["url"]
        .as_str()
        .unwrap()
        .strip_prefix("http://")
        .unwrap();
    let key = info["testKey"].as_str().unwrap();
    assert!(
        info["sandbox"]
            .as_str()
            .unwrap()
            .starts_with("http://127.0.0.1:")
    );
    let list = get(address, "/v1/payments", key).await;
    assert!(
        list.starts_with("HTTP/1.1 200") && list.contains("\"data\":[]"),
        "{list}"
    );
    let refused = get(address, "/v1/payments", "sk_test_wrong").await;
    assert!(refused.starts_with("HTTP/1.1 401"), "{refused}");
    assert!(get(address, "/docs", "").await.contains("/v1/payments"));
    let path = |name: &str| {
        let link = info[name].as_str().unwrap();
        link.strip_prefix("http://").unwrap()[address.len()..].to_owned()
    };
    let demo = get(address, &path("demo"), "").await;
    assert!(demo.starts_with("HTTP/1.1 200"), "{demo}");
    let login = get(address, &path("dashboard"), "").await;
    assert!(login.contains("name=\"link\""), "{login}");

    // The port is in use.
    let second = ["serve", "--sandbox", "--listen", address];
    let second = Finished::of(bakong(&second).output().await.unwrap());
    assert_eq!(second.exit, 1);
    assert!(
        second.err.contains("another program uses the port"),
        "{}",
        second.err
    );

    let pid = Pid::from_raw(child.id().unwrap().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    let finished = Finished::of(child.wait_with_output().await.unwrap());
    assert_eq!(finished.exit, 0, "{}", finished.err);

    // The key is not printed again, but the store has it.
    let mut child = bakong(&arguments)
        .env_remove("BAKONG_TEST_KEY")
        .spawn()
        .unwrap();
    let (again, _lines) = started(&mut child).await;
    assert_eq!(again["testKey"], Value::Null);
    let address = again["url"]
        .as_str()
        .unwrap()
        .strip_prefix("http://")
        .unwrap();
    assert!(
        get(address, "/v1/payments", key)
            .await
            .starts_with("HTTP/1.1 200")
    );
    child.kill().await.unwrap();
}

#[tokio::test]
async fn the_hash_of_a_password_can_be_a_setting() {
    let hash = |password: &'static str| async move {
        let mut child = bakong(&["serve", "--hash-password"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(password.as_bytes()).await.unwrap();
        drop(input);
        Finished::of(child.wait_with_output().await.unwrap())
    };
    let short = hash("short\n").await;
    assert_eq!(short.exit, 2);
    assert!(
        short.err.contains("at least 10 characters"),
        "{}",
        short.err
    );
    let hash = hash("correct horse\n").await;
    assert_eq!(hash.exit, 0, "{}", hash.err);
    let hash = hash.out.trim();
    assert!(hash.starts_with("$argon2id$"));
    let file = unused_path("password.toml");
    let text = format!(
        "store = \"{}\"\nsandbox = true\nbind = \"127.0.0.1:0\"\ndashboard_password_hash = \"{hash}\"\n",
        unused_path("password.db").display()
    );
    std::fs::write(&file, text).unwrap();
    let mut child = bakong(&["serve", "--json", "--config", file.to_str().unwrap()])
        .spawn()
        .unwrap();
    let (info, _lines) = started(&mut child).await;
    let url = info["url"].as_str().unwrap();
    assert_eq!(info["dashboard"], format!("{url}/dashboard"));
    assert_eq!(info["demo"], Value::Null);
    let login = get(url.strip_prefix("http://").unwrap(), "/login", "").await;
    assert!(login.contains("type=\"password\""), "{login}");
    child.kill().await.unwrap();
}

#[tokio::test]
async fn a_wrong_configuration_is_a_usage_error_that_names_the_setting() {
    let file = unused_path("serve.toml");
    std::fs::write(&file, "store = \"payments.db\"\nbind = \"8600\"\n").unwrap();
    let arguments = ["serve", "--config", file.to_str().unwrap()];
    let finished = Finished::of(bakong(&arguments).output().await.unwrap());
    assert_eq!(finished.exit, 2);
    assert!(
        finished.err.contains("bind: write an address"),
        "{}",
        finished.err
    );
    let finished = Finished::of(bakong(&["serve"]).output().await.unwrap());
    assert_eq!(finished.exit, 2);
}

#[tokio::test]
async fn certificate_authorities_of_the_environment_replace_the_usual_ones() {
    let sandbox = Sandbox::start().await.unwrap();
    let folder = Folder::new();
    folder.write("token", &sandbox.issue_token("shop@example.com"));
    let config = format!(
        "bind = \"127.0.0.1:0\"\nstore = \"payments.db\"\nsandbox = false\n\
         [bakong]\nbase_url = \"{}\"\ntoken_file = \"token\"\n\
         [merchant]\naccount = \"sokha@devb\"\nname = \"Sokha Coffee\"\n",
        sandbox.base_url()
    );
    folder.write("bakong.toml", &config);
    let missing = folder.file("missing.pem");
    let mut serve = bakong(&["serve", "--config", &folder.file("bakong.toml")]);
    let finished = serve.env("SSL_CERT_FILE", &missing).output();
    let finished = tokio::time::timeout(Duration::from_secs(60), finished).await;
    let finished = finished.expect("the server starts").unwrap();
    Finished::of(finished).exits(1).shows("SSL_CERT_FILE");
}

#[tokio::test]
async fn the_log_has_one_json_object_a_line_if_the_configuration_says_so() {
    let folder = unused_path("serve-log");
    std::fs::create_dir_all(&folder).unwrap();
    let config = folder.join("bakong.toml");
    let text =
        "bind = \"127.0.0.1:0\"\nstore = \"payments.db\"\nsandbox = true\nlog_format = \"json\"\n";
    std::fs::write(&config, text).unwrap();
    let arguments = ["serve", "--config", config.to_str().unwrap(), "--json"];
    let mut child = bakong(&arguments).spawn().unwrap();
    let (_, _lines) = started(&mut child).await;
    let pid = Pid::from_raw(child.id().unwrap().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    let finished = Finished::of(child.wait_with_output().await.unwrap());
    assert_eq!(finished.exit, 0);
    let log: Vec<Value> = finished
        .err
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let listens = log
        .iter()
        .find(|line| line["fields"]["message"] == "the server listens");
    assert_eq!(listens.unwrap()["level"], "INFO");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn verbose_logs_the_requests_to_bakong_without_secrets() {
    let line = "serve --sandbox --json --verbose --listen 127.0.0.1:0";
    let mut child = bakong(&words(line))
        .env_remove("BAKONG_TEST_KEY")
        .spawn()
        .unwrap();
    let (info, _lines) = started(&mut child).await;
    let address = info["url"].as_str().unwrap().replace("http://", "");
    let key = info["testKey"].as_str().unwrap();
    let body = r#"{"order_id":"A-1","amount":"1000","currency":"KHR"}"#;
    let length = body.len();
    let mut stream = TcpStream::connect(&address).await.unwrap();
    let request = format!(
        "POST /v1/payments HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer {key}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut seen = String::new();
    while !seen.contains("endpoint=\"check_transaction_by_md5\" attempt=1 status=200") {
        seen += &log
            .next_line()
            .await
            .unwrap()
            .expect("no request in the log");
        seen += "\n";
    }
    assert!(!seen.contains(key) && !seen.contains("eyJ"), "{seen}");
    child.kill().await.unwrap();
}
