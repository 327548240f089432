//! Records which paths of each host have answered this transport.
//!
//! The CDN in front of Bakong now and then refuses a request between good answers, with a status that otherwise
//! means that the client is blocked or the path is closed. Only the history tells these two cases apart.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bakong_api::observe::AnswerSummary;
use bytes::Bytes;
use http::{Response, StatusCode};

use crate::destination::Destination;

/// How many paths are remembered. Refusals of a forgotten path are not retried until it answers again.
const PATHS: usize = 1_024;

/// The paths of each host that have answered since their last final refusal.
///
/// An answer on one path shows nothing about another: Bakong closes some paths, such as the list
/// endpoints, to some tokens.
#[derive(Default)]
pub(crate) struct History(Mutex<HashMap<Destination, HashSet<Box<str>>>>);

impl History {
    /// Records a good answer.
    pub(crate) fn answered(&self, to: &Destination, path: &str) {
        let mut hosts = self.hosts();
        if hosts.get(to).is_some_and(|paths| paths.contains(path)) {
            return;
        }
        if hosts.values().map(HashSet::len).sum::<usize>() >= PATHS {
            hosts.clear();
        }
        hosts.entry(to.clone()).or_default().insert(path.into());
    }

    /// Records a refusal that is not retried: the path counts as closed until it answers again.
    pub(crate) fn refused(&self, to: &Destination, path: &str) {
        if let Some(paths) = self.hosts().get_mut(to) {
            paths.remove(path);
        }
    }

    pub(crate) fn has_answered(&self, to: &Destination, path: &str) -> bool {
        let hosts = self.hosts();
        hosts.get(to).is_some_and(|paths| paths.contains(path))
    }

    fn hosts(&self) -> MutexGuard<'_, HashMap<Destination, HashSet<Box<str>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether this is an answer without an error from Bakong itself, and not from a CDN or a captive portal.
pub(crate) fn is_good(response: &Response<Bytes>) -> bool {
    response.status() == StatusCode::OK
        && response.body().trim_ascii_start().starts_with(b"{")
        && AnswerSummary::of(response).class.is_none()
}

/// Whether a CDN may send this status by mistake. Statuses that blame the request itself, such as 400, are not
/// among them.
pub(crate) const fn may_be_of_a_front(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::FORBIDDEN
            | StatusCode::NOT_FOUND
            | StatusCode::METHOD_NOT_ALLOWED
            | StatusCode::NOT_ACCEPTABLE
            | StatusCode::CONFLICT
            | StatusCode::GONE
            | StatusCode::MISDIRECTED_REQUEST
            | StatusCode::TOO_EARLY
            | StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS
    )
}

#[cfg(test)]
mod tests {
    use http::Uri;

    use super::*;

    #[test]
    fn the_number_of_remembered_paths_is_limited() {
        let history = History::default();
        for number in 0..3 * PATHS {
            let uri: Uri = format!("https://host-{number}.example").parse().unwrap();
            let to = Destination::of(&uri, false).unwrap();
            history.answered(&to, "/v1");
            history.answered(&to, "/v1");
            assert!(history.has_answered(&to, "/v1"));
            assert!(history.hosts().len() <= PATHS);
        }
    }
}
