//! What the benches of both stores share: the payments, and the workers that open and settle them.

use std::time::{Duration, Instant};

use bakong_flow::bakong_api::Transaction;
use bakong_flow::bakong_api::khqr_core::{
    AccountIdBuf, Amount, Khqr, KhqrBuilder, Md5Handle, Timestamp,
};
use bakong_flow::store::{Acquired, Batch, Epoch, WorkerId};
use bakong_flow::{Change, OrderId, Outcome, Payment, PaymentStore, Policy};
use bakong_store::Registration;
use tokio::runtime::Runtime;

pub(crate) const START: u64 = 1_795_000_000_000;
pub(crate) const START_MILLIS: i64 = 1_795_000_000_000;
pub(crate) const GROUPS: [u64; 3] = [1, 16, 64];

pub(crate) fn at(number: u64) -> Timestamp {
    Timestamp::from_millis(START + number)
}

/// A payment of a shop, with its code and a till's data.
pub(crate) fn payment(number: u64) -> Payment {
    let account = AccountIdBuf::new("sokha@devb").expect("valid account");
    let bill = format!("INV-{number:08}");
    let text = KhqrBuilder::individual(account.as_id(), "Sokha Coffee")
        .bill_number(&bill)
        .terminal_label("Till 2")
        .dynamic_code(Amount::us_cents(450), at(number), at(number + 600_000))
        .expect("a valid code")
        .to_string();
    let khqr = Khqr::parse(&text).expect("a valid code");
    let order = OrderId::new(&bill).expect("valid order id");
    let mut payment = Payment::of_khqr(order, &khqr).expect("a dynamic code");
    if let Some(details) = &mut payment.details {
        details.metadata = Some(r#"{"till":2,"cashier":"bopha"}"#.into());
    }
    payment
}

pub(crate) fn paid(number: u64) -> Outcome {
    let json = format!(
        r#"{{"hash":"{number:064x}","fromAccountId":"bopha@devb","toAccountId":"sokha@devb","currency":"USD","amount":4.5,"description":"","createdDateMs":{START}.0,"acknowledgedDateMs":{START}.0,"trackingStatus":null,"receiverBank":null,"receiverBankAccount":null,"instructionRef":null,"externalRef":"100FT{number:011}"}}"#
    );
    Outcome::Paid {
        transaction: Box::new(Transaction::from_json(&json).expect("a transaction")),
        late: false,
    }
}

/// The changes of one round: open, then settle.
pub(crate) fn round(number: u64) -> [[Change; 1]; 2] {
    let payment = payment(number);
    let finished = Change::Finished {
        md5: payment.md5,
        order: payment.order.clone(),
        outcome: paid(number),
        at: at(number),
    };
    let opened = Change::Opened {
        payment: Box::new(payment),
        policy: Policy::COUNTER,
        at: at(number),
    };
    [[opened], [finished]]
}

/// Returns `rounds` rounds for each of the callers.
pub(crate) fn rounds_of(group: u64, rounds: u64) -> Vec<Vec<[[Change; 1]; 2]>> {
    let of_caller = |_| (0..rounds).map(round).collect();
    (0..group).map(of_caller).collect()
}

/// The registration of caller `number`.
pub(crate) fn registration(number: u64) -> Registration {
    Registration::new("api.example", &format!("shop {number}")).expect("a valid name")
}

/// A worker that leads a registration.
pub(crate) struct Worker<S> {
    store: S,
    epoch: Epoch,
    sequence: u64,
}

impl<S: PaymentStore> Worker<S> {
    pub(crate) async fn start(store: S) -> Self {
        let id = WorkerId::new("bench");
        let acquired = store.acquire(&id, Duration::from_secs(3_600)).await;
        let Ok(Acquired::Leader(epoch)) = acquired else {
            unreachable!("the lease is free");
        };
        Self {
            store,
            epoch,
            sequence: 0,
        }
    }

    pub(crate) async fn commit(&mut self, changes: &[Change]) {
        self.sequence += 1;
        let batch = Batch::new(self.epoch, self.sequence).with_changes(changes);
        let committed = self.store.commit(&batch).await.expect("the store works");
        assert!(committed.rejected.is_empty());
    }
}

/// Runs `rounds` rounds of each of the workers at the same time.
pub(crate) fn play<S: PaymentStore + 'static>(
    runtime: &Runtime,
    workers: Vec<Worker<S>>,
    rounds: Vec<Vec<[[Change; 1]; 2]>>,
) -> Duration {
    let started = Instant::now();
    runtime.block_on(async {
        let workers = workers.into_iter().zip(rounds);
        let tasks = workers.map(|(mut worker, rounds)| {
            tokio::spawn(async move {
                for changes in rounds.iter().flatten() {
                    worker.commit(changes).await;
                }
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.expect("a worker");
        }
    });
    started.elapsed()
}

/// The values of a payment that the bare driver writes.
pub(crate) struct BareRow {
    pub(crate) md5: Md5Handle,
    pub(crate) order: String,
    pub(crate) code: String,
    pub(crate) outcome: String,
    pub(crate) hash: String,
}

pub(crate) fn bare_row(open: &Change) -> BareRow {
    let Change::Opened { payment, at, .. } = open else {
        unreachable!("a round begins with a payment");
    };
    let number = at.as_millis() - START;
    let details = payment.details.as_ref();
    let code = details.and_then(|details| details.code.as_deref());
    let transaction = paid(number);
    let json = transaction.transaction().map(Transaction::as_json);
    BareRow {
        md5: payment.md5,
        order: payment.order.to_string(),
        code: code.unwrap_or_default().to_owned(),
        outcome: json.unwrap_or_default().to_owned(),
        hash: format!("{number:064x}"),
    }
}

pub(crate) const STORED: u64 = 1_000_000;
pub(crate) const OPEN: u64 = 5_000;

/// Stores the payments of [`STORED`] through the store itself.
pub(crate) async fn fill<S: PaymentStore>(worker: &mut Worker<S>) {
    const PART: u64 = 10_000;
    for start in (0..STORED).step_by(usize::try_from(PART).expect("a small number")) {
        let numbers = start..start + PART;
        let changes = numbers.flat_map(|number| {
            let [[opened], [finished]] = round(number);
            let is_open = number >= STORED - OPEN;
            [Some(opened), Some(finished).filter(|_| !is_open)]
        });
        let changes: Vec<_> = changes.flatten().collect();
        worker.commit(&changes).await;
    }
}
