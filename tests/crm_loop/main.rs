//! The whole loop on a real broker: bookd commands, the reference writer carries out, the fake CRM tells of every change,
//! people interfere, everything fails that can fail, bookd and the writer are killed; and in the end the CRM's owners
//! are bookd's, and its history shows nothing done twice, out of order, too late, or against a person.
//!
//! Needs Java and, once, Maven; see `tests/kafka/broker`. `BOOKD_LOOP_SECONDS=600` goes on for longer,
//! `BOOKD_LOOP_SEED=7` begins where another one did.
#![cfg(all(feature = "kafka", feature = "writer"))]

mod bite;
mod end;
mod feed;
#[path = "../kafka_run/hasty.rs"]
mod hasty;
mod judge;
mod policy;
mod stage;
#[path = "../support/mod.rs"]
mod support;

use stage::{Stage, Versions};

/// How long everything goes wrong, unless it is said otherwise.
const SECONDS: u64 = 60;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable}={text}")))
}

#[test]
fn the_crm_ends_with_bookds_owners_whatever_failed() {
    let seconds = number("BOOKD_LOOP_SECONDS").unwrap_or(SECONDS);
    let seed = number("BOOKD_LOOP_SEED").unwrap_or(u64::from(std::process::id()));
    let versions = if seed.is_multiple_of(2) { Versions::Commits } else { Versions::Stamps };
    println!("seed {seed}, {seconds} s, {versions:?}");
    let mut stage = Stage::set(seed, seconds, versions);
    stage.run(seconds);
    let end = stage.settle();
    judge::judge(&end);
    bite::each_lie_is_found(end);
}
