//! Whatever happens is in the file at once, whole or not at all.

use bytes::Bytes;
use http::Request;
use http::header::{AUTHORIZATION, USER_AGENT};
use proptest::prelude::*;

use super::*;
use crate::Endpoint;

/// Something that a program or a person does.
#[derive(Clone, Debug)]
enum Step {
    Pay {
        cents: u64,
        delay: u64,
        times: usize,
        failing: bool,
    },
    /// A request of the API, with a token or without.
    Ask(Endpoint, bool),
    Verify,
    Token(u8),
    Account(u8),
    Fault(u8),
    RemoveFault(u64),
    ClearFaults,
    Advance(u64),
    SetClock(bool),
    Quota(Option<u32>),
    Revoke,
    Reset,
}

const RULES: [&str; 4] = [
    r#"{"answer":{"status":502,"html":"<h1>"},"times":2}"#,
    r#"{"percent":50,"times":"always","floatTimes":true}"#,
    r#"{"after":2,"on":"verify","answer":"hang"}"#,
    r#"{"answer":"tokens_expire"}"#,
];

fn step() -> impl Strategy<Value = Step> {
    let pay = (1..6u64, 0..3u64, 1..3usize, any::<bool>());
    let endpoint = prop::sample::select(Endpoint::ALL);
    prop_oneof![
        4 => pay.prop_map(|(cents, delay, times, failing)| Step::Pay { cents, delay, times, failing }),
        4 => (endpoint, any::<bool>()).prop_map(|(endpoint, good)| Step::Ask(endpoint, good)),
        1 => Just(Step::Verify),
        1 => (0..3u8).prop_map(Step::Token),
        1 => (0..3u8).prop_map(Step::Account),
        2 => (0..4u8).prop_map(Step::Fault),
        1 => (0..4u64).prop_map(Step::RemoveFault),
        1 => Just(Step::ClearFaults),
        2 => (0..3u64).prop_map(Step::Advance),
        1 => any::<bool>().prop_map(Step::SetClock),
        1 => prop::option::of(0..4u32).prop_map(Step::Quota),
        1 => Just(Step::Revoke),
        1 => Just(Step::Reset),
    ]
}

fn email(number: u8) -> String {
    format!("{number}@example.com")
}

fn take(state: &mut State, step: &Step) {
    match step {
        Step::Pay {
            cents,
            delay,
            times,
            failing,
        } => {
            let now = state.clock.now();
            let mut options = PaymentOptions::new().after(Duration::from_secs(*delay));
            if *failing {
                options = options.failing();
            }
            for _ in 0..*times {
                let payer = "dara@devb".parse().unwrap();
                // A code may have expired, or be paid already.
                if let Ok(order) = options.order(&code(*cents), payer, now) {
                    let _ = state.ledger.place(order, now, &mut state.entropy);
                }
                options = options.again();
            }
        }
        Step::Ask(endpoint, has_token) => {
            let body = r#"{"email":"2@example.com","organization":"o","project":"p"}"#;
            let mut request = Request::post(endpoint.path())
                .header(USER_AGENT, "test")
                .body(Bytes::from_static(body.as_bytes()))
                .unwrap();
            if *has_token {
                let token = state.issue_token("1@example.com");
                let token = format!("Bearer {token}").parse().unwrap();
                request.headers_mut().insert(AUTHORIZATION, token);
            }
            state.handle(&request);
        }
        Step::Verify => {
            let code = state.registry.mailbox("2@example.com").last();
            let code = code.map(|mail| mail.code.clone()).unwrap_or_default();
            state.registry.verify(&code, &mut state.entropy);
        }
        Step::Token(number) => drop(state.issue_token(&email(*number))),
        Step::Account(number) => state.open_account(format!("{number}@devb").parse().unwrap()),
        Step::Fault(rule) => drop(state.add_fault(fault(RULES[usize::from(*rule)]))),
        Step::RemoveFault(number) => drop(state.remove_fault(*number)),
        Step::ClearFaults => state.clear_faults(),
        Step::Advance(seconds) => {
            state.move_clock(|clock| clock.advance(Duration::from_secs(*seconds)));
            state.ledger.settle(state.clock.now());
        }
        Step::SetClock(true) => state.move_clock(|clock| *clock = Clock::frozen_at(NOW)),
        Step::SetClock(false) => state.move_clock(|clock| *clock = Clock::ahead(-5_000)),
        Step::Quota(limit) => state.quota.quota = limit.map_or_else(Quota::off, Quota::a_day),
        Step::Revoke => state.revoke_tokens(),
        Step::Reset => state.reset(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Somebody kills the process in the midst of writing what the last step did.
    #[test]
    fn a_torn_last_line_is_the_state_before_it(
        steps in prop::collection::vec(step(), 1..40),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 8),
    ) {
        let folder = Folder::new("torn");
        let shared = Arc::new(Shared::new(new_state()));
        Keeper::start(Place::take(&folder.file()).unwrap(), Arc::clone(&shared)).unwrap();
        let content = || fs::read(folder.file()).unwrap();
        let (last, before) = steps.split_last().unwrap();
        for step in before {
            shared.with(|state| take(state, step));
            prop_assert_eq!(shared.with(|state| text_of(state)), text_of(&read(&content())), "{:?}", step);
        }
        let old = (content(), shared.with(|state| text_of(state)));
        shared.with(|state| take(state, last));
        let new = (content(), shared.with(|state| text_of(state)));
        prop_assert!(new.0.starts_with(&old.0));
        prop_assert!(new.0[old.0.len()..].iter().filter(|byte| **byte == b'\n').count() <= 1);
        prop_assert_eq!(&new.1, &text_of(&read(&new.0)));
        let ends = old.0.len()..new.0.len();
        let cuts = cuts.iter().filter(|_| !ends.is_empty());
        for end in cuts.map(|cut| ends.start + cut.index(ends.len())) {
            let torn = text::read(&new.0[..end]).map_err(TestCaseError::fail)?;
            prop_assert_eq!(&old.1, &text_of(&torn.state), "{}", end);
            prop_assert_eq!(torn.torn.is_some(), end > old.0.len());
        }
    }

    #[test]
    fn any_text_is_judged(text in prop::collection::vec(any::<u8>(), 0..200), line in "[\\[\\]{}\":,a-z0-9]{0,60}") {
        let _ = text::read(&text);
        let mut text = text::whole(&eventful()).unwrap();
        text.extend_from_slice(line.as_bytes());
        let torn = text::read(&text).map_err(TestCaseError::fail)?.torn;
        prop_assert_eq!(torn.is_some(), !line.is_empty());
        text.push(b'\n');
        let _ = text::read(&text);
    }
}
