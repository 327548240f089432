//! The dashboard and the point of sale: sessions, forms, and what they change.

use std::path::PathBuf;

use bakong_server::{SecretText, Server, hash_password};
use bakong_store::tables::Statement;
use http::Method;
use serde_json::Value;
use tempfile::TempDir;

use crate::client::{Stream, open, send};
use crate::harness::{Harness, config};
use crate::interrupted::write;
use crate::person::{Person, csrf};

/// Every address for staff, with its method.
const ADDRESSES: &[(&str, &str)] = &[
    ("GET", "/dashboard"),
    ("GET", "/dashboard/events"),
    ("POST", "/dashboard/payments/pay_1/resolve"),
    ("GET", "/dashboard/webhooks"),
    ("POST", "/dashboard/webhooks/evt_1/replay"),
    ("GET", "/dashboard/statement"),
    ("GET", "/dashboard/statement.csv"),
    ("GET", "/dashboard/keys"),
    ("POST", "/dashboard/keys"),
    ("POST", "/dashboard/keys/key_1/revoke"),
    ("GET", "/pos"),
    ("POST", "/pos"),
    ("GET", "/pos/pay_1"),
    ("POST", "/pos/pay_1/cancel"),
    ("POST", "/logout"),
];

#[tokio::test(flavor = "multi_thread")]
async fn without_a_session_every_address_for_staff_leads_to_the_login() {
    let shop = Harness::start().await;
    for cookie in ["", "session=", "session=guess", "session=\u{e9}"] {
        let mut person = Person::new(&shop.server);
        if !cookie.is_empty() {
            let value = cookie.split_once('=').unwrap().1;
            person
                .cookies
                .push(("session".to_owned(), value.to_owned()));
        }
        for (method, path) in ADDRESSES {
            let answer = person
                .request(method.parse().unwrap(), path, "csrf=x")
                .await;
            assert_eq!(answer.header("location"), Some("/login"), "{method} {path}");
        }
    }
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_from_another_site_changes_nothing() {
    let shop = Harness::start().await;
    let mut person = Person::with_link(&shop.server).await;
    for (method, path) in ADDRESSES.iter().filter(|(method, _)| *method == "POST") {
        for body in [
            "",
            "csrf=",
            "csrf=guess",
            "name=x&scope=admin&order=POS-1&amount=1&currency=USD",
        ] {
            let answer = person.request(method.parse().unwrap(), path, body).await;
            assert_eq!(answer.status.as_u16(), 403, "{path} {body}");
        }
    }
    // A form of another type, which a page can send to another site without asking.
    let token = csrf(&person.get("/dashboard/keys").await.text());
    let cookie = format!(
        "session={}",
        person
            .cookies
            .iter()
            .find(|(name, _)| name == "session")
            .unwrap()
            .1
    );
    let headers = [("cookie", cookie.as_str()), ("content-type", "text/plain")];
    let body = format!("csrf={token}&name=x&scope=admin");
    let answer = send(
        shop.server.address(),
        Method::POST,
        "/dashboard/keys",
        &headers,
        body,
    )
    .await;
    assert_eq!(answer.status.as_u16(), 415);
    assert_eq!(
        shop.get("/v1/keys").await.json()["data"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    // The token of another session.
    let mut stranger = Person::new(&shop.server);
    let login = stranger.get("/login").await.text();
    assert!(!login.contains(&token));
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_one_time_link_starts_one_session_and_its_cookie_is_protected() {
    let shop = Harness::start().await;
    let link = shop.server.login_link().unwrap().to_owned();
    let mut person = Person::new(&shop.server);
    // A program that only follows links does not use it up.
    person
        .get(link.strip_prefix(shop.server.public_url()).unwrap())
        .await;
    let answer = person.use_link(&link, shop.server.public_url()).await;
    let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().collect();
    let cookie = cookies[0].to_str().unwrap();
    assert!(cookie.starts_with("session="), "{cookie}");
    for attribute in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert!(!cookie.contains("Secure"), "{cookie}");
    assert_eq!(person.get("/dashboard").await.status.as_u16(), 200);
    let mut second = Person::new(&shop.server);
    assert_eq!(
        second
            .use_link(&link, shop.server.public_url())
            .await
            .status
            .as_u16(),
        403
    );
    assert_eq!(second.get("/dashboard").await.status.as_u16(), 303);

    let page = person.get("/dashboard").await.text();
    let session = person
        .cookies
        .iter()
        .find(|(name, _)| name == "session")
        .unwrap()
        .clone();
    person.post("/logout", &[("csrf", csrf(&page))]).await;
    // The session has ended on the server, not only in the browser.
    let mut thief = Person::new(&shop.server);
    thief.cookies.push(session);
    assert_eq!(thief.get("/dashboard").await.status.as_u16(), 303);
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_tls_the_cookie_is_sent_with_tls_only() {
    let folder = TempDir::new().unwrap();
    let mut config = config(folder.path());
    config.public_url = Some("https://pay.example.com".to_owned());
    config.pages.embed_origins = vec!["https://shop.example.com".to_owned()];
    let server = Server::start(&config).await.unwrap();
    let mut person = Person::new(&server);
    let link = server.login_link().unwrap().to_owned();
    let answer = person.use_link(&link, server.public_url()).await;
    let cookie = answer.header("set-cookie").unwrap();
    assert!(
        cookie.starts_with("__Host-session=") && cookie.contains("; Secure"),
        "{cookie}"
    );
    assert_eq!(person.get("/dashboard").await.status.as_u16(), 200);
    let body = r#"{"amount":"1","currency":"USD","order_id":"INV-1"}"#;
    let key = format!("Bearer {}", crate::harness::KEY);
    let payment = send(
        server.address(),
        Method::POST,
        "/v1/payments",
        &[("authorization", &key)],
        body,
    )
    .await;
    let url = payment.json()["checkout_url"].as_str().unwrap().to_owned();
    let path = url.strip_prefix("https://pay.example.com").unwrap();
    let policy = person.get(path).await;
    let policy = policy.header("content-security-policy").unwrap();
    assert!(
        policy.ends_with("frame-ancestors 'self' https://shop.example.com"),
        "{policy}"
    );
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_opens_the_dashboard_and_guesses_are_limited() {
    let folder = TempDir::new().unwrap();
    let mut config = config(folder.path());
    config.pages.password_hash = Some(SecretText::new(hash_password("correct horse").unwrap()));
    let server = Server::start(&config).await.unwrap();
    assert_eq!(server.login_link(), None);
    let mut person = Person::new(&server);
    let token = csrf(&person.get("/login").await.text());
    let attempt = |password: &str| [("csrf", token.clone()), ("password", password.to_owned())];
    assert_eq!(
        person
            .post("/login", &attempt("correct hors"))
            .await
            .status
            .as_u16(),
        403
    );
    assert_eq!(
        person
            .post("/login", &attempt("correct horse"))
            .await
            .status
            .as_u16(),
        303
    );
    assert_eq!(person.get("/dashboard").await.status.as_u16(), 200);
    assert_eq!(
        person.get("/login").await.header("location"),
        Some("/dashboard")
    );

    let mut guesser = Person::new(&server);
    // Without the form of this browser, a password is not even compared.
    let forged = [
        ("csrf", token.clone()),
        ("password", "correct horse".to_owned()),
    ];
    assert_eq!(guesser.post("/login", &forged).await.status.as_u16(), 403);
    let token = csrf(&guesser.get("/login").await.text());
    let attempt = |password: &str| [("csrf", token.clone()), ("password", password.to_owned())];
    for _ in 0..5 {
        let answer = guesser.post("/login", &attempt("guess")).await;
        assert_eq!(answer.status.as_u16(), 403);
    }
    let answer = guesser.post("/login", &attempt("correct horse")).await;
    assert_eq!(answer.status.as_u16(), 429);
    let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=30).contains(&seconds));
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_restricts_scripts_and_frames() {
    let shop = Harness::start().await;
    let mut person = Person::with_link(&shop.server).await;
    let pages = ADDRESSES
        .iter()
        .filter(|(method, path)| *method == "GET" && !path.ends_with("events"));
    for path in pages
        .map(|(_, path)| *path)
        .chain(["/login", "/assets/nothing", "/pay/nothing"])
    {
        let answer = person.get(path).await;
        let policy = answer.header("content-security-policy").unwrap_or_default();
        for rule in [
            "default-src 'none'",
            "script-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        ] {
            let is_closed =
                policy.contains(rule) && !policy.contains("unsafe") && !policy.contains("http");
            assert!(is_closed, "{path}: {policy}");
        }
        assert_eq!(
            answer.header("x-content-type-options"),
            Some("nosniff"),
            "{path}"
        );
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        // The policy forbids inline scripts and styles, so a page that has one is broken.
        let text = answer.text();
        for inline in ["<script>", "style=", " onclick", "javascript:"] {
            assert!(!text.contains(inline), "{path}: {inline}");
        }
    }
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_on_the_dashboard_is_stored_with_its_note() {
    let shop = Harness::start().await;
    let accepted = shop.create_under_review("INV-1").await;
    let rejected = shop.create_under_review("INV-2").await;
    let mut person = Person::with_link(&shop.server).await;
    let page = person.get("/dashboard").await.text();
    // Both sides.
    for text in [
        "INV-1",
        "INV-2",
        "1.50 USD",
        "1.00 USD",
        "sokha@sandbox",
        "dara@devb",
        "other amount",
    ] {
        assert!(page.contains(text), "{text}");
    }
    let path = |payment: &Value| {
        format!(
            "/dashboard/payments/{}/resolve",
            payment["id"].as_str().unwrap()
        )
    };
    let form = |decision: &str, note: &str| {
        [
            ("csrf", csrf(&page)),
            ("decision", decision.to_owned()),
            ("note", note.to_owned()),
        ]
    };
    let answer = person.post(&path(&accepted), &form("accept", " ")).await;
    assert_eq!(answer.status.as_u16(), 400);
    // Neither accept nor reject.
    let answer = person.post(&path(&accepted), &form("", "why")).await;
    assert_eq!(answer.status.as_u16(), 400);
    assert_eq!(shop.read(&accepted).await["status"], "needs_review");
    let answer = person
        .post(&path(&accepted), &form("accept", "a regular customer"))
        .await;
    assert_eq!(answer.status.as_u16(), 303);
    person
        .post(&path(&rejected), &form("reject", "returned"))
        .await;
    assert_eq!(shop.read(&accepted).await["status"], "paid");
    assert_eq!(shop.read(&rejected).await["status"], "failed");
    let answer = person
        .post(&path(&accepted), &form("reject", "again"))
        .await;
    assert_eq!(answer.status.as_u16(), 409);
    let page = person.get("/dashboard/statement").await.text();
    assert!(page.contains("INV-1") && page.contains("1.00"), "{page}");
    let csv = person.get("/dashboard/statement.csv").await;
    assert!(
        csv.header("content-disposition")
            .unwrap()
            .contains("statement-test-")
    );
    assert!(csv.text().contains("\"settled\",\"INV-1\""));
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_is_shown_once_and_a_revoked_key_does_nothing() {
    let shop = Harness::start().await;
    let mut person = Person::with_link(&shop.server).await;
    let token = csrf(&person.get("/dashboard/keys").await.text());
    let field = |name: &'static str, value: &str| (name, value.to_owned());
    let form = [
        ("csrf", token.clone()),
        field("name", "<b>website</b>"),
        field("scope", "create"),
        field("scope", "read"),
    ];
    let page = person.post("/dashboard/keys", &form).await.text();
    let start = page.find("id=\"created\">").expect("no key") + 13;
    let key = page[start..].split('<').next().unwrap().to_owned();
    assert!(key.starts_with("sk_test_"));
    assert!(!page.contains("<b>website"));
    let bearer = format!("Bearer {key}");
    let address = shop.server.address();
    let list = |bearer: String| async move {
        send(
            address,
            Method::GET,
            "/v1/payments",
            &[("authorization", &bearer)],
            "",
        )
        .await
    };
    assert_eq!(list(bearer.clone()).await.status.as_u16(), 200);
    let page = person.get("/dashboard/keys").await.text();
    assert!(!page.contains(&key));
    let start = page.rfind("/dashboard/keys/key_").unwrap();
    let revoke = page[start..].split('?').next().unwrap().to_owned();
    assert_eq!(
        person
            .post(&revoke, &[("csrf", token.clone())])
            .await
            .status
            .as_u16(),
        303
    );
    assert_eq!(list(bearer).await.status.as_u16(), 401);
    // Without a name or a scope there is no key.
    for form in [
        vec![("csrf", token.clone())],
        vec![("csrf", token), field("name", "x")],
    ] {
        assert_eq!(
            person.post("/dashboard/keys", &form).await.status.as_u16(),
            400
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_point_of_sale_creates_one_payment_for_a_form_that_is_sent_twice() {
    let shop = Harness::start().await;
    let mut person = Person::with_link(&shop.server).await;
    let page = person.get("/pos").await.text();
    let start = page.find("name=\"order\" value=\"").unwrap() + 20;
    let order = page[start..].split('"').next().unwrap().to_owned();
    let form = |amount: &str, currency: &str| {
        [
            ("csrf", csrf(&page)),
            ("order", order.clone()),
            ("amount", amount.to_owned()),
            ("currency", currency.to_owned()),
        ]
    };
    for amount in ["", "0", "-1", "1.005", "1,000", "<b>"] {
        let answer = person.post("/pos", &form(amount, "USD")).await;
        assert_eq!(answer.status.as_u16(), 400, "{amount}");
        assert!(
            answer.text().contains("role=\"alert\"") && !answer.text().contains("<b>"),
            "{amount}"
        );
    }
    let first = person.post("/pos", &form("2.50", "USD")).await;
    let second = person.post("/pos", &form("2.50", "USD")).await;
    let place = first.header("location").unwrap().to_owned();
    assert_eq!(second.header("location"), Some(place.as_str()));
    assert_eq!(
        shop.get("/v1/payments").await.json()["data"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    // A form that goes back and gets another amount is another sale.
    let other = person.post("/pos", &form("2.5", "KHR")).await;
    assert_eq!(other.status.as_u16(), 400);
    let other = person.post("/pos", &form("3", "USD")).await;
    assert_ne!(other.header("location"), Some(place.as_str()));
    let code = person.get(&place).await.text();
    assert!(code.contains("2.50 USD") && code.contains("card.svg"));
    let id = place
        .strip_prefix("/pos/")
        .unwrap()
        .split('?')
        .next()
        .unwrap();
    person
        .post(&format!("/pos/{id}/cancel"), &[("csrf", csrf(&page))])
        .await;
    let payment = shop.get(&format!("/v1/payments/{id}")).await.expect(200);
    assert_eq!(payment["status"], "cancelled");
    shop.server.shutdown().await;
}

/// The stream of the dashboard's versions.
async fn books(shop: &Harness, person: &Person<'_>) -> Stream {
    let mut cookies = person.cookies.iter();
    let session = cookies.find(|(name, _)| name == "session").unwrap();
    let cookie = format!("session={}", session.1);
    let headers = [("cookie", cookie.as_str())];
    let path = "/dashboard/events";
    Stream::new(open(shop.server.address(), Method::GET, path, &headers, "").await)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dashboard_learns_of_a_payment_that_is_older_by_a_corrected_clock() {
    let mut folder = PathBuf::new();
    let shop = Harness::start_with(|_, data| folder = data.to_owned()).await;
    shop.create("INV-1").await;
    // The first answer of Bakong set the server's estimate of the time back.
    let ahead = "UPDATE server_payments SET created_at = created_at + 60000, status = 'open'";
    write(&folder, vec![Statement::new(ahead)]).await;
    let person = Person::with_link(&shop.server).await;
    let mut events = books(&shop, &person).await;
    let first = events.next_data().await;
    shop.create("INV-2").await;
    assert_ne!(events.next_data().await, first);
    shop.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dashboard_learns_of_new_payments_and_of_paid_ones() {
    let shop = Harness::start().await;
    let mut person = Person::with_link(&shop.server).await;
    let mut events = books(&shop, &person).await;
    let first = events.next_data().await;
    assert!(person.get("/dashboard").await.text().contains(&first));
    let payment = shop.create("INV-1").await;
    let second = events.next_data().await;
    assert_ne!(first, second);
    assert!(person.get("/dashboard").await.text().contains("INV-1"));
    shop.pay_and_wait(&payment).await;
    assert_ne!(events.next_data().await, second);
    assert!(!person.get("/dashboard").await.text().contains("INV-1"));
    assert!(person.get("/pos").await.text().contains("INV-1"));
    shop.server.shutdown().await;
}
