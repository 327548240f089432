//! Reads across payments, for tools and people: lists, exchanges, statements.

use std::fmt;
use std::num::ParseIntError;
use std::ops::Range;
use std::str::FromStr;

use async_trait::async_trait;
use bakong_flow::bakong_api::khqr_core::{Amount, Currency, Md5Handle, Timestamp};
use bakong_flow::store::{Decision, Event, Exchange, StoreError, StoredPayment};
use bakong_flow::{OrderId, Outcome};

/// Reads the payments and exchanges of a registration. Any process may use this, whether or not it has the lease.
#[async_trait]
pub trait Books: Send + Sync {
    /// Returns one page of the payments that match `filter`, the newest first.
    ///
    /// `after` is the [`next`](Page::next) of the page before; `None` for the first page.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
    async fn payments(
        &self,
        filter: &PaymentFilter,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<StoredPayment>, StoreError>;

    /// Returns one page of the exchanges that match `filter`, the newest first.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
    async fn exchanges(
        &self,
        filter: &ExchangeFilter,
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Exchange>, StoreError>;

    /// Returns the statement of a period, usually a day: what was settled in it, and what needs a person.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read.
    async fn statement(&self, period: Range<Timestamp>) -> Result<Statement, StoreError>;

    /// Deletes the exchanges that were sent before `before`, and returns their number. Payments and events are never
    /// deleted.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be written.
    async fn prune_exchanges(&self, before: Timestamp) -> Result<u64, StoreError>;
}

/// Which payments to list. The default matches all.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct PaymentFilter {
    /// The state of the payment.
    pub state: StateFilter,
    /// The order of the payment.
    pub order: Option<OrderId>,
    /// The period in which the payment was opened.
    pub opened: Option<Range<Timestamp>>,
}

/// The states of the payments to list.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
#[non_exhaustive]
pub enum StateFilter {
    /// All payments.
    #[default]
    All,
    /// Payments without an outcome.
    Open,
    /// Payments with an outcome.
    Final,
    /// Payments with the outcome [`Outcome::NeedsReview`] that no person has decided about.
    NeedsReview,
}

impl StateFilter {
    /// Returns the condition for `WHERE`. The text is a constant, so that the partial indexes can be used.
    #[cfg_attr(
        not(any(feature = "sqlite", feature = "postgres")),
        expect(dead_code, reason = "only an engine needs it")
    )]
    pub(crate) const fn condition(self) -> &'static str {
        match self {
            Self::All => "TRUE",
            Self::Open => "status = 'open'",
            Self::Final => "finished_at IS NOT NULL",
            Self::NeedsReview => "status = 'needs_review' AND decision IS NULL",
        }
    }
}

/// Which exchanges to list. The default matches all.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct ExchangeFilter {
    /// The payment that the request asked about.
    pub md5: Option<Md5Handle>,
    /// The period in which the request was sent.
    pub sent: Option<Range<Timestamp>>,
}

/// One page of a list.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page begins; `None` if there are no more items.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// Creates a page.
    #[must_use]
    pub const fn new(items: Vec<T>, next: Option<Cursor>) -> Self {
        Self { items, next }
    }

    /// Creates a page of at most `limit` items from the rows that [`rows_of`] asks for. `read` returns the item of a row
    /// and its position.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(crate) fn of_rows<R, E>(
        rows: impl IntoIterator<Item = R>,
        limit: usize,
        read: impl Fn(R) -> Result<(Cursor, T), E>,
    ) -> Result<Self, E> {
        let mut rows: Vec<_> = rows.into_iter().map(read).collect::<Result<_, E>>()?;
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let last = rows.last().map(|(cursor, _)| *cursor);
        Ok(Self {
            items: rows.into_iter().map(|(_, item)| item).collect(),
            next: last.filter(|_| has_more),
        })
    }
}

/// Returns how many rows to read for a page: one more than it has, to know whether there are more.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
pub(crate) fn rows_of(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1)
}

/// A position in a list. It stays valid when items are added. Its text is for URLs and command lines.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Cursor {
    /// The time by which the list is sorted, in milliseconds.
    pub(crate) at: i64,
    /// The id of the row, which decides between equal times.
    pub(crate) id: i64,
}

#[cfg(any(feature = "sqlite", feature = "postgres"))]
impl Cursor {
    /// The position before the first row of a list whose newest row comes first.
    pub(crate) const START: Self = Self {
        at: i64::MAX,
        id: i64::MAX,
    };
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.at, self.id)
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let (at, id) = text.split_once('_').ok_or(InvalidCursor)?;
        Ok(Self {
            at: at.parse()?,
            id: id.parse()?,
        })
    }
}

/// The error for a text that is not a [`Cursor`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InvalidCursor;

impl From<ParseIntError> for InvalidCursor {
    fn from(_: ParseIntError) -> Self {
        Self
    }
}

impl fmt::Display for InvalidCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid cursor: pass the cursor of the page before, unchanged")
    }
}

impl std::error::Error for InvalidCursor {}

/// What happened in a period.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Statement {
    /// The period. The end is excluded.
    pub period: Range<Timestamp>,
    /// The payments that settled their orders in the period, in the order of [`settled_at`].
    pub settled: Vec<StoredPayment>,
    /// The payments whose transaction needs a review, found in the period and not decided yet.
    pub needs_review: Vec<StoredPayment>,
    /// The events of second transactions in the period, [`EventKind::PaidAgain`](bakong_flow::store::EventKind::PaidAgain).
    pub paid_again: Vec<Event>,
    /// The sums of `settled`, for each currency that occurs.
    pub totals: Vec<Total>,
}

impl Statement {
    /// Creates a statement and computes the sums.
    #[must_use]
    pub fn new(
        period: Range<Timestamp>,
        mut settled: Vec<StoredPayment>,
        needs_review: Vec<StoredPayment>,
        paid_again: Vec<Event>,
    ) -> Self {
        settled.sort_by_key(|stored| (settled_at(stored), stored.payment.md5));
        let totals = [Currency::Khr, Currency::Usd].map(|currency| {
            let amounts = settled.iter().filter_map(settled_amount);
            let amounts = amounts.filter(|amount| amount.currency() == currency);
            amounts.fold(Total::zero(currency), Total::add)
        });
        Self {
            period,
            settled,
            needs_review,
            paid_again,
            totals: totals
                .into_iter()
                .filter(|total| total.payments > 0)
                .collect(),
        }
    }
}

/// The sum of the settled payments in one currency.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Total {
    /// The currency.
    pub currency: Currency,
    /// The number of payments.
    pub payments: u64,
    /// The sum in minor units: riel or US cents.
    pub minor_units: u128,
}

impl Total {
    const fn zero(currency: Currency) -> Self {
        Self {
            currency,
            payments: 0,
            minor_units: 0,
        }
    }

    fn add(self, amount: Amount) -> Self {
        Self {
            payments: self.payments + 1,
            minor_units: self.minor_units + u128::from(amount.minor_units()),
            ..self
        }
    }
}

/// Returns when the payment settled its order: when the payment was found, or when a person accepted it.
#[must_use]
pub fn settled_at(stored: &StoredPayment) -> Option<Timestamp> {
    match (&stored.finished, &stored.resolution) {
        (Some((Outcome::Paid { .. }, at)), _) => Some(*at),
        (_, Some(resolution)) if resolution.decision == Decision::Accept => Some(resolution.at),
        _ => None,
    }
}

/// Returns the amount that was paid, or the expected amount if Bakong reported none. `None` if neither is known.
#[must_use]
pub fn settled_amount(stored: &StoredPayment) -> Option<Amount> {
    let outcome = stored.finished.as_ref().map(|(outcome, _)| outcome);
    let transaction = outcome.and_then(Outcome::transaction);
    let paid = transaction.and_then(|transaction| transaction.amount.known());
    let expected = stored.payment.expected.as_ref();
    paid.copied().or(expected.map(|expected| expected.amount))
}
