//! Explains why an answer cannot be read: it may be a redirect, a compressed body or a web page.

use http::{HeaderMap, Response, Uri, header};

/// The maximum number of characters that a message quotes from a header.
const HEADER_LENGTH: usize = 120;

/// Returns what is wrong with a body that is not a JSON object.
pub(crate) fn body<B: AsRef<[u8]>>(response: &Response<B>) -> String {
    if let Some(encoding) = encoding(response.headers()) {
        return format!(
            "the body has the Content-Encoding {encoding}, although the request accepts only identity; turn off \
             compression in the proxy or relay"
        );
    }
    match response.body().as_ref().trim_ascii_start() {
        [] => "the body is empty",
        [b'<', ..] => "the body is a web page; is the base URL right?",
        _ => "the body is not a JSON object",
    }
    .to_owned()
}

/// Returns where a redirect leads.
pub(crate) fn redirect<B>(response: &Response<B>) -> Option<String> {
    if !response.status().is_redirection() {
        return None;
    }
    let location = response.headers().get(header::LOCATION)?;
    let target = location.to_str().ok().and_then(target)?;
    Some(format!(
        "it redirects to {target}, and redirects are not followed; correct the base URL"
    ))
}

/// The encodings of the body, other than `identity`.
fn encoding(headers: &HeaderMap) -> Option<String> {
    let values = headers.get_all(header::CONTENT_ENCODING).iter();
    let names: Vec<String> = values
        .flat_map(|value| {
            let text = String::from_utf8_lossy(value.as_bytes());
            text.split(',')
                .map(|name| cut(name.trim()))
                .collect::<Vec<_>>()
        })
        .filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case("identity"))
        .collect();
    (!names.is_empty()).then(|| cut(&names.join(", ")))
}

/// The address in a `Location` without user name, password, query and fragment, which may be secret.
fn target(location: &str) -> Option<String> {
    let location = location.trim();
    let (location, rest) = match location.find(['?', '#']) {
        Some(end) => location.split_at(end),
        None => (location, ""),
    };
    // If an `@` follows, the `?` or `#` may be inside a password whose first part is still in `location`.
    if rest.contains('@') {
        return None;
    }
    let uri: Uri = location.parse().ok()?;
    let target = match (uri.scheme_str(), uri.authority()) {
        (Some(scheme), Some(authority)) => {
            // The host and port follow the last `@`.
            let host = authority.as_str().rsplit('@').next().unwrap_or_default();
            format!("{scheme}://{host}{}", uri.path())
        }
        (None, None) if location.starts_with('/') && !location.starts_with("//") => {
            location.to_owned()
        }
        _ => return None,
    };
    // An `@` in the path may follow a password that contains a slash.
    (!target.contains('@')).then(|| cut(&target))
}

fn cut(text: &str) -> String {
    text.chars().take(HEADER_LENGTH).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_names_the_address_without_credentials() {
        for (location, expected) in [
            ("https://new.example/v1/x", Some("https://new.example/v1/x")),
            (
                "https://new.example:8443",
                Some("https://new.example:8443/"),
            ),
            (
                "http://user:secret@new.example/v1",
                Some("http://new.example/v1"),
            ),
            (
                "http://us@er:secret@new.example/v1",
                Some("http://new.example/v1"),
            ),
            (
                "https://new.example/v1?token=secret#secret",
                Some("https://new.example/v1"),
            ),
            ("https://user:sec/ret@new.example/v1", None),
            ("https://user:8#secret@new.example/v1", None),
            ("https://us?er:secret@new.example/v1", None),
            ("/login?next=secret", Some("/login")),
            ("//user:secret@new.example/", None),
            ("user:secret@new.example", None),
            ("javascript:secret", None),
            ("new.example", None),
            ("//new.example/login", None),
            ("", None),
        ] {
            assert_eq!(target(location).as_deref(), expected, "{location}");
        }
        assert!(target(&format!("/{}", "x".repeat(999))).unwrap().len() <= HEADER_LENGTH);
    }

    #[test]
    fn only_redirects_with_an_address_are_explained() {
        for (status, named) in [
            (301, true),
            (302, true),
            (307, true),
            (308, true),
            (204, false),
        ] {
            let response = Response::builder().status(status);
            let response = response.header(header::LOCATION, "https://new.example/");
            let text = redirect(&response.body(()).unwrap());
            assert_eq!(
                text.is_some_and(|text| text.contains("https://new.example/")),
                named
            );
        }
        assert_eq!(
            redirect(&Response::builder().status(304).body(()).unwrap()),
            None
        );
    }

    #[test]
    fn an_unexpected_encoding_is_named() {
        let text = |encodings: &[&str]| {
            let mut response = Response::builder();
            for encoding in encodings {
                response = response.header(header::CONTENT_ENCODING, *encoding);
            }
            body(&response.body(&b"\x1f\x8b"[..]).unwrap())
        };
        assert!(text(&["gzip"]).contains("Content-Encoding gzip,"));
        assert!(text(&["gzip, br"]).contains("gzip, br,"));
        assert!(text(&["deflate", "zstd"]).contains("deflate, zstd,"));
        for none in [&[][..], &["identity"], &["Identity"], &[""]] {
            assert_eq!(text(none), "the body is not a JSON object");
        }
    }

    #[test]
    fn an_empty_body_and_a_web_page_are_told_apart() {
        let text = |bytes: &'static [u8]| body(&Response::new(bytes));
        assert_eq!(text(b" \r\n"), "the body is empty");
        assert!(text(b"\n<!doctype html>").contains("a web page"));
        assert_eq!(text(b"null"), "the body is not a JSON object");
    }
}
