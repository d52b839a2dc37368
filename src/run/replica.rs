//! An engine with its place in the journal: how the next entry is made, and how one that was made is taken in.

use super::error::{Broken, RunError};
use super::positions::Positions;
use crate::domain::ids::Id128;
use crate::domain::input::RULES;
use crate::domain::{Entry, EntryKind, Input, Millis, Output, Span};
use crate::engine::{Engine, Tally};
use crate::wire;
use crate::wire::snapshot::Header;

pub struct Replica {
    pub engine: Engine,
    journal: Id128,
    shard: u16,
    /// The last entry's digest; 0 before the first.
    previous: Id128,
    positions: Positions,
    encoder: wire::entry::Encoder,
    decoder: wire::entry::Decoder,
}

/// What the next entry shall hold.
#[derive(Debug)]
pub struct Draft {
    pub kind: EntryKind,
    pub now: Millis,
    pub spans: Vec<Span>,
    /// In the order in which they are applied.
    pub inputs: Vec<Input>,
}

/// An entry that was made, and what it led to. Nothing of it may leave the process before it is committed.
pub struct Made {
    pub entry: Entry,
    pub bytes: Vec<u8>,
    pub outputs: Vec<Output>,
    pub tally: Tally,
}

/// An entry as it was read: nothing of it was applied.
pub struct Read {
    entry: Entry,
    /// What the next one carries as `previous`.
    digest: Id128,
}

impl Read {
    pub fn of(bytes: &[u8], decoder: &mut wire::entry::Decoder) -> Result<Read, Broken> {
        Ok(Read { entry: decoder.decode(bytes)?, digest: wire::entry::digest(bytes) })
    }
}

/// An entry that was taken in; its outputs are already out.
#[derive(Clone, Debug)]
pub struct Taken {
    pub entry: Entry,
    pub outputs: Vec<Output>,
}

impl Taken {
    /// Compares what the entry led to with what is journalled.
    pub fn prove(&self) -> Result<(), Broken> {
        let (expected, found) = (self.entry.outputs, wire::digest::outputs(&self.outputs));
        if found == expected { Ok(()) } else { Err(Broken::Outputs { expected, found }) }
    }
}

impl Replica {
    /// Before the first entry.
    pub fn new(journal: Id128, shard: u16) -> Replica {
        Replica::with(Engine::new(journal, shard), journal, shard)
    }

    fn with(engine: Engine, journal: Id128, shard: u16) -> Replica {
        Replica {
            engine,
            journal,
            shard,
            previous: Id128(0),
            positions: Positions::default(),
            encoder: wire::entry::Encoder::default(),
            decoder: wire::entry::Decoder::default(),
        }
    }

    /// Where a snapshot was made.
    pub fn from_snapshot(header: &Header, engine: Engine) -> Replica {
        Replica {
            previous: header.digest,
            positions: Positions::from_rows(&header.positions),
            ..Replica::with(engine, header.journal, header.shard)
        }
    }

    pub fn journal(&self) -> Id128 {
        self.journal
    }

    pub fn shard(&self) -> u16 {
        self.shard
    }

    pub fn sequence(&self) -> u64 {
        self.engine.sequence()
    }

    pub fn previous(&self) -> Id128 {
        self.previous
    }

    pub fn positions(&self) -> &Positions {
        &self.positions
    }

    /// Makes the next entry. The engine is ahead of the log from here on: if this or the commit fails, discard it.
    pub fn make(&mut self, draft: Draft) -> Result<Made, RunError> {
        let mut outputs = Vec::new();
        let tally = self.engine.apply(draft.now, &draft.inputs, &mut outputs);
        let entry = Entry {
            journal: self.journal,
            shard: self.shard,
            sequence: self.engine.sequence(),
            previous: self.previous,
            now: draft.now,
            rules: RULES,
            kind: draft.kind,
            spans: draft.spans,
            inputs: draft.inputs,
            outputs: wire::digest::outputs(&outputs),
            state: (draft.kind == EntryKind::Checkpoint).then(|| wire::digest::state(&self.engine.view())),
        };
        let bytes = self.encoder.encode(&entry);
        let bytes = bytes.map_err(|why| RunError::EntryTooLong { sequence: entry.sequence, why })?;
        self.previous = wire::entry::digest(&bytes);
        self.positions.fold(entry.kind, &entry.spans).expect("the loop's spans begin where reading had got to");
        Ok(Made { entry, bytes, outputs, tally })
    }

    /// Takes the next entry in and compares what it leads to with what is journalled.
    pub fn take(&mut self, bytes: &[u8]) -> Result<Taken, Broken> {
        let read = Read::of(bytes, &mut self.decoder)?;
        let digest = read.digest;
        let taken = self.apply(read)?;
        taken.prove()?;
        self.arrive(&taken.entry, digest)?;
        Ok(taken)
    }

    /// The same, for a caller that proves what is taken.
    pub fn take_unproved(&mut self, read: Read) -> Result<Taken, Broken> {
        let digest = read.digest;
        let taken = self.apply(read)?;
        self.arrive(&taken.entry, digest)?;
        Ok(taken)
    }

    fn apply(&mut self, read: Read) -> Result<Taken, Broken> {
        let entry = read.entry;
        self.check_place(&entry)?;
        let mut outputs = Vec::new();
        self.engine.apply(entry.now, &entry.inputs, &mut outputs);
        Ok(Taken { entry, outputs })
    }

    /// The next entry is the one that follows this.
    fn arrive(&mut self, entry: &Entry, digest: Id128) -> Result<(), Broken> {
        if let Some(expected) = entry.state {
            let found = wire::digest::state(&self.engine.view());
            if found != expected {
                return Err(Broken::State { expected, found });
            }
        }
        self.positions.fold(entry.kind, &entry.spans)?;
        self.previous = digest;
        Ok(())
    }

    /// Whether the entry is the next of this journal.
    fn check_place(&self, entry: &Entry) -> Result<(), Broken> {
        let expected = self.engine.sequence() + 1;
        if entry.journal != self.journal {
            return Err(Broken::OtherJournal { expected: self.journal, found: entry.journal });
        }
        if entry.shard != self.shard {
            return Err(Broken::OtherShard { expected: self.shard, found: entry.shard });
        }
        if entry.sequence != expected {
            return Err(Broken::Sequence { expected, found: entry.sequence });
        }
        if entry.previous != self.previous {
            return Err(Broken::Chain { expected: self.previous, found: entry.previous });
        }
        if entry.rules != RULES {
            return Err(Broken::Rules { found: entry.rules, known: RULES });
        }
        if entry.now < self.engine.now() {
            return Err(Broken::Backwards);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Body, Gate, Topic};

    fn draft(kind: EntryKind, now: i64) -> Draft {
        let inputs = vec![Input { position: None, body: Body::Gate(Gate::Closed) }];
        let span = Span { topic: Topic::Reps, partition: 0, from: 0, next: 0, read: 0, rejected: 0 };
        Draft { kind, now: Millis(now), spans: vec![span], inputs }
    }

    fn two() -> (Replica, Replica) {
        (Replica::new(Id128(7), 2), Replica::new(Id128(7), 2))
    }

    #[test]
    fn what_one_makes_another_takes() {
        let (mut leader, mut follower) = two();
        for (number, kind) in [EntryKind::Gate, EntryKind::Checkpoint, EntryKind::Heartbeat].into_iter().enumerate() {
            let made = leader.make(draft(kind, number as i64)).unwrap();
            let taken = follower.take(&made.bytes).unwrap();
            assert_eq!(taken.entry, made.entry);
            assert_eq!(made.entry.state.is_some(), kind == EntryKind::Checkpoint);
        }
        assert_eq!((follower.sequence(), follower.previous()), (3, leader.previous()));
        assert_eq!(follower.positions(), leader.positions());
    }

    #[test]
    fn a_missing_a_doubled_and_a_foreign_entry_are_refused() {
        let (mut leader, mut follower) = two();
        let first = leader.make(draft(EntryKind::Gate, 5)).unwrap().bytes;
        let second = leader.make(draft(EntryKind::Gate, 5)).unwrap().bytes;
        assert_eq!(follower.take(&second).unwrap_err(), Broken::Sequence { expected: 1, found: 2 });
        follower.take(&first).unwrap();
        assert_eq!(follower.take(&first).unwrap_err(), Broken::Sequence { expected: 2, found: 1 });
        let mut other = Replica::new(Id128(8), 2);
        assert!(matches!(other.take(&first), Err(Broken::OtherJournal { .. })));
        let mut elsewhere = Replica::new(Id128(7), 3);
        assert_eq!(elsewhere.take(&first).unwrap_err(), Broken::OtherShard { expected: 3, found: 2 });
    }

    #[test]
    fn a_broken_chain_and_a_changed_outcome_are_refused() {
        let (mut leader, mut follower) = two();
        let first = leader.make(draft(EntryKind::Gate, 5)).unwrap();
        let mut forged = wire::entry::decode(&first.bytes).unwrap();
        forged.outputs = Id128(1);
        let refused = follower.take(&wire::entry::encode(&forged).unwrap());
        assert!(matches!(refused, Err(Broken::Outputs { expected: Id128(1), .. })));

        let mut follower = Replica::new(Id128(7), 2);
        follower.take(&first.bytes).unwrap();
        let mut second = leader.make(draft(EntryKind::Checkpoint, 5)).unwrap().entry;
        second.previous = Id128(9);
        assert!(matches!(follower.take(&wire::entry::encode(&second).unwrap()), Err(Broken::Chain { .. })));
        second.previous = follower.previous();
        second.state = Some(Id128(3));
        assert!(matches!(follower.take(&wire::entry::encode(&second).unwrap()), Err(Broken::State { .. })));
    }
}
