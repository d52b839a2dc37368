//! The twin's state as the rows that the engine shows too.

use std::collections::BTreeMap;

use bookd::domain::{Secs, Text};
use bookd::engine::state::Turn;
use bookd::engine::view::{AccountView, CommandView, RepView, SeatView, TenureView, UndoView, View, WaveView};

use super::pending::Command;
use super::undo::Decided;
use super::{AccountNo, RepNo, Seat, Tenure, Twin};

pub(super) fn of(twin: &Twin) -> View {
    let policy = twin.policy.as_ref();
    let source = |name: &bookd::domain::Text| {
        let row = &twin.sources[name];
        (name.clone(), row.latest, row.complete, row.silent)
    };
    View {
        now: twin.now,
        sequence: twin.sequence,
        policy_version: policy.map_or(0, |policy| policy.version),
        gate_open: twin.gate_open,
        opened: twin.opened,
        accounts: twin.living().into_iter().map(|account| account_view(twin, account)).collect(),
        reps: (0..twin.reps.len()).map(|rep| rep_view(twin, rep)).collect(),
        sources: policy.into_iter().flat_map(|policy| &policy.sources).map(|each| source(&each.name)).collect(),
        tripped: twin.tripped.iter().cloned().collect(),
        commands: command_views(twin),
        writers: writer_views(twin),
        paused: paused_views(twin),
        shadow: shadow_views(twin),
        waves: wave_views(twin),
        rate: twin.rate.clone(),
        issued: issued_views(twin, |_| true),
        issued_losses: issued_views(twin, |loss| loss),
        undo: twin.decided.iter().map(|decided| undo_view(twin, decided)).collect(),
        undo_forgotten: twin.decided_before,
        remembered: twin.remembered.len() as u64,
        unknown: twin.kept.len() as u64,
    }
}

fn command_views(twin: &Twin) -> Vec<CommandView> {
    let mut views = Vec::new();
    for role in 0..twin.roles.len() {
        for account in twin.living() {
            views.extend(twin.command_of(account, role).map(|command| command_view(twin, account, role, command)));
        }
    }
    views
}

fn writer_views(twin: &Twin) -> Vec<(Text, Secs, bool)> {
    let confirming = (0..twin.roles.len()).filter(|role| twin.confirms(*role));
    let view =
        |role: usize| (twin.policy().roles[role].name.clone(), twin.roles[role].answered, twin.roles[role].stalled);
    confirming.map(view).collect()
}

fn paused_views(twin: &Twin) -> Vec<(Text, Text, Secs)> {
    let mut views = Vec::new();
    for (role, state) in twin.roles.iter().enumerate() {
        if let Some((by, since)) = &state.paused {
            views.push((twin.policy().roles[role].name.clone(), by.clone(), *since));
        }
    }
    views
}

fn shadow_views(twin: &Twin) -> Vec<Text> {
    let shadow = (0..twin.roles.len()).filter(|role| twin.roles[*role].shadow);
    shadow.map(|role| twin.policy().roles[role].name.clone()).collect()
}

fn wave_views(twin: &Twin) -> Vec<WaveView> {
    let mut views = Vec::new();
    for (role, state) in twin.roles.iter().enumerate() {
        if state.wave.is_some() || state.approved > Secs::ZERO {
            let role = twin.policy().roles[role].name.clone();
            views.push(WaveView { role, wave: state.wave, approved: state.approved });
        }
    }
    views
}

fn issued_views(twin: &Twin, counts: impl Fn(bool) -> bool) -> Vec<(Secs, u32)> {
    let mut views: BTreeMap<Secs, u32> = BTreeMap::new();
    for (at, _) in twin.issued_this_hour().into_iter().filter(|(_, loss)| counts(*loss)) {
        *views.entry(at).or_default() += 1;
    }
    views.into_iter().collect()
}

fn command_view(twin: &Twin, account: AccountNo, role: usize, command: &Command) -> CommandView {
    let name = |rep: Option<RepNo>| rep.map(|rep| twin.reps[rep].id.clone());
    CommandView {
        account: twin.accounts[account].id.clone(),
        role: twin.policy().roles[role].name.clone(),
        stage: command.stage,
        command: command.id,
        previous: command.previous,
        base: name(command.base),
        to: name(command.to),
        until: command.until,
        issued: command.issued,
        turn: command.turn.as_ref().map(turn_view),
        kept: command.kept.map(|(owner, version)| (name(owner), version)),
        told: command.told,
        tries: command.tries,
        retry_at: command.retry_at,
        taken_back: command.taken_back,
        wish: command.wish.as_ref().map(|wish| (wish.decision.kind, wish.at, name(wish.to))),
    }
}

fn undo_view(twin: &Twin, decided: &Decided) -> UndoView {
    let Decided { account, role, before, .. } = decided;
    let name = |rep: RepNo| twin.reps[rep].id.clone();
    UndoView {
        account: twin.accounts[*account].id.clone(),
        role: twin.policy().roles[*role].name.clone(),
        entry: decided.entry,
        at: decided.at,
        kind: decided.kind,
        command: decided.command,
        status: before.status,
        owner: before.owner.map(name),
        since: before.since,
        until: if before.owner.is_some() { Secs::ZERO } else { before.until },
        tenure: before.tenure.as_ref().map(|tenure| tenure_view(twin, tenure)),
        turn: decided.turn.as_ref().map(|(rep, turn)| (name(*rep), turn_view(turn))),
        touched: decided.touched,
    }
}

fn turn_view(turn: &super::pending::Turn) -> Turn {
    Turn { tier: turn.tier, before: turn.before, after: turn.after }
}

fn account_view(twin: &Twin, account: AccountNo) -> AccountView {
    let row = &twin.accounts[account];
    AccountView {
        id: row.id.clone(),
        sums: row.sums,
        segments: row.segments,
        fit: row.fit,
        any_touch: row.any_touch,
        hold: row.hold,
        open_opportunities: twin.open_opportunities(account),
        meeting: row.meeting,
        seats: row.seats.iter().map(|seat| seat_view(twin, seat)).collect(),
    }
}

fn seat_view(twin: &Twin, seat: &Seat) -> SeatView {
    let name = |rep: RepNo| twin.reps[rep].id.clone();
    SeatView {
        status: seat.status,
        owner: seat.owner.map(name),
        crm_owner: seat.crm_owner.map(name),
        sequence: seat.sequence,
        since: seat.since,
        until: seat.until,
        hold: seat.hold,
        version: seat.version,
        past: seat.past.iter().map(|(rep, until): &(RepNo, Secs)| (name(*rep), *until)).collect(),
        tenure: seat.tenure.as_ref().map(|tenure| tenure_view(twin, tenure)),
    }
}

fn tenure_view(twin: &Twin, tenure: &Tenure) -> TenureView {
    let segments = &twin.policy().segments;
    let index = |name: &bookd::domain::Text| segments.iter().position(|segment| segment.name == *name);
    TenureView {
        since: tenure.since,
        grace: tenure.grace,
        segment: tenure.segment.as_ref().and_then(index).map(|index| index as u8),
        promised: tenure.promised,
        entered: tenure.entered,
        warned_at: tenure.warned_at,
        touches: tenure.touches.clone(),
        days: tenure.days.clone(),
        contacts: tenure.contacts.clone(),
        replies: tenure.replies.clone(),
    }
}

fn rep_view(twin: &Twin, rep: RepNo) -> RepView {
    let row = &twin.reps[rep];
    let book = twin.book_of(rep);
    let mut names = Vec::new();
    if let Some(book) = book {
        let policy = twin.policy();
        let places = policy.books[book].segments.iter();
        names.extend(places.map(|place| policy.segments[usize::from(place.segment)].name.clone()));
    }
    RepView {
        id: row.id.clone(),
        status: row.status,
        role: row.role.map(|role| role as u8),
        book: book.map(|book| book as u16),
        capacity: twin.capacity(rep),
        weight: twin.weight(rep),
        size: twin.size(rep),
        per_segment: names.iter().map(|name| twin.count_against(rep, name)).collect(),
        turns: row.turns,
        acts: row.acts.clone(),
        refused: row.refused,
        departing: twin.departing.contains(&rep),
    }
}
