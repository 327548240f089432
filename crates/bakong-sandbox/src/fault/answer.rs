//! The response that a fault starts from.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Response, StatusCode};
use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use super::fields::{read_headers, write_headers};
use crate::input::reason;
use crate::wire::{self, Answer};

/// The source of a fault's response.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", remote = "Self")]
pub(super) enum Source {
    #[default]
    Own,
    /// The sandbox's own response, after every token has expired.
    TokensExpire,
    Unauthorized,
    Forbidden,
    TooManyRequests,
    QuotaExhausted,
    /// No response: the connection closes.
    Cut,
    /// No response: the connection stays open.
    Hang,
    #[serde(skip)]
    Custom(CustomAnswer),
}

/// A response that the rule contains.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(try_from = "AnswerFields", into = "AnswerFields")]
pub(super) struct CustomAnswer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// The JSON form of [`CustomAnswer`]: a status with at most one kind of body.
#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct AnswerFields {
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    html: Option<String>,
    #[serde(deserialize_with = "any_json", skip_serializing)]
    json: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    #[serde(skip_serializing)]
    error: Option<ErrorFields>,
    #[serde(
        serialize_with = "write_headers",
        deserialize_with = "read_headers",
        skip_serializing_if = "HeaderMap::is_empty"
    )]
    headers: HeaderMap,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ErrorFields {
    code: u8,
    message: Option<String>,
}

/// Reads any JSON, including null.
fn any_json<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::deserialize(deserializer).map(Some)
}

impl CustomAnswer {
    pub(super) fn answer(&self) -> Answer {
        let mut answer = Response::new(self.body.clone());
        *answer.status_mut() = self.status;
        answer.headers_mut().clone_from(&self.headers);
        answer
    }
}

impl From<Answer> for CustomAnswer {
    fn from(answer: Answer) -> Self {
        let (head, body) = answer.into_parts();
        Self {
            status: head.status,
            headers: head.headers,
            body,
        }
    }
}

impl TryFrom<AnswerFields> for CustomAnswer {
    type Error = String;

    fn try_from(fields: AnswerFields) -> Result<Self, String> {
        let status = fields.status.ok_or("missing field `status`")?;
        let status =
            StatusCode::from_u16(status).map_err(|_| "the status is not an HTTP status code")?;
        let html = fields.html.map(|page| (wire::HTML, Bytes::from(page)));
        let json = fields.json.map(|json| {
            let text: Box<str> = json.into();
            (wire::JSON, Bytes::from(text.into_string()))
        });
        let error = fields.error.map(|ErrorFields { code, message }| {
            let message = message.unwrap_or_else(|| wire::documented_message(code).to_owned());
            (
                wire::JSON,
                wire::failure(status, code, &message).into_body(),
            )
        });
        let text = fields.body.map(Bytes::from);
        let count = [
            html.is_some(),
            json.is_some(),
            error.is_some(),
            text.is_some(),
        ];
        if count.into_iter().filter(|is_some| *is_some).count() > 1 {
            return Err("specify at most one of html, json, body and error".to_owned());
        }
        let mut answer = match html.or(json).or(error) {
            Some((content_type, body)) => wire::with_body(status, content_type, body),
            None => {
                let mut answer = Response::new(text.unwrap_or_default());
                *answer.status_mut() = status;
                answer
            }
        };
        if fields.headers.contains_key(CONTENT_TYPE) {
            answer.headers_mut().remove(CONTENT_TYPE);
        }
        answer.headers_mut().extend(fields.headers);
        Ok(answer.into())
    }
}

impl From<CustomAnswer> for AnswerFields {
    /// Bytes that are not UTF-8 become U+FFFD.
    fn from(answer: CustomAnswer) -> Self {
        let mut fields = Self {
            status: Some(answer.status.as_u16()),
            headers: answer.headers,
            ..Self::default()
        };
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        if fields.headers.get(CONTENT_TYPE) == Some(&wire::HTML) {
            fields.headers.remove(CONTENT_TYPE);
            fields.html = Some(text);
        } else if !text.is_empty() {
            fields.body = Some(text);
        }
        fields
    }
}

impl Serialize for Source {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Custom(answer) => answer.serialize(serializer),
            named => Self::serialize(named, serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let source = match raw.get().as_bytes() {
            [b'{', ..] => serde_json::from_str(raw.get()).map(Self::Custom),
            [b'"', ..] => Self::deserialize(&mut serde_json::Deserializer::from_str(raw.get())),
            _ => {
                return Err(D::Error::custom(
                    "expected a name or an object such as {\"status\":502}",
                ));
            }
        };
        source.map_err(|error| D::Error::custom(reason(&error)))
    }
}
