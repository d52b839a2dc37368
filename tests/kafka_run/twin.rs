//! The naive twin over a journal: it knows nothing of how the entries came to be, and must come to the same.

use std::collections::BTreeMap;

use bookd::domain::output::SeatStatus;
use bookd::domain::{Body, Text};
use bookd::engine::view::View;
use bookd::run::replica::Replica;
use bookd::wire;
use serde_json::Value;

use crate::naive::Twin;

/// Account and role.
type Seat = (String, Text);

/// Plays a journal to follower and twin, entry by entry; returns the state on which they agree, and the names of roles.
pub fn play(journal: &[Vec<u8>]) -> (View, Vec<Text>) {
    let first = wire::entry::decode(&journal[0]).unwrap();
    let mut twin = Twin::new(first.journal, first.shard);
    let mut replica = Replica::new(first.journal, first.shard);
    let mut roles = Vec::new();
    for bytes in journal {
        let taken = replica.take(bytes).unwrap();
        let mut outputs = Vec::new();
        twin.apply(taken.entry.now, &taken.entry.inputs, &mut outputs);
        assert_eq!(outputs, taken.outputs, "entry {}: twin, and journal", taken.entry.sequence);
        for input in &taken.entry.inputs {
            if let Body::Policy(policy) = &input.body {
                roles = policy.roles.iter().map(|role| role.name.clone()).collect();
            }
        }
    }
    let view = twin.view();
    assert!(view == replica.engine.view(), "twin and follower are in other states");
    (view, roles)
}

/// Commands alone, as a writer to the CRM sees them, lead to the owners whom the twin comes to from the journal.
/// Returns how many seats are owned.
pub fn judge_owners(journal: &[Vec<u8>], commands: &[Vec<u8>]) -> usize {
    let (view, roles) = play(journal);
    let mut told = fold(commands);
    let mut owned = 0;
    for account in &view.accounts {
        for (seat, role) in account.seats.iter().zip(&roles) {
            let told = told.remove(&(account.id.to_string(), role.clone()));
            assert_eq!(told.is_some(), seat.sequence > 0, "{} as {role}", account.id);
            let is_owned = matches!(seat.status, SeatStatus::Owned | SeatStatus::Holding);
            owned += usize::from(is_owned);
            if let Some(owner) = told.filter(|_| is_owned) {
                assert_eq!(owner, seat.owner.as_deref().map(str::to_owned), "{} as {role}", account.id);
            }
        }
    }
    let living: Vec<_> = told.keys().filter(|(id, _)| view.accounts.iter().any(|row| *row.id == **id)).collect();
    assert!(living.is_empty(), "commands for seats that the twin doesn't have: {living:?}");
    owned
}

/// Who owns what after these commands.
fn fold(commands: &[Vec<u8>]) -> BTreeMap<Seat, Option<String>> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let mut owners = BTreeMap::new();
    for value in commands {
        let command: Value = serde_json::from_slice(value).unwrap();
        let account = text(&command["account"]["crm_id"]).expect("a command names its account");
        let role = text(&command["role"]).expect("a command names its role");
        owners.insert((account, role.as_str().into()), text(&command["new_owner"]["crm_user_id"]));
    }
    owners
}
