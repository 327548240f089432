//! The quota, and the books of a day.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bakong_flow::store::{PaymentStore, StoredPayment};
use bakong_flow::{Outcome, Quota};
use bakong_store::{settled_amount, settled_at};
use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};
use khqr_core::{Amount, Currency, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::auth::Caller;
use super::body::Parameters;
use crate::domain::amount_text;
use crate::keys::Scope;
use crate::merchant;
use crate::problem::{Problem, ProblemBody};
use crate::service::rfc3339;
use crate::shop::Shop;

/// What is left of the quota.
#[derive(Serialize, ToSchema)]
pub(crate) struct BalanceOfRequests {
    /// How many requests Bakong allows in a window.
    pub(crate) limit: u32,
    /// How many requests were sent in this window.
    pub(crate) used: u32,
    /// How many requests are left in this window. Those for the final checks of `open_payments` are reserved, so a new payment can
    /// be refused with `no_quota` while requests are left.
    pub(crate) left: u32,
    /// How many payments are watched. Each needs a final check; checks can share a request if Bakong answers lists. Null if another
    /// worker leads.
    pub(crate) open_payments: Option<usize>,
    /// Whether Bakong has closed the window with error code 17.
    pub(crate) closed: bool,
    /// When the next window begins.
    #[schema(format = "date-time")]
    pub(crate) resets_at: String,
}

/// What is left of the quota of requests to Bakong.
#[utoipa::path(get, path = "/v1/balance_of_requests", tag = "books", responses((status = 200, body = BalanceOfRequests)))]
pub(super) async fn balance_of_requests(
    caller: Caller,
) -> Result<Json<BalanceOfRequests>, Problem> {
    caller.require(Scope::Read)?;
    Ok(Json(balance(&caller.shop).await?))
}

/// Returns what is left of the quota of a shop.
pub(crate) async fn balance(shop: &Shop) -> Result<BalanceOfRequests, Problem> {
    let health = shop.watcher.health();
    let usage = match health.usage {
        Some(usage) => Some(usage),
        // Another worker leads. No payment became final that late, so the store returns the usage only.
        None => {
            let none = Timestamp::from_millis(u64::MAX);
            shop.store.load(none).await?.usage
        }
    };
    let window = Quota::DEFAULT.window;
    let now = window.index_of(shop.now());
    let usage = usage.filter(|usage| usage.window == now);
    let used = usage.map_or(0, |usage| usage.requests);
    let closed = usage.is_some_and(|usage| usage.closed_at.is_some());
    let limit = health.quota_limit;
    Ok(BalanceOfRequests {
        limit,
        used,
        left: if closed {
            0
        } else {
            limit.saturating_sub(used)
        },
        open_payments: health.open_payments,
        closed,
        resets_at: rfc3339(window.end_of(now)),
    })
}

/// Which day.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct StatementQuery {
    /// The day in Phnom Penh, such as `2026-11-28`. Defaults to today.
    day: Option<String>,
    /// `json` (default) or `csv`.
    #[param(inline)]
    format: Option<Format>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Format {
    Json,
    Csv,
}

/// The books of a day.
#[derive(Serialize, ToSchema)]
pub(crate) struct StatementBody {
    /// The day in Phnom Penh.
    #[schema(format = "date")]
    pub(crate) day: String,
    /// The payments that settled their orders, the oldest first.
    pub(crate) settled: Vec<Entry>,
    /// Money that the drop-in found for a code of another program, on another account than the merchant's. The sums leave it out.
    pub(crate) other_accounts: Vec<Entry>,
    /// The payments that need a decision.
    pub(crate) needs_review: Vec<Entry>,
    /// How many second transactions were found.
    pub(crate) duplicates: usize,
    /// The sums of `settled`, for each till and currency.
    pub(crate) totals: Vec<TotalBody>,
}

/// A line of a statement.
#[derive(Serialize, ToSchema)]
pub(crate) struct Entry {
    pub(crate) order_id: String,
    /// When the payment was found, or when a person accepted it.
    #[schema(format = "date-time")]
    pub(crate) at: Option<String>,
    /// Null if Bakong reported no amount for a code of another program.
    pub(crate) amount: Option<String>,
    pub(crate) currency: Option<String>,
    /// The label of the till.
    pub(crate) terminal: Option<String>,
    /// The hash of the transaction.
    pub(crate) hash: Option<String>,
    /// The payer's account, as Bakong reports it.
    from_account_id: Option<String>,
    md5: String,
}

/// A sum.
#[derive(Serialize, ToSchema)]
pub(crate) struct TotalBody {
    pub(crate) terminal: Option<String>,
    pub(crate) currency: String,
    pub(crate) payments: u64,
    /// The exact sum as a text.
    pub(crate) amount: String,
}

/// The books of a day, from midnight to midnight in Phnom Penh.
#[utoipa::path(get, path = "/v1/statement", tag = "books", params(StatementQuery),
    responses((status = 200, content((StatementBody = "application/json"), (String = "text/csv"))), (status = 400, body = ProblemBody<'static>, content_type = "application/problem+json")))]
pub(super) async fn statement(
    State(_): State<crate::app::App>,
    caller: Caller,
    Parameters(query): Parameters<StatementQuery>,
) -> Result<Response, Problem> {
    caller.require(Scope::Read)?;
    let body = of_day(&caller.shop, query.day.as_deref()).await?;
    Ok(match query.format {
        Some(Format::Csv) => csv(&body),
        _ => Json(body).into_response(),
    })
}

/// Returns the books of a day in Phnom Penh; of today without a day.
pub(crate) async fn of_day(shop: &Shop, day: Option<&str>) -> Result<StatementBody, Problem> {
    let day = match day {
        None => today(shop.now()),
        Some(text) => text.parse().ok(),
    };
    let period = day.and_then(|day| Some((day, midnight(day)?..midnight(day.tomorrow().ok()?)?)));
    let (day, period) =
        period.ok_or_else(|| Problem::invalid("day", "write a day such as 2026-11-28"))?;
    let statement = shop.store.statement(period).await?;
    let mut totals: BTreeMap<(Option<String>, &str), (u64, u64, Currency)> = BTreeMap::new();
    let (other_accounts, settled): (Vec<_>, Vec<_>) = statement
        .settled
        .iter()
        .partition(|stored| is_of_another_account(stored, shop));
    for stored in &settled {
        let Some(amount) = settled_amount(stored) else {
            continue;
        };
        let currency = amount.currency();
        let name = match currency {
            Currency::Khr => "KHR",
            Currency::Usd => "USD",
        };
        let total = totals.entry((terminal(stored), name));
        let (count, units, _) = total.or_insert((0, 0, currency));
        *count += 1;
        *units = units.saturating_add(amount.minor_units());
    }
    Ok(StatementBody {
        day: day.to_string(),
        settled: settled.into_iter().map(entry).collect(),
        other_accounts: other_accounts.into_iter().map(entry).collect(),
        needs_review: statement.needs_review.iter().map(entry).collect(),
        duplicates: statement.paid_again.len(),
        totals: totals
            .into_iter()
            .map(
                |((terminal, name), (payments, units, currency))| TotalBody {
                    terminal,
                    currency: name.to_owned(),
                    payments,
                    amount: amount_text(Amount::from_minor_units(units, currency)),
                },
            )
            .collect(),
    })
}

/// Whether the money of a code of another program went to another account. The server does not know the recipient that the
/// program expects, so such money is not a mismatch.
fn is_of_another_account(stored: &StoredPayment, shop: &Shop) -> bool {
    let is_decided = stored.resolution.is_some();
    if stored.payment.expected.is_some() || is_decided {
        return false;
    }
    let outcome = stored.finished.as_ref().map(|(outcome, _)| outcome);
    let paid = outcome
        .and_then(Outcome::transaction)
        .and_then(|transaction| transaction.to_account_id.known());
    paid.is_some_and(|paid| *paid != shop.merchant.account.to_string())
}

fn entry(stored: &StoredPayment) -> Entry {
    let outcome = stored.finished.as_ref().map(|(outcome, _)| outcome);
    let transaction = outcome.and_then(Outcome::transaction);
    let amount = settled_amount(stored);
    Entry {
        order_id: stored.payment.order.as_str().to_owned(),
        at: settled_at(stored).map(rfc3339),
        amount: amount.map(amount_text),
        currency: amount.map(|amount| amount.currency().to_string()),
        terminal: terminal(stored),
        hash: transaction.and_then(|it| it.hash.known().cloned()),
        from_account_id: transaction.and_then(|it| it.from_account_id.known().cloned()),
        md5: stored.payment.md5.to_string(),
    }
}

/// Returns the label of the till in the code of a payment.
fn terminal(stored: &StoredPayment) -> Option<String> {
    let details = stored.payment.details.as_ref()?;
    let khqr = merchant::parse(details.code.as_deref()?)?;
    khqr.terminal_label().map(str::to_owned)
}

/// Writes the settled payments, the money of other accounts and the payments under review as CSV (RFC 4180).
pub(crate) fn csv(body: &StatementBody) -> Response {
    let mut text =
        "status,order_id,at,amount,currency,terminal,hash,from_account_id,md5\r\n".to_owned();
    let settled = body.settled.iter().map(|entry| ("settled", entry));
    let review = body
        .needs_review
        .iter()
        .map(|entry| ("needs_review", entry));
    let other = body.other_accounts.iter();
    let other = other.map(|entry| ("other_account", entry));
    for (status, entry) in settled.chain(other).chain(review) {
        let optional = |text: &Option<String>| text.clone().unwrap_or_default();
        let cells = [
            status.to_owned(),
            entry.order_id.clone(),
            optional(&entry.at),
            entry.amount.clone().unwrap_or_default(),
            entry.currency.clone().unwrap_or_default(),
            optional(&entry.terminal),
            optional(&entry.hash),
            optional(&entry.from_account_id),
            entry.md5.clone(),
        ];
        text.push_str(&cells.map(|cell| csv_cell(&cell)).join(","));
        text.push_str("\r\n");
    }
    let kind = HeaderValue::from_static("text/csv; charset=utf-8; header=present");
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

/// Quotes a cell. A spreadsheet would execute a text that begins like a formula, so such a text gets an apostrophe.
fn csv_cell(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let prefix = if is_formula { "'" } else { "" };
    format!("\"{prefix}{}\"", text.replace('"', "\"\""))
}

/// Cambodia has had one offset since 1911 and no daylight saving time.
fn phnom_penh() -> TimeZone {
    TimeZone::fixed(Offset::constant(7))
}

fn today(now: Timestamp) -> Option<Date> {
    let millis = i64::try_from(now.as_millis()).ok()?;
    let now = jiff::Timestamp::from_millisecond(millis).ok()?;
    Some(now.to_zoned(phnom_penh()).date())
}

fn midnight(day: Date) -> Option<Timestamp> {
    let midnight = day.to_zoned(phnom_penh()).ok()?.timestamp();
    let millis = u64::try_from(midnight.as_millisecond()).ok()?;
    Some(Timestamp::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_cannot_be_a_formula_or_another_cell() {
        assert_eq!(csv_cell("=1+1"), "\"'=1+1\"");
        assert_eq!(csv_cell("a\",\"b"), "\"a\"\",\"\"b\"");
    }

    #[test]
    fn a_day_begins_at_midnight_in_phnom_penh() {
        let day: Date = "2026-11-28".parse().unwrap();
        // 2026-11-27T17:00:00Z.
        let start = Timestamp::from_millis(1_795_798_800_000);
        assert_eq!(midnight(day), Some(start));
        assert_eq!(today(start), Some(day));
    }
}
