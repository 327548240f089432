//! The example with another HTTP client, against a minimal server.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;

use bakong_api::{AccessToken, BaseUrl};

use crate::NOT_FOUND;
use crate::fixtures::MD5;
use crate::mutations::PAID;

#[path = "../../examples/own_http_stack.rs"]
mod example;

const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.e30.c2ln";

/// Runs the example against this response. Returns its conclusion and the request that it sent.
fn conclusion(status: &str, body: &str) -> (String, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = BaseUrl::new(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut request = String::new();
        while !request.ends_with("\r\n\r\n") {
            assert_ne!(reader.read_line(&mut request).unwrap(), 0);
        }
        let length = format!(r#"{{"md5":"{MD5}"}}"#).len();
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        stream.write_all(answer.as_bytes()).unwrap();
        request + &String::from_utf8(body).unwrap()
    });
    let token = AccessToken::new(JWT).unwrap();
    let sentence = example::ask(&base, &token, MD5.parse().unwrap()).unwrap();
    (sentence, server.join().unwrap())
}

#[test]
fn the_example_draws_the_right_conclusion() {
    for (status, body, expected) in [
        ("200 OK", PAID, "Paid: 1.00 USD to merchant@bank. "),
        ("200 OK", NOT_FOUND, "Not paid yet. "),
        (
            "500 Oops",
            NOT_FOUND,
            "Unknown, which does not mean unpaid; ask again later: ",
        ),
        (
            "401 No",
            "",
            "Unknown, which does not mean unpaid; get a new token: ",
        ),
        (
            "302 Found",
            "",
            "Unknown, which does not mean unpaid; ask again later: ",
        ),
        (
            "200 OK",
            r#"{"responseCode":1,"errorCode":17}"#,
            "Unknown, which does not mean unpaid; ask again tomorrow: ",
        ),
    ] {
        let (sentence, request) = conclusion(status, body);
        assert!(sentence.starts_with(expected), "{sentence}");
        assert!(request.starts_with("POST /v1/check_transaction_by_md5 HTTP/1.1\r\n"));
        let lower = request.to_ascii_lowercase();
        let authorization = format!("authorization: Bearer {JWT}\r\n").to_ascii_lowercase();
        assert!(lower.contains(&authorization), "{request}");
        assert!(lower.contains("content-type: application/json\r\n"));
        assert!(request.ends_with(&format!(r#"{{"md5":"{MD5}"}}"#)));
    }
}

#[test]
fn the_example_reports_an_unreachable_server() {
    // No server listens on the port of a closed listener.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = BaseUrl::new(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    drop(listener);
    let token = AccessToken::new(JWT).unwrap();
    let sentence = example::ask(&base, &token, MD5.parse().unwrap()).unwrap();
    assert!(sentence.starts_with("No answer, "), "{sentence}");
}
