//! How far the activity topic has been read, as instants: its ends are sampled with the time, and when reading
//! has passed a sampled end, everything that stood in that partition at that time is known.
//!
//! A busy partition is never exactly at its end; a sampled end it passes all the same. One sample a partition is
//! out at a time, so the frontier lags by the reading's lag and a second.

use std::collections::BTreeMap;

use super::positions::Positions;
use crate::domain::input::Frontier;
use crate::domain::{Millis, Secs, Topic};
use crate::engine::state::State;
use crate::log::Place;

#[derive(Debug, Default)]
pub struct Samples {
    /// Not passed yet.
    out: BTreeMap<u32, (Millis, u64)>,
    /// Passed, and not journalled yet.
    passed: BTreeMap<u32, Millis>,
}

impl Samples {
    /// Takes in the ends of all input partitions as they were at `at`.
    pub fn sample(&mut self, at: Millis, ends: &[Place], positions: &Positions) {
        for place in ends.iter().filter(|place| place.topic == Topic::Activity) {
            if positions.has_reached(place) {
                self.out.remove(&place.partition);
                self.passed.insert(place.partition, at);
            } else {
                self.out.entry(place.partition).or_insert((at, place.next));
            }
        }
    }

    /// Looks which sampled ends reading has passed by now.
    pub fn pass(&mut self, positions: &Positions) {
        let passed = &mut self.passed;
        self.out.retain(|partition, (at, next)| {
            let place = Place { topic: Topic::Activity, partition: *partition, next: *next };
            let done = positions.has_reached(&place);
            if done {
                passed.insert(*partition, *at);
            }
            !done
        });
    }

    /// What to journal, where it moves something: losses wait for the oldest of the partitions' instants, and
    /// for nothing later than the latest event of a source.
    pub fn take(&mut self, state: &State) -> Vec<Frontier> {
        if !self.moves_something(state) {
            return Vec::new();
        }
        let newer = |(partition, at): (u32, Millis)| {
            let known = state.ends_passed.get(&partition).copied();
            (known < Some(at.secs())).then_some(Frontier::EndPassed { partition, at })
        };
        std::mem::take(&mut self.passed).into_iter().filter_map(newer).collect()
    }

    fn moves_something(&self, state: &State) -> bool {
        let known = |partition: u32| state.ends_passed.get(&partition).copied();
        let oldest = |end: &dyn Fn(u32) -> Option<Secs>| (0..state.partitions).map(end).min().flatten();
        let before = oldest(&known);
        let after = oldest(&|partition| known(partition).max(self.passed.get(&partition).map(|at| at.secs())));
        let latest = state.sources.iter().filter_map(|source| source.latest).max();
        after > before && latest > before
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::Id128;
    use crate::domain::time::EPOCH_MS;
    use crate::engine::state::SourceState;

    fn at(second: i64) -> Millis {
        Millis(EPOCH_MS + second * 1000)
    }

    fn ends(next: &[u64]) -> Vec<Place> {
        let place = |(partition, next): (usize, &u64)| Place {
            topic: Topic::Activity,
            partition: partition as u32,
            next: *next,
        };
        next.iter().enumerate().map(place).collect()
    }

    fn positions(next: &[u64]) -> Positions {
        let rows: Vec<_> = ends(next).iter().map(|place| (place.topic, place.partition, place.next)).collect();
        Positions::from_rows(&rows)
    }

    fn state(partitions: u32, latest: u32) -> State {
        let mut state = State::new(Id128(0), 0);
        state.partitions = partitions;
        let latest = Some(Secs(latest));
        state.sources.push(SourceState { name: "crm".into(), latest, complete: None, silent: false });
        state
    }

    #[test]
    fn a_busy_partition_passes_its_sampled_ends_and_a_slow_one_holds_back() {
        let mut samples = Samples::default();
        samples.sample(at(10), &ends(&[5, 7]), &positions(&[4, 7]));
        assert!(samples.take(&state(2, 100)).is_empty(), "partition 0 holds back");
        samples.sample(at(11), &ends(&[9, 7]), &positions(&[4, 7]));
        samples.pass(&positions(&[6, 7]));
        let expected =
            [Frontier::EndPassed { partition: 0, at: at(10) }, Frontier::EndPassed { partition: 1, at: at(11) }];
        assert_eq!(samples.take(&state(2, 100)), expected);
        assert!(samples.take(&state(2, 100)).is_empty(), "once");
    }

    #[test]
    fn nothing_is_journalled_that_moves_nothing() {
        let mut samples = Samples::default();
        let mut state = state(1, 50);
        state.ends_passed.insert(0, Secs(60));
        samples.sample(at(70), &ends(&[5]), &positions(&[5]));
        assert!(samples.take(&state).is_empty(), "no event since is waited for");
        state.sources[0].latest = Some(Secs(65));
        assert_eq!(samples.take(&state), [Frontier::EndPassed { partition: 0, at: at(70) }]);
    }
}
