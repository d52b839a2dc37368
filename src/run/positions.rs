//! Where reading of each input partition goes on: the fold of all spans in the journal, and nothing else.

use std::collections::BTreeMap;

use super::error::Broken;
use crate::domain::{Span, Topic};
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

    /// Takes an entry's spans in. Those of one partition must follow each other without a gap.
    pub fn fold(&mut self, spans: &[Span]) -> Result<(), Broken> {
        for span in spans {
            let (topic, partition) = (span.topic, span.partition);
            let expected = self.get(topic, partition).unwrap_or(span.from);
            if span.from != expected || span.next < span.from {
                return Err(Broken::Span { topic, partition, expected, found: span.from });
            }
            self.0.insert((topic, partition), span.next);
        }
        Ok(())
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
        positions.fold(&[span(0, 5, 9), span(1, 0, 2)]).unwrap();
        positions.fold(&[span(0, 9, 12)]).unwrap();
        assert_eq!(positions.get(Topic::Intent, 0), Some(12));
        assert_eq!(Positions::from_rows(&positions.rows()), positions);
        let gap = Broken::Span { topic: Topic::Intent, partition: 1, expected: 2, found: 3 };
        assert_eq!(positions.fold(&[span(1, 3, 4)]), Err(gap));
        assert!(positions.clone().fold(&[span(0, 12, 11)]).is_err(), "backwards");
    }
}
