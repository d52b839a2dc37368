//! The engine's state as a snapshot's payload, and the engine that goes on from it.
//!
//! All fields, in two parts that are read at once; lists of rows by columns, as `codec` arranges them. Which arrangement this is,
//! the snapshot's format says ([`super::snapshot::FORMAT`]): a field that comes or goes raises it.

mod named;
mod parts;

use std::collections::BTreeSet;

use thin_vec::ThinVec;

use super::WireError;
use super::codec::{self, Reader, Wire, wire_enum, wire_number, wire_struct, wire_tags};
use crate::domain::output::SeatStatus;
use crate::engine::Engine;
use crate::engine::both::both;
use crate::engine::evidence::Touches;
use crate::engine::few::Few;
use crate::engine::rare::{Empty, Rare};
use crate::engine::state::{
    Account, AccountId, AccountRecordRow, AccountSide, Before, Commanded, Contribution, Contributions, DailyRow, Kept,
    MAX_CONTRIBUTIONS, Mark, Observed, Opportunity, Pass, PastOwner, Pause, Phase, Rate, Rep, RepId, RestoredSeat,
    RoleState, Seat, SnapshotRow, SourceState, Stage, State, Tenure, Turn, UndoLog, UndoRow, Wave, Wish,
};

/// The whole state, between two entries.
pub fn encode(engine: &Engine) -> Vec<u8> {
    codec::to_bytes(engine.state())
}

/// The engine that goes on from there; its indexes are built anew.
pub fn decode(bytes: &[u8]) -> Result<Engine, WireError> {
    let state: State = codec::from_bytes(bytes)?;
    check_shape(&state).map_err(|what| WireError::Invalid { at: bytes.len(), what })?;
    Ok(Engine::from_state(state))
}

/// Rows that belong together are as many, and every number names a row: what the engine indexes by without
/// asking. Whether the rows make sense is for [`Engine::audit`].
fn check_shape(state: &State) -> Result<(), String> {
    let (accounts, roles) = (state.accounts.len(), state.roles.len());
    let same = |what: &str, found: usize, expected: usize| {
        if found == expected { Ok(()) } else { Err(format!("{found} {what} where there should be {expected}")) }
    };
    same("sides of accounts", state.sides.len(), accounts)?;
    same("records of accounts", state.records.len(), accounts)?;
    same("roles with seats", state.seats.len(), roles)?;
    same("roles with tenures", state.tenures.len(), roles)?;
    same("roles with past owners", state.past_owners.len(), roles)?;
    same("roles with commands", state.commands.len(), roles)?;
    if let Some(policy) = &state.policy {
        same("roles", roles, policy.roles.len())?;
        same("sources", state.sources.len(), policy.sources.len())?;
    }
    if let Some(row) = state.undo.rows.iter().find(|row| usize::from(row.role) >= roles) {
        return Err(format!("there is no role {}", row.role));
    }
    for seats in &state.seats {
        same("seats", seats.len(), accounts)?;
    }
    // The kinds of all contributions are half of it.
    let (kinds, numbers) = both(|| check_kinds(state), || check_numbers(state));
    kinds.and(numbers)
}

/// Accounts and reps that are named, and what has to be so of the rows that are found by these numbers.
fn check_numbers(state: &State) -> Result<(), String> {
    let (accounts, reps) = (state.accounts.len(), state.reps.len());
    check_arrivals(state)?;
    let unknown_account = accounts_named(state).find(|account| account.index() >= accounts);
    if let Some(AccountId(account)) = unknown_account {
        return Err(format!("there is no account {account}"));
    }
    let unknown_rep = reps_named(state).find(|rep| *rep != RepId::NOBODY && rep.index() >= reps);
    unknown_rep.map_or(Ok(()), |RepId(rep)| Err(format!("there is no rep {rep}")))?;
    state.seats.iter().zip(&state.tenures).try_for_each(|(seats, tenures)| check_tenures(seats, tenures))?;
    state
        .roles
        .iter()
        .enumerate()
        .try_for_each(|(role, row)| check_waiting(row, &state.seats[role], &state.tenures[role]))
}

/// Each event id that is remembered came at one of the arrivals.
fn check_arrivals(state: &State) -> Result<(), String> {
    let counts = || state.arrivals.iter().map(|(_, count)| u64::from(*count));
    let (remembered, arrived) = (state.remembered.len() as u64, counts().sum::<u64>());
    if remembered != arrived || counts().any(|count| count == 0) {
        return Err(format!("{remembered} event ids are remembered of {arrived} that arrived"));
    }
    Ok(())
}

/// Each owned seat of a role has one tenure, and no other seat has any.
fn check_tenures(seats: &[Seat], tenures: &[Tenure]) -> Result<(), String> {
    let mut owned: Vec<bool> = seats.iter().map(|seat| seat.status == SeatStatus::Owned).collect();
    for Tenure { account, .. } in tenures {
        if !std::mem::take(&mut owned[account.index()]) {
            return Err(format!("account {} has a tenure too many", account.0));
        }
    }
    let lacking = owned.iter().position(|owned| *owned);
    lacking.map_or(Ok(()), |account| Err(format!("account {account} is owned without a tenure")))
}

/// What waits to be lost has an owner, who was promised when.
fn check_waiting(role: &RoleState, seats: &[Seat], tenures: &[Tenure]) -> Result<(), String> {
    let unpromised = tenures.iter().filter(|tenure| tenure.promised.is_none()).map(|tenure| tenure.account);
    let unpromised: BTreeSet<_> = unpromised.collect();
    let is_right = |account: &AccountId| {
        let seat = &seats[account.index()];
        seat.status == SeatStatus::Owned && seat.owner != RepId::NOBODY && !unpromised.contains(account)
    };
    let wrong = role.waiting.iter().find(|account| !is_right(account));
    wrong.map_or(Ok(()), |AccountId(account)| Err(format!("account {account} waits, and nobody owns it until then")))
}

/// Every kind of the policy, and every kind that a row names, has its number.
fn check_kinds(state: &State) -> Result<(), String> {
    let known: BTreeSet<_> = state.kinds.iter().map(|(class, name)| (*class, name)).collect();
    let kinds = state.policy.iter().flat_map(|policy| &policy.kinds);
    if let Some(kind) = kinds.into_iter().find(|kind| !known.contains(&(kind.class, &kind.name))) {
        return Err(format!("kind {} has no number", kind.name));
    }
    let contributions = state.sides.iter().flat_map(|side| side.contributions.iter());
    let unknown = contributions.map(|row| row.kind).find(|kind| *kind as usize >= state.kinds.len());
    unknown.map_or(Ok(()), |kind| Err(format!("there is no kind {kind}")))
}

/// Every mention of an account by its number.
fn accounts_named(state: &State) -> impl Iterator<Item = AccountId> {
    let owned = state.tenures.iter().flatten().map(|tenure| &tenure.account);
    let past = state.past_owners.iter().flat_map(|past| past.keys());
    let commanded = state.commands.iter().flat_map(|rows| rows.keys());
    let books = state.reps.iter().flat_map(|rep| &rep.accounts);
    let waiting = state.roles.iter().flat_map(|role| role.marked.iter().chain(&role.waiting));
    let aside = state.roles.iter().filter_map(|role| role.pass.as_ref()).flat_map(|pass| &pass.aside);
    let opportunities = state.opportunities.values().map(|opportunity| &opportunity.account);
    let undo = state.undo.rows.iter().map(|row| &row.account);
    let seats = owned.chain(past).chain(commanded).chain(undo);
    seats.chain(books).chain(waiting).chain(aside).chain(opportunities).copied()
}

/// Every mention of a rep by their number.
fn reps_named(state: &State) -> impl Iterator<Item = RepId> {
    let seats = state.seats.iter().flatten().flat_map(|seat| [seat.owner, seat.crm_owner, seat.shown_owner]);
    let past = state.past_owners.iter().flat_map(|past| past.values().flatten()).map(|past| past.rep);
    let restored = state.restored.values().map(|seat| seat.owner);
    let commanded = state.commands.iter().flat_map(|rows| rows.values()).flat_map(Commanded::reps);
    let undo = state.undo.rows.iter();
    let undo = undo.flat_map(|row| [row.before.owner()].into_iter().chain(row.turn.iter().map(|(rep, _)| *rep)));
    seats.chain(past).chain(restored).chain(commanded).chain(undo)
}

wire_number! {
    AccountId(u32)
    RepId(u16)
}

/// As a list, the oldest first.
impl Wire for Contributions {
    fn put(&self, out: &mut Vec<u8>) {
        Wire::put_group(&[self], out);
    }

    fn get(from: &mut Reader<'_>) -> Result<Contributions, WireError> {
        codec::one(from)
    }

    fn put_group(items: &[&Contributions], out: &mut Vec<u8>) {
        codec::put_lists(items.iter().map(|item| item.iter()), out);
    }

    fn get_group(count: usize, from: &mut Reader<'_>, into: &mut Vec<Contributions>) -> Result<(), WireError> {
        let (counts, mut rows) = codec::get_lists(count, from)?;
        if counts.iter().any(|count| *count > MAX_CONTRIBUTIONS) {
            return Err(from.invalid("more contributions than are kept"));
        }
        into.extend(counts.into_iter().map(|count| Contributions::from(thin(count, &mut rows))));
        Ok(())
    }
}

/// As a list.
impl<T: Wire> Wire for ThinVec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        Wire::put_group(&[self], out);
    }

    fn get(from: &mut Reader<'_>) -> Result<ThinVec<T>, WireError> {
        codec::one(from)
    }

    fn put_group(items: &[&ThinVec<T>], out: &mut Vec<u8>) {
        codec::put_lists(items.iter().map(|item| item.iter()), out);
    }

    fn get_group(count: usize, from: &mut Reader<'_>, into: &mut Vec<ThinVec<T>>) -> Result<(), WireError> {
        let (counts, mut items) = codec::get_lists(count, from)?;
        into.extend(counts.into_iter().map(|count| thin(count, &mut items)));
        Ok(())
    }
}

/// So many of what is left, in no more memory than they need.
fn thin<T>(count: usize, items: &mut std::vec::IntoIter<T>) -> ThinVec<T> {
    let mut list = ThinVec::with_capacity(count);
    list.extend(items.take(count));
    list
}

/// As what it holds.
impl<T: Wire + Empty> Wire for Rare<T> {
    fn put(&self, out: &mut Vec<u8>) {
        (**self).put(out);
    }

    fn get(from: &mut Reader<'_>) -> Result<Rare<T>, WireError> {
        T::get(from).map(Rare::from)
    }

    fn put_group(items: &[&Rare<T>], out: &mut Vec<u8>) {
        let items: Vec<&T> = items.iter().map(|item| &***item).collect();
        T::put_group(&items, out);
    }

    fn get_group(count: usize, from: &mut Reader<'_>, into: &mut Vec<Rare<T>>) -> Result<(), WireError> {
        let mut items = Vec::with_capacity(count.min(codec::GROUP));
        T::get_group(count, from, &mut items)?;
        into.extend(items.into_iter().map(Rare::from));
        Ok(())
    }
}

/// As a list.
impl<T: Wire + Copy + Default, const N: usize> Wire for Few<T, N> {
    fn put(&self, out: &mut Vec<u8>) {
        Wire::put_group(&[self], out);
    }

    fn get(from: &mut Reader<'_>) -> Result<Few<T, N>, WireError> {
        codec::one(from)
    }

    fn put_group(items: &[&Few<T, N>], out: &mut Vec<u8>) {
        codec::put_lists(items.iter().map(|item| item.iter()), out);
    }

    fn get_group(count: usize, from: &mut Reader<'_>, into: &mut Vec<Few<T, N>>) -> Result<(), WireError> {
        let (counts, items) = codec::get_lists(count, from)?;
        let mut rest = items.as_slice();
        for count in counts {
            let (few, behind) = rest.split_at(count);
            into.push(Few::try_from(few).map_err(|_| from.invalid("more items than are kept"))?);
            rest = behind;
        }
        Ok(())
    }
}

wire_enum!(Phase { 0 = Thresholds, 1 = Fill });
wire_enum!(Stage {
    0 = Waiting,
    1 = Issued,
    2 = Applied,
    3 = Settled,
    4 = Rejected,
    5 = Failed,
    6 = Expired,
    7 = Overruled,
});
wire_enum!(Before {
    0 = Owned { owner, tenure },
    1 = Held { owner, since },
    2 = Unowned { status, since, until },
});
wire_tags!(Mark { 0 = None, 1 = Thresholds, 2 = Fill });

wire_struct! {
    Account { sums, segments, fit, epoch, any_touch, hold, meeting, open_opportunities, shown_band, alive }
    AccountSide { id, hash, contributions, snapshots, daily }
    AccountRecordRow { domains, fit_given, fields, parent, versions }
    Contribution { kind, subject, at, points_milli, position }
    Seat {
        status, orphan, owner, crm_owner, sequence, since, until, hold, wake, cause, shown_status, shown_owner, mark, aside,
    }
    Tenure { account, since, grace, segment, promised, warned_at, entered, evidence }
    Touches { touches, days, contacts, replies }
    PastOwner { rep, until }
    Commanded {
        stage, command, previous, base, to, issued, until, kept, told, turn, tries, retry_at, taken_back, wish,
    }
    Observed { owner, version }
    Turn { tier, before, after }
    Wish { at, to, decision }
    UndoLog { rows, forgotten }
    UndoRow { command, entry, at, account, role, kind, before, turn, touched }
    Rep {
        id, known, status, role, book, book_name, capacity_set, weight, manager, team, aliases, fields,
        per_segment, turns, acts, losses, returns, departing, refused, book_proceeded, quiet_proceeded, accounts,
    }
    Pass { segments, phase, aside }
    RoleState { marked, dirty, pass, turn_count, waiting, losses, proceeded, answered, stalled, paused, mode, wave, approved }
    Rate { per_hour, by }
    Pause { by, at }
    Wave { wave, asked }
    SourceState { name, latest, complete, silent }
    Opportunity { account, open }
    SnapshotRow { key, class, at, contributed, epoch }
    DailyRow { kind, day, points_milli, contributed, epoch }
    Kept { arrived, input }
    RestoredSeat { status, owner, sequence }
}
