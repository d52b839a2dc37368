//! `bookd adopt`: what the CRM's books would mean under the policy, and that a replay under the same policy agrees.

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use bookd::config::{self, Config};
use bookd::domain::output::{Output, Why};
use bookd::domain::policy::MAX_AT_ONCE;
use bookd::domain::{Millis, Secs, Topic};
use bookd::engine::keeping::Keeps;
use bookd::feed::Decoder;
use bookd::log::simulated::Cluster;
use bookd::run::adopt::{self, LeftBehind, Report, Stranger, Verdict};
use bookd::run::replay::{self, Export, Options, Target};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use support::company;
use support::instance::MONDAY;
use support::process::append;

/// Nothing is handed out, nothing holds losses back.
fn policy(evidence: &str) -> Config {
    let text = company::POLICY
        .replace("threshold = 30", "threshold = 100")
        .replace("email_sent = {}", "email_sent = {}\nmeeting = {}")
        .replace("window = \"30m\"", &format!("window = \"4h\", {evidence}"))
        .replace(
            "lead = \"5m\"",
            "lead = \"30m\"\ngrace = \"1h\"\ncaps = { per_rep_day = 100000, per_book_hour = 1.0 }",
        );
    config::parse("adopt.toml", &text, &[]).unwrap_or_else(|report| panic!("{report:?}"))
}

fn minutes(minutes: i64) -> Millis {
    Millis(MONDAY.0 + minutes * 60_000)
}

fn secs(at: i64) -> Secs {
    minutes(at).secs()
}

fn study(dir: &Path, config: &Config, since: Millis, at: Millis) -> Report {
    let decoder = Decoder::new(config.feeds.clone());
    let export = Export::read(dir, &decoder, None).unwrap();
    adopt::study(export, &config.policy, &decoder, since, at).unwrap()
}

fn verdicts(report: &Report) -> BTreeMap<&str, Verdict> {
    let books = report.roles.iter().flat_map(|role| &role.books);
    books.flat_map(|book| &book.accounts).map(|account| (&*account.id, account.verdict)).collect()
}

/// They all go cold in one second: nobody is warned of the last of them later than of the first.
#[test]
fn more_accounts_than_one_entry_warns_of_go_cold_at_once() {
    let dir = tempfile::tempdir().unwrap();
    append(dir.path(), Topic::Reps, &format!("{}\n", company::rep_with_capacity("ana", 1)));
    let accounts = 0..MAX_AT_ONCE + 1;
    let lines: String = accounts.map(|number| company::owned_account(&format!("a{number}"), "ana") + "\n").collect();
    append(dir.path(), Topic::Accounts, &lines);
    append(dir.path(), Topic::Activity, &format!("{}\n", company::email("e", "ana", "nowhere", minutes(0))));
    let report = study(dir.path(), &policy("touches = 1"), minutes(0), minutes(31));
    let verdicts = verdicts(&report);
    assert_eq!(verdicts.len(), MAX_AT_ONCE + 1);
    assert!(verdicts.values().all(|verdict| *verdict == Verdict::Warned(secs(60))), "{verdicts:?}");
}

#[test]
fn every_account_of_the_crm_is_accounted_for() {
    let dir = tempfile::tempdir().unwrap();
    let line = |topic, text: String| append(dir.path(), topic, &format!("{text}\n"));
    line(Topic::Reps, company::rep_with_capacity("ana", 3));
    line(Topic::Reps, company::rep("ben"));
    line(Topic::Reps, r#"{"op":"upsert","id":"gone","role":"sdr","book":"sdr","status":"departed"}"#.to_owned());
    for (account, owner) in [("worked", "ana"), ("idle", "ana"), ("late", "ana"), ("open", "ana"), ("new", "ben")] {
        line(Topic::Accounts, company::owned_account(account, owner));
    }
    line(Topic::Accounts, company::owned_account("left", "gone"));
    line(Topic::Accounts, company::owned_account("strange", "somebody"));
    line(Topic::Accounts, company::account("free"));
    line(Topic::Accounts, r#"{"op":"upsert","id":"twin","domains":["free.com"]}"#.to_owned());
    line(Topic::Opportunities, r#"{"op":"upsert","id":"o1","account":{"crm_id":"open"},"status":"open"}"#.to_owned());
    // The first event dates the beginning.
    line(Topic::Activity, company::email("e", "ben", "new", minutes(-1)));
    line(Topic::Activity, company::email("e0", "ana", "idle", minutes(0)));
    line(Topic::Activity, company::email("e1", "ana", "late", minutes(145)));
    line(Topic::Activity, company::email("e2", "ana", "worked", minutes(300)));
    line(Topic::Activity, company::email("e3", "ana", "nowhere", minutes(310)));
    line(Topic::Activity, "nonsense".to_owned());
    // It changes hands twenty minutes before the day.
    let changed = r#"{"op":"patch","id":"new","owners":{"sdr":"ana"},"updated_at":""#;
    line(Topic::Accounts, format!("{changed}{}\"}}", bookd::wire::instant::Rfc3339(minutes(340))));

    let report = study(dir.path(), &policy("touches = 1"), minutes(-600), minutes(360));
    assert_eq!(report.since, minutes(-1), "no earlier than the first event");
    let expected = BTreeMap::from([
        ("idle", Verdict::Lost(secs(240))),
        ("late", Verdict::Warned(secs(385))),
        ("new", Verdict::Keeps(Keeps::Grace, secs(400))),
        ("open", Verdict::Keeps(Keeps::OpenOpportunity, Secs::NEVER)),
        ("worked", Verdict::Keeps(Keeps::Worked, secs(540))),
    ]);
    assert_eq!(verdicts(&report), expected);

    let role = &report.roles[0];
    // What ana's colleague left behind is in the pool, too.
    assert_eq!((role.pool, role.excluded), (3, 0));
    let books: Vec<_> = role.books.iter().map(|book| (&*book.rep, book.accounts.len(), book.over())).collect();
    assert_eq!(books, [("ana", 5, 2), ("ben", 0, 0)]);
    assert_eq!(role.strangers, BTreeMap::from([("somebody".into(), Stranger { accounts: 1, other_role: false })]));
    assert_eq!(role.left_behind, [LeftBehind { rep: "gone".into(), to_pool: 1, held: BTreeMap::new() }]);
    assert_eq!((role.granted[0].first_warning, role.granted[0].first_loss), (secs(390), secs(420)));
    assert_eq!(report.duplicates, [("free.com".into(), vec!["free".into(), "twin".into()])]);
    assert_eq!(report.refused.values().sum::<u64>(), 1);
    assert_eq!(report.unknown_accounts, 1);
}

#[test]
fn a_role_in_shadow_is_judged_like_a_live_one() {
    let dir = tempfile::tempdir().unwrap();
    random_day(dir.path(), 3);
    let live = policy("touches = 2");
    let [mut shadow, mut waits] = [live.clone(), live.clone()];
    shadow.policy.roles[0].mode = bookd::domain::policy::RoleMode::Shadow;
    waits.policy.roles[0].approve_above = Some(0);
    let judged = |config| study(dir.path(), config, minutes(0), minutes(1440));
    let report = judged(&live);
    assert!(verdicts(&report).values().any(|verdict| matches!(verdict, Verdict::Lost(_))));
    assert_eq!(judged(&shadow), report);
    assert_eq!(judged(&waits), report);
}

/// Reps who work some of what they own, at random, for a day; when each account was touched last.
fn random_day(dir: &Path, seed: u64) -> BTreeMap<String, Secs> {
    let mut touched = BTreeMap::new();
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut below = |most: u32| random.next_u32() % most;
    let line = |topic, text: String| append(dir, topic, &format!("{text}\n"));
    for rep in ["ana", "ben", "cleo"] {
        line(Topic::Reps, company::rep_with_capacity(rep, 100));
    }
    for account in 0..30 {
        let owner = ["ana", "ben", "cleo"][below(3) as usize];
        line(Topic::Accounts, company::owned_account(&format!("a{account}"), owner));
        let mut at = i64::from(below(100));
        for touch in 0..below(40) {
            if at >= 1440 {
                break;
            }
            let event = format!("{account}-{touch}");
            line(Topic::Activity, company::email(&event, owner, &format!("a{account}"), minutes(at)));
            touched.insert(format!("a{account}"), secs(at));
            at += i64::from(below(130));
        }
    }
    // By somebody who may not own it: it dates the end, and is no touch of the owner's unless they are ana.
    line(Topic::Activity, company::email("last", "ana", "a0", minutes(1440)));
    touched.insert("a0".to_owned(), secs(1440));
    touched
}

/// When a replay under the same policy takes each account, first.
fn taken(dir: &Path, config: &Config, since: Millis) -> BTreeMap<String, Secs> {
    let decoder = Decoder::new(config.feeds.clone());
    let options = Options { tick_s: 60, open_at: Some(since), complete_until: None, proceed: true, resume: false };
    let export = Export::read(dir, &decoder, options.open_at).unwrap();
    let mut log = Cluster::new(1).log(0);
    let target = Target { log: &mut log, shard: 0, lines: true, place: String::new() };
    let mut taken = BTreeMap::new();
    replay::run(export, &options, &config.policy, &decoder, target, &mut |step| {
        for output in &step.made.outputs {
            if let Output::Decision(decision) = output
                && let Why::Idle { promised, .. } = &decision.why
            {
                taken.entry(decision.account.to_string()).or_insert(*promised);
            }
        }
    })
    .unwrap();
    taken
}

#[test]
fn a_replay_takes_what_adopt_says_is_lost_and_nothing_that_was_always_worked() {
    let (mut lost, mut kept) = (0, 0);
    for seed in 0..40 {
        let dir = tempfile::tempdir().unwrap();
        let touched = random_day(dir.path(), seed);
        let config = policy(["touches = 1", "touches = 2", "touches = 3, days = 1"][seed as usize % 3]);
        let report = study(dir.path(), &config, minutes(0), minutes(1440));
        let taken = taken(dir.path(), &config, report.since);
        for (account, verdict) in verdicts(&report) {
            match (verdict, taken.get(account)) {
                // Taken then, or earlier and worked again by who would have lost it.
                (Verdict::Lost(at), Some(first)) => assert!(*first <= at, "seed {seed}: {account} {first:?} {at:?}"),
                (Verdict::Lost(at), None) => panic!("seed {seed}: {account}, lost {at:?}, was never taken"),
                (Verdict::Keeps(..) | Verdict::Warned(_), None) => kept += 1,
                // Only who worked it after it was taken there can have called that promise off.
                (Verdict::Keeps(..) | Verdict::Warned(_), Some(first)) => {
                    assert!(touched[account] >= *first, "seed {seed}: {account} {verdict:?} was taken {first:?}");
                }
            }
            lost += u32::from(matches!(verdict, Verdict::Lost(at) if taken.get(account) == Some(&at)));
        }
    }
    assert!(lost > 100 && kept > 100, "{lost} lost at the same instant, {kept} kept by both");
}
