//! Rebase: the journal is whole, but what an input topic holds and what was read of it have parted. One entry
//! takes the reading of some topics back to their beginning; the start that follows reads them anew.

use std::path::Path;

use super::error::RunError;
use super::intake::Batch;
use super::replica::Draft;
use super::{outbox, recover};
use crate::domain::{Body, EntryKind, Gate, Input, Span, Topic};
use crate::log::{Log, LogError};

/// The topics whose records say how things are, not what happened: reading them twice changes nothing.
pub const REFERENCE: [Topic; 3] = [Topic::Reps, Topic::Accounts, Topic::Opportunities];

/// Appends the entry; returns its sequence and what it takes back.
pub fn rebase(log: &mut dyn Log, of: u16, snapshots: &Path, topics: &[Topic]) -> Result<(u64, Vec<Span>), RunError> {
    let (follower, _) = recover::lead(log, of, snapshots)?;
    let (replica, reader) = follower.into_parts();
    drop(reader);
    let Some(mut replica) = replica else {
        return Err(LogError::Fatal("the journal is empty: everything is read from its beginning anyway".into()).into());
    };
    let spans = replica.positions().back(topics);
    // The gate closes in the same entry: nothing is decided from half a picture.
    let inputs = vec![Input { position: None, body: Body::Gate(Gate::Closed) }];
    let now = replica.engine.now();
    let made = replica.make(Draft { kind: EntryKind::Rebase, now, spans: spans.clone(), inputs })?;
    // Behind a closed gate hardly anything is decided without a record; what is goes out with its entry.
    let records = outbox::records(&Batch::default(), &made, &[], false, Topic::name);
    log.commit(&records, &made.bytes)?;
    log.sync()?;
    Ok((made.entry.sequence, spans))
}
