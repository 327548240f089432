//! Commands and their results.

use bakong_flow::Change;
use bakong_flow::bakong_api::khqr_core::Md5Handle;
use bakong_flow::store::{Batch, Command, CommandResult, Rejected};

/// Returns the payment that a command opens, if the command was withdrawn. A batch must not open it.
pub(crate) fn withdrawn_payment(
    command: &Command,
    stored: Option<CommandResult>,
) -> Option<Md5Handle> {
    match (command, stored) {
        (Command::Open { payment, .. }, Some(CommandResult::Withdrawn)) => Some(payment.md5),
        _ => None,
    }
}

/// Returns the result to store for a pending command: the result of the batch, or
/// [`Refused`](CommandResult::Refused) if the store rejected the payment that the command opens.
pub(crate) fn result_to_store(
    command: &Command,
    result: CommandResult,
    batch: &Batch<'_>,
    rejected: &[Rejected],
) -> CommandResult {
    let (Command::Open { payment, .. }, CommandResult::Done) = (command, result) else {
        return result;
    };
    let opened = batch.changes.iter().find(|change| {
        matches!(change, Change::Opened { payment: opened, .. } if opened.md5 == payment.md5)
    });
    let mut rejected = rejected.iter();
    let rejection =
        rejected.find(|rejected| opened.is_some_and(|opened| rejected.is_about(opened)));
    rejection.map_or(result, |rejected| {
        CommandResult::Refused(rejected.conflict.open_error())
    })
}
