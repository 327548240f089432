//! Delivers the events of all shops. Every worker of a store runs this task; the database gives each delivery to one of them.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bakong_flow::store::StoreError;
use http::StatusCode;
use khqr_core::{Printable, Timestamp};
use tokio::task::{Id, JoinError, JoinSet};

use super::schedule::{self, MAX_FAILING};
use crate::db::{
    AttemptRow, Db, DueDelivery, DueEndpoint, EndpointKind, EndpointRow, EventRow, Next,
};
use crate::domain::Alert;
use crate::feed::Feed;
use crate::metrics::Metrics;
use crate::outbound::{Post, Received, Sender};
use crate::service;
use crate::telegram::Bot;
use crate::webhooks::{self, Secret};

/// How many deliveries are in progress at once. Each takes at most 15 seconds.
const MAX_IN_PROGRESS: usize = 64;
/// How many of them go to one endpoint, so that a receiver that never answers does not delay the others.
const MAX_OF_ENDPOINT: usize = 8;
/// How many go to an endpoint whose last attempt failed.
const MAX_OF_FAILING_ENDPOINT: usize = 1;
/// How often to look for deliveries that are due.
const POLL: Duration = Duration::from_millis(500);
/// How many characters of an answer are stored.
const MAX_STORED_ANSWER: usize = 512;

/// What delivers.
#[derive(Clone)]
pub(crate) struct Targets {
    pub(crate) sender: Sender,
    /// The chat of a shop.
    pub(crate) bot: Option<Bot>,
    pub(crate) metrics: Metrics,
}

/// Delivers until the process stops. Waits for the attempts in progress.
pub(crate) async fn run(db: Db, targets: Targets, feed: Feed) {
    let mut attempts = JoinSet::new();
    let mut in_progress = InProgress::default();
    loop {
        while let Some(ended) = attempts.try_join_next_with_id() {
            in_progress.end(ended_id(ended));
        }
        let due = take(&db, &in_progress).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "deliveries cannot be read; trying again");
            Vec::new()
        });
        let may_have_more = !due.is_empty();
        for due in due {
            let (db, targets) = (db.clone(), targets.clone());
            let endpoint = due.endpoint.clone();
            let attempt = attempts.spawn(async move {
                if let Err(error) = deliver(&db, &targets, &due).await {
                    tracing::warn!(%error, event = due.event, "a delivery was not recorded; it is repeated");
                }
            });
            in_progress.start(attempt.id(), endpoint);
        }
        if may_have_more {
            continue;
        }
        tokio::select! {
            () = feed.woken() => {}
            // The endpoint may have another delivery.
            Some(ended) = attempts.join_next_with_id() => in_progress.end(ended_id(ended)),
            () = tokio::time::sleep(POLL) => {}
            () = feed.stopped() => break,
        }
    }
    while attempts.join_next().await.is_some() {}
}

/// The attempts in progress, by endpoint.
#[derive(Debug, Default)]
struct InProgress {
    attempts: HashMap<Id, String>,
    endpoints: HashMap<String, usize>,
}

impl InProgress {
    fn start(&mut self, attempt: Id, endpoint: String) {
        *self.endpoints.entry(endpoint.clone()).or_default() += 1;
        self.attempts.insert(attempt, endpoint);
    }

    fn end(&mut self, attempt: Id) {
        let Some(endpoint) = self.attempts.remove(&attempt) else {
            return;
        };
        if let Some(count) = self.endpoints.get_mut(&endpoint) {
            *count -= 1;
            if *count == 0 {
                self.endpoints.remove(&endpoint);
            }
        }
    }

    /// Returns how many deliveries of each endpoint can be taken, at most [`MAX_IN_PROGRESS`] attempts in all.
    fn free(&self, due: Vec<DueEndpoint>) -> Vec<(String, i64)> {
        let mut left = MAX_IN_PROGRESS.saturating_sub(self.attempts.len());
        let mut free = Vec::new();
        for endpoint in due {
            let limit = if endpoint.is_failing {
                MAX_OF_FAILING_ENDPOINT
            } else {
                MAX_OF_ENDPOINT
            };
            let busy = self.endpoints.get(&endpoint.id).copied().unwrap_or(0);
            let count = limit.saturating_sub(busy).min(left);
            left -= count;
            if count > 0 {
                free.push((endpoint.id, i64::try_from(count).unwrap_or(i64::MAX)));
            }
        }
        free
    }
}

fn ended_id(ended: Result<(Id, ()), JoinError>) -> Id {
    match ended {
        Ok((id, ())) => id,
        Err(error) => error.id(),
    }
}

/// Takes the deliveries that are due and for which their endpoints have free places.
async fn take(db: &Db, in_progress: &InProgress) -> Result<Vec<DueDelivery>, StoreError> {
    if in_progress.attempts.len() >= MAX_IN_PROGRESS {
        return Ok(Vec::new());
    }
    let now = Timestamp::now();
    // Usually nothing is due, and a read costs less than a transaction that writes.
    let free = in_progress.free(db.due_endpoints(now).await?);
    db.take_deliveries(now, &free).await
}

async fn deliver(db: &Db, targets: &Targets, due: &DueDelivery) -> Result<(), StoreError> {
    let endpoint = db.endpoint(due.shop, &due.endpoint).await?;
    let event = db.event_by_number(due.shop, due.event).await?;
    let at = Timestamp::now();
    let started = Instant::now();
    let attempt = |status, error, answer| AttemptRow {
        at,
        duration: started.elapsed(),
        status,
        error,
        answer,
    };
    let (Some(endpoint), Some(event)) = (endpoint.filter(|it| it.is_enabled), event) else {
        let error = Some("the endpoint is disabled".to_owned());
        return db
            .end_attempt(due, &attempt(None, error, None), Next::Failed)
            .await;
    };
    let sent = match (endpoint.kind, &targets.bot) {
        (EndpointKind::Webhook, _) => send_webhook(&targets.sender, &endpoint, &event).await,
        (EndpointKind::Telegram, Some(bot)) if bot.shop() == due.shop => {
            bot.deliver(db, &endpoint.id, &event).await?
        }
        // Another worker has another configuration.
        (EndpointKind::Telegram, _) => Err("this worker has no bot for the chat".to_owned()),
    };
    let next = next(&sent, due, at);
    targets.metrics.delivery(matches!(next, Next::Delivered));
    let attempt = match &sent {
        Ok(received) => attempt(
            Some(received.status.as_u16()),
            None,
            Some(received.start.chars().take(MAX_STORED_ANSWER).collect()),
        ),
        Err(error) => attempt(None, Some(Printable(error).to_string()), None),
    };
    db.end_attempt(due, &attempt, next).await?;
    disable_if_dead(db, due, &endpoint, &sent, at).await
}

async fn send_webhook(
    sender: &Sender,
    endpoint: &EndpointRow,
    event: &EventRow,
) -> Result<Received, String> {
    let at = Timestamp::now();
    let secrets = secrets(endpoint, at);
    let headers = webhooks::headers(&event.id, at, &event.body, &secrets);
    let post = Post {
        url: &endpoint.url,
        headers: &headers,
        body: &event.body,
    };
    sender.post(post).await
}

fn secrets(endpoint: &EndpointRow, now: Timestamp) -> Vec<Secret> {
    let previous = endpoint.previous_secret.as_ref();
    let previous = previous
        .filter(|(_, until)| *until > now)
        .map(|(secret, _)| secret);
    std::iter::once(&endpoint.secret)
        .chain(previous)
        .map(|secret| Secret::stored(secret.0.clone()))
        .collect()
}

fn next(sent: &Result<Received, String>, due: &DueDelivery, now: Timestamp) -> Next {
    let retry_after = match sent {
        Ok(received) if received.status.is_success() => return Next::Delivered,
        Ok(received) if received.status == StatusCode::GONE => return Next::Failed,
        Ok(received)
            if matches!(
                received.status,
                StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
            ) =>
        {
            received.retry_after
        }
        _ => None,
    };
    let mut random = [0];
    // Without random numbers there is no jitter.
    let _ = getrandom::fill(&mut random);
    match schedule::wait(due.retries + 1, retry_after, random[0]) {
        Some(wait) => Next::RetryAt(now.saturating_add(wait)),
        None => Next::Failed,
    }
}

/// Disables an endpoint that says that it is gone, or that has failed for days.
async fn disable_if_dead(
    db: &Db,
    due: &DueDelivery,
    endpoint: &EndpointRow,
    sent: &Result<Received, String>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let is_gone = matches!(sent, Ok(received) if received.status == StatusCode::GONE);
    let is_success = matches!(sent, Ok(received) if received.status.is_success());
    let has_failed_long = !is_success
        && endpoint
            .failing_since
            .is_some_and(|since| now.saturating_since(since) > MAX_FAILING);
    let reason = match (is_gone, has_failed_long) {
        (true, _) => "the receiver answered 410 Gone",
        (_, true) => "no delivery has succeeded for five days",
        _ => return Ok(()),
    };
    db.disable_endpoint(due.shop, &endpoint.id, reason).await?;
    let detail = format!(
        "The webhook endpoint {} was disabled: {reason}. Repair the receiver, enable the endpoint, and replay the events",
        endpoint.id
    );
    let alert = Alert {
        code: "webhook_endpoint_disabled",
        object: &endpoint.id,
        detail: &detail,
    };
    service::alert(db, due.shop, alert, now).await
}
