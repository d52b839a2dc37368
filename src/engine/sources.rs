//! How far activity feeds are known to reach, and which of them are silent. `docs/rules.md`, 6.

use crate::domain::Secs;
use crate::domain::input::Frontier;
use crate::domain::output::AlertKind;

use super::Engine;

impl Engine {
    pub(super) fn move_frontier(&mut self, frontier: &Frontier) {
        match frontier {
            Frontier::Partitions { count } => self.state.partitions = *count,
            Frontier::EndPassed { partition, at } => {
                let passed = self.state.ends_passed.entry(*partition).or_insert(Secs::ZERO);
                *passed = (*passed).max(at.secs());
            }
            Frontier::Complete { source, until } => {
                let index = self.state.policy.as_ref().and_then(|policy| policy.source_index(source));
                if let Some(index) = index {
                    let source = &mut self.state.sources[usize::from(index)];
                    source.complete = source.complete.max(Some(until.secs()));
                }
            }
        }
    }

    /// Up to when the source's events are known to have been read; `None`: never seen, or nothing known.
    pub fn reach(&self, source: u16) -> Option<Secs> {
        self.reach_by(source, self.oldest_end())
    }

    pub(super) fn reach_by(&self, source: u16, oldest_end: Option<Secs>) -> Option<Secs> {
        let row = &self.state.sources[usize::from(source)];
        let latest = row.latest?;
        let live = oldest_end.map(|end| latest.min(self.state.now).min(end));
        let lateness_s = self.rules().sources[usize::from(source)].lateness_s;
        row.complete.max(live).map(|reach| reach.minus(lateness_s))
    }

    /// The oldest of the instants whose end reading has passed, where every partition has one.
    pub(super) fn oldest_end(&self) -> Option<Secs> {
        let ends = self.state.ends_passed.range(..self.state.partitions).map(|(_, at)| *at);
        let (known, oldest) =
            ends.fold((0, None), |(known, oldest), at| (known + 1, at.min(oldest.unwrap_or(at)).into()));
        oldest.filter(|_| known == self.state.partitions)
    }

    fn silent_from(&self, source: usize) -> Secs {
        let heard = self.state.sources[source].latest.max(self.state.opened).unwrap_or(Secs::ZERO);
        heard.plus(self.rules().sources[source].cadence_s)
    }

    /// Sources that fell silent or speak again.
    pub(super) fn look_at_sources(&mut self) {
        for index in 0..self.state.sources.len() {
            let silent = self.state.now > self.silent_from(index);
            let source = &mut self.state.sources[index];
            if source.silent != silent {
                source.silent = silent;
                let (source, latest) = (source.name.clone(), source.latest);
                self.alert(if silent {
                    AlertKind::SourceSilent { source, latest }
                } else {
                    AlertKind::SourceBack { source }
                });
            }
        }
    }

    /// When the next source falls silent if it goes on saying nothing.
    pub(super) fn next_silence(&self) -> Option<Secs> {
        let speaking = (0..self.state.sources.len()).filter(|index| !self.state.sources[*index].silent);
        speaking.map(|index| self.silent_from(index).plus(1)).min()
    }
}
