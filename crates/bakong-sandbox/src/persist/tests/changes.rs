//! Whatever happens is in the file at once, whole or not at all.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::*;
use crate::fault::taken::rules;
use crate::keep::figures::Figures;

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
    Ask(ApiEndpoint, bool),
    /// A request about a code, which is static or of so many cents.
    Check(u64),
    CheckList,
    Link(u64),
    Scan(u64),
    Verify,
    Renew,
    Token(u8),
    Account(u8),
    Fault(u8),
    RemoveFault(u64),
    ClearFaults,
    Advance(u64),
    SetClock(bool),
    QuotaLimit(Option<u32>, bool),
    SetUsed(u32),
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
    let pay = (0..6u64, 0..3u64, 1..3usize, any::<bool>());
    let endpoint = prop::sample::select(ApiEndpoint::ALL);
    prop_oneof![
        4 => pay.prop_map(|(cents, delay, times, failing)| Step::Pay { cents, delay, times, failing }),
        4 => (endpoint, any::<bool>()).prop_map(|(endpoint, good)| Step::Ask(endpoint, good)),
        4 => (0..6u64).prop_map(Step::Check),
        1 => Just(Step::CheckList),
        2 => (0..6u64).prop_map(Step::Link),
        2 => (0..6u64).prop_map(Step::Scan),
        1 => Just(Step::Verify),
        1 => Just(Step::Renew),
        1 => (0..3u8).prop_map(Step::Token),
        1 => (0..3u8).prop_map(Step::Account),
        2 => (0..4u8).prop_map(Step::Fault),
        1 => (0..4u64).prop_map(Step::RemoveFault),
        1 => Just(Step::ClearFaults),
        2 => (0..3u64).prop_map(Step::Advance),
        1 => any::<bool>().prop_map(Step::SetClock),
        1 => (prop::option::of(0..4u32), any::<bool>()).prop_map(|(limit, checks)| Step::QuotaLimit(limit, checks)),
        1 => (0..4u32).prop_map(Step::SetUsed),
        1 => Just(Step::Revoke),
        1 => Just(Step::Reset),
    ]
}

fn email(number: u8) -> String {
    format!("{number}@example.com")
}

/// A code that [`Step::Pay`] may pay, and a static one for none.
fn any_code(cents: u64) -> String {
    if cents == 0 {
        static_code(0)
    } else {
        code(cents)
    }
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
            let mut options = TransferOptions::new().after(Duration::from_secs(*delay));
            if *cents == 0 {
                options = options.amount(Amount::us_cents(1));
            }
            if *failing {
                options = options.failing();
            }
            for _ in 0..*times {
                let payer = "dara@devb".parse().unwrap();
                // A code may have expired, or be paid already.
                if let Ok(order) = options.order(&any_code(*cents), payer, now) {
                    let _ = state.ledger.place(order, now, &mut state.entropy);
                }
                options = options.again();
            }
        }
        Step::Ask(endpoint, has_token) => {
            let body = json!({"email": "2@example.com", "organization": "o", "project": "p"});
            let token = has_token.then(|| state.issue_token("1@example.com"));
            ask(state, *endpoint, token.as_deref(), &body);
        }
        Step::Check(cents) => {
            let token = state.issue_token("1@example.com");
            check(state, &token, &any_code(*cents));
        }
        Step::CheckList => {
            let token = state.issue_token("1@example.com");
            let md5s: Vec<String> = (0..50)
                .map(|cents| Md5Handle::of(&any_code(cents)).to_string())
                .collect();
            let list = ApiEndpoint::CheckTransactionByMd5List;
            ask(state, list, Some(&token), &md5s.into());
        }
        Step::Link(cents) => link(state, &any_code(*cents)),
        Step::Scan(cents) => scan(state, &any_code(*cents)),
        Step::Renew => {
            let body = json!({"email": "1@example.com"});
            ask(state, ApiEndpoint::RenewToken, None, &body);
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
        Step::SetClock(true) => state.move_clock(|clock| *clock = SandboxClock::frozen_at(NOW)),
        Step::SetClock(false) => state.move_clock(|clock| *clock = SandboxClock::ahead(-5_000)),
        Step::QuotaLimit(limit, checks_only) => {
            let quota = state.quota.quota.limited_to(*limit);
            state.set_quota(quota.counting(*checks_only));
        }
        Step::SetUsed(used) => {
            if let Some(id) = state.registry.id("1@example.com").map(str::to_owned) {
                state.quota.set_used(&id, *used, state.clock.now());
            }
        }
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
        let place = Place::take(&folder.file()).unwrap();
        Keeper::start(place, Arc::clone(&shared), None).unwrap();
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

/// Whatever rule is taken, and however often it struck, is the same after a restart: by the lines of what happened,
/// and by a file that is made anew.
#[test]
fn any_rule_that_is_taken_is_kept() {
    let mut runner = TestRunner::new(ProptestConfig {
        source_file: Some(file!()),
        ..ProptestConfig::with_cases(2_000)
    });
    let kept = std::cell::Cell::new(0_u32);
    let result = runner.run(&(rules(), 0..4u8), |(rule, requests)| {
        let Ok(fault) = Fault::from_json(&rule.to_string()) else {
            return Ok(());
        };
        let mut state = new_state();
        drop(state.publish());
        let (mut text, mut told) = (text::whole(&state).unwrap(), Figures::of(&state));
        state.add_fault(fault);
        for _ in 0..requests {
            state
                .faults
                .next(Some(ApiEndpoint::CheckTransactionByMd5List));
        }
        let news = state.publish();
        text.extend(serde_json::to_vec(&told.catch_up(&state, news)).unwrap());
        text.push(b'\n');
        let faults = |state: &State| format!("{:?}", state.faults.iter().collect::<Vec<_>>());
        let expected = faults(&state);
        prop_assert_eq!(faults(&read(&text)), &*expected, "{}", rule);
        prop_assert_eq!(faults(&again(&state)), &*expected, "{}", rule);
        kept.set(kept.get() + u32::from(state.faults.len() > 0));
        Ok(())
    });
    result.unwrap();
    assert!(kept.get() > 100, "{}", kept.get());
}
