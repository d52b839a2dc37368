//! Chance from a seed, cheap enough to make millions of events, and the skew with which accounts are seen.

/// SplitMix64 (Steele, Lea, Flood 2014): one multiplication chain a draw, good enough to spread events.
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Chance {
        Chance(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed(self.0)
    }

    /// 0 to `bound` − 1.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len() as u64) as usize]
    }

    /// 0 up to, not including, 1.
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A rank below `count` by Zipf's law with exponent 1: its cumulative share grows with the logarithm.
    pub fn zipf(&mut self, count: u32) -> u32 {
        let ratio = f64::from(count) / FLAT + 1.0;
        let rank = FLAT * (libm::exp(self.unit() * libm::log(ratio)) - 1.0);
        (rank as u32).min(count - 1)
    }
}

/// Ranks that share the head: without it the first account alone would get several percent of everything.
const FLAT: f64 = 100.0;

/// A number's bits well mixed: properties of accounts are drawn from their number.
pub fn mixed(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// Numbers 0 to `count` − 1 in another order: neighbours by rank aren't neighbours in memory.
#[derive(Clone, Copy)]
pub struct Scatter {
    count: u32,
    step: u64,
}

impl Scatter {
    /// `step`: a prime above four billion, so that it shares no factor with any count.
    pub fn new(count: u32, step: u64) -> Scatter {
        Scatter { count, step }
    }

    pub fn place(self, rank: u32) -> u32 {
        (u64::from(rank) * self.step % u64::from(self.count)) as u32
    }
}
