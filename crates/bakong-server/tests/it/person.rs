//! A person with a browser.

use bakong_server::Server;
use http::Method;

use crate::client::{Answer, send};

/// A person with a browser that keeps one cookie for `/` and one for `/login`.
#[derive(Debug)]
pub(crate) struct Person<'a> {
    server: &'a Server,
    pub(crate) cookies: Vec<(String, String)>,
}

impl<'a> Person<'a> {
    pub(crate) const fn new(server: &'a Server) -> Self {
        let cookies = Vec::new();
        Self { server, cookies }
    }

    /// Logs in with the one-time link of the server.
    pub(crate) async fn with_link(server: &'a Server) -> Self {
        let mut person = Self::new(server);
        let link = server.login_link().unwrap().to_owned();
        let answer = person.use_link(&link, server.public_url()).await;
        assert_eq!(answer.header("location"), Some("/dashboard"));
        person
    }

    pub(crate) async fn use_link(&mut self, link: &str, public_url: &str) -> Answer {
        let path = link.strip_prefix(public_url).unwrap();
        let page = self.get(path).await.text();
        let secret = link.split("link=").nth(1).unwrap();
        let fields = [("csrf", csrf(&page)), ("link", secret.to_owned())];
        self.post("/login", &fields).await
    }

    pub(crate) async fn request(&mut self, method: Method, path: &str, body: &str) -> Answer {
        let cookies: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let cookies = cookies.join("; ");
        let headers = [
            ("cookie", cookies.as_str()),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        let answer = send(
            self.server.address(),
            method,
            path,
            &headers,
            body.to_owned(),
        )
        .await;
        for cookie in answer.headers.get_all("set-cookie") {
            let (name, rest) = cookie.to_str().unwrap().split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            self.cookies.retain(|(known, _)| known != name);
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
        answer
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.request(Method::GET, path, "").await
    }

    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, String)]) -> Answer {
        let mut body = form_urlencoded::Serializer::new(String::new());
        for (name, value) in fields {
            body.append_pair(name, value);
        }
        self.request(Method::POST, path, &body.finish()).await
    }
}

/// Returns the token of the forms of a page.
pub(crate) fn csrf(page: &str) -> String {
    let start = page.find("name=\"csrf\" value=\"").expect("no form") + 19;
    page[start..].split('"').next().unwrap().to_owned()
}
