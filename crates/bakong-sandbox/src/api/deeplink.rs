//! `generate_deeplink_by_qr`: links that open a code in the payer's app.

use khqr_core::Khqr;

use super::call::Call;
use super::refused::Refused;
use crate::wire::{self, Answer};

pub(super) fn generate_deeplink_by_qr(call: &mut Call<'_>) -> Result<Answer, Refused> {
    let fields = call.body.fields();
    let qr = fields.text("qr", 1..=usize::MAX)?;
    if let Some(source) = fields.object("sourceInfo") {
        for name in ["appIconUrl", "appName", "appDeepLinkCallback"] {
            source.text(name, 1..=usize::MAX)?;
        }
    }
    // The live service's response to an invalid code is unknown.
    let khqr = Khqr::parse(&qr).map_err(|error| {
        Refused::missing_fields(format!("body.qr is not the text of a KHQR code ({error})"))
    })?;
    call.backend.observe_code(&khqr, call.now);
    Ok(wire::deeplink(call.backend.create_link(&qr)))
}
