//! Chance from a seed: the same seed and sequence of requests give the same faults, delays and people.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// What chance decides about, each by a stream of its own: more of one doesn't change what the others draw.
#[derive(Clone, Copy, Debug)]
pub enum Stream {
    Requests,
    Records,
    Events,
    People,
}

pub struct Dice(ChaCha8Rng);

impl Dice {
    pub fn new(seed: u64, stream: Stream) -> Dice {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(stream as u64);
        Dice(random)
    }

    /// True for this share of draws, 0 to 1.
    pub fn happens(&mut self, share: f64) -> bool {
        self.fraction() < share
    }

    /// A whole number below `end`; 0 if that is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        // The bias of a remainder is nothing to a test.
        self.0.next_u64().checked_rem(end).unwrap_or(0)
    }

    /// From 0 up to, but not, 1: the 53 bits that an f64 has room for.
    fn fraction(&mut self) -> f64 {
        const STEPS: f64 = (1u64 << 53) as f64;
        (self.0.next_u64() >> 11) as f64 / STEPS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_and_streams_differ() {
        let draw = |seed, stream| {
            let mut dice = Dice::new(seed, stream);
            (0..20).map(|_| dice.below(1000)).collect::<Vec<_>>()
        };
        assert_eq!(draw(7, Stream::Events), draw(7, Stream::Events));
        assert_ne!(draw(7, Stream::Events), draw(7, Stream::People));
        assert_ne!(draw(7, Stream::Events), draw(8, Stream::Events));
    }

    #[test]
    fn shares_are_kept_at_their_ends_and_between() {
        let mut dice = Dice::new(1, Stream::Requests);
        assert!((0..1000).all(|_| dice.happens(1.0)));
        assert!((0..1000).all(|_| !dice.happens(0.0)));
        let often = (0..1000).filter(|_| dice.happens(0.3)).count();
        assert!((200..400).contains(&often), "{often}");
        assert_eq!(dice.below(0), 0);
    }
}
