//! Everything that is committed when it ends: on the broker, and in the CRM.

use std::collections::{BTreeMap, BTreeSet};

use bookd::domain::{Body, Gate, Text, Topic};
use bookd::engine::state::Stage;
use bookd::engine::view::{CommandView, SeatView, View};
use bookd::run::replica::Replica;
use bookd::wire;
use serde_json::Value;

use crate::support::crm::FakeCrm;
use crate::support::kafka::Site;
use crate::support::oracle::Committed;

pub struct End {
    pub committed: Committed,
    /// The committed commands, by id.
    pub commands: BTreeMap<String, Value>,
    /// All results, in the order of each partition.
    pub results: Vec<Value>,
    /// The last row of each account in `account-state`; null: deleted.
    pub states: BTreeMap<String, Value>,
    /// Where the journal leads.
    pub view: View,
    pub roles: Vec<Text>,
    gate_open: bool,
    read: usize,
    /// Accounts of which an older record came behind that of their deletion.
    pub revived: BTreeSet<String>,
    /// What the CRM has, and how that came about.
    pub accounts: Vec<Value>,
    pub history: Vec<Value>,
}

impl End {
    pub fn read(site: &Site, crm: &FakeCrm) -> End {
        let committed = site.committed();
        let parse = |value: &Vec<u8>| serde_json::from_slice::<Value>(value).unwrap_or_default();
        let commands = committed.commands.iter().map(parse);
        let commands = commands.map(|command| (text(&command["command_id"]), command)).collect();
        let results = site.read(Topic::Results).iter().map(|record| parse(&record.value)).collect();
        let states = site.read(Topic::AccountState).into_iter().map(|record| parse(&record.value));
        let states = states.filter(|state| !state.is_null()).map(|state| (text(&state["account"]["crm_id"]), state));
        let list = |value: Value| value.as_array().expect("a list").clone();
        let (accounts, history) = (list(crm.ask("/fake/accounts")), list(crm.ask("/fake/history")));
        let states = states.collect();
        let (view, roles, gate_open, read) = follow(&committed.journal);
        let revived = revived(site.read(Topic::Accounts).iter().map(|record| parse(&record.value)));
        End { revived, committed, commands, results, states, view, roles, gate_open, read, accounts, history }
    }

    /// What hasn't come to its end yet, in words.
    pub fn under_way(&self) -> Vec<String> {
        let records: usize = self.committed.inputs.values().map(Vec::len).sum();
        let mut moves = Vec::new();
        if !self.gate_open || self.read != records {
            moves.push(format!("{} of {records} records are read, the gate is open: {}", self.read, self.gate_open));
        }
        moves.extend(self.view.commands.iter().filter(|row| self.is_under_way(row)).map(|row| format!("{row:?}")));
        moves
    }

    /// A wish that waits for the end of a back-off would wait for an hour.
    fn is_under_way(&self, row: &CommandView) -> bool {
        let waits = row.wish.is_some() && row.retry_at <= self.view.now;
        matches!(row.stage, Stage::Issued | Stage::Applied) || waits
    }

    pub fn command_of(&self, account: &str, role: &str) -> Option<&CommandView> {
        self.view.commands.iter().find(|row| row.account == account && row.role == role)
    }

    /// Every living account's seat in every role.
    pub fn seats(&self) -> impl Iterator<Item = (&Text, &Text, &SeatView)> {
        let accounts = self.view.accounts.iter();
        accounts.flat_map(|account| self.roles.iter().zip(&account.seats).map(|(role, seat)| (&account.id, role, seat)))
    }
}

/// What bookd is told of an account stands in one partition, in order.
fn revived(records: impl Iterator<Item = Value>) -> BTreeSet<String> {
    let (mut deleted, mut revived) = (BTreeSet::new(), BTreeSet::new());
    for record in records {
        let id = text(&record["id"]);
        if record["op"] == "delete" {
            revived.remove(&id);
            deleted.insert(id);
        } else if deleted.contains(&id) {
            revived.insert(id);
        }
    }
    revived
}

/// A fresh follower over the journal: its state, the names of roles, whether the gate is open, records read.
fn follow(journal: &[Vec<u8>]) -> (View, Vec<Text>, bool, usize) {
    let first = wire::entry::decode(journal.first().expect("there is a journal")).unwrap();
    let mut replica = Replica::new(first.journal, first.shard);
    let (mut roles, mut open, mut read) = (Vec::new(), false, 0);
    for bytes in journal {
        let taken = replica.take(bytes).unwrap();
        read += taken.entry.spans.iter().map(|span| span.read as usize).sum::<usize>();
        for input in &taken.entry.inputs {
            match &input.body {
                Body::Gate(gate) => open = *gate == Gate::Open,
                Body::Policy(policy) => roles = policy.roles.iter().map(|role| role.name.clone()).collect(),
                _ => {}
            }
        }
    }
    (replica.engine.view(), roles, open, read)
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}
