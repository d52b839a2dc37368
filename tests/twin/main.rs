//! The engine against its naive twin: random policies and histories, compared after every entry.
//!
//! `PROPTEST_CASES` sets how many, `PROPTEST_RNG_SEED` repeats a run.

mod compare;
mod generate;
mod naive;
mod play;

use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};

use generate::history::cases;

/// Shrinking a history of forty steps takes some thousand tries, each a fraction of a second.
const MAX_SHRINKS: u32 = 20_000;

#[test]
fn engine_and_twin_agree() {
    let config = Config { failure_persistence: None, max_shrink_iters: MAX_SHRINKS, ..Config::default() };
    let outcome = TestRunner::new(config).run(&cases(), |case| {
        compare::run(&case).map(|_| ()).map_err(|report| TestCaseError::fail(report))
    });
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(why, case)) => panic!("{why}\n\nthe shortest such case:\n{case:?}"),
        Err(other) => panic!("{other}"),
    }
}
