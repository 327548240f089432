//! The Bakong of all workers, in the process of the test. It counts what it sees.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::worker::{MAX_AHEAD, START, fast_time};

/// What a worker says, in one line of JSON.
#[derive(Serialize, Deserialize, Debug)]
pub(super) enum Call {
    /// A request of a watcher.
    Request {
        registration: usize,
        path: String,
        body: String,
    },
    /// The code of a payment is shown, and the customer wants to pay or not.
    Shown {
        registration: usize,
        md5: String,
        order: String,
        /// In milliseconds since 1970.
        expires_at: u64,
        is_paid: bool,
    },
    /// A payment was refused because of the quota.
    Refused { registration: usize },
    /// How many watchers of a worker reach their store.
    Healthy { worker: usize, watchers: usize },
}

/// A payment whose code was shown.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub(super) order: String,
    pub(super) is_paid: bool,
}

/// What Bakong knows of a registration.
#[derive(Default, Debug)]
pub(super) struct Account {
    /// The requests that arrived on this day.
    pub(super) requests: u32,
    /// The requests that arrived on earlier days.
    pub(super) earlier_requests: u32,
    pub(super) refused: u32,
    pub(super) shown: HashMap<String, Shown>,
}

#[derive(Debug)]
struct State {
    /// When the run began, in milliseconds since 1970.
    started: u64,
    limits: Vec<u32>,
    accounts: Vec<Account>,
    healthy: Vec<usize>,
    /// How many payments to show in all.
    target: usize,
    shown: usize,
}

#[derive(Clone, Debug)]
pub(super) struct Bakong {
    pub(super) port: u16,
    state: Arc<Mutex<State>>,
}

impl Bakong {
    /// Starts a Bakong with a quota for each registration. It wants `target` payments.
    pub(super) fn start(limits: Vec<u32>, workers: usize, target: usize, started: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State {
            started,
            accounts: limits.iter().map(|_| Account::default()).collect(),
            limits,
            healthy: vec![0; workers],
            target,
            shown: 0,
        }));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming() {
                let (Ok(client), state) = (client, Arc::clone(&shared)) else {
                    return;
                };
                // A worker that is killed breaks its connection.
                thread::spawn(move || answer(&client, &state));
            }
        });
        Self { port, state }
    }

    pub(super) fn shown(&self) -> usize {
        self.lock().shown
    }

    /// Waits until all watchers of a worker reach their store.
    pub(super) fn wait_until_healthy(&self, worker: usize) {
        let watchers = self.lock().accounts.len();
        self.lock().healthy[worker] = 0;
        for _ in 0..1_200 {
            if self.lock().healthy[worker] == watchers {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!(
            "worker {worker} does not recover: {:?}",
            self.lock().healthy
        );
    }

    /// Begins the next day of the quota. No worker may run.
    pub(super) fn begin_next_day(&self) {
        for account in &mut self.lock().accounts {
            account.earlier_requests += std::mem::take(&mut account.requests);
        }
    }

    /// Returns how many requests each registration has sent on this day.
    pub(super) fn requests(&self) -> Vec<u32> {
        let state = self.lock();
        state
            .accounts
            .iter()
            .map(|account| account.requests)
            .collect()
    }

    pub(super) fn take_accounts(&self) -> Vec<Account> {
        std::mem::take(&mut self.lock().accounts)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

fn answer(client: &TcpStream, state: &Mutex<State>) {
    client.set_nodelay(true).unwrap();
    let mut lines = BufReader::new(client);
    let mut line = String::new();
    while lines.read_line(&mut line).is_ok_and(|length| length > 0) {
        // A kill can cut the last line.
        let Ok(call) = serde_json::from_str(&line) else {
            return;
        };
        let reply = state.lock().unwrap().reply(&call);
        let mut client = client;
        if client.write_all(format!("{reply}\n").as_bytes()).is_err() {
            return;
        }
        line.clear();
    }
}

impl State {
    fn reply(&mut self, call: &Call) -> String {
        match call {
            Call::Request {
                registration,
                path,
                body,
            } => return self.request(*registration, path, body),
            Call::Shown {
                registration,
                md5,
                order,
                expires_at,
                is_paid,
            } => {
                // The worker may have been suspended between the commit and this call. Nobody pays an expired code.
                let now = fast_time(self.started, MAX_AHEAD).as_millis();
                let shown = Shown {
                    order: order.clone(),
                    is_paid: *is_paid && now < *expires_at,
                };
                let before = self.accounts[*registration]
                    .shown
                    .insert(md5.clone(), shown);
                assert!(before.is_none(), "code {md5} was shown twice");
                self.shown += 1;
            }
            Call::Refused { registration } => self.accounts[*registration].refused += 1,
            Call::Healthy { worker, watchers } => self.healthy[*worker] = *watchers,
        }
        if self.shown >= self.target {
            "stop"
        } else {
            "more"
        }
        .into()
    }

    fn request(&mut self, registration: usize, path: &str, body: &str) -> String {
        let account = &mut self.accounts[registration];
        account.requests += 1;
        if account.requests > self.limits[registration] {
            return r#"{"data":null,"errorCode":17,"responseCode":1,"responseMessage":"quota"}"#
                .into();
        }
        let transaction = |md5: &str| {
            account.shown.get(md5).filter(|shown| shown.is_paid).map(|_| {
                format!(
                    r#"{{"hash":"{md5}{md5}","fromAccountId":"bopha@devb","toAccountId":"sokha@devb","currency":"KHR","amount":10000,"description":"","createdDateMs":{START}}}"#
                )
            })
        };
        let answer = |data: &str| {
            format!(
                r#"{{"data":{data},"errorCode":null,"responseCode":0,"responseMessage":"Success"}}"#
            )
        };
        match path {
            "/v1/check_transaction_by_md5" => {
                let body: HashMap<String, String> = serde_json::from_str(body).unwrap();
                match transaction(&body["md5"]) {
                    Some(transaction) => answer(&transaction),
                    None => {
                        r#"{"data":null,"errorCode":1,"responseCode":1,"responseMessage":"no"}"#
                            .into()
                    }
                }
            }
            "/v1/check_transaction_by_md5_list" => {
                let md5s: Vec<String> = serde_json::from_str(body).unwrap();
                let items = md5s.iter().map(|md5| match transaction(md5) {
                    Some(transaction) => {
                        format!(r#"{{"md5":"{md5}","status":"SUCCESS","data":{transaction}}}"#)
                    }
                    None => format!(r#"{{"md5":"{md5}","status":"NOT_FOUND","message":"no"}}"#),
                });
                answer(&format!("[{}]", items.collect::<Vec<_>>().join(",")))
            }
            other => panic!("unexpected request: {other}"),
        }
    }
}
