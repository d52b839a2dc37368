//! §6: how far the activity feeds reach, and their silence.

use bookd::domain::Secs;
use bookd::domain::output::AlertKind;

use super::Twin;

impl Twin {
    pub(super) fn look_at_sources(&mut self) {
        for source in &self.policy().sources {
            let silent = self.now > self.silent_after(&source.name, source.cadence_s);
            let row = self.sources.get_mut(&source.name).expect("every source of the policy has a row");
            if std::mem::replace(&mut row.silent, silent) == silent {
                continue;
            }
            let (source, latest) = (source.name.clone(), row.latest);
            self.alert(match silent {
                true => AlertKind::SourceSilent { source, latest },
                false => AlertKind::SourceBack { source },
            });
        }
    }

    fn silent_after(&self, source: &str, cadence_s: u32) -> Secs {
        self.sources[source].latest.max(self.opened).expect("the gate is open").plus(cadence_s)
    }

    /// The first instants at which sources are silent, unless an event comes.
    pub(super) fn silences(&self) -> Vec<Secs> {
        let policy = self.policy();
        policy.sources.iter().map(|source| self.silent_after(&source.name, source.cadence_s).plus(1)).collect()
    }

    /// How far a source's events are known to have been read; `None`: not at all.
    fn reach(&self, source: &str, lateness_s: u32) -> Option<Secs> {
        let row = &self.sources[source];
        let latest = row.latest?;
        let ends: Option<Vec<Secs>> = (0..self.partitions).map(|p| self.ends_passed.get(&p).copied()).collect();
        let oldest_end = ends.and_then(|ends| ends.into_iter().min());
        let live = oldest_end.map(|end| latest.min(self.now).min(end));
        row.complete.max(live).map(|reach| reach.minus(lateness_s))
    }

    /// Whether a loss promised for `promised` can be judged in this book.
    pub(super) fn can_judge(&self, book: usize, promised: Secs) -> bool {
        let policy = self.policy();
        policy.books[book].sources.iter().map(|source| &policy.sources[usize::from(*source)]).all(|source| {
            let reached = self.reach(&source.name, source.lateness_s).is_some_and(|reach| promised <= reach);
            reached && !self.sources[&source.name].silent
        })
    }
}
