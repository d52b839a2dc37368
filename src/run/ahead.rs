//! A journal taken in as fast as it goes: while the caller's thread applies an entry, another reads and decodes those
//! that come next, and compares what came of those before with what is journalled.

use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::Builder;
use std::time::Duration;

use super::error::RunError;
use super::recover::damaged;
use super::replica::{Read, Replica, Taken};
use crate::log::{JournalReader, JournalRecord};
use crate::wire::entry::Decoder;

/// Entries that stand decoded before they are applied; of a backlog, some thousand inputs each.
const AHEAD: usize = 4;

/// How far the journal was taken in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reached {
    pub entries: u64,
    /// Of the last one, if there was any.
    pub last: Option<Place>,
}

/// Where an entry stands, and what follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub at: u64,
    pub next: u64,
}

/// An entry that was read, and is yet to be applied.
struct Coming {
    read: Read,
    place: Place,
}

/// An entry that was applied, and is yet to be proved.
struct Applied {
    taken: Taken,
    at: u64,
}

/// Takes in what the journal holds by now. After an error the replica is of no use: it may be beyond the entry that is
/// refused.
pub fn catch_up(replica: &mut Replica, reader: &mut dyn JournalReader) -> Result<Reached, RunError> {
    let first = replica.sequence() + 1;
    let (to_apply, coming) = sync_channel(AHEAD);
    let (to_prove, applied) = channel();
    std::thread::scope(|scope| {
        let beside = Builder::new().name("journal".into()).spawn_scoped(scope, move || {
            let mut decoder = Decoder::default();
            read_all(reader, first, to_apply, &applied, &mut decoder)?;
            applied.iter().try_for_each(|applied| prove(applied, &mut decoder))
        });
        let beside = beside.map_err(|error| RunError::Io { what: "a thread that reads the journal".into(), error })?;
        let reached = apply_all(replica, &coming, &to_prove);
        // Nothing more is asked for, and nothing more is to be proved.
        drop((coming, to_prove));
        let proved = beside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        // Whatever was refused here came behind all that was applied.
        proved.and(reached)
    })
}

fn apply_all(
    replica: &mut Replica,
    coming: &Receiver<Result<Coming, RunError>>,
    to_prove: &Sender<Applied>,
) -> Result<Reached, RunError> {
    let mut reached = Reached::default();
    for next in coming {
        let Coming { read, place } = next?;
        let sequence = replica.sequence() + 1;
        let taken = replica.take_unproved(read).map_err(|why| RunError::of_entry(sequence, place.at, why))?;
        reached = Reached { entries: reached.entries + 1, last: Some(place) };
        if to_prove.send(Applied { taken, at: place.at }).is_err() {
            // One was proved wrong: the other thread says which.
            break;
        }
    }
    Ok(reached)
}

/// `sequence`: of the entry that comes first. Ends where the journal ends, or where an entry is refused.
fn read_all(
    reader: &mut dyn JournalReader,
    mut sequence: u64,
    to_apply: SyncSender<Result<Coming, RunError>>,
    applied: &Receiver<Applied>,
    decoder: &mut Decoder,
) -> Result<(), RunError> {
    loop {
        applied.try_iter().try_for_each(|applied| prove(applied, decoder))?;
        let next = match reader.next(Duration::ZERO) {
            Ok(None) => return Ok(()),
            Ok(Some(record)) => decode(&record, sequence, decoder),
            Err(error) => Err(damaged(Some(sequence), error)),
        };
        let is_last = next.is_err();
        if to_apply.send(next).is_err() || is_last {
            return Ok(());
        }
        sequence += 1;
    }
}

fn decode(record: &JournalRecord, sequence: u64, decoder: &mut Decoder) -> Result<Coming, RunError> {
    let JournalRecord { bytes, at, next, .. } = record;
    let read = Read::of(bytes, decoder).map_err(|why| RunError::of_entry(sequence, *at, why))?;
    Ok(Coming { read, place: Place { at: *at, next: *next } })
}

fn prove(applied: Applied, decoder: &mut Decoder) -> Result<(), RunError> {
    let Applied { taken, at } = applied;
    taken.prove().map_err(|why| RunError::of_entry(taken.entry.sequence, at, why))?;
    decoder.recycle(taken.entry.inputs);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::Id128;
    use crate::domain::{Body, EntryKind, Gate, Input, Millis};
    use crate::log::LogError;
    use crate::run::error::Broken;
    use crate::run::replica::Draft;
    use crate::wire;

    /// A journal in memory that ends with an error, if one is given.
    struct Journal {
        entries: std::vec::IntoIter<Vec<u8>>,
        read: u64,
        end: Option<LogError>,
    }

    impl JournalReader for Journal {
        fn next(&mut self, _: Duration) -> Result<Option<JournalRecord>, LogError> {
            let Some(bytes) = self.entries.next() else { return self.end.take().map_or(Ok(None), Err) };
            self.read += 1;
            Ok(Some(JournalRecord { bytes, at: self.read * 10, next: self.read * 10 + 10, appended: Millis(0) }))
        }
    }

    fn journal(entries: Vec<Vec<u8>>) -> Journal {
        Journal { entries: entries.into_iter(), read: 0, end: None }
    }

    const ENTRIES: u64 = 50;

    fn entries() -> Vec<Vec<u8>> {
        let mut leader = Replica::new(Id128(7), 2);
        let draft = |number| Draft {
            kind: if number % 7 == 0 { EntryKind::Checkpoint } else { EntryKind::Gate },
            now: Millis(number as i64),
            spans: Vec::new(),
            inputs: vec![Input { position: None, body: Body::Gate(Gate::Closed) }],
        };
        (0..ENTRIES).map(|number| leader.make(draft(number)).expect("it is short").bytes).collect()
    }

    /// Entry `sequence` as if the engine that made it had decided otherwise; those behind it follow as they did.
    fn forge(entries: &mut [Vec<u8>], sequence: u64) {
        let mut previous = None;
        for bytes in &mut entries[sequence as usize - 1..] {
            let mut entry = wire::entry::decode(bytes).expect("it was encoded");
            match previous {
                None => entry.outputs = Id128(1),
                Some(previous) => entry.previous = previous,
            }
            *bytes = wire::entry::encode(&entry).expect("it is as long as before");
            previous = Some(wire::entry::digest(bytes));
        }
    }

    fn refused(journal: &mut Journal) -> (u64, u64, Option<Broken>) {
        match catch_up(&mut Replica::new(Id128(7), 2), journal) {
            Err(RunError::Journal { sequence, at, why }) => (sequence, at, Some(why)),
            Err(RunError::Damaged { entry: Some(sequence), .. }) => (sequence, 0, None),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn it_ends_where_one_entry_after_the_other_ends() {
        let (mut ahead, mut by_one) = (Replica::new(Id128(7), 2), Replica::new(Id128(7), 2));
        let entries = entries();
        entries.iter().for_each(|bytes| drop(by_one.take(bytes).expect("it was made")));
        let reached = catch_up(&mut ahead, &mut journal(entries)).expect("it was made");
        assert_eq!(reached, Reached { entries: ENTRIES, last: Some(Place { at: 500, next: 510 }) });
        assert_eq!((ahead.sequence(), ahead.previous()), (by_one.sequence(), by_one.previous()));
        assert_eq!(wire::digest::state(&ahead.engine.view()), wire::digest::state(&by_one.engine.view()));
        assert_eq!(catch_up(&mut ahead, &mut journal(Vec::new())).expect("nothing"), Reached::default());
    }

    #[test]
    fn what_is_refused_is_named_and_of_several_the_first() {
        for sequence in [1, 2, 30, ENTRIES] {
            let place = sequence * 10;
            let mut forged = entries();
            forge(&mut forged, sequence);
            let (named, at, why) = refused(&mut journal(forged.clone()));
            assert!((named, at) == (sequence, place) && matches!(why, Some(Broken::Outputs { .. })), "{why:?}");
            // A journal that ends in rubble behind it changes nothing.
            let end = Some(LogError::Corrupt { place: "here".into(), what: "torn".into() });
            assert_eq!(refused(&mut Journal { end, ..journal(forged) }).0, sequence);

            let mut flipped = entries();
            let bytes = &mut flipped[sequence as usize - 1];
            *bytes.last_mut().expect("it has bytes") ^= 1;
            assert!(matches!(refused(&mut journal(flipped)), (named, _, Some(Broken::Bytes(_))) if named == sequence));

            let mut gap = entries();
            gap.insert(sequence as usize - 1, gap[sequence as usize - 1].clone());
            let expected = (sequence + 1, place + 10);
            let (named, at, why) = refused(&mut journal(gap));
            assert!((named, at) == expected && matches!(why, Some(Broken::Sequence { .. })), "{why:?}");
        }
        let end = Some(LogError::Corrupt { place: "here".into(), what: "torn".into() });
        assert_eq!(refused(&mut Journal { end, ..journal(entries()) }), (ENTRIES + 1, 0, None));
    }
}
