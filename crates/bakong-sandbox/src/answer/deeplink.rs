//! Links that open a code in the payer's app.

use khqr_core::Khqr;

use super::body::Body;
use crate::state::State;
use crate::wire::{self, Answer, Failure};

impl State {
    pub(super) fn generate_deeplink_by_qr(&mut self, body: Body<'_>) -> Result<Answer, Failure> {
        let fields = body.fields();
        let qr = fields.text("qr", 1..=usize::MAX)?;
        if let Some(source) = fields.object("sourceInfo") {
            for name in ["appIconUrl", "appName", "appDeepLinkCallback"] {
                source.text(name, 1..=usize::MAX)?;
            }
        }
        // What the live service says to another text is not known.
        Khqr::parse(&qr).map_err(|_| Failure::MissingFields)?;
        Ok(wire::deeplink(&self.entropy.link_id()))
    }
}
