//! Every metric's name, help and labels, once; and the handles through which the loop writes them.
//!
//! Units are base units, labels come from closed sets alone (topics, codes, kinds, and the policy's own names of
//! roles and sources), so that nobody's input can make a new series.

use std::collections::BTreeMap;
use std::time::Duration;

use ::metrics::{Counter, Gauge, Histogram, Key, KeyName, Label, Level, Metadata, Recorder, SharedString};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use crate::domain::output::{DecisionKind, SeatStatus};
use crate::domain::policy::TIERS;
use crate::domain::{AlertKind, Code, EntryKind, Millis, Text, Topic};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    Counter,
    Gauge,
    /// With these upper bounds.
    Histogram(&'static [u32]),
}

#[derive(Clone, Copy, Debug)]
pub struct Metric {
    pub name: &'static str,
    pub kind: Type,
    pub labels: &'static [&'static str],
    pub help: &'static str,
}

/// In thousandths of a second or in records, per histogram; see [`Metric::bounds`].
const SECONDS_MILLI: &[u32] = &[1, 2, 5, 10, 20, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000];
const RECORDS: &[u32] = &[1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000];

macro_rules! table {
    ($($const:ident $name:literal $kind:expr, [$($label:literal),*], $help:literal;)*) => {
        $(const $const: Metric = Metric { name: $name, kind: $kind, labels: &[$($label),*], help: $help };)*
        /// All of them, in the order in which documents list them.
        pub const TABLE: &[Metric] = &[$($const),*];
    };
}

// The writer has a table of its own.
#[cfg(feature = "writer")]
pub(crate) use table;

table! {
    BUILD "bookd_build_info" Type::Gauge, ["version"], "Always 1; the version that runs.";
    LEADING "bookd_leading" Type::Gauge, [], "1 while this process leads its shard and has recovered.";
    GATE "bookd_gate_open" Type::Gauge, [],
        "1 while the gate is open: intake is complete and decisions are made.";
    SEQUENCE "bookd_journal_sequence" Type::Gauge, [], "Sequence of the last committed journal entry.";
    ENTRIES "bookd_entries_total" Type::Counter, ["kind"], "Journal entries committed by this process.";
    REBUILDS "bookd_rebuilds_total" Type::Counter, [],
        "Times the engine was rebuilt from the journal because a commit failed or was in doubt.";
    SNAPSHOTS "bookd_snapshots_total" Type::Counter, ["result"], "Snapshots written or failed.";
    RECORDS_READ "bookd_records_total" Type::Counter, ["topic"], "Input records read and committed.";
    DUPLICATES "bookd_duplicates_total" Type::Counter, [], "Events that had been seen before and changed nothing.";
    DEAD_LETTERS "bookd_dead_letters_total" Type::Counter, ["topic", "code"],
        "Input records turned away, by topic and reason.";
    LAG "bookd_lag_seconds" Type::Gauge, ["topic"],
        "Age of the newest record read while there are more to read; 0 at the end of the topic.";
    BATCH "bookd_batch_records" Type::Histogram(RECORDS), [], "Input records of one journal entry that has any.";
    COMMIT "bookd_commit_seconds" Type::Histogram(SECONDS_MILLI), [], "Time that committing one journal entry took.";
    LATENCY "bookd_decision_latency_seconds" Type::Histogram(SECONDS_MILLI), [],
        "From the timestamp of an entry's oldest input record to its commit.";
    DECISIONS "bookd_decisions_total" Type::Counter, ["kind", "role"], "Decisions committed, as commands.";
    SHADOWS "bookd_shadow_decisions_total" Type::Counter, ["kind", "role"],
        "Decisions committed in shadow: told, and no commands.";
    ALERTS "bookd_alerts_total" Type::Counter, ["type"], "Alerts committed.";
    ACCOUNTS "bookd_accounts" Type::Gauge, ["role", "status"], "Accounts by where they stand in a role.";
    POOL "bookd_pool_accounts" Type::Gauge, ["role", "band"],
        "Pooled accounts by priority band (0 to 3) as of their last account-state row; those without one yet in none.";
    NBTAM "bookd_nbtam_accounts" Type::Gauge, [],
        "Accounts that match a segment and are in circulation in at least one role.";
    COVERAGE "bookd_coverage_ratio" Type::Gauge, ["days"],
        "Share of the NBTAM with meaningful activity within so many days.";
    BOOK_FILL "bookd_book_fill_ratio" Type::Gauge, ["role"], "Accounts owned by active reps, over their capacity.";
    BOOK_CAPACITY "bookd_book_capacity_accounts" Type::Gauge, ["role"], "Capacity of all active reps.";
    FRONTIER "bookd_frontier_timestamp_seconds" Type::Gauge, ["source"],
        "Up to when a source of activity is known to be read; 0 when nothing is known.";
    SILENT "bookd_source_silent" Type::Gauge, ["source"], "1 while a source says nothing for longer than its cadence.";
    BREAKER "bookd_breaker_tripped" Type::Gauge, ["scope"], "Tripped breakers, by scope.";
    SHADOW "bookd_shadow" Type::Gauge, ["role"], "1 while the role is in shadow: it decides, and commands nothing.";
    PAUSED "bookd_paused" Type::Gauge, ["role"], "1 while somebody holds back what the rules would decide in the role.";
    RATE "bookd_rate_commands" Type::Gauge, [],
        "Commands that any hour may take, of all roles together; 0 while there is no rate.";
    FIGURES "bookd_figures_seconds" Type::Gauge, [],
        "Time that counting accounts, books and coverage took the deciding thread, last time.";
}

pub const COVERAGE_DAYS: [u32; 3] = [30, 60, 90];
pub const BREAKER_SCOPES: [&str; 5] = ["role", "book", "quiet_rep", "departures", "refused"];
const ENTRY_KINDS: [EntryKind; 9] = [
    EntryKind::Batch,
    EntryKind::Policy,
    EntryKind::Gate,
    EntryKind::Checkpoint,
    EntryKind::Rules,
    EntryKind::Undo,
    EntryKind::Partitions,
    EntryKind::Rebase,
    EntryKind::Heartbeat,
];

/// What is counted over all accounts and reps, now and then.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    pub nbtam: u64,
    /// Of the NBTAM, by [`COVERAGE_DAYS`].
    pub covered: [u64; 3],
    pub roles: Vec<RoleFigures>,
    pub sources: Vec<SourceFigures>,
    /// By [`BREAKER_SCOPES`].
    pub tripped: [u64; 5],
    /// Commands in any hour; 0: as many as there are.
    pub rate: u32,
    /// What the counting took.
    pub took: Duration,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RoleFigures {
    pub role: Text,
    /// By [`SeatStatus::ALL`].
    pub statuses: [u64; SeatStatus::ALL.len()],
    /// Pooled ones by band.
    pub bands: [u64; TIERS],
    /// Of active reps.
    pub owned: u64,
    pub capacity: u64,
    pub paused: bool,
    pub shadow: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct SourceFigures {
    pub source: Text,
    pub frontier: Option<Millis>,
    pub silent: bool,
}

/// One committed entry, as the metrics see it.
#[derive(Clone, Debug)]
pub struct Committed {
    pub kind: EntryKind,
    pub sequence: u64,
    pub gate_open: bool,
    pub records: Vec<(Topic, u64)>,
    pub duplicates: u64,
    pub dead_letters: Vec<(Topic, Code)>,
    pub decisions: Vec<(DecisionKind, Text)>,
    pub in_shadow: Vec<(DecisionKind, Text)>,
    pub alerts: Vec<&'static str>,
    pub commit: Duration,
    /// Of the oldest record.
    pub latency: Option<Duration>,
}

/// The series of a table's metrics. Nothing is registered globally: a process may hold several (tests do).
pub struct Registry {
    recorder: PrometheusRecorder,
    counters: BTreeMap<(&'static str, Vec<Text>), Counter>,
    gauges: BTreeMap<(&'static str, Vec<Text>), Gauge>,
}

/// The handles of a leader.
pub struct Meters {
    registry: Registry,
    batch: Histogram,
    commit: Histogram,
    latency: Histogram,
}

impl Metric {
    /// In the metric's own unit.
    fn bounds(&self) -> Vec<f64> {
        let Type::Histogram(bounds) = self.kind else { return Vec::new() };
        let unit = if self.name.ends_with("_seconds") { 1000.0 } else { 1.0 };
        bounds.iter().map(|bound| f64::from(*bound) / unit).collect()
    }

    fn key(&self, values: &[Text]) -> Key {
        let label = |(name, value): (&&'static str, &Text)| Label::new(*name, SharedString::from(value.to_string()));
        Key::from_parts(self.name, self.labels.iter().zip(values).map(label).collect::<Vec<_>>())
    }
}

const METADATA: Metadata<'static> = Metadata::new("bookd", Level::INFO, None);

impl Default for Meters {
    fn default() -> Meters {
        Meters::new()
    }
}

impl Registry {
    pub fn new(table: &[Metric]) -> Registry {
        let with_buckets = |builder: PrometheusBuilder, metric: &Metric| match metric.kind {
            Type::Histogram(_) => builder
                .set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), &metric.bounds())
                .expect("every histogram of the table has bounds"),
            Type::Counter | Type::Gauge => builder,
        };
        let recorder = table.iter().fold(PrometheusBuilder::new(), with_buckets).build_recorder();
        for metric in table {
            let (name, help) = (KeyName::from(metric.name), SharedString::const_str(metric.help));
            match metric.kind {
                Type::Counter => recorder.describe_counter(name, None, help),
                Type::Gauge => recorder.describe_gauge(name, None, help),
                Type::Histogram(_) => recorder.describe_histogram(name, None, help),
            }
        }
        Registry { recorder, counters: BTreeMap::new(), gauges: BTreeMap::new() }
    }

    /// What `/metrics` answers from.
    pub fn handle(&self) -> PrometheusHandle {
        self.recorder.handle()
    }

    pub fn histogram(&self, metric: Metric) -> Histogram {
        self.recorder.register_histogram(&metric.key(&[]), &METADATA)
    }

    /// Values of the labels stand in the table's order.
    pub fn add(&mut self, metric: Metric, values: &[Text], by: u64) {
        let Registry { recorder, counters, .. } = self;
        let counter = counters
            .entry((metric.name, values.to_vec()))
            .or_insert_with(|| recorder.register_counter(&metric.key(values), &METADATA));
        counter.increment(by);
    }

    pub fn set(&mut self, metric: Metric, values: &[Text], value: f64) {
        let Registry { recorder, gauges, .. } = self;
        let gauge = gauges
            .entry((metric.name, values.to_vec()))
            .or_insert_with(|| recorder.register_gauge(&metric.key(values), &METADATA));
        gauge.set(value);
    }
}

impl Meters {
    pub fn new() -> Meters {
        let registry = Registry::new(TABLE);
        let [batch, commit, latency] = [BATCH, COMMIT, LATENCY].map(|metric| registry.histogram(metric));
        let mut meters = Meters { registry, batch, commit, latency };
        meters.begin_at_zero();
        meters
    }

    /// What `/metrics` answers from.
    pub fn handle(&self) -> PrometheusHandle {
        self.registry.handle()
    }

    /// A counter that first appears at 1 hides its first increase: those of closed sets begin at 0.
    fn begin_at_zero(&mut self) {
        self.set(BUILD, &[env!("CARGO_PKG_VERSION").into()], 1.0);
        for gauge in [LEADING, GATE, SEQUENCE, NBTAM, RATE, FIGURES] {
            self.set(gauge, &[], 0.0);
        }
        self.add(REBUILDS, &[], 0);
        self.add(DUPLICATES, &[], 0);
        for kind in ENTRY_KINDS {
            self.add(ENTRIES, &[kind.name().into()], 0);
        }
        for result in ["written", "failed"] {
            self.add(SNAPSHOTS, &[result.into()], 0);
        }
        for alert in AlertKind::NAMES {
            self.add(ALERTS, &[alert.into()], 0);
        }
        for topic in Topic::INPUTS {
            self.set(LAG, &[topic.name().into()], 0.0);
            self.add(RECORDS_READ, &[topic.name().into()], 0);
            for code in Code::ALL {
                self.add(DEAD_LETTERS, &[topic.name().into(), code.text().into()], 0);
            }
        }
    }

    /// The policy's roles: their decisions begin at 0 too.
    pub fn begin_roles(&mut self, roles: impl Iterator<Item = Text>) {
        for role in roles {
            for kind in DecisionKind::ALL {
                self.add(DECISIONS, &[kind.name().into(), role.clone()], 0);
                self.add(SHADOWS, &[kind.name().into(), role.clone()], 0);
            }
        }
    }

    pub fn leading(&mut self, leads: bool) {
        self.set(LEADING, &[], f64::from(u8::from(leads)));
    }

    pub fn rebuilt(&mut self) {
        self.add(REBUILDS, &[], 1);
    }

    pub fn snapshot(&mut self, written: bool) {
        self.add(SNAPSHOTS, &[if written { "written" } else { "failed" }.into()], 1);
    }

    pub fn lag(&mut self, topic: Topic, seconds: f64) {
        self.set(LAG, &[topic.name().into()], seconds);
    }

    pub fn committed(&mut self, entry: &Committed) {
        self.add(ENTRIES, &[entry.kind.name().into()], 1);
        self.set(SEQUENCE, &[], entry.sequence as f64);
        self.set(GATE, &[], f64::from(u8::from(entry.gate_open)));
        self.add(DUPLICATES, &[], entry.duplicates);
        for (topic, records) in &entry.records {
            self.add(RECORDS_READ, &[topic.name().into()], *records);
        }
        for (topic, code) in &entry.dead_letters {
            self.add(DEAD_LETTERS, &[topic.name().into(), code.text().into()], 1);
        }
        for (kind, role) in &entry.decisions {
            self.add(DECISIONS, &[kind.name().into(), role.clone()], 1);
        }
        for (kind, role) in &entry.in_shadow {
            self.add(SHADOWS, &[kind.name().into(), role.clone()], 1);
        }
        for alert in &entry.alerts {
            self.add(ALERTS, &[(*alert).into()], 1);
        }
        self.commit.record(entry.commit.as_secs_f64());
        let records: u64 = entry.records.iter().map(|(_, records)| records).sum();
        if records > 0 {
            self.batch.record(records as f64);
        }
        if let Some(latency) = entry.latency {
            self.latency.record(latency.as_secs_f64());
        }
    }

    pub fn figures(&mut self, figures: &Figures) {
        self.set(NBTAM, &[], figures.nbtam as f64);
        for (days, covered) in COVERAGE_DAYS.iter().zip(figures.covered) {
            self.set(COVERAGE, &[days.to_string().into()], ratio(covered, figures.nbtam));
        }
        for role in &figures.roles {
            for (status, count) in SeatStatus::ALL.iter().zip(role.statuses) {
                self.set(ACCOUNTS, &[role.role.clone(), status.name().into()], count as f64);
            }
            for (band, count) in role.bands.iter().enumerate() {
                self.set(POOL, &[role.role.clone(), band.to_string().into()], *count as f64);
            }
            self.set(BOOK_FILL, std::slice::from_ref(&role.role), ratio(role.owned, role.capacity));
            self.set(BOOK_CAPACITY, std::slice::from_ref(&role.role), role.capacity as f64);
            self.set(SHADOW, std::slice::from_ref(&role.role), f64::from(u8::from(role.shadow)));
            self.set(PAUSED, std::slice::from_ref(&role.role), f64::from(u8::from(role.paused)));
        }
        for source in &figures.sources {
            let seconds = source.frontier.map_or(0.0, |frontier| frontier.0 as f64 / 1000.0);
            self.set(FRONTIER, std::slice::from_ref(&source.source), seconds);
            self.set(SILENT, std::slice::from_ref(&source.source), f64::from(u8::from(source.silent)));
        }
        for (scope, count) in BREAKER_SCOPES.iter().zip(figures.tripped) {
            self.set(BREAKER, &[(*scope).into()], count as f64);
        }
        self.set(RATE, &[], f64::from(figures.rate));
        self.set(FIGURES, &[], figures.took.as_secs_f64());
        // Histograms keep raw samples until somebody scrapes or this is called.
        self.registry.handle().run_upkeep();
    }

    fn add(&mut self, metric: Metric, values: &[Text], by: u64) {
        self.registry.add(metric, values, by);
    }

    fn set(&mut self, metric: Metric, values: &[Text], value: f64) {
        self.registry.set(metric, values, value);
    }
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rules_and_no_label_is_open() {
        for metric in TABLE {
            assert!(metric.name.starts_with("bookd_"), "{}", metric.name);
            assert_eq!(metric.kind == Type::Counter, metric.name.ends_with("_total"), "{}", metric.name);
            assert!(metric.help.ends_with('.'), "{}", metric.name);
            for label in metric.labels {
                let closed = [
                    "version", "kind", "result", "topic", "code", "role", "type", "status", "band", "days", "source",
                    "scope",
                ];
                assert!(closed.contains(label), "{label}");
            }
        }
    }

    #[test]
    fn histograms_have_their_buckets_and_counters_begin_at_zero() {
        let mut meters = Meters::new();
        let entry = Committed {
            kind: EntryKind::Batch,
            sequence: 7,
            gate_open: true,
            records: vec![(Topic::Intent, 3)],
            duplicates: 1,
            dead_letters: vec![(Topic::Intent, Code::Malformed)],
            decisions: vec![(DecisionKind::Distribution, "sdr".into())],
            in_shadow: Vec::new(),
            alerts: vec!["orphan"],
            commit: Duration::from_millis(3),
            latency: None,
        };
        meters.committed(&entry);
        let text = meters.handle().render();
        for line in [
            "bookd_commit_seconds_bucket{le=\"0.005\"} 1",
            "bookd_batch_records_bucket{le=\"2\"} 0",
            "bookd_dead_letters_total{topic=\"intent\",code=\"malformed\"} 1",
            "bookd_dead_letters_total{topic=\"accounts\",code=\"malformed\"} 0",
            "bookd_journal_sequence 7",
            "bookd_alerts_total{type=\"orphan\"} 1",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
