//! Recovery: the newest good snapshot, then the journal after it, every digest compared.
//!
//! A snapshot that is torn or flipped is passed over for the older one, and both for the whole journal. One that
//! is good but doesn't fit the journal is another matter: then one of the two isn't what it was, and bookd
//! refuses rather than guesses.

use std::path::Path;
use std::time::Duration;

use tracing::{info, warn};

use super::error::{Foreign, RunError};
use super::follow::Follower;
use crate::domain::input::RULES;
use crate::engine::Engine;
use crate::log::{Log, LogError};
use crate::wire;
use crate::wire::snapshot::{self, Header};

/// How long the entry that a snapshot was made at may take to arrive where another instance leads.
const ENTRY_WAIT: Duration = Duration::from_secs(30);

/// Takes the leadership: a follower that has taken in the whole journal, and the entry of the snapshot that it began
/// from. Nothing is cut off before the newest good snapshot was found to be of this journal: one that lost its end
/// would take outputs with it, which are the way out.
pub fn lead(log: &mut dyn Log, shard: u16, snapshots: &Path) -> Result<(Follower, u64), RunError> {
    // Nobody else writes the journal from here on, or from `lead` on: there is nothing to wait for.
    let wait = Duration::ZERO;
    let known = if log.claim()? { Some(newest(log, shard, snapshots, wait)?) } else { None };
    // A journal that is found damaged has a way out.
    log.lead().map_err(|error| damaged(None, error))?;
    let known = known.map_or_else(|| newest(log, shard, snapshots, wait), Ok)?;
    let mut follower = follow(log, shard, known)?;
    let from = follower.sequence();
    let entries = follower.catch_up()?;
    info!(from, entries, "recovered");
    Ok((follower, from))
}

/// Of the journal; `entry`: the one that should have come.
pub(super) fn damaged(entry: Option<u64>, error: LogError) -> RunError {
    match error {
        LogError::Corrupt { place, what } => RunError::Damaged { entry, place, what },
        other => other.into(),
    }
}

/// A follower at the newest good snapshot, or at the journal's beginning.
pub fn begin(log: &mut dyn Log, shard: u16, snapshots: &Path) -> Result<Follower, RunError> {
    let known = newest(log, shard, snapshots, ENTRY_WAIT)?;
    follow(log, shard, known)
}

fn follow(log: &mut dyn Log, shard: u16, known: Option<Known>) -> Result<Follower, RunError> {
    match known {
        Some((header, engine)) => Follower::from_snapshot(log, &header, engine),
        None => Follower::from_start(log, shard),
    }
}

/// What a snapshot knows.
type Known = (Header, Engine);

/// The newest good snapshot, which must be of this journal. `wait`: how long its entry may take to arrive.
fn newest(log: &mut dyn Log, shard: u16, snapshots: &Path, wait: Duration) -> Result<Option<Known>, RunError> {
    let list = snapshot::list(snapshots, shard);
    let list = list.map_err(|error| RunError::Io { what: snapshots.display().to_string(), error })?;
    for path in list {
        match load(&path) {
            Ok((header, engine)) => {
                check(log, shard, &path, &header, wait)?;
                return Ok(Some((header, engine)));
            }
            Err(why) => warn!(snapshot = %path.display(), why, "snapshot passed over"),
        }
    }
    Ok(None)
}

fn load(path: &Path) -> Result<Known, String> {
    let (header, payload) = snapshot::read(path).map_err(|error| error.to_string())?;
    let engine = wire::state::decode(&payload).map_err(|error| error.to_string())?;
    if engine.sequence() != header.sequence {
        return Err(format!("holds entry {}, its header says {}", engine.sequence(), header.sequence));
    }
    Ok((header, engine))
}

/// Whether the journal still has the very entry at which the snapshot was made.
fn check(log: &mut dyn Log, shard: u16, path: &Path, header: &Header, wait: Duration) -> Result<(), RunError> {
    let refused = |why| RunError::Snapshot { path: path.to_owned(), why };
    let sequence = header.sequence;
    if header.shard != shard {
        return Err(refused(Foreign::Shard { expected: shard, found: header.shard }));
    }
    if header.rules != RULES {
        return Err(refused(Foreign::Rules { found: header.rules, known: RULES }));
    }
    let record = log.open_journal(header.at).and_then(|mut reader| reader.next(wait));
    match record {
        Ok(Some(record)) if record.at == header.at && wire::entry::digest(&record.bytes) == header.digest => Ok(()),
        Ok(Some(_)) => Err(refused(Foreign::OtherEntry { sequence })),
        Ok(None) => Err(refused(Foreign::Beyond { sequence, detail: "it ends before".to_owned() })),
        Err(LogError::Corrupt { place, what }) => {
            Err(refused(Foreign::Beyond { sequence, detail: format!("{place}: {what}") }))
        }
        Err(error) => Err(error.into()),
    }
}
