//! The oracle of the crash tests: reads what is committed and judges it by folding the journal anew. It trusts no
//! figure of bookd's own. The same for every log: "committed commands, committed journal, input records".

use std::collections::{BTreeMap, BTreeSet};

use bookd::domain::ids::Id128;
use bookd::domain::{EntryKind, OutRecord, Topic};
use bookd::run::replica::Replica;
use bookd::wire;
use bookd::wire::json::{Stamp, Stamped};

/// All that is committed.
#[derive(Default)]
pub struct Committed {
    /// Entries in order.
    pub journal: Vec<Vec<u8>>,
    /// Values of the commands topic; in order within an account.
    pub commands: Vec<Vec<u8>>,
    /// Offsets of the input records by partition, ascending.
    pub inputs: BTreeMap<(Topic, u32), Vec<u64>>,
}

/// What a fresh follower comes to.
#[derive(Debug, PartialEq, Eq)]
pub struct Verdict {
    pub entries: usize,
    pub commands: usize,
    pub state: Id128,
}

impl Committed {
    /// Panics at the first violation.
    pub fn judge(&self) -> Verdict {
        self.check_commands();
        self.judge_beside_people()
    }

    /// Likewise where people and refusals change owners too: a command needn't expect whom the one before brought.
    pub fn judge_beside_people(&self) -> Verdict {
        let (expected, replica) = self.fold();
        self.compare_commands(&expected);
        self.check_sequences();
        self.check_inputs();
        replica.engine.audit().unwrap();
        let state = wire::digest::state(&replica.engine.view());
        Verdict { entries: self.journal.len(), commands: self.commands.len(), state }
    }

    /// A fresh follower over the whole journal: chain, digests and spans are checked by it, entry by entry.
    fn fold(&self) -> (Vec<OutRecord>, Replica) {
        let first = wire::entry::decode(self.journal.first().expect("there is a journal")).unwrap();
        let mut replica = Replica::new(first.journal, first.shard);
        let mut commands = Vec::new();
        for bytes in &self.journal {
            let taken = replica.take(bytes).unwrap_or_else(|why| panic!("entry {}: {why}", replica.sequence() + 1));
            let stamp = Stamp { journal: first.journal, shard: first.shard, sequence: taken.entry.sequence };
            let mut stamped = Stamped::of(stamp);
            let records = taken.outputs.iter().enumerate();
            let records = records.filter_map(|(index, output)| stamped.record(output, index));
            commands.extend(records.filter(|record| record.topic == Topic::Commands));
        }
        (commands, replica)
    }

    /// Byte for byte what the fold gives, each account's in order: nothing lost, nothing twice, nothing else.
    fn compare_commands(&self, expected: &[OutRecord]) {
        let of_account = |values: &mut dyn Iterator<Item = Vec<u8>>| {
            let mut by_account: BTreeMap<String, Vec<serde_json::Value>> = BTreeMap::new();
            for value in values {
                let command: serde_json::Value = serde_json::from_slice(&value).unwrap();
                by_account.entry(text(&command["account"]["crm_id"])).or_default().push(command);
            }
            by_account
        };
        let expected = of_account(&mut expected.iter().map(|record| record.value.clone().unwrap()));
        let found = of_account(&mut self.commands.iter().cloned());
        assert_eq!(found, expected, "committed commands, and what the journal leads to");
    }

    /// Each command expects the owner whom the last one set; and all that [`Committed::check_sequences`] asks.
    pub fn check_commands(&self) {
        self.check_sequences();
        let mut last: BTreeMap<(String, String), serde_json::Value> = BTreeMap::new();
        for value in &self.commands {
            let command: serde_json::Value = serde_json::from_slice(value).unwrap();
            let owner = command["new_owner"]["crm_user_id"].clone();
            if let Some(before) = last.insert(seat(&command), owner) {
                assert_eq!(command["expected_owner_id"], before, "{command}");
            }
        }
    }

    /// Ids are unique, sequences gapless per account and role.
    fn check_sequences(&self) {
        let mut ids = BTreeSet::new();
        let mut last: BTreeMap<(String, String), u64> = BTreeMap::new();
        for value in &self.commands {
            let command: serde_json::Value = serde_json::from_slice(value).unwrap();
            assert!(ids.insert(text(&command["command_id"])), "twice: {command}");
            let before = last.entry(seat(&command)).or_default();
            *before += 1;
            assert_eq!(command["sequence"].as_u64(), Some(*before), "{command}");
        }
    }

    /// Every input record is covered once by spans, and is in the journal once as an input or was turned away.
    fn check_inputs(&self) {
        let mut positions = BTreeSet::new();
        let mut read: BTreeMap<(Topic, u32), (u64, u64)> = BTreeMap::new();
        let mut next: BTreeMap<(Topic, u32), u64> = BTreeMap::new();
        let mut inputs: BTreeMap<(Topic, u32), u64> = BTreeMap::new();
        let entries: Vec<_> = self.journal.iter().map(|bytes| wire::entry::decode(bytes).unwrap()).collect();
        let mut begins: BTreeMap<(Topic, u32), usize> = BTreeMap::new();
        for (number, entry) in entries.iter().enumerate().filter(|(_, entry)| entry.kind == EntryKind::Rebase) {
            begins.extend(entry.spans.iter().map(|span| ((span.topic, span.partition), number + 1)));
        }
        // What was read before a rebase took it back is read again.
        let counts = |number: usize, partition: &(Topic, u32)| begins.get(partition).is_none_or(|from| number >= *from);
        for (number, entry) in entries.iter().enumerate() {
            for span in &entry.spans {
                let partition = (span.topic, span.partition);
                if !counts(number, &partition) {
                    continue;
                }
                let (records, rejected) = read.entry(partition).or_default();
                *records += u64::from(span.read);
                *rejected += u64::from(span.rejected);
                next.insert(partition, span.next);
            }
            let positions_of_entry = entry.inputs.iter().filter_map(|input| input.position);
            for position in positions_of_entry.filter(|at| counts(number, &(at.topic, at.partition))) {
                assert!(positions.insert(position), "twice in the journal: {position:?}");
                let known = &self.inputs[&(position.topic, position.partition)];
                assert!(known.binary_search(&position.offset).is_ok(), "there is no record at {position:?}");
                *inputs.entry((position.topic, position.partition)).or_default() += 1;
            }
        }
        for (partition, offsets) in self.inputs.iter().filter(|(_, offsets)| !offsets.is_empty()) {
            let (records, rejected) = read.get(partition).copied().unwrap_or_default();
            assert_eq!(records, offsets.len() as u64, "records read of {partition:?}");
            assert!(next[partition] > *offsets.last().unwrap(), "{partition:?} was not read to its end");
            let decoded = inputs.get(partition).copied().unwrap_or_default();
            assert_eq!(decoded + rejected, records, "of {partition:?} every record is an input or a dead letter");
        }
    }
}

/// Account and role.
fn seat(command: &serde_json::Value) -> (String, String) {
    (text(&command["account"]["crm_id"]), text(&command["role"]))
}

fn text(value: &serde_json::Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}
