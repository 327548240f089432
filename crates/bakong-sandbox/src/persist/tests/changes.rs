//! Every change is in the file at once, completely or not at all.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::*;
use crate::fault::tests::rules;
use crate::persist::{PersistTask, Shared, StateFile};
use crate::wire::ApiEndpoint;

const RULES: [&str; 4] = [
    r#"{"answer":{"status":502,"html":"<h1>"},"times":2}"#,
    r#"{"percent":50,"times":"always","floatTimes":true}"#,
    r#"{"after":2,"on":"verify","answer":"hang"}"#,
    r#"{"answer":"tokens_expire"}"#,
];

/// The number of kinds of steps. The kinds from `CLOCK` on move the clock or invalidate tokens.
const KINDS: u8 = 19;
pub(super) const CLOCK: u8 = 16;

/// Performs a step of one of [`KINDS`] kinds. `number` selects a variant of the step.
pub(super) fn step(backend: &mut Backend, (kind, number): (u8, u8)) {
    let now = backend.state().clock.now();
    // The number 0 selects a static code.
    let any_code = |number: u8| match number {
        0 => static_code(0),
        cents => code(cents.into()),
    };
    let email = format!("{}@example.com", number % 3);
    match kind {
        0..=2 => {
            let mut options = TransferOptions::new().after(Duration::from_secs(kind.into()));
            if number == 0 {
                options = options.amount(Amount::us_cents(1));
            }
            if number == 1 {
                options = options.failing();
            }
            for _ in 0..2 {
                let payer = "dara@devb".parse().unwrap();
                // The code may have expired.
                let _ = backend.pay(&any_code(number), payer, &options, now);
                if number > 3 {
                    options = options.again();
                }
            }
        }
        3 => backend.observe_check(Md5Handle::of(&any_code(number)), now),
        4 => (0..50).for_each(|it| backend.observe_check(Md5Handle::of(&any_code(it)), now)),
        5 => drop(backend.create_link(&any_code(number))),
        6 => backend.observe_code(&Khqr::parse(&any_code(number)).unwrap(), now),
        7 => drop(backend.request_token(&email, now)),
        8 => drop(backend.issue_token(&email, now)),
        9 => backend.open_account(format!("{number}@devb").parse().unwrap()),
        10 => drop(backend.add_fault(rule(RULES[usize::from(number % 4)]))),
        11 => drop(backend.remove_fault(number.into())),
        12 => backend.clear_faults(),
        13 => {
            let endpoint = ApiEndpoint::ALL[usize::from(number)];
            backend.match_fault(Some(endpoint));
        }
        14 => {
            let limit = Some(number.into()).filter(|limit| *limit > 0);
            let quota = QuotaLimit::unlimited().with_limit(limit);
            backend.set_quota(quota.with_checks_only(number % 2 == 0));
        }
        15 => {
            let id = backend.state().registry.id(&email).map(str::to_owned);
            if let Some(id) = id {
                backend.count_request(&id, now);
            }
        }
        16 => {
            let seconds = Duration::from_secs(number.into());
            backend.set_clock(backend.state().clock.advanced(seconds));
            backend.settle(backend.state().clock.now());
        }
        17 => backend.set_clock(match number % 2 {
            0 => SandboxClock::frozen_at(NOW),
            _ => SandboxClock::from_setting(ClockSetting::AheadMs(-5_000)),
        }),
        _ if number == 0 => backend.reset(),
        _ => backend.revoke_tokens(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Simulates a process that is killed while it writes the last change.
    #[test]
    fn a_truncated_last_line_restores_the_state_before_it(
        steps in prop::collection::vec((0..KINDS, 0..6_u8), 1..40),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 8),
    ) {
        let folder = Folder::new("torn");
        let shared = Arc::new(Shared::new(Backend::new(new_state())));
        let file = StateFile::lock(&folder.file()).unwrap();
        PersistTask::start(file, Arc::clone(&shared), None).unwrap();
        let content = || fs::read(folder.file()).unwrap();
        let text = || shared.with(|backend| text_of(backend.state()));
        let (last, before) = steps.split_last().unwrap();
        for it in before {
            shared.with(|backend| step(backend, *it));
            prop_assert_eq!(text(), text_of(&read(&content())), "{:?}", it);
        }
        let old = (content(), text());
        shared.with(|backend| step(backend, *last));
        let new = (content(), text());
        prop_assert!(new.0.starts_with(&old.0));
        prop_assert!(new.0[old.0.len()..].iter().filter(|byte| **byte == b'\n').count() <= 1);
        prop_assert_eq!(&new.1, &text_of(&read(&new.0)));
        let ends = old.0.len()..new.0.len();
        let cuts = cuts.iter().filter(|_| !ends.is_empty());
        for end in cuts.map(|cut| ends.start + cut.index(ends.len())) {
            let cut = format::read(&new.0[..end]).map_err(TestCaseError::fail)?;
            prop_assert_eq!(&old.1, &text_of(&cut.state), "{}", end);
            prop_assert_eq!(cut.truncated_line.is_some(), end > old.0.len());
        }
    }

    #[test]
    fn any_text_can_be_read(text in prop::collection::vec(any::<u8>(), 0..200), line in "[\\[\\]{}\":,a-z0-9]{0,60}") {
        let _ = format::read(&text);
        let mut text = format::write(eventful().state()).unwrap();
        text.extend_from_slice(line.as_bytes());
        let truncated = format::read(&text).map_err(TestCaseError::fail)?.truncated_line;
        prop_assert_eq!(truncated.is_some(), !line.is_empty());
        text.push(b'\n');
        let _ = format::read(&text);
    }
}

/// A fault and its counters survive a restart, from appended lines and from a snapshot.
#[test]
fn every_accepted_rule_is_restored() {
    let mut runner = TestRunner::new(ProptestConfig {
        source_file: Some(file!()),
        ..ProptestConfig::with_cases(2_000)
    });
    let restored = std::cell::Cell::new(0_u32);
    let result = runner.run(&(rules(), 0..4u8), |(rule, requests)| {
        let Ok(fault) = Fault::from_json(&rule.to_string()) else {
            return Ok(());
        };
        let mut backend = Backend::new(new_state());
        let mut text = format::write(backend.state()).unwrap();
        backend.add_fault(fault);
        for _ in 0..requests {
            backend.match_fault(Some(ApiEndpoint::CheckTransactionByMd5List));
        }
        text.extend(serde_json::to_vec(&backend.drain_changes()).unwrap());
        text.push(b'\n');
        let faults = |state: &State| -> Vec<(u64, Fault)> {
            let faults = state.faults.iter();
            faults
                .map(|(number, fault)| (number, fault.clone()))
                .collect()
        };
        let expected = faults(backend.state());
        prop_assert_eq!(&faults(&read(&text)), &expected, "{}", rule);
        prop_assert_eq!(&faults(&reloaded(backend.state())), &expected, "{}", rule);
        restored.set(restored.get() + u32::from(backend.state().faults.len() > 0));
        Ok(())
    });
    result.unwrap();
    assert!(restored.get() > 100, "{}", restored.get());
}
