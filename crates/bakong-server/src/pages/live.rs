//! Streams that tell a page when to fetch itself again.
//!
//! A stream sends the version of the page's subject: first the current one, then each new one. The script compares it with the version
//! that the page shows. A stream has no other data, so it cannot show more than the page.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::app::App;
use crate::db::EventRow;
use crate::site::Demo;

/// How often to send a comment, so that proxies do not close a quiet stream.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What a page shows.
#[derive(Clone, Debug)]
pub(super) enum Subject {
    /// A payment.
    Payment { shop: i64, id: String },
    /// The payments, events and deliveries of a shop.
    Books { shop: i64 },
    /// The messages that the demo shop received.
    Demo(Arc<Demo>),
}

impl Subject {
    /// How often to look for changes that cause no event, such as a new code.
    const fn poll(&self) -> Duration {
        match self {
            Self::Payment { .. } => Duration::from_secs(10),
            Self::Books { .. } => Duration::from_secs(1),
            // Reads memory only.
            Self::Demo(_) => Duration::from_millis(200),
        }
    }

    fn is_changed_by(&self, event: &EventRow) -> bool {
        match self {
            Self::Payment { shop, id } => event.shop == *shop && event.payment == *id,
            Self::Books { shop } => event.shop == *shop,
            Self::Demo(_) => false,
        }
    }

    /// Returns a text that differs after each change; `None` if the subject cannot be read.
    async fn version(&self, app: &App) -> Option<String> {
        match self {
            Self::Payment { shop, id } => {
                let payment = app.db().payment(*shop, id).await.ok()??;
                Some(payment.version.to_string())
            }
            Self::Books { shop } => app.db().books_version(*shop).await.ok(),
            Self::Demo(demo) => Some(demo.version().to_string()),
        }
    }
}

struct Position {
    app: App,
    subject: Subject,
    live: Receiver<Arc<EventRow>>,
    sent: Option<String>,
}

/// Returns the versions of a subject until the process ends.
pub(super) fn stream(app: App, subject: Subject) -> impl IntoResponse {
    // Subscribes before it reads, so that no event falls in between.
    let live = app.feed().subscribe();
    let position = Position {
        app,
        subject,
        live,
        sent: None,
    };
    let versions = stream::unfold(position, |mut position| async move {
        let version = position.next().await?;
        let event = Event::default().data(&version);
        position.sent = Some(version);
        Some((Ok::<_, Infallible>(event), position))
    });
    Sse::new(versions).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
}

impl Position {
    /// Waits for a version that was not sent. Returns `None` at the end of the process, or if the database fails: the page connects again.
    async fn next(&mut self) -> Option<String> {
        loop {
            let version = self.subject.version(&self.app).await?;
            if self.sent.as_ref() != Some(&version) {
                return Some(version);
            }
            self.changed().await?;
        }
    }

    /// Waits until the subject may have changed.
    async fn changed(&mut self) -> Option<()> {
        let poll = tokio::time::sleep(self.subject.poll());
        tokio::pin!(poll);
        loop {
            let event = tokio::select! {
                event = self.live.recv() => event,
                () = &mut poll => return Some(()),
                () = self.app.feed().stopped() => return None,
            };
            match event {
                Ok(event) if self.subject.is_changed_by(&event) => return Some(()),
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => return Some(()),
                Err(RecvError::Closed) => return None,
            }
        }
    }
}
