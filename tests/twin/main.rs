//! The engine against its naive twin: random policies and histories, compared after every entry.
//!
//! `PROPTEST_CASES` sets how many, `PROPTEST_RNG_SEED` repeats a run.

mod bounds;
mod compare;
mod generate;
mod naive;
mod play;
mod promises;
mod sorting;

use bookd::domain::output::{LeftAlone, SeatStatus, Undone, Verdict};
use bookd::domain::request::ReturnReason;
use bookd::domain::{AlertKind, Code, DecisionKind};
use bookd::engine::state::Stage;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use generate::history::{Case, cases, crowds};

/// Shrinking a history of forty steps takes some thousand tries, each a fraction of a second.
const MAX_SHRINKS: u32 = 20_000;

#[test]
fn engine_and_twin_agree() {
    agree(&cases(), Config::default().cases);
}

/// One in so many cases is a crowd: each takes as long as many others.
const CASES_A_CROWD: u32 = 16;

#[test]
fn engine_and_twin_agree_about_a_crowd() {
    agree(&crowds(), Config::default().cases.div_ceil(CASES_A_CROWD));
}

fn agree(cases: &impl Strategy<Value = Case>, number: u32) {
    let mut config = Config { cases: number, failure_persistence: None, ..Config::default() };
    config.max_shrink_iters = config.max_shrink_iters.min(MAX_SHRINKS);
    let outcome =
        TestRunner::new(config).run(cases, |case| compare::run(&case).map(|_| ()).map_err(TestCaseError::fail));
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(why, case)) => panic!("{why}\n\nthe shortest such case:\n{case:?}"),
        Err(other) => panic!("{other}"),
    }
}

/// Cases of the fixed seed below: enough for the rarest of what is asked for.
const COVERAGE_CASES: u32 = 600;

/// Everything that the rules can answer, as [`compare::Seen`] names it.
fn expected() -> Vec<String> {
    let decided = |kind: &DecisionKind| [format!("decision {}", kind.name()), format!("in shadow {}", kind.name())];
    let decisions = DecisionKind::ALL.iter().flat_map(decided);
    let alerts = AlertKind::NAMES.iter().map(|name| format!("alert {name}"));
    let statuses = SeatStatus::ALL.iter().map(|status| format!("seat {}", status.name()));
    let reasons = ReturnReason::ALL.iter().map(|reason| format!("returned {}", reason.name()));
    let scopes = ["role", "book", "quiet rep", "departures", "refused"];
    let scopes = scopes.iter().flat_map(|scope| [format!("tripped {scope}"), format!("reset {scope}")]);
    let refusals = REFUSALS.iter().map(|code| format!("refused {}", code.text()));
    let dead_letters = DEAD_LETTERS.iter().map(|code| format!("dead letter {}", code.text()));
    let verdicts = VERDICTS.iter().map(|verdict| format!("verdict {}", verdict.name()));
    let placed = ["filled idle true", "filled idle false", "tier 0", "tier 1", "tier 2", "tier 3"];
    let others = [
        "idle, warned true",
        "idle, warned false",
        "row",
        "tombstone",
        "matching stopped at its bound",
        "given up by who owns it in another role",
        "a wish waits",
        "a stalled role probed",
        "a wish waits for a pause",
        "who left waits for a pause",
        "the rate is used up",
        "followed in shadow",
        "returned by a field",
    ];
    let named = placed.into_iter().chain(others).map(String::from);
    let stages = STAGES.iter().map(|stage| format!("command {stage:?}"));
    let undone = Undone::ALL.iter().map(|undone| format!("undone {}", undone.name()));
    let left = LeftAlone::ALL.iter().map(|why| format!("left alone {}", why.name()));
    let taken_back = DecisionKind::ALL.iter().map(|kind| format!("taken back {}", kind.name()));
    let answers = decisions
        .chain(taken_back)
        .chain(left)
        .chain(stages)
        .chain(undone)
        .chain(alerts)
        .chain(statuses)
        .chain(reasons)
        .chain(scopes);
    answers.chain(refusals).chain(dead_letters).chain(verdicts).chain(named).collect()
}

/// What may become of a command.
const STAGES: [Stage; 8] = [
    Stage::Waiting,
    Stage::Issued,
    Stage::Applied,
    Stage::Settled,
    Stage::Rejected,
    Stage::Failed,
    Stage::Expired,
    Stage::Overruled,
];

const REFUSALS: [Code; 24] = [
    Code::UnknownRole,
    Code::UnknownAccount,
    Code::NotOwner,
    Code::NotOwned,
    Code::NotInReview,
    Code::NotHeld,
    Code::NotSupported,
    Code::ReasonNotAllowed,
    Code::ReasonMissing,
    Code::DateMissing,
    Code::EvidenceMissing,
    Code::QuotaReached,
    Code::NothingToProceed,
    Code::AlreadyRetired,
    Code::AlreadyPaused,
    Code::NotPaused,
    Code::NoRate,
    Code::AlreadyLive,
    Code::NeverOpened,
    Code::UndoUnclear,
    Code::NothingToUndo,
    Code::UnknownCommand,
    Code::TooOld,
    Code::NothingToApprove,
];

/// Those that the engine judges; all but `limit_reached`, which takes 65,534 reps.
const DEAD_LETTERS: [Code; 12] = [
    Code::NoPolicy,
    Code::UnknownCommand,
    Code::ResultContradicts,
    Code::ResultNotExpected,
    Code::NoAccount,
    Code::UnknownKind,
    Code::UnknownRole,
    Code::UnknownBook,
    Code::RoleChange,
    Code::TooOld,
    Code::TooFarAhead,
    Code::UnknownAccountsFull,
];

/// All but `unfit`: there are no pair conditions yet.
const VERDICTS: [Verdict; 7] = [
    Verdict::Chosen,
    Verdict::Inactive,
    Verdict::Full,
    Verdict::SegmentFull,
    Verdict::CooledOff,
    Verdict::Fuller,
    Verdict::LaterTurn,
];

fn draw(cases: impl Strategy<Value = Case>, runner: &mut TestRunner) -> Case {
    cases.new_tree(runner).expect("nothing is filtered out").current()
}

/// The generator reaches what the rules speak of: without this a comparison may pass by never looking.
#[test]
fn the_generator_reaches_every_rule() {
    let config = Config { failure_persistence: None, ..Config::default() };
    let seed = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(config, seed);
    let mut seen = compare::Seen::new();
    for number in 0..COVERAGE_CASES {
        let crowd = number % CASES_A_CROWD == 0;
        let case = if crowd { draw(crowds(), &mut runner) } else { draw(cases(), &mut runner) };
        for (name, count) in compare::run(&case).expect("engine and twin agree") {
            *seen.entry(name).or_default() += count;
        }
    }
    let missing: Vec<_> = expected().into_iter().filter(|name| !seen.contains_key(name)).collect();
    assert!(missing.is_empty(), "never occurred: {missing:?}; what did: {seen:#?}");
}
