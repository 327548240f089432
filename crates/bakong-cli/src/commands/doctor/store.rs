//! The checks of the quota and of the store.

use bakong_flow::Quota;
use bakong_flow::quota::QuotaUsage;
use bakong_store::Registration;
use khqr_core::{Printable, Timestamp};

use super::check::Check;
use crate::arguments::DoctorArguments;
use crate::common::exit::Failure;
use crate::common::location::Location;
use crate::common::output::counted;
use crate::common::shop_store::{self, Findings};
use crate::common::time::{QuotaReset, in_phnom_penh};

/// Checks the store, and what it has counted for the registration.
pub(super) async fn examine(
    arguments: &DoctorArguments,
    registration: Option<&Registration>,
    now: Timestamp,
) -> Vec<Check> {
    let found = match arguments.location.location() {
        Ok(location) => find(&location, registration, now).await,
        Err(failure) => Err(failure),
    };
    match found {
        Err(failure) => vec![Check::problem("store", failure.to_string())],
        Ok(found) => {
            let quota = registration.map(|_| quota(found.findings.as_ref(), arguments.quota, now));
            quota.into_iter().chain([found.check]).collect()
        }
    }
}

struct Found {
    check: Check,
    findings: Option<Findings>,
}

async fn find(
    location: &Location,
    registration: Option<&Registration>,
    now: Timestamp,
) -> Result<Found, Failure> {
    const NAME: &str = "store";
    let Some(findings) = shop_store::examine(location, registration, now).await? else {
        let check = Check::ok(
            NAME,
            format!(
                "{location}: there is no store yet; bakong checkout and bakong watch create it"
            ),
        );
        return Ok(Found {
            check,
            findings: None,
        });
    };
    let report = &findings.report;
    let text = format!(
        "{location}: schema {}, {}, {} open, {} for a person to decide",
        report.version,
        counted(report.payments, "payment"),
        report.open,
        findings.reviews
    );
    let check = match report.problems.first() {
        Some(problem) => Check::problem(
            NAME,
            format!(
                "{text}; {}, the first: {}",
                counted(report.problems.len().try_into().unwrap_or(u64::MAX), "problem"),
                Printable(problem)
            ),
        )
        .advise("Make a copy with bakong store backup, and see bakong store check".to_owned()),
        None if findings.reviews > 0 => Check::warning(NAME, text).advise(
            "List them with bakong payments list --state review, and decide with bakong payments resolve"
                .to_owned(),
        ),
        None => Check::ok(NAME, text),
    };
    Ok(Found {
        check,
        findings: Some(findings),
    })
}

/// What the store has counted today.
fn quota(findings: Option<&Findings>, limit: u32, now: Timestamp) -> Check {
    const NAME: &str = "quota";
    let mut quota = Quota::DEFAULT;
    quota.limit = limit;
    let usage = findings.and_then(|findings| findings.usage);
    let usage = usage.map_or_else(
        || QuotaUsage::new(quota, now),
        |usage| QuotaUsage::restore(quota, usage, now),
    );
    let reset = QuotaReset::after(now);
    let text = format!(
        "{} of {limit} requests used today, by the count of the store; reset at {} or {} in Phnom Penh",
        usage.usage().requests,
        in_phnom_penh(reset.first),
        in_phnom_penh(reset.last),
    );
    let text = if usage.is_closed() {
        format!("{text}; Bakong reported that the quota is exhausted")
    } else if usage.left() == 0 {
        text
    } else {
        return Check::ok(NAME, text);
    };
    Check::warning(NAME, text).advise("Wait for the reset".to_owned())
}
