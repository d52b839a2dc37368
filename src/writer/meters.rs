//! The writer's metrics: name, help and labels, once, and the handles. docs/crm.md lists them.

use std::time::Duration;

use ::metrics::Histogram;
use metrics_exporter_prometheus::PrometheusHandle;

use super::crm::Why;
use super::crm::client::{STATUSES, Tally};
use super::judge::{Answer, codes};
use super::meaning;
use crate::domain::result::ResultStatus;
use crate::domain::{Code, Text};
use crate::metrics::{Metric, Registry, Type, table};

const SECONDS_MILLI: &[u32] = &[50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000];

table! {
    BUILD "bookd_build_info" Type::Gauge, ["version"], "Always 1; the version that runs.";
    APPLYING "bookd_writer_applying" Type::Gauge, [],
        "1 while commands are carried out, 0 while the CRM is waited for or something is missing.";
    RESULTS "bookd_writer_results_total" Type::Counter, ["status"], "Results sent.";
    CODES "bookd_writer_codes_total" Type::Counter, ["code"],
        "Results that bear a code; the CRM's codes that mean nothing to the writer are `other`.";
    REQUESTS "bookd_writer_requests_total" Type::Counter, ["status"],
        "Requests to the CRM by the status of the answer; `none` is no answer.";
    WAITS "bookd_writer_waits_total" Type::Counter, ["why"], "Times that the CRM was waited for.";
    DEAD_LETTERS "bookd_writer_dead_letters_total" Type::Counter, ["code"],
        "Records of the commands topic that are no command.";
    SKIPPED "bookd_writer_skipped_total" Type::Counter, ["why"],
        "Commands left alone: a dry run, or another writer's role.";
    OLDEST "bookd_writer_oldest_unanswered_seconds" Type::Gauge, [],
        "Age of the oldest command that is being carried out; 0 if there is none.";
    BATCH "bookd_writer_batch_seconds" Type::Histogram(SECONDS_MILLI), [],
        "From reading commands to the commit of their results.";
}

/// Why a command was left alone.
pub const SKIPS: [&str; 2] = ["dry_run", "other_role"];
const OTHER: &str = "other";

pub struct Meters {
    registry: Registry,
    batch: Histogram,
}

impl Default for Meters {
    fn default() -> Meters {
        Meters::new()
    }
}

impl Meters {
    /// Series of closed sets begin at 0: a counter that first appears at 1 hides its first increase.
    pub fn new() -> Meters {
        let registry = Registry::new(TABLE);
        let batch = registry.histogram(BATCH);
        let mut meters = Meters { registry, batch };
        meters.registry.set(BUILD, &[env!("CARGO_PKG_VERSION").into()], 1.0);
        meters.applying(false);
        meters.oldest(Duration::ZERO);
        for status in ResultStatus::ALL {
            meters.add(RESULTS, status.name(), 0);
        }
        for code in known_codes() {
            meters.add(CODES, code, 0);
        }
        for status in STATUSES {
            meters.add(REQUESTS, status, 0);
        }
        for why in Why::ALL {
            meters.add(WAITS, why.name(), 0);
        }
        for code in [Code::Malformed, Code::MissingField, Code::WrongType, Code::BadValue, Code::TooLarge] {
            meters.add(DEAD_LETTERS, code.text(), 0);
        }
        for why in SKIPS {
            meters.add(SKIPPED, why, 0);
        }
        meters
    }

    pub fn handle(&self) -> PrometheusHandle {
        self.registry.handle()
    }

    pub fn applying(&mut self, applying: bool) {
        self.registry.set(APPLYING, &[], f64::from(u8::from(applying)));
    }

    pub fn oldest(&mut self, age: Duration) {
        self.registry.set(OLDEST, &[], age.as_secs_f64());
    }

    pub fn result(&mut self, answer: &Answer) {
        self.add(RESULTS, answer.status.name(), 1);
        if let Some(code) = &answer.code {
            let known = known_codes().find(|known| known == code);
            self.add(CODES, known.unwrap_or(OTHER), 1);
        }
    }

    pub fn requests(&mut self, tally: Tally) {
        for (status, count) in tally {
            self.add(REQUESTS, status, count);
        }
    }

    pub fn waits(&mut self, why: Why) {
        self.add(WAITS, why.name(), 1);
    }

    pub fn dead_letter(&mut self, code: Code) {
        self.add(DEAD_LETTERS, code.text(), 1);
    }

    /// `why` is one of [`SKIPS`].
    pub fn skipped(&mut self, why: &'static str) {
        self.add(SKIPPED, why, 1);
    }

    pub fn committed(&mut self, took: Duration) {
        self.batch.record(took.as_secs_f64());
        // Histograms keep raw samples until somebody scrapes or this is called.
        self.registry.handle().run_upkeep();
    }

    fn add(&mut self, metric: Metric, value: &'static str, by: u64) {
        self.registry.add(metric, &[Text::new_static(value)], by);
    }
}

fn known_codes() -> impl Iterator<Item = &'static str> {
    codes::ALL.into_iter().chain(meaning::TABLE.iter().map(|(code, _)| *code)).chain([OTHER])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_can_make_a_new_series() {
        let mut meters = Meters::new();
        let before = meters.handle().render().lines().count();
        meters.result(&Answer::unseen(ResultStatus::Failed, "SOMETHING_NEW"));
        meters.result(&Answer::unseen(ResultStatus::Rejected, codes::OWNER_CHANGED));
        let text = meters.handle().render();
        assert_eq!(text.lines().count(), before);
        for line in [
            "bookd_writer_results_total{status=\"failed\"} 1",
            "bookd_writer_codes_total{code=\"other\"} 1",
            "bookd_writer_codes_total{code=\"owner_changed\"} 1",
            "bookd_writer_applying 0",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn the_document_lists_the_table() {
        let document = include_str!("../../docs/crm.md");
        let rows: Vec<&str> = document.lines().filter(|line| line.starts_with("| `bookd_")).collect();
        let row = |metric: &Metric| {
            let labels = metric.labels.join(", ");
            format!("| `{}` | {labels} | {} |", metric.name, metric.help).replace("|  |", "| |")
        };
        assert_eq!(rows, TABLE.iter().map(row).collect::<Vec<_>>());
    }
}
