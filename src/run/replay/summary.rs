//! What a replay came to, in figures that people read at its end.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::domain::ids::Id128;
use crate::domain::{Code, DecisionKind, Disposition, Millis, Output, Text, Topic};
use crate::run::intake::{Batch, Dead};
use crate::run::replica::Made;
use crate::wire::instant::Rfc3339;
use crate::wire::text;

/// Trips shown; a policy that trips more often wants looking at anyway.
const MAX_TRIPS_SHOWN: usize = 20;

#[derive(Clone, Debug)]
pub struct Summary {
    pub journal: Id128,
    pub entries: u64,
    pub records: u64,
    pub duplicates: u64,
    pub decisions: BTreeMap<(Text, DecisionKind), u64>,
    pub in_shadow: BTreeMap<(Text, DecisionKind), u64>,
    pub alerts: BTreeMap<&'static str, u64>,
    pub dead: BTreeMap<(Topic, Code), u64>,
    /// When a breaker stopped losses, as sentences.
    pub trips: Vec<String>,
    /// Time as it was replayed.
    pub from: Option<Millis>,
    pub to: Millis,
    pub took: Duration,
}

impl Summary {
    pub fn new(journal: Id128) -> Summary {
        Summary {
            journal,
            entries: 0,
            records: 0,
            duplicates: 0,
            decisions: BTreeMap::new(),
            in_shadow: BTreeMap::new(),
            alerts: BTreeMap::new(),
            dead: BTreeMap::new(),
            trips: Vec::new(),
            from: None,
            to: Millis(0),
            took: Duration::ZERO,
        }
    }

    pub fn count(&mut self, batch: &Batch, made: &Made, dead: &[Dead]) {
        self.entries += 1;
        self.records += batch.records.len() as u64;
        self.duplicates += u64::from(made.tally.duplicates);
        self.from.get_or_insert(made.entry.now);
        self.to = made.entry.now;
        for letter in dead {
            *self.dead.entry((batch.records[letter.record].topic, letter.code)).or_default() += 1;
        }
        for output in &made.outputs {
            match output {
                Output::Decision(decision) => {
                    let counts = match decision.disposition {
                        Disposition::Shadow => &mut self.in_shadow,
                        Disposition::Command | Disposition::Held => &mut self.decisions,
                    };
                    *counts.entry((decision.role.clone(), decision.kind)).or_default() += 1;
                }
                Output::Alert(alert) => {
                    *self.alerts.entry(alert.kind.name()).or_default() += 1;
                    if alert.kind.name() == "breaker_tripped" {
                        self.trips.push(format!("{}  {}", Rfc3339(alert.at.millis()), text::alert(alert)));
                    }
                }
                Output::AccountState(_) | Output::DeadLetter { .. } => {}
            }
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let from = self.from.unwrap_or(self.to);
        writeln!(f, "replayed {} to {} in {:.1} s", Rfc3339(from), Rfc3339(self.to), self.took.as_secs_f64())?;
        writeln!(f, "  {:>9} journal entries (journal {})", self.entries, self.journal)?;
        writeln!(f, "  {:>9} records, {} of them duplicates", self.records, self.duplicates)?;
        for ((role, kind), count) in &self.decisions {
            writeln!(f, "  {count:>9} {} ({role})", kind.name())?;
        }
        for ((role, kind), count) in &self.in_shadow {
            writeln!(f, "  {count:>9} {} ({role}, in shadow)", kind.name())?;
        }
        for (kind, count) in &self.alerts {
            writeln!(f, "  {count:>9} {}: {kind}", counted(*count, "alert", "alerts"))?;
        }
        for ((topic, code), count) in &self.dead {
            let letters = counted(*count, "dead letter", "dead letters");
            writeln!(f, "  {count:>9} {letters}: {} {}", topic.name(), code.text())?;
        }
        for trip in self.trips.iter().take(MAX_TRIPS_SHOWN) {
            writeln!(f, "  {trip}")?;
        }
        if self.trips.len() > MAX_TRIPS_SHOWN {
            writeln!(f, "  and {} more trips of a breaker", self.trips.len() - MAX_TRIPS_SHOWN)?;
        }
        Ok(())
    }
}

fn counted(count: u64, one: &'static str, many: &'static str) -> &'static str {
    if count == 1 { one } else { many }
}
