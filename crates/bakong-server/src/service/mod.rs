//! What the API, the pages and the drop-in do with payments.

mod alert;
mod cancel;
mod change;
mod create;
mod metadata;
mod open;
mod render;
mod request;
mod resolve;

pub(crate) use alert::{alert, watch_health};
pub(crate) use cancel::cancel;
pub(crate) use change::{apply_flow_event, check, load};
pub(crate) use create::{MAX_CODES, NewPayment, Requester, create, new_attempt};
pub(crate) use open::{as_shown, recover_unopened, watch_md5};
pub(crate) use render::{EventBody, PaymentBody, ping, rfc3339};
pub(crate) use request::{NoAnswer, send_spare};
pub(crate) use resolve::{NewDecision, resolve};
