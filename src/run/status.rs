//! What the loop tells other threads about itself: a few words, read by HTTP.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

/// How far this process has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Starting,
    /// Leads, and reads the journal.
    Recovering,
    /// Recovered and leading.
    Leading,
    Stopping,
}

impl Phase {
    pub fn name(self) -> &'static str {
        match self {
            Phase::Starting => "starting",
            Phase::Recovering => "recovering",
            Phase::Leading => "leading",
            Phase::Stopping => "stopping",
        }
    }
}

#[derive(Debug, Default)]
pub struct Status {
    phase: AtomicU8,
    gate_open: AtomicBool,
    sequence: AtomicU64,
    stop: AtomicBool,
}

impl Status {
    pub fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Starting,
            1 => Phase::Recovering,
            2 => Phase::Leading,
            _ => Phase::Stopping,
        }
    }

    pub fn set_phase(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Release);
    }

    /// Of the last committed entry.
    pub fn set_entry(&self, sequence: u64, gate_open: bool) {
        self.sequence.store(sequence, Ordering::Release);
        self.gate_open.store(gate_open, Ordering::Release);
    }

    pub fn sequence(&self) -> u64 {
        self.sequence.load(Ordering::Acquire)
    }

    pub fn gate_open(&self) -> bool {
        self.gate_open.load(Ordering::Acquire)
    }

    /// Asks the loop to end after the entry at hand.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }

    pub fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_survive_their_numbers() {
        let status = Status::default();
        assert_eq!(status.phase(), Phase::Starting);
        for phase in [Phase::Recovering, Phase::Leading, Phase::Stopping] {
            status.set_phase(phase);
            assert_eq!(status.phase(), phase);
        }
    }
}
