//! Links that open a code in the payer's app.

use khqr_core::{Khqr, Timestamp};

use super::body::Body;
use crate::state::State;
use crate::wire::{self, Answer, Failure};

impl State {
    pub(super) fn generate_deeplink_by_qr(
        &mut self,
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
        // What the live service says to another text is not known.
        let khqr = Khqr::parse(&qr).map_err(|_| Failure::MissingFields)?;
        self.hear_of(&khqr, now);
        let link = self.links.add(self.entropy.link_id(), &qr);
        Ok(wire::deeplink(link))
    }
}
