//! `POST /sandbox/picture`: reads the codes in a picture, for pages in browsers that cannot.

use http::StatusCode;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use serde_json::json;

use super::call::Reply;
use super::refusal::Refusal;
use crate::input::InputError;
use crate::picture::{PictureError, read_picture};

pub(super) const PATH: &str = "/sandbox/picture";
/// The largest picture in bytes. The page reduces a photo before it sends the photo.
pub(super) const MAX_PICTURE: usize = 3 << 20;

/// Whether the content type is that of a picture. A page of another website cannot send it without a preflight.
pub(super) fn is_picture(headers: &HeaderMap) -> bool {
    let types = ["image/png", "image/jpeg"];
    let given = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    given.is_some_and(|given| {
        types
            .iter()
            .any(|known| given.eq_ignore_ascii_case(known.as_bytes()))
    })
}

/// Reads a picture. Does not use the state of the sandbox, so other requests need not wait.
pub(super) fn read(picture: &[u8]) -> Result<Reply, Refusal> {
    let codes = read_picture(picture).map_err(|error| {
        let help = match error {
            PictureError::NoCode => {
                "crop the picture closer to the code, or paste the text of the code"
            }
            PictureError::TooLarge => "send a smaller picture",
            _ => "send a PNG or JPEG picture",
        };
        let error = InputError::new("body", error.to_string(), help);
        Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, error)
    })?;
    Ok(Reply::json(&json!({ "codes": codes })))
}
