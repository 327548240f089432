//! Every command reports an error with the same JSON object.

use bakong_sandbox::Sandbox;
use khqr_core::{Amount, Md5Handle, Timestamp};
use serde_json::Value;

use crate::support::{
    Finished, Folder, MD5, UNKNOWN_TOKEN, bakong, dynamic_code, feed, static_code, words,
};

/// The keys of the object, in alphabetical order.
const KEYS: [&str; 10] = [
    "advice",
    "class",
    "code",
    "kind",
    "message",
    "offset",
    "retryAt",
    "sdkMessage",
    "status",
    "tag",
];

/// The classes that README lists.
const CLASSES: [&str; 15] = [
    "blocked",
    "conflict",
    "invalid_input",
    "local",
    "malformed",
    "not_found",
    "quota_exhausted",
    "rate_limited",
    "refused",
    "stopped",
    "store",
    "transport",
    "unauthorized",
    "unavailable",
    "usage",
];

/// Checks the keys and the types of an error object.
#[track_caller]
pub(crate) fn assert_error_object(error: &Value) {
    let object = error
        .as_object()
        .unwrap_or_else(|| panic!("no object: {error}"));
    let mut keys: Vec<_> = object.keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys, KEYS, "{error}");
    let text = |name: &str| error[name].as_str().unwrap_or_default();
    assert!(CLASSES.contains(&text("class")), "{error}");
    assert!(!text("message").is_empty(), "{error}");
    for name in ["advice", "kind", "sdkMessage", "tag"] {
        assert!(error[name].is_null() || !text(name).is_empty(), "{error}");
    }
    for name in ["code", "status", "offset", "retryAt"] {
        assert!(error[name].is_null() || error[name].is_number(), "{error}");
    }
    let is_input = text("class") == "invalid_input";
    for name in ["kind", "sdkMessage", "tag", "offset"] {
        assert!(is_input || error[name].is_null(), "{name}: {error}");
    }
}

/// Returns the error objects of a line: of the object itself, and of the answers of `tx diagnose`.
fn errors_of(line: &str) -> Vec<Value> {
    let json: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}"));
    let answers = json["answers"].as_array().cloned().unwrap_or_default();
    let all = std::iter::once(json).chain(answers);
    all.map(|it| it["error"].clone())
        .filter(|it| !it.is_null())
        .collect()
}

/// Command lines, the exit code, and the classes of the errors on standard output. `INPUT` is given on standard input.
const ERRORS: &str = "
    checkout --json => 2 usage
    checkout --json --base-url URL => 1 unauthorized
    checkout --json --base-url URL --store TEXT => 1 store
    watch --json --base-url URL --no-store < hello => 1 invalid_input
    watch --json --base-url URL --no-store < {} => 1 invalid_input
    watch --json --base-url URL --no-store < {\"error\":{\"message\":\"x\"}} => 1 invalid_input
    watch --json --base-url URL --no-store < STATIC => 1 invalid_input
    watch --json missing-file --base-url URL => 2 usage
    qr decode hello --json => 1 invalid_input
    qr verify hello --json => 1 invalid_input
    qr verify EXPIRED --json => 1 invalid_input
    qr inspect hello --json => 1 invalid_input
    qr decode ALTERED --json => 1 invalid_input
    qr inspect ALTERED --json => 1 invalid_input
    qr decode --json - < \u{1b} => 1 invalid_input
    qr generate --json => 2 usage
    qr generate --json --account nobody --name A => 2 invalid_input
    qr generate --json --account a@b --name A --amount 1.5 => 2 invalid_input
    qr generate --json --account a@b --name A -o card.txt => 2 usage
    qr render --json hello -o card.svg => 1 invalid_input
    qr render --json STATIC -o card.txt => 2 usage
    qr read --json missing.png => 2 usage
    qr read --json TEXT => 1 invalid_input
    qr decode --jsonl < hello => 0 invalid_input
    qr verify --jsonl < hello => 0 invalid_input
    qr inspect --jsonl < hello => 0 invalid_input
    qr generate --jsonl < {\"kind\":1} => 0 invalid_input
    qr verify --jsonl --nonsense => 2 usage
    qr --json => 2 usage
    tx check --json => 2 usage
    tx check --json hello --base-url URL => 2 invalid_input
    tx check --json STATIC --base-url URL => 2 usage
    tx check --json --md5 MD5 --base-url URL => 1 unauthorized
    tx check --json --md5 MD5 --base-url http://127.0.0.1:9 => 1 transport
    tx diagnose --json --md5 MD5 --base-url URL => 1 unauthorized unauthorized
    token request --json --email x --organization O --project P --base-url URL => 2 usage
    token request --json --email a@b.example --organization O --project P --base-url http://127.0.0.1:9 => 1 transport
    token verify --json --code abc --base-url URL => 2 usage
    token verify --json --code abcdefghijklmnopqrst --base-url URL => 1 refused
    token renew --json --email nobody@example.com --base-url URL => 1 refused
    token status --json --token-file TEXT => 1 unauthorized
    account check --json nobody --base-url URL => 2 usage
    account check --json a@b --base-url http://127.0.0.1:9 => 1 transport
    deeplink --json hello --base-url URL => 1 invalid_input
    deeplink --json STATIC --base-url http://127.0.0.1:9 => 1 transport
    payments list --json --store TEXT => 1 store
    payments show --json --store TEXT MD5 => 1 store
    payments export --format json --store TEXT => 1 store
    payments reconcile --json --store TEXT missing.csv => 2 usage
    payments resolve --json --store TEXT MD5 accept --note OK => 1 store
    store check --json --store TEXT => 1 store
    store migrate --json --store TEXT => 1 store
    store backup --json --store TEXT copy.db => 1 store
    serve --json --config missing.toml => 2 usage
    sandbox --json --fault { => 2 usage
    sandbox --json --listen TAKEN => 1 local
";

#[tokio::test]
async fn every_command_reports_an_error_with_the_same_object() {
    let sandbox = Sandbox::start().await.unwrap();
    let folder = Folder::new();
    let text = folder.write("text.png", "neither a picture nor a token nor a store");
    let url = sandbox.base_url();
    let quoted = |code: String| format!("'{code}'");
    let code = |at| dynamic_code(at, "A-1", Amount::us_cents(150));
    let names = [
        ("URL", url.clone()),
        ("TAKEN", url.trim_start_matches("http://").to_owned()),
        ("STATIC", quoted(static_code("Sokha"))),
        (
            "EXPIRED",
            quoted(code(Timestamp::from_millis(1_600_000_000_000))),
        ),
        (
            "ALTERED",
            quoted(code(sandbox.now()).replace("1.50", "1.51")),
        ),
        ("TEXT", text),
        ("MD5", MD5.to_owned()),
    ];
    let fill = |text: &str| {
        let fill = |text: String, (name, value): &(&str, String)| text.replace(name, value);
        names.iter().fold(text.to_owned(), fill)
    };
    let mut unexpected = Vec::new();
    for line in ERRORS
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        let (line, expected) = line.split_once(" => ").unwrap();
        let (line, input) = line.split_once(" < ").unwrap_or((line, ""));
        let line = fill(line);
        let mut command = bakong(&words(&line));
        command.env("BAKONG_TOKEN", UNKNOWN_TOKEN);
        let finished = match fill(input).replace('\'', "") {
            input if input.is_empty() => Finished::of(command.output().await.unwrap()),
            input => feed(command, format!("{input}\n")).await,
        };
        let errors: Vec<_> = finished.out.lines().flat_map(errors_of).collect();
        errors.iter().for_each(assert_error_object);
        let classes = errors.iter().filter_map(|error| error["class"].as_str());
        let classes: Vec<_> = classes.collect();
        let found = format!("{} {}", finished.exit, classes.join(" "));
        if found != expected {
            unexpected.push(format!(
                "{line}: {found} instead of {expected}: {finished:?}"
            ));
        }
    }
    assert!(unexpected.is_empty(), "{}", unexpected.join("\n"));
}

#[tokio::test]
async fn the_events_of_watch_have_the_same_object() {
    let sandbox = Sandbox::start().await.unwrap();
    let code = dynamic_code(sandbox.now(), "A-1", Amount::us_cents(150));
    let line = format!("watch --json --no-store --base-url {}", sandbox.base_url());
    let mut command = bakong(&words(&line));
    command.env("BAKONG_TOKEN", UNKNOWN_TOKEN);
    let mut child = command.stdin(std::process::Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = format!("{code}\n");
    tokio::io::AsyncWriteExt::write_all(&mut stdin, input.as_bytes())
        .await
        .unwrap();
    let stdout = child.stdout.take().unwrap();
    let mut lines = tokio::io::AsyncBufReadExt::lines(tokio::io::BufReader::new(stdout));
    let event = loop {
        let line = lines
            .next_line()
            .await
            .unwrap()
            .expect("an event with an error");
        let event: Value = serde_json::from_str(&line).unwrap();
        if event["event"] == "no_answer" {
            break event;
        }
    };
    assert_error_object(&event["error"]);
    assert_eq!(event["error"]["class"], "unauthorized");
    assert_eq!(event["md5"], Md5Handle::of(&code).to_string());
    child.kill().await.unwrap();
}

/// The scripts of earlier versions read these keys of the `qr` commands.
#[tokio::test]
async fn errors_of_codes_have_the_code_and_the_message_of_the_sdk() {
    let altered = static_code("Sokha").replace("Sokha", "Sokho");
    for line in [
        "qr decode --json",
        "qr verify --json",
        "deeplink --json --env sit",
        "tx check --json --env sit",
    ] {
        let mut words = words(line);
        words.push(&altered);
        let output = bakong(&words).env("BAKONG_TOKEN", UNKNOWN_TOKEN).output();
        let finished = Finished::of(output.await.unwrap());
        let error = &finished.json()["error"];
        assert_error_object(error);
        assert_eq!(error["kind"], "CrcMismatch", "{line}");
        assert_eq!(error["code"], 8, "{line}");
        assert_eq!(error["sdkMessage"], "KHQR provided is invalid", "{line}");
        assert_eq!(error["tag"], "63", "{line}");
        assert!(error["advice"].is_string(), "{line}");
    }
}
