//! What a role in shadow decided, held against what people did: each decision waits for a change of its account's owner
//! in the CRM, and each change is held against the decisions before it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::domain::account::AccountOp;
use crate::domain::{Body, Decision, DecisionKind, Disposition, Entry, Output, Secs, Text};

/// Of one kind of decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    pub decided: u64,
    /// People did the same within the period.
    pub followed: u64,
    /// They did something else with the account within it.
    pub otherwise: u64,
    /// They left it as it was.
    pub never_followed: u64,
    /// The period isn't over.
    pub open: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Role {
    /// By kind.
    pub decisions: BTreeMap<&'static str, Count>,
    /// People's changes of owners in the CRM …
    pub changes: u64,
    /// … of which so many were what had been decided; the others were followed.
    pub changes_as_decided: u64,
}

/// A decision that people may still follow.
struct Waiting {
    at: Secs,
    kind: DecisionKind,
    from: Option<Text>,
    to: Option<Text>,
}

/// An account in a role.
type Seat = (Text, Text);

pub struct Tally {
    period_s: u32,
    roles: BTreeMap<Text, Role>,
    waiting: BTreeMap<Seat, Vec<Waiting>>,
    /// As the CRM's records say.
    owners: BTreeMap<Seat, Option<Text>>,
}

impl Tally {
    pub fn new(period_s: u32) -> Tally {
        Tally { period_s, roles: BTreeMap::new(), waiting: BTreeMap::new(), owners: BTreeMap::new() }
    }

    /// An entry with what it led to. `counts` says of a role whether people's changes are held against anything yet:
    /// it is in shadow, and the gate was open before. `crm_owner` says whom the engine takes for an account's owner in
    /// the CRM after the entry: it knows which records are stale, or dead letters.
    pub fn take(
        &mut self,
        entry: &Entry,
        outputs: &[Output],
        counts: impl Fn(&str) -> bool,
        crm_owner: impl Fn(&str, &str) -> Option<Option<Text>>,
    ) {
        let now = entry.now.secs();
        for input in &entry.inputs {
            if let Body::Account(record) = &input.body
                && let AccountOp::Change(change) = &record.op
            {
                for (role, _) in &change.owners {
                    if let Some(owner) = crm_owner(&record.id, role) {
                        self.named(now, (record.id.clone(), role.clone()), owner.as_ref(), counts(role));
                    }
                }
            }
        }
        for output in outputs {
            match output {
                Output::Decision(decision) if decision.disposition == Disposition::Shadow => self.decided(decision),
                _ => {}
            }
        }
    }

    fn decided(&mut self, decision: &Decision) {
        let Decision { account, role, kind, from, to, issued_at, .. } = decision;
        let counts = self.roles.entry(role.clone()).or_default();
        counts.decisions.entry(kind.name()).or_default().decided += 1;
        let waiting = Waiting { at: *issued_at, kind: *kind, from: from.clone(), to: to.clone() };
        self.waiting.entry((account.clone(), role.clone())).or_default().push(waiting);
    }

    /// A record names the owner of an account. The same one again is no change.
    fn named(&mut self, now: Secs, seat: Seat, owner: Option<&Text>, counts: bool) {
        let before = self.owners.insert(seat.clone(), owner.cloned()).flatten();
        if before.as_ref() == owner || !counts {
            return;
        }
        let waiting = self.waiting.remove(&seat).unwrap_or_default();
        let role = self.roles.entry(seat.1).or_default();
        role.changes += 1;
        let mut as_decided = false;
        for waiting in waiting {
            let count = role.decisions.entry(waiting.kind.name()).or_default();
            if waiting.is_over(now, self.period_s) {
                count.never_followed += 1;
            } else if waiting.is_followed_by(owner) {
                count.followed += 1;
                as_decided = true;
            } else {
                count.otherwise += 1;
            }
        }
        role.changes_as_decided += u64::from(as_decided);
    }

    /// What is still waited for at the journal's end is counted too.
    pub fn end(mut self, now: Secs) -> BTreeMap<Text, Role> {
        for ((_, role), waiting) in std::mem::take(&mut self.waiting) {
            let role = self.roles.entry(role).or_default();
            for waiting in waiting {
                let count = role.decisions.entry(waiting.kind.name()).or_default();
                match waiting.is_over(now, self.period_s) {
                    true => count.never_followed += 1,
                    false => count.open += 1,
                }
            }
        }
        self.roles
    }
}

impl Waiting {
    fn is_over(&self, now: Secs, period_s: u32) -> bool {
        self.at.plus(period_s) < now
    }

    /// The rep who was to get it has it; where nobody was to, whoever was to lose it has it no longer.
    fn is_followed_by(&self, owner: Option<&Text>) -> bool {
        match &self.to {
            Some(to) => owner == Some(to),
            None => owner != self.from.as_ref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::account::{AccountChange, AccountRecord};
    use crate::domain::ids::Id128;
    use crate::domain::output::Why;
    use crate::domain::{EntryKind, Input};

    const DAY: u32 = 86_400;

    fn entry(day: u32, owner: Option<Option<&str>>) -> Entry {
        let record = |owner: Option<&str>| AccountRecord {
            id: "acme".into(),
            op: AccountOp::Change(Box::new(AccountChange {
                owners: vec![("sdr".into(), owner.map(Into::into))],
                ..AccountChange::default()
            })),
            at: None,
        };
        Entry {
            journal: Id128(1),
            shard: 0,
            sequence: 1,
            previous: Id128(0),
            now: Secs(day * DAY).millis(),
            rules: 1,
            kind: EntryKind::Batch,
            spans: Vec::new(),
            inputs: owner
                .map(|owner| Input { position: None, body: Body::Account(record(owner)) })
                .into_iter()
                .collect(),
            outputs: Id128(0),
            state: None,
        }
    }

    fn decision(day: u32, kind: DecisionKind, from: Option<&str>, to: Option<&str>) -> Output {
        Output::Decision(Box::new(Decision {
            command_id: Id128(1),
            kind,
            disposition: Disposition::Shadow,
            account: "acme".into(),
            role: "sdr".into(),
            sequence: 0,
            from: from.map(Into::into),
            to: to.map(Into::into),
            issued_at: Secs(day * DAY),
            not_after: Secs(day * DAY),
            policy_version: 1,
            priority: 0,
            fit: 0,
            timing: 0,
            top_signals: Vec::new(),
            stamps: Default::default(),
            why: Why::Retired { by: "nobody".into() },
        }))
    }

    /// Its number, whom a record names as owner if there is one, and what is decided.
    type Day = (u32, Option<Option<&'static str>>, Vec<Output>);

    fn tallied(days: &[Day], end: u32) -> Role {
        let mut tally = Tally::new(14 * DAY);
        for (day, owner, outputs) in days {
            tally.take(&entry(*day, *owner), outputs, |_| true, |_, _| owner.map(|owner| owner.map(Into::into)));
        }
        tally.end(Secs(end * DAY)).remove("sdr").expect("something happened in it")
    }

    #[test]
    fn a_change_is_held_against_what_was_decided_within_the_period() {
        let given = || vec![decision(10, DecisionKind::Distribution, None, Some("ana"))];
        let count = |role: &Role| role.decisions["distribution"];
        let same = tallied(&[(10, None, given()), (24, Some(Some("ana")), Vec::new())], 30);
        assert_eq!(count(&same), Count { decided: 1, followed: 1, ..Count::default() });
        assert_eq!((same.changes, same.changes_as_decided), (1, 1));
        let other = tallied(&[(10, None, given()), (12, Some(Some("ben")), Vec::new())], 30);
        assert_eq!(count(&other), Count { decided: 1, otherwise: 1, ..Count::default() });
        assert_eq!((other.changes, other.changes_as_decided), (1, 0));
        let late = tallied(&[(10, None, given()), (25, Some(Some("ana")), Vec::new())], 30);
        assert_eq!(count(&late), Count { decided: 1, never_followed: 1, ..Count::default() });
        let never = tallied(&[(10, None, given())], 25);
        assert_eq!(count(&never), Count { decided: 1, never_followed: 1, ..Count::default() });
        let open = tallied(&[(10, None, given())], 24);
        assert_eq!(count(&open), Count { decided: 1, open: 1, ..Count::default() });
    }

    #[test]
    fn what_was_taken_is_followed_when_the_owner_has_it_no_longer() {
        let taken = || vec![decision(10, DecisionKind::Retrieval, Some("ana"), None)];
        for owner in [None, Some("ben")] {
            let days = [(1, Some(Some("ana")), Vec::new()), (10, None, taken()), (11, Some(owner), Vec::new())];
            let role = tallied(&days, 12);
            assert_eq!(role.decisions["retrieval"], Count { decided: 1, followed: 1, ..Count::default() });
        }
        // The same record again is no change.
        let days = [(1, Some(Some("ana")), Vec::new()), (10, None, taken()), (11, Some(Some("ana")), Vec::new())];
        assert_eq!(tallied(&days, 12).decisions["retrieval"].open, 1);
    }
}
