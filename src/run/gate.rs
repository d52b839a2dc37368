//! The gate's keeper: when intake has caught up with what was there when the gate closed.

use std::collections::BTreeMap;

use super::positions::Positions;
use crate::domain::Topic;
use crate::log::Place;

/// Ends of input partitions that reading hasn't reached yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Catching {
    pending: BTreeMap<(Topic, u32), u64>,
}

impl Catching {
    /// `ends`: of every input partition, sampled when the gate closed.
    pub fn up(ends: &[Place]) -> Catching {
        Catching { pending: ends.iter().map(|place| ((place.topic, place.partition), place.next)).collect() }
    }

    /// Whether all of them have been reached; what was reached once stays so.
    pub fn is_done(&mut self, positions: &Positions) -> bool {
        self.pending.retain(|(topic, partition), next| {
            let place = Place { topic: *topic, partition: *partition, next: *next };
            !positions.has_reached(&place)
        });
        self.pending.is_empty()
    }

    /// A later sample may say that an end was nearer than it looked: Kafka counts markers of transactions until
    /// it was read up to them.
    pub fn correct(&mut self, ends: &[Place]) {
        for place in ends {
            if let Some(next) = self.pending.get_mut(&(place.topic, place.partition)) {
                *next = place.next.min(*next);
            }
        }
    }

    /// What is waited for, for people.
    pub fn waits_for(&self) -> Vec<String> {
        self.pending.keys().map(|(topic, partition)| format!("{}-{partition}", topic.name())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(topic: Topic, next: u64) -> Place {
        Place { topic, partition: 0, next }
    }

    #[test]
    fn it_is_done_when_every_end_was_reached_once() {
        let mut catching = Catching::up(&[end(Topic::Reps, 0), end(Topic::Intent, 10), end(Topic::Inbound, 4)]);
        assert!(!catching.is_done(&Positions::default()));
        assert!(!catching.is_done(&Positions::from_rows(&[(Topic::Intent, 0, 12)])));
        assert_eq!(catching.waits_for(), ["inbound-0"]);
        catching.correct(&[end(Topic::Intent, 90), end(Topic::Inbound, 3)]);
        assert!(catching.is_done(&Positions::from_rows(&[(Topic::Inbound, 0, 3)])), "reached once, and corrected");
    }
}
