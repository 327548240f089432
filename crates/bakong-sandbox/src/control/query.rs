//! Query parameters.

use std::borrow::Cow;

use bytes::Bytes;
use http::Request;

use super::refusal::Refusal;
use crate::input::{InputError, brief};

/// The default and the maximum length of a list.
pub(super) const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 10_000;

/// Query parameters without duplicates.
pub(super) struct Query<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Query<'a> {
    /// Refuses unknown parameters, unless any are allowed. If a misspelt one were ignored, the request would
    /// return or remove more than intended.
    pub(super) fn of(
        request: &'a Request<Bytes>,
        known: Option<&[&str]>,
    ) -> Result<Self, InputError> {
        let query = request.uri().query().unwrap_or_default();
        let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
        let Some(known) = known else {
            return Ok(Self(pairs));
        };
        for (index, (name, _)) in pairs.iter().enumerate() {
            let at = format!("query.{}", brief(name));
            if !known.contains(&&**name) {
                let help = match known {
                    [] => "remove it; this request has no parameters".to_owned(),
                    _ => format!("use one of: {}", known.join(", ")),
                };
                return Err(InputError::new(at, "unknown parameter", help));
            }
            if pairs.iter().take(index).any(|(earlier, _)| earlier == name) {
                return Err(InputError::new(
                    at,
                    "the parameter is repeated",
                    "specify the parameter once",
                ));
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
            return Ok(DEFAULT_LIMIT);
        };
        let limit = limit.parse::<usize>().ok();
        let limit = limit.filter(|it| *it <= MAX_LIMIT);
        Ok(limit.ok_or_else(|| {
            let help = format!("specify a whole number up to {MAX_LIMIT}");
            InputError::new("query.limit", "the limit is not valid", help)
        })?)
    }
}
