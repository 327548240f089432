//! `generate_deeplink_by_qr`: links that open a code in the payer's app.

use khqr_core::{Khqr, Timestamp};

use super::body::Body;
use crate::backend::Backend;
use crate::wire::{self, Answer, Failure};

pub(super) fn generate_deeplink_by_qr(
    backend: &mut Backend,
    body: Body<'_>,
    now: Timestamp,
) -> Result<Answer, Failure> {
    let fields = body.fields();
    let qr = fields.text("qr", 1..=usize::MAX)?;
    if let Some(source) = fields.object("sourceInfo") {
        for name in ["appIconUrl", "appName", "appDeepLinkCallback"] {
            source.text(name, 1..=usize::MAX)?;
        }
    }
    // The live service's response to an invalid code is unknown.
    let khqr = Khqr::parse(&qr).map_err(|_| Failure::MissingFields)?;
    backend.observe_code(&khqr, now);
    Ok(wire::deeplink(backend.create_link(&qr)))
}
