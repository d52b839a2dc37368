//! What is drawn: the same for the same seed, on every machine.

use crate::chance::Chance;

pub struct Draw(Chance);

impl Draw {
    pub fn new(seed: u64) -> Draw {
        Draw(Chance::new(seed))
    }

    /// 0 where nothing is below the bound.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0.below(bound as u64) as usize
    }

    pub fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    pub fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    pub fn word(&mut self, words: &[&'static str]) -> &'static str {
        self.0.pick(words)
    }

    pub fn byte(&mut self) -> u8 {
        self.0.next() as u8
    }
}
