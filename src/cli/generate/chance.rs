//! Chance from a seed: the same on every machine, whole numbers only.
//!
//! Each part of the story draws from a stream of its own, so that one rep's luck doesn't depend on how many events
//! another made, and the market is the same whoever owns what.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// Certainty, in the unit of [`Chance::hits`].
pub const ALWAYS: u32 = 1_000_000;

/// What is drawn for.
#[derive(Clone, Copy, Debug)]
pub enum Part {
    Companies = 1,
    Team = 2,
    Market = 3,
    Selling = 4,
    Requests = 5,
    Delivery = 6,
}

pub struct Chance(ChaCha8Rng);

impl Chance {
    /// The stream of one part; `number` tells its days, reps or events apart.
    pub fn new(seed: u64, part: Part, number: u32) -> Chance {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream((part as u64) << 32 | u64::from(number));
        Chance(rng)
    }

    /// 0 to `bound` − 1; 0 where `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.0.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// Both ends included.
    pub fn between(&mut self, low: u32, high: u32) -> u32 {
        low + self.below(u64::from(high.saturating_sub(low)) + 1) as u32
    }

    pub fn between_ms(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low).max(0) as u64 + 1) as i64
    }

    /// True so many times in a million.
    pub fn hits(&mut self, ppm: u32) -> bool {
        self.below(u64::from(ALWAYS)) < u64::from(ppm)
    }

    pub fn percent(&mut self, percent: u32) -> bool {
        self.hits(percent * 10_000)
    }

    /// A whole number whose mean is `thousandths` / 1000.
    pub fn round(&mut self, thousandths: u64) -> u64 {
        thousandths / 1000 + u64::from(self.below(1000) < thousandths % 1000)
    }

    /// One of a list that isn't empty.
    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len() as u64) as usize]
    }

    /// One of a table that isn't empty, by weight.
    pub fn weighted<T: Copy>(&mut self, table: &[(u32, T)]) -> T {
        let mut left = self.below(table.iter().map(|(weight, _)| u64::from(*weight)).sum());
        for (weight, value) in table {
            match left.checked_sub(u64::from(*weight)) {
                Some(rest) => left = rest,
                None => return *value,
            }
        }
        table[table.len() - 1].1
    }

    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            list.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}

/// Zipf's law over `count` ranks: few are seen often, most hardly ever.
pub struct Zipf {
    /// Ascending; the weight of a rank is what it adds.
    sums: Vec<u64>,
}

impl Zipf {
    /// Ranks that share the head: without it the first account would get a tenth of everything.
    const FLAT: u64 = 12;
    const UNIT: u64 = 1_000_000_000;

    pub fn new(count: usize) -> Zipf {
        let weights = (0..count as u64).map(|rank| Zipf::UNIT / (rank + Zipf::FLAT));
        let sums = weights.scan(0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        });
        Zipf { sums: sums.collect() }
    }

    pub fn draw(&self, chance: &mut Chance) -> usize {
        let at = chance.below(self.sums.last().copied().unwrap_or(0));
        self.sums.partition_point(|sum| *sum <= at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_the_same_whatever_others_drew() {
        let draw = |number| {
            let mut chance = Chance::new(7, Part::Market, number);
            [0; 4].map(|_: i32| chance.below(1_000_000))
        };
        // Literal, so that another machine or another version of the crate can't differ unseen.
        assert_eq!(draw(0), [46_370, 877_931, 857_651, 282_413]);
        assert_ne!(draw(0), draw(1));
        assert_eq!(draw(1), draw(1));
    }

    #[test]
    fn shares_come_out_as_asked() {
        let mut chance = Chance::new(1, Part::Team, 0);
        let hits = (0..100_000).filter(|_| chance.hits(10_000)).count();
        assert!((850..1150).contains(&hits), "{hits}");
        let sum: u64 = (0..10_000).map(|_| chance.round(1250)).sum();
        assert!((12_300..12_700).contains(&sum), "{sum}");
        let heavy = (0..10_000).filter(|_| chance.weighted(&[(1, false), (3, true)])).count();
        assert!((7_300..7_700).contains(&heavy), "{heavy}");
    }

    #[test]
    fn the_first_rank_is_drawn_most_and_the_last_sometimes() {
        let (zipf, mut chance) = (Zipf::new(100), Chance::new(1, Part::Market, 0));
        let mut seen = [0u32; 100];
        for _ in 0..50_000 {
            seen[zipf.draw(&mut chance)] += 1;
        }
        assert!(seen[0] > 2 * seen[20] && seen[20] > 2 * seen[99] && seen[99] > 0, "{seen:?}");
    }
}
