//! One shard from start to end: lead, recover, decide; rebuild after a doubtful commit; stop cleanly.

use std::time::{Duration, SystemTime};

use tracing::{info, warn};

use super::error::RunError;
use super::lead::Leader;
use super::recover;
use super::replica::Replica;
use super::setup::Setup;
use super::snapshot::Snapshots;
use super::status::Phase;
use crate::domain::ids::Id128;
use crate::log::LogError;
use crate::metrics::Meters;

/// Rebuilds wait this long at first, twice as long each time, and never longer than the second.
const REBUILD_WAIT: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(5)];

/// Leads until `status` says stop or an error ends it. Every error does but those of a log that doesn't
/// answer, or not for sure.
pub fn lead(setup: &Setup, meters: &mut Meters) -> Result<(), RunError> {
    let shard = setup.open.shard();
    let settings = &setup.settings;
    let mut snapshots =
        Snapshots::new(setup.open.clone(), shard, settings.snapshots_dir.clone(), settings.snapshot_every_entries);
    let mut sequence = 0;
    let mut wait = REBUILD_WAIT[0];
    while !setup.status.is_stopping() {
        let before = sequence;
        match lead_once(setup, meters, &mut snapshots, &mut sequence) {
            Err(RunError::Log(LogError::Rebuild(why) | LogError::Retry(why))) => {
                warn!(why, "rebuilding from the journal");
                meters.leading(false);
                meters.rebuilt();
                wait = if sequence > before { REBUILD_WAIT[0] } else { (wait * 2).min(REBUILD_WAIT[1]) };
                std::thread::sleep(wait);
            }
            ended => {
                meters.leading(false);
                ended?;
            }
        }
    }
    setup.status.set_phase(Phase::Stopping);
    snapshots.finish(sequence, meters);
    info!(sequence, "stopped");
    Ok(())
}

/// One leadership. `sequence`: the last entry committed. The log is closed when it returns.
fn lead_once(
    setup: &Setup,
    meters: &mut Meters,
    snapshots: &mut Snapshots,
    sequence: &mut u64,
) -> Result<(), RunError> {
    let shard = setup.open.shard();
    setup.status.set_phase(Phase::Recovering);
    let mut log = setup.open.open()?;
    let (follower, from) = recover::lead(&mut *log, shard, &setup.settings.snapshots_dir)?;
    snapshots.began_from(from);
    let (replica, reader) = follower.into_parts();
    let replica = replica.unwrap_or_else(|| Replica::new(new_journal_id(), shard));
    *sequence = replica.sequence();
    let mut leader = Leader::new(setup, log, replica, meters, snapshots);
    let ended = leader.begin(reader).and_then(|()| {
        setup.status.set_phase(Phase::Leading);
        leader.decide_until_stopped()
    });
    *sequence = leader.committed();
    ended
}

/// Drawn once in a journal's life, for its first entry. Unlike everything else it needn't be computed again.
pub(super) fn new_journal_id() -> Id128 {
    use std::hash::{BuildHasher, RandomState};
    let nanos = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
    // Two hashers with keys of their own from the system's randomness.
    let [high, low] = [(); 2].map(|()| RandomState::new().hash_one((nanos, std::process::id())));
    Id128(u128::from(high) << 64 | u128::from(low))
}
