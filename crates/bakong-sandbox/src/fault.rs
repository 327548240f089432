//! Trouble on request: what a client must survive and nobody can make the live service do.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderName, HeaderValue, Response, StatusCode};

use crate::endpoint::Endpoint;
use crate::wire::{self, Answer};

/// What happens to the next request, or to the next few of one endpoint, in place of an answer.
///
/// ```
/// use bakong_sandbox::{Endpoint, Fault};
/// use http::{StatusCode, header::RETRY_AFTER};
///
/// let outage = Fault::html(StatusCode::BAD_GATEWAY, "<h1>502 Bad Gateway</h1>").times(3);
/// let throttled = Fault::status(StatusCode::TOO_MANY_REQUESTS)
///     .header(RETRY_AFTER, "2".parse()?)
///     .on(Endpoint::CheckTransactionByMd5);
/// # Ok::<(), http::header::InvalidHeaderValue>(())
/// ```
#[derive(Clone, Debug)]
pub struct Fault {
    effect: Effect,
    endpoint: Option<Endpoint>,
    /// How many requests it has left; `None` for all.
    left: Option<u32>,
}

#[derive(Clone, Debug)]
pub(crate) enum Effect {
    Answer(Answer),
    Cut,
    Hang,
}

impl Fault {
    const fn of(effect: Effect) -> Self {
        Self {
            effect,
            endpoint: None,
            left: Some(1),
        }
    }

    /// This answer. Its length is set by the sandbox.
    #[must_use]
    pub fn answer(response: Response<impl Into<Bytes>>) -> Self {
        let mut answer = response.map(Into::into);
        for framing in [CONTENT_LENGTH, TRANSFER_ENCODING] {
            answer.headers_mut().remove(framing);
        }
        Self::of(Effect::Answer(answer))
    }

    /// An answer of this status without a body.
    #[must_use]
    pub fn status(status: StatusCode) -> Self {
        let mut answer = Response::new(Bytes::new());
        *answer.status_mut() = status;
        Self::answer(answer)
    }

    /// An answer of this status with a page, as proxies and web servers give it.
    #[must_use]
    pub fn html(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self::answer(wire::with_body(status, wire::HTML, body.into()))
    }

    /// An answer of this status with a JSON body, which is sent as it is.
    #[must_use]
    pub fn json(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self::answer(wire::with_body(status, wire::JSON, body.into()))
    }

    /// The connection is closed without an answer.
    #[must_use]
    pub const fn cut() -> Self {
        Self::of(Effect::Cut)
    }

    /// No answer, while the connection stays open.
    #[must_use]
    pub const fn hang() -> Self {
        Self::of(Effect::Hang)
    }

    /// With one more header, if the fault is an answer.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        if let Effect::Answer(answer) = &mut self.effect
            && name != CONTENT_LENGTH
            && name != TRANSFER_ENCODING
        {
            answer.headers_mut().append(name, value);
        }
        self
    }

    /// Only for requests to this endpoint; for any request unless said.
    #[must_use]
    pub const fn on(mut self, endpoint: Endpoint) -> Self {
        self.endpoint = Some(endpoint);
        self
    }

    /// For this many requests; for one unless said.
    #[must_use]
    pub const fn times(mut self, count: u32) -> Self {
        self.left = Some(count);
        self
    }

    /// For all requests until [`Sandbox::clear_faults`](crate::Sandbox::clear_faults).
    #[must_use]
    pub const fn always(mut self) -> Self {
        self.left = None;
        self
    }

    /// Uses it up by one, if it is for `endpoint`.
    fn strike(&mut self, endpoint: Option<Endpoint>) -> Option<Effect> {
        if self.endpoint.is_some() && self.endpoint != endpoint {
            return None;
        }
        if let Some(left) = &mut self.left {
            *left = left.checked_sub(1)?;
        }
        Some(self.effect.clone())
    }
}

/// The faults that are still to come, in the order in which they were asked for.
#[derive(Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// The fault of a request to `endpoint`: the first that is for it and not used up.
    pub(crate) fn next(&mut self, endpoint: Option<Endpoint>) -> Option<Effect> {
        let effect = self.0.iter_mut().find_map(|fault| fault.strike(endpoint));
        self.0.retain(|fault| fault.left != Some(0));
        effect
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_cut(effect: Option<&Effect>) -> bool {
        matches!(effect, Some(Effect::Cut))
    }

    #[test]
    fn faults_come_in_order_and_run_out() {
        let mut faults = Faults::default();
        faults.add(Fault::cut().times(2));
        faults.add(Fault::hang());
        faults.add(Fault::cut().times(0));
        let any = Some(Endpoint::Verify);
        assert!(is_cut(faults.next(any).as_ref()));
        assert!(is_cut(faults.next(None).as_ref()));
        assert!(matches!(faults.next(any), Some(Effect::Hang)));
        assert!(faults.next(any).is_none());
        assert!(faults.0.is_empty());
    }

    #[test]
    fn a_fault_of_one_endpoint_spares_the_others() {
        let mut faults = Faults::default();
        faults.add(Fault::cut().on(Endpoint::Verify).always());
        faults.add(Fault::hang().on(Endpoint::RenewToken));
        assert!(faults.next(None).is_none());
        assert!(faults.next(Some(Endpoint::RequestToken)).is_none());
        for _ in 0..3 {
            assert!(is_cut(faults.next(Some(Endpoint::Verify)).as_ref()));
        }
        assert!(matches!(
            faults.next(Some(Endpoint::RenewToken)),
            Some(Effect::Hang)
        ));
        faults.clear();
        assert!(faults.next(Some(Endpoint::Verify)).is_none());
    }

    #[test]
    fn framing_is_the_server_s() {
        let response = Response::builder()
            .header(CONTENT_LENGTH, "9")
            .header(TRANSFER_ENCODING, "chunked")
            .body("ok")
            .unwrap();
        let fault = Fault::answer(response).header(CONTENT_LENGTH, HeaderValue::from_static("1"));
        let Effect::Answer(answer) = fault.effect else {
            panic!("not an answer")
        };
        assert!(answer.headers().is_empty());
    }
}
