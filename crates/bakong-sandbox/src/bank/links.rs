//! Short links to codes. Each leads to the sandbox's own page, with the code in the customer's phone, and
//! nowhere else: a made-up link at a real domain would be whatever somebody else has there.

use std::collections::{HashMap, VecDeque};

use form_urlencoded::byte_serialize;

use crate::keep::Change;

/// How many are kept.
const KEPT: usize = 1_000;

/// The last links, and where they are.
pub(crate) struct Links {
    /// The sandbox's own, without a slash at the end.
    base_url: String,
    codes: HashMap<String, String>,
    /// The ids from the oldest on.
    ids: VecDeque<String>,
    /// What a state file has not been told yet.
    news: Vec<Change>,
}

impl Default for Links {
    fn default() -> Self {
        Self {
            base_url: "http://127.0.0.1".to_owned(),
            codes: HashMap::new(),
            ids: VecDeque::new(),
            news: Vec::new(),
        }
    }
}

impl Links {
    /// Says where the sandbox is.
    pub(crate) fn set_base_url(&mut self, base_url: String) {
        self.base_url = base_url;
    }

    /// A link to `code`.
    pub(crate) fn add(&mut self, id: String, code: &str) -> String {
        let link = format!("{}/l/{id}", self.base_url);
        self.news.push(Change::link(&id, code));
        self.restore(id, code.to_owned());
        link
    }

    /// Puts one there as a state file has it.
    pub(crate) fn restore(&mut self, id: String, code: String) {
        if self.ids.len() >= KEPT
            && let Some(oldest) = self.ids.pop_front()
        {
            self.codes.remove(&oldest);
        }
        self.ids.push_back(id.clone());
        self.codes.insert(id, code);
    }

    /// The ids with their codes, from the oldest on.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        let ids = self.ids.iter();
        ids.filter_map(|id| Some((id.as_str(), self.codes.get(id)?.as_str())))
    }

    /// What has changed since this was asked last.
    pub(crate) fn take_news(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.news)
    }

    /// Where a link leads: the page, with the code's text as the parameter `code`.
    pub(crate) fn target(&self, id: &str) -> Option<String> {
        let code = self.codes.get(id)?;
        let code: String = byte_serialize(code.as_bytes()).collect();
        // Forms write a space as `+`, which not everybody reads as one.
        Some(format!("/?code={}", code.replace('+', "%20")))
    }

    pub(crate) fn forget(&mut self) {
        self.codes.clear();
        self.ids.clear();
        self.news.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_the_page_with_the_code_in_it() {
        let mut links = Links::default();
        links.set_base_url("http://127.0.0.1:4717".into());
        let link = links.add("AB2".into(), "00 a+b&c=d%#ក");
        assert_eq!(link, "http://127.0.0.1:4717/l/AB2");
        let target = "/?code=00%20a%2Bb%26c%3Dd%25%23%E1%9E%80";
        assert_eq!(links.target("AB2").as_deref(), Some(target));
        assert_eq!(links.target("AB"), None);
        links.forget();
        assert_eq!(links.target("AB2"), None);
    }

    #[test]
    fn the_oldest_make_room() {
        let mut links = Links::default();
        for number in 0..=KEPT {
            links.add(number.to_string(), "x");
        }
        assert_eq!(links.target("0"), None);
        assert!(links.target("1").is_some() && links.codes.len() == KEPT);
    }
}
