//! Messages to a Telegram chat: one for each sale, and one for each alert.
//!
//! A chat is an endpoint like a webhook, so its messages are as durable as webhooks. A payment has one message, which is
//! edited when the payment changes: the number of the message is stored.

mod text;

use std::sync::Arc;
use std::time::Duration;

use bakong_flow::store::StoreError;
use serde::Deserialize;
use serde_json::json;

use crate::config::TelegramConfig;
use crate::db::{Db, EventRow};
use crate::domain::EventType;
use crate::error::StartError;
use crate::files;
use crate::outbound::{Post, Received, Sender};
use crate::shop::Shop;

/// The events that a chat is told about. A payment that failed only changes its message.
pub(crate) const TYPES: &[EventType] = &[
    EventType::Paid,
    EventType::NeedsReview,
    EventType::Failed,
    EventType::Duplicate,
    EventType::Alert,
];

/// A bot and its chat. Cheap to clone. Without `Debug`, because the address contains the token of the bot.
#[derive(Clone)]
pub(crate) struct Bot(Arc<Inner>);

struct Inner {
    /// The address of the Bot API with the token of the bot.
    base: String,
    chat: String,
    shop: Arc<Shop>,
    sender: Sender,
}

/// The answer of the Bot API.
#[derive(Default, Deserialize)]
#[serde(default)]
struct BotAnswer {
    description: String,
    result: Option<serde_json::Value>,
    parameters: Option<BotParameters>,
}

#[derive(Deserialize)]
struct BotParameters {
    retry_after: Option<u64>,
}

impl Bot {
    /// Reads the token of the bot.
    pub(crate) fn new(config: &TelegramConfig, shop: Arc<Shop>) -> Result<Self, StartError> {
        let wrong = |why: &str| StartError::new(format!("telegram.bot_token_file: {why}"));
        let token = files::read_text(&config.bot_token_file);
        let token = token.map_err(|error| wrong(&error.to_string()))?;
        let token = token.trim();
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b":_-".contains(&byte);
        if token.is_empty() || !token.contains(':') || !token.bytes().all(is_plain) {
            return Err(wrong(
                "the file has no token of a bot, such as 123456:ABC-DEF; @BotFather shows it",
            ));
        }
        // The administrator chose the address, so it may be in a private network.
        let sender = Sender::new(true)
            .map_err(|error| StartError::new(format!("TLS cannot be used: {error}")))?;
        Ok(Self(Arc::new(Inner {
            base: format!("{}/bot{token}", config.api_url.trim_end_matches('/')),
            chat: config.chat_id.clone(),
            shop,
            sender,
        })))
    }

    pub(crate) fn shop(&self) -> i64 {
        self.0.shop.id
    }

    /// The address under which the chat is stored.
    pub(crate) fn address(&self) -> String {
        format!("telegram:{}", self.0.chat)
    }

    /// Tells the chat about an event. Edits the message of the payment if there is one.
    pub(crate) async fn deliver(
        &self,
        db: &Db,
        endpoint: &str,
        event: &EventRow,
    ) -> Result<Result<Received, String>, StoreError> {
        let shop = &self.0.shop;
        let payment = match event.payment.as_str() {
            "" => None,
            id => db.payment(shop.id, id).await?,
        };
        let is_duplicate = event.kind == EventType::Duplicate.name();
        let payment = payment.filter(|_| !is_duplicate);
        let Some(payment) = payment else {
            return Ok(self
                .send(&text::of_event(shop.mode, event))
                .await
                .map(|sent| sent.0));
        };
        // The text has the present state, so that a late message about an older event changes nothing.
        let text = text::of_payment(shop.mode, &payment);
        let known = db.telegram_message(shop.id, endpoint, &payment.id).await?;
        if known.is_none() && event.kind == EventType::Failed.name() {
            let start = "there is no message to change".to_owned();
            return Ok(Ok(Received {
                status: http::StatusCode::OK,
                retry_after: None,
                start,
            }));
        }
        if let Some(message) = known {
            let edited = self.edit(message, &text).await;
            // A message that was deleted, or that cannot be edited any more, is replaced.
            let is_rejected =
                matches!(&edited, Ok(it) if it.status == http::StatusCode::BAD_REQUEST);
            if !is_rejected {
                return Ok(edited);
            }
        }
        let sent = match self.send(&text).await {
            Ok((received, Some(message))) => {
                db.set_telegram_message(shop.id, endpoint, &payment.id, message)
                    .await?;
                Ok(received)
            }
            Ok((received, None)) => Ok(received),
            Err(error) => Err(error),
        };
        Ok(sent)
    }

    /// Sends a message. Returns its number if Telegram accepted it.
    async fn send(&self, text: &str) -> Result<(Received, Option<i64>), String> {
        let body = json!({
            "chat_id": self.0.chat,
            "text": text,
            "link_preview_options": { "is_disabled": true },
        });
        let (received, answer) = self.call("sendMessage", &body).await?;
        let message = answer.result.and_then(|it| it["message_id"].as_i64());
        Ok((received, message))
    }

    async fn edit(&self, message: i64, text: &str) -> Result<Received, String> {
        let body = json!({
            "chat_id": self.0.chat,
            "message_id": message,
            "text": text,
            "link_preview_options": { "is_disabled": true },
        });
        let (mut received, answer) = self.call("editMessageText", &body).await?;
        if answer.description.contains("message is not modified") {
            received.status = http::StatusCode::OK;
        }
        Ok(received)
    }

    async fn call(
        &self,
        method: &str,
        body: &serde_json::Value,
    ) -> Result<(Received, BotAnswer), String> {
        let url = format!("{}/{method}", self.0.base);
        let post = Post {
            url: &url,
            headers: &[],
            body: &body.to_string(),
        };
        let mut received = self.0.sender.post(post).await?;
        let answer: BotAnswer = serde_json::from_str(&received.start).unwrap_or_default();
        let parameters = answer.parameters.as_ref();
        if let Some(seconds) = parameters.and_then(|it| it.retry_after) {
            received.retry_after = Some(Duration::from_secs(seconds));
        }
        Ok((received, answer))
    }
}
