//! Warns the user about a wrong clock. The expiry in a code is from this machine's clock, and the payer's phone compares it
//! with another clock.

use std::sync::atomic::{AtomicBool, Ordering};

use bakong_api::observe::SessionObserver;
use bakong_api::server_time::Skew;

use crate::common::output::note;
use crate::common::time::left;

/// Prints one note if this machine's clock differs from Bakong's by more than a minute.
#[derive(Default, Debug)]
pub(crate) struct ClockWarning(AtomicBool);

impl SessionObserver for ClockWarning {
    fn skew_changed(&self, skew: Skew) {
        let (duration, side) = match skew {
            Skew::Behind(duration) => (duration, "behind"),
            Skew::Ahead(duration) => (duration, "ahead of"),
            _ => return,
        };
        if !self.0.swap(true, Ordering::Relaxed) {
            note(format_args!(
                "warning: this machine's clock is {} {side} Bakong's. Set the clock: the expiry of codes depends on it.",
                left(duration)
            ));
        }
    }
}
