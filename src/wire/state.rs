//! The engine's state as a snapshot's payload, and the engine that goes on from it.
//!
//! All fields, one after the other; lists of rows by columns, as `codec` arranges them. Which arrangement this is, the snapshot's
//! format says ([`super::snapshot::FORMAT`]): a field that comes or goes raises it.

use super::WireError;
use super::codec::{self, wire_enum, wire_number, wire_struct};
use crate::engine::Engine;
use crate::engine::evidence::Touches;
use crate::engine::state::{
    Account, AccountId, AccountSide, Contribution, DailyRow, Kept, Opportunity, Pass, PastOwner, Phase, Rep, RepId,
    RestoredSeat, RoleState, Seat, SnapshotRow, SourceState, State, Tenure,
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
    let (accounts, reps, roles) = (state.accounts.len(), state.reps.len(), state.roles.len());
    let same = |what: &str, found: usize, expected: usize| {
        if found == expected { Ok(()) } else { Err(format!("{found} {what} where there should be {expected}")) }
    };
    same("sides of accounts", state.sides.len(), accounts)?;
    same("roles with seats", state.seats.len(), roles)?;
    same("roles with tenures", state.tenures.len(), roles)?;
    same("roles with past owners", state.past_owners.len(), roles)?;
    if let Some(policy) = &state.policy {
        same("roles", roles, policy.roles.len())?;
        same("sources", state.sources.len(), policy.sources.len())?;
    }
    for seats in &state.seats {
        same("seats", seats.len(), accounts)?;
    }
    let unknown_account = accounts_named(state).find(|account| account.index() >= accounts);
    if let Some(AccountId(account)) = unknown_account {
        return Err(format!("there is no account {account}"));
    }
    let unknown_rep = reps_named(state).find(|rep| *rep != RepId::NOBODY && rep.index() >= reps);
    unknown_rep.map_or(Ok(()), |RepId(rep)| Err(format!("there is no rep {rep}")))
}

/// Every mention of an account by its number.
fn accounts_named(state: &State) -> impl Iterator<Item = AccountId> {
    let owned = state.tenures.iter().flat_map(|tenures| tenures.keys());
    let past = state.past_owners.iter().flat_map(|past| past.keys());
    let books = state.reps.iter().flat_map(|rep| &rep.accounts);
    let waiting = state.roles.iter().flat_map(|role| role.marked.keys().chain(&role.waiting));
    let aside = state.roles.iter().filter_map(|role| role.pass.as_ref()).flat_map(|pass| &pass.aside);
    let opportunities = state.opportunities.values().map(|opportunity| &opportunity.account);
    let rows = state.snapshots.keys().map(|(account, _)| account);
    let days = state.daily.keys().map(|(account, _, _)| account);
    owned.chain(past).chain(books).chain(waiting).chain(aside).chain(opportunities).chain(rows).chain(days).copied()
}

/// Every mention of a rep by their number.
fn reps_named(state: &State) -> impl Iterator<Item = RepId> {
    let seats = state.seats.iter().flatten().flat_map(|seat| [seat.owner, seat.crm_owner, seat.shown_owner]);
    let past = state.past_owners.iter().flat_map(|past| past.values().flatten()).map(|past| past.rep);
    let restored = state.restored.values().map(|seat| seat.owner);
    seats.chain(past).chain(restored)
}

wire_number! {
    AccountId(u32)
    RepId(u16)
}
wire_enum!(Phase { 0 = Thresholds, 1 = Fill });

wire_struct! {
    State {
        journal, shard, sequence, now, now_ms, policy, gate_open, opened, accounts, sides, seats, tenures,
        past_owners, reps, roles, sources, partitions, ends_passed, opportunities, snapshots, daily, remembered,
        unknown, unknown_next, restored, book_losses, departures, departures_proceeded, tripped, again,
    }
    Account { sums, segments, fit, epoch, any_touch, hold, meeting, open_opportunities, shown_band, alive }
    AccountSide { id, hash, domains, fit_given, fields, parent, crm_version, contributions, shown }
    Contribution { class, kind, subject, at, points_milli, position }
    Seat {
        status, orphan, owner, crm_owner, sequence, since, until, hold, wake, cause, shown_status, shown_owner,
    }
    Tenure { since, grace, segment, promised, warned_at, evidence }
    Touches { touches, days, contacts, replies }
    PastOwner { rep, until }
    Rep {
        id, known, status, role, book, book_name, capacity_set, weight, manager, team, aliases, fields,
        per_segment, turns, acts, losses, returns, departing, book_proceeded, quiet_proceeded, accounts,
    }
    Pass { segments, phase, aside }
    RoleState { marked, dirty, pass, turn_count, waiting, losses, proceeded }
    SourceState { name, latest, complete, silent }
    Opportunity { account, open }
    SnapshotRow { class, at, contributed, epoch }
    DailyRow { points_milli, contributed, epoch }
    Kept { arrived, input }
    RestoredSeat { status, owner, sequence }
}
