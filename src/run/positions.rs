//! Where reading of each input partition goes on: the fold of all spans in the journal, and nothing else.

use std::collections::BTreeMap;

use super::error::Broken;
use crate::domain::{EntryKind, Span, Topic};
use crate::log::Place;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Positions(BTreeMap<(Topic, u32), u64>);

impl Positions {
    /// From a snapshot's header.
    pub fn from_rows(rows: &[(Topic, u32, u64)]) -> Positions {
        Positions(rows.iter().map(|(topic, partition, next)| ((*topic, *partition), *next)).collect())
    }

    pub fn rows(&self) -> Vec<(Topic, u32, u64)> {
        self.0.iter().map(|((topic, partition), next)| (*topic, *partition, *next)).collect()
    }

    pub fn places(&self) -> Vec<Place> {
        let place = |((topic, partition), next): (&(Topic, u32), &u64)| Place {
            topic: *topic,
            partition: *partition,
            next: *next,
        };
        self.0.iter().map(place).collect()
    }

    /// `None`: nothing was ever read of it.
    pub fn get(&self, topic: Topic, partition: u32) -> Option<u64> {
        self.0.get(&(topic, partition)).copied()
    }

    /// Whether everything before `end` has been read.
    pub fn has_reached(&self, place: &Place) -> bool {
        self.get(place.topic, place.partition).unwrap_or(0) >= place.next
    }

    /// Takes an entry's spans in. Those of one partition must follow each other without a gap. The one way back
    /// is a `rebase` entry's span from where reading had got to, to 0: as if nothing had been read.
    pub fn fold(&mut self, kind: EntryKind, spans: &[Span]) -> Result<(), Broken> {
        for span in spans {
            let (topic, partition) = (span.topic, span.partition);
            let expected = self.get(topic, partition).unwrap_or(span.from);
            let goes_back = kind == EntryKind::Rebase && span.next == 0;
            if span.from != expected || (span.next < span.from && !goes_back) {
                return Err(Broken::Span { topic, partition, expected, found: span.from });
            }
            if goes_back {
                self.0.remove(&(topic, partition));
            } else {
                self.0.insert((topic, partition), span.next);
            }
        }
        Ok(())
    }

    /// The spans that take these topics back to their beginning.
    pub fn back(&self, topics: &[Topic]) -> Vec<Span> {
        let read = self.0.iter().filter(|((topic, _), _)| topics.contains(topic));
        let back = |((topic, partition), from): (&(Topic, u32), &u64)| Span {
            topic: *topic,
            partition: *partition,
            from: *from,
            next: 0,
            read: 0,
            rejected: 0,
        };
        read.map(back).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(partition: u32, from: u64, next: u64) -> Span {
        Span { topic: Topic::Intent, partition, from, next, read: 1, rejected: 0 }
    }

    #[test]
    fn spans_follow_each_other_without_a_gap() {
        let mut positions = Positions::default();
        positions.fold(EntryKind::Batch, &[span(0, 5, 9), span(1, 0, 2)]).unwrap();
        positions.fold(EntryKind::Batch, &[span(0, 9, 12)]).unwrap();
        assert_eq!(positions.get(Topic::Intent, 0), Some(12));
        assert_eq!(Positions::from_rows(&positions.rows()), positions);
        let gap = Broken::Span { topic: Topic::Intent, partition: 1, expected: 2, found: 3 };
        assert_eq!(positions.fold(EntryKind::Batch, &[span(1, 3, 4)]), Err(gap));
        assert!(positions.clone().fold(EntryKind::Batch, &[span(0, 12, 11)]).is_err(), "backwards");
    }
    #[test]
    fn only_a_rebase_goes_back_and_only_to_the_beginning() {
        let mut positions = Positions::default();
        positions.fold(EntryKind::Batch, &[span(0, 5, 9), span(1, 0, 2)]).unwrap();
        let back = positions.back(&[Topic::Intent]);
        assert_eq!(back.iter().map(|span| (span.from, span.next)).collect::<Vec<_>>(), [(9, 0), (2, 0)]);
        assert!(positions.back(&[Topic::Reps]).is_empty());
        assert!(positions.clone().fold(EntryKind::Batch, &back).is_err());
        assert!(positions.clone().fold(EntryKind::Rebase, &[span(0, 9, 3)]).is_err(), "somewhere in between");
        assert!(positions.clone().fold(EntryKind::Rebase, &[span(0, 8, 0)]).is_err(), "from where nobody stood");
        positions.fold(EntryKind::Rebase, &back).unwrap();
        assert_eq!(positions, Positions::default());
        positions.fold(EntryKind::Batch, &[span(0, 7, 8)]).unwrap();
    }
}
