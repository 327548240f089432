//! What the process counts, for Prometheus.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// The upper limits of the histogram of durations, in seconds.
#[expect(
    clippy::disallowed_types,
    reason = "Prometheus measures durations in this type"
)]
const BUCKETS: [f64; 9] = [0.001, 0.005, 0.02, 0.1, 0.5, 1.0, 5.0, 15.0, 30.0];

/// What the process counts. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Metrics(Arc<Counters>);

#[derive(Debug)]
struct Counters {
    requests: Family<RequestLabels, Counter>,
    durations: Histogram,
    deliveries: Family<DeliveryLabels, Counter>,
    events: Family<EventLabels, Counter>,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            requests: Family::default(),
            durations: Histogram::new(BUCKETS),
            deliveries: Family::default(),
            events: Family::default(),
        }
    }
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    /// The route, such as `/v1/payments/{id}`.
    route: String,
    status: u16,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct DeliveryLabels {
    result: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct EventLabels {
    mode: &'static str,
    kind: &'static str,
}

impl Metrics {
    /// Counts an answer.
    pub(crate) fn request(
        &self,
        method: &Method,
        route: String,
        status: StatusCode,
        duration: Duration,
    ) {
        let method = match method.as_str() {
            "GET" => "GET",
            "POST" => "POST",
            "DELETE" => "DELETE",
            _ => "other",
        };
        let status = status.as_u16();
        let labels = RequestLabels {
            method,
            route,
            status,
        };
        self.0.requests.get_or_create(&labels).inc();
        self.0.durations.observe(duration.as_secs_f64());
    }

    /// Counts an attempt to deliver an event.
    pub(crate) fn delivery(&self, is_delivered: bool) {
        let result = if is_delivered { "delivered" } else { "failed" };
        let labels = DeliveryLabels { result };
        self.0.deliveries.get_or_create(&labels).inc();
    }

    /// Counts an event of a payment that this process stored.
    pub(crate) fn event(&self, mode: &'static str, kind: &'static str) {
        let labels = EventLabels { mode, kind };
        self.0.events.get_or_create(&labels).inc();
    }

    /// Adds the counters to a registry.
    pub(crate) fn register(&self, registry: &mut Registry) {
        let counters = &self.0;
        registry.register(
            "http_requests",
            "Answers by method, route and status",
            counters.requests.clone(),
        );
        registry.register(
            "http_request_duration_seconds",
            "Time until the head of an answer",
            counters.durations.clone(),
        );
        registry.register(
            "deliveries",
            "Attempts to deliver events to webhooks and chats",
            counters.deliveries.clone(),
        );
        registry.register(
            "events",
            "Events of payments that this process stored",
            counters.events.clone(),
        );
    }
}
