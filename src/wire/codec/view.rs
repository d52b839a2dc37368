//! The encoding of the deciding state's rows: over these bytes the state is digested.

use crate::engine::view::{AccountView, CommandView, RepView, SeatView, TenureView, UndoView, WaveView};

wire_struct! {
    AccountView { id, sums, segments, fit, any_touch, hold, open_opportunities, meeting, seats }
    SeatView { status, owner, crm_owner, sequence, since, until, hold, version, past, tenure }
    TenureView { since, grace, segment, promised, entered, warned_at, touches, days, contacts, replies }
    CommandView {
        account, role, stage, command, previous, base, to, until, issued, turn, kept, told, tries,
        retry_at, taken_back, wish,
    }
    UndoView {
        account, role, entry, at, kind, command, status, owner, since, until, tenure, turn, touched,
    }
    WaveView { role, wave, approved }
    RepView { id, status, role, book, capacity, weight, size, per_segment, turns, acts, refused, departing }
}
