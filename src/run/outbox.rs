//! An entry's outputs as records: commands, alerts, account-state, and dead letters with their original bytes.

use super::intake::{Batch, Dead};
use super::replica::Made;
use crate::domain::{OutRecord, Output, Topic};
use crate::wire::dead_letter::{self, Stage};
use crate::wire::json::{Stamp, Stamped};

/// What the engine's codes say is enough; this is for people.
const BY_THE_ENGINE: &str = "turned away by the policy in force";

/// What was turned away in this entry, in the order of the records: by `feed`, then by the engine.
pub fn dead(batch: &Batch, made: &Made) -> Vec<Dead> {
    let by_feed = batch.rejected.iter().map(|(record, rejection)| Dead {
        record: *record,
        code: rejection.code,
        detail: rejection.detail.clone(),
    });
    let by_engine = made.outputs.iter().filter_map(|output| {
        let Output::DeadLetter { input, code } = output else { return None };
        // What the loop itself brought has no record, and nothing to attach.
        let position = made.entry.inputs.get(*input as usize)?.position?;
        Some(Dead { record: batch.record_of(&position)?, code: *code, detail: BY_THE_ENGINE.to_owned() })
    });
    let mut dead: Vec<Dead> = by_feed.chain(by_engine).collect();
    dead.sort_by_key(|letter| letter.record);
    dead
}

/// All records of an entry. With `lines` a record is a line of JSON and a dead letter an envelope; `name_of` gives the
/// names of the topics from which the records came.
pub fn records<'a>(
    batch: &Batch,
    made: &Made,
    dead: &[Dead],
    lines: bool,
    name_of: impl Fn(Topic) -> &'a str,
) -> Vec<OutRecord> {
    let stamp = Stamp { journal: made.entry.journal, shard: made.entry.shard, sequence: made.entry.sequence };
    let mut stamped = Stamped::of(stamp);
    let outputs = made.outputs.iter().enumerate();
    let decided = outputs.filter_map(|(index, output)| stamped.record(output, index));
    let letters = dead.iter().map(|letter| {
        let by_feed = batch.rejected.binary_search_by_key(&letter.record, |(record, _)| *record).is_ok();
        let stage = if by_feed { Stage::Decode } else { Stage::Apply };
        let original = &batch.records[letter.record];
        let topic = name_of(original.topic);
        let record = dead_letter::record(original, topic, letter.code, &letter.detail, stage, stamp.shard);
        if lines { in_a_line(record) } else { record }
    });
    decided.chain(letters).collect()
}

fn in_a_line(record: OutRecord) -> OutRecord {
    let value = Some(dead_letter::envelope(&record));
    OutRecord { value, key: None, headers: Vec::new(), topic: record.topic }
}
