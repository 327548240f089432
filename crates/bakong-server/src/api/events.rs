//! The events of a payment as a stream of server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{self, Stream};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::auth::Caller;
use super::payments::find;
use crate::app::App;
use crate::db::EventRow;
use crate::problem::{Problem, ProblemBody};

/// How often to send a comment, so that proxies do not close a quiet stream.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How many stored events are read at once.
const PAGE: i64 = 100;

/// Follow a payment.
///
/// Sends the stored events first, then new ones. After an interruption, send `Last-Event-ID` to continue. An event can arrive
/// twice; its `id` is the same.
#[utoipa::path(get, path = "/v1/payments/{id}/events", tag = "events",
    params(("id" = String, Path, description = "The payment: `pay_…`"), ("Last-Event-ID" = Option<i64>, Header, description = "The last id that was received")),
    responses((status = 200, content_type = "text/event-stream", body = String), (status = 404, body = ProblemBody<'static>, content_type = "application/problem+json")))]
pub(super) async fn stream(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Problem> {
    let payment = find(&app, &caller, &id).await?;
    let after = last_event_id(&headers);
    let events = follow(app, caller.shop.id, payment.id, after);
    let events = stream::StreamExt::map(events, |row| Ok::<_, Infallible>(event(&row)));
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// Returns the number of the last event that the client received; 0 if it received none.
pub(crate) fn last_event_id(headers: &HeaderMap) -> i64 {
    let header = headers.get("last-event-id");
    let text = header.and_then(|value| value.to_str().ok());
    text.and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn event(row: &EventRow) -> Event {
    Event::default()
        .id(row.number.to_string())
        .event(&row.kind)
        .data(&row.body)
}

/// The position of a stream.
struct Position {
    app: App,
    shop: i64,
    payment: String,
    /// The number of the last event that was sent.
    after: i64,
    live: Receiver<Arc<EventRow>>,
    stored: std::vec::IntoIter<EventRow>,
    /// Whether the database may have events that were not sent.
    must_read: bool,
}

/// Returns the events of a payment with a number above `after`, and the new ones, until the process ends.
pub(crate) fn follow(
    app: App,
    shop: i64,
    payment: String,
    after: i64,
) -> impl Stream<Item = EventRow> + Send {
    // Subscribes before it reads, so that no event falls in between.
    let live = app.feed().subscribe();
    let position = Position {
        app,
        shop,
        payment,
        after,
        live,
        stored: Vec::new().into_iter(),
        must_read: true,
    };
    stream::unfold(position, |mut position| async move {
        let row = position.next().await?;
        position.after = row.number;
        Some((row, position))
    })
}

impl Position {
    /// Waits for the next event. Returns `None` at the end of the process, or if the database fails: the client connects again.
    async fn next(&mut self) -> Option<EventRow> {
        loop {
            if let Some(row) = self.stored.next() {
                return Some(row);
            }
            if self.must_read {
                let db = self.app.db();
                let rows = db.events_of_payment(self.shop, &self.payment, self.after, PAGE);
                let rows = rows.await.ok()?;
                self.must_read = i64::try_from(rows.len()).is_ok_and(|len| len == PAGE);
                self.stored = rows.into_iter();
                continue;
            }
            let live = tokio::select! {
                live = self.live.recv() => live,
                () = self.app.feed().stopped() => return None,
            };
            match live {
                Ok(row)
                    if row.shop == self.shop
                        && row.payment == self.payment
                        && row.number > self.after =>
                {
                    return Some((*row).clone());
                }
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => self.must_read = true,
                Err(RecvError::Closed) => return None,
            }
        }
    }
}
