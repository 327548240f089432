//! The part of the address after the question mark.

use std::borrow::Cow;

use bytes::Bytes;
use http::Request;

use super::Refusal;
use crate::input::{InputError, brief};

/// How many of a list are told unless said, and at most.
pub(super) const LISTED: usize = 100;
const MOST_LISTED: usize = 10_000;

/// Its parameters, each of which may stand once.
pub(super) struct Query<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Query<'a> {
    /// Refuses what is not `known`: a misspelt name would be dropped in silence, and more than was meant be told,
    /// or taken back.
    pub(super) fn of(request: &'a Request<Bytes>, known: &[&str]) -> Result<Self, InputError> {
        let query = request.uri().query().unwrap_or_default();
        let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
        for (place, (name, _)) in pairs.iter().enumerate() {
            let at = format!("query.{}", brief(name));
            if !known.contains(&&**name) {
                let help = match known {
                    [] => "leave it out; there is nothing to say".to_owned(),
                    _ => format!("there are: {}", known.join(", ")),
                };
                return Err(InputError::new(at, "there is no such parameter", help));
            }
            if pairs.iter().take(place).any(|(earlier, _)| earlier == name) {
                return Err(InputError::new(at, "it stands twice", "give it once"));
            }
        }
        Ok(Self(pairs))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let mut pairs = self.0.iter();
        pairs.find_map(|(key, value)| (key == name).then_some(&**value))
    }

    pub(super) fn limit(&self) -> Result<usize, Refusal> {
        let Some(limit) = self.get("limit") else {
            return Ok(LISTED);
        };
        let limit = limit.parse::<usize>().ok();
        let limit = limit.filter(|it| *it <= MOST_LISTED);
        Ok(limit.ok_or_else(|| {
            let help = format!("give a whole number up to {MOST_LISTED}");
            InputError::new("query.limit", "it is no such number", help)
        })?)
    }
}
