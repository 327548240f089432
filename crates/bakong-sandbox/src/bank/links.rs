//! Short links to codes. Each link opens the sandbox's own page: an invented link on a real domain would
//! show whatever the owner of that domain publishes.

use std::collections::VecDeque;

use form_urlencoded::byte_serialize;

/// The maximum number of stored links. A new link replaces the oldest.
const CAPACITY: usize = 1_000;

/// The latest links, oldest first: IDs and the texts of their codes.
#[derive(Default)]
pub(crate) struct Links(VecDeque<(String, String)>);

impl Links {
    pub(crate) fn insert(&mut self, id: &str, code: &str) {
        if self.0.len() >= CAPACITY {
            self.0.pop_front();
        }
        self.0.push_back((id.to_owned(), code.to_owned()));
    }

    /// The IDs and their codes, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(id, code)| (&**id, &**code))
    }

    /// The target of a link: the page, with the code's text as the parameter `code`.
    pub(crate) fn target(&self, id: &str) -> Option<String> {
        let (_, code) = self.iter().find(|(known, _)| *known == id)?;
        let code: String = byte_serialize(code.as_bytes()).collect();
        // Forms encode a space as `+`, which not every reader decodes.
        Some(format!("/?code={}", code.replace('+', "%20")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_opens_the_page_with_its_code() {
        let mut links = Links::default();
        links.insert("AB2", "00 a+b&c=d%#ក");
        let target = "/?code=00%20a%2Bb%26c%3Dd%25%23%E1%9E%80";
        assert_eq!(links.target("AB2").as_deref(), Some(target));
        assert_eq!(links.target("AB"), None);
    }

    #[test]
    fn a_new_link_replaces_the_oldest() {
        let mut links = Links::default();
        for number in 0..=CAPACITY {
            links.insert(&number.to_string(), "x");
        }
        assert_eq!(links.target("0"), None);
        assert!(links.target("1").is_some() && links.0.len() == CAPACITY);
    }
}
