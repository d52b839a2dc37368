//! The stream of decisions as it goes by, and the story that is told of it at the end.

use std::io::IsTerminal;
use std::time::Duration;

use crate::cli::generate::Silence;
use crate::domain::output::{Decision, DecisionKind, Why};
use crate::domain::time::{DAY, MINUTE};
use crate::domain::{Alert, AlertKind, Millis, Output, Secs, Text};
use crate::run::replay::Summary;
use crate::run::replica::Made;
use crate::wire::instant::Readable;
use crate::wire::text;

/// The first decisions are all shown, then so many a day.
const SHOWN_AT_FIRST: usize = 25;
const SHOWN_A_DAY: usize = 3;
/// Between two days, for people to read; the whole quarter takes about ten seconds.
const PACE: Duration = Duration::from_millis(110);
/// The feed of the story that falls silent.
const SILENT_SOURCE: &str = "sales-engagement";

pub struct Story {
    paced: bool,
    decisions: Vec<Decision>,
    alerts: Vec<Alert>,
    summary: Option<Summary>,
    day: Option<u32>,
    shown_today: usize,
    shown: usize,
}

impl Story {
    pub fn new(paced: bool) -> Story {
        Story {
            paced: paced && std::io::stdout().is_terminal(),
            decisions: Vec::new(),
            alerts: Vec::new(),
            summary: None,
            day: None,
            shown_today: 0,
            shown: 0,
        }
    }

    pub fn watch(&mut self, made: &Made) {
        for output in &made.outputs {
            match output {
                Output::Decision(decision) => {
                    self.show(decision);
                    self.decisions.push((**decision).clone());
                }
                Output::Alert(alert) => self.alerts.push((**alert).clone()),
                Output::AccountState(_) | Output::DeadLetter { .. } => {}
            }
        }
    }

    fn show(&mut self, decision: &Decision) {
        let day = decision.issued_at.utc_day();
        if self.day != Some(day) {
            if self.paced && self.day.is_some() {
                std::thread::sleep(PACE);
            }
            self.day = Some(day);
            self.shown_today = 0;
        }
        if self.shown < SHOWN_AT_FIRST || self.shown_today < SHOWN_A_DAY {
            self.shown += 1;
            self.shown_today += 1;
            outln!("{}  {}", Readable(decision.issued_at), text::decision(decision));
        }
    }

    pub fn end(&mut self, summary: Summary) {
        self.summary = Some(summary);
    }

    pub fn summary(&self) -> Option<&Summary> {
        self.summary.as_ref()
    }

    pub fn tell(&self, silence: Silence, start: Millis) {
        outln!("\n== What happened ==");
        self.tell_surge();
        self.tell_cold();
        self.tell_silence(silence, start);
    }

    /// The hottest account that was distributed within minutes of the signal that made it so.
    pub fn surge(&self) -> Option<&Decision> {
        let fresh = |decision: &&Decision| {
            decision.kind == DecisionKind::Distribution
                && decision.top_signals.first().is_some_and(|top| decision.issued_at.since(top.at) <= 5 * MINUTE)
        };
        self.decisions.iter().filter(fresh).max_by_key(|decision| (decision.timing, decision.issued_at))
    }

    fn tell_surge(&self) {
        let Some(decision) = self.surge() else { return };
        let top = &decision.top_signals[0];
        outln!("\nAn account surged and landed in a book.");
        outln!(
            "  {}  {} on {}: {} ({})",
            Readable(top.at),
            top.class.name(),
            decision.account,
            top.kind,
            subject(&top.subject)
        );
        outln!("  {}  {}", Readable(decision.issued_at), text::decision(decision));
    }

    /// An account that was taken on the minute it had been promised, having been warned.
    fn tell_cold(&self) {
        let mut on_time = self.decisions.iter().filter_map(|decision| match &decision.why {
            Why::Idle { promised, warned_at: Some(warned_at), .. } if decision.issued_at.since(*promised) <= MINUTE => {
                Some((decision, *warned_at))
            }
            _ => None,
        });
        let Some((decision, warned_at)) = on_time.next_back() else { return };
        outln!("\nAn account went cold, on the minute that its owner had been warned of.");
        let is_warning = |alert: &&Alert| {
            alert.at == warned_at
                && matches!(&alert.kind, AlertKind::AtRisk { account, role, .. }
                    if *account == decision.account && *role == decision.role)
        };
        if let Some(alert) = self.alerts.iter().find(is_warning) {
            outln!("  {}  {}", Readable(alert.at), text::alert(alert));
        }
        outln!("  {}  {}", Readable(decision.issued_at), text::decision(decision));
    }

    fn tell_silence(&self, silence: Silence, start: Millis) {
        outln!("\nThe sales-engagement connector delivered nothing for {} days.", silence.days);
        let begins = start.secs().plus(silence.from_day * DAY);
        let of_source = |alert: &&Alert| match &alert.kind {
            AlertKind::SourceSilent { source, .. } | AlertKind::SourceBack { source } => &**source == SILENT_SOURCE,
            _ => false,
        };
        let silent = self
            .alerts
            .iter()
            .filter(of_source)
            .find(|alert| alert.at >= begins && matches!(alert.kind, AlertKind::SourceSilent { .. }));
        let Some(silent) = silent else { return outln!("  It was not noticed.") };
        outln!("  {}  {}", Readable(silent.at), text::alert(silent));
        let back = self.alerts.iter().filter(of_source).find(|alert| alert.at > silent.at);
        let until = back.map_or(Secs::NEVER, |alert| alert.at);
        let within = |at: Secs| at > silent.at && at < until;
        let of_kind = |kind| self.decisions.iter().filter(|each| each.kind == kind && within(each.issued_at)).count();
        let promised = self.alerts.iter().filter(|alert| match alert.kind {
            AlertKind::AtRisk { promised, .. } => within(promised),
            _ => false,
        });
        outln!(
            "  meanwhile: losses fallen due {}, accounts taken {}, distributed {}",
            promised.count(),
            of_kind(DecisionKind::Retrieval),
            of_kind(DecisionKind::Distribution)
        );
        if let Some(back) = back {
            outln!("  {}  {}", Readable(back.at), text::alert(back));
        }
    }
}

fn subject(subject: &Option<Text>) -> &str {
    subject.as_deref().unwrap_or("no subject")
}
