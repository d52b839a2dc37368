//! The encoding of the deciding state's rows: over these bytes the state is digested.

use crate::engine::view::{AccountView, CommandView, RepView, SeatView, TenureView, WaveView};

wire_struct! {
    AccountView { id, sums, segments, fit, any_touch, hold, open_opportunities, meeting, seats }
    SeatView { status, owner, crm_owner, sequence, since, until, hold, past, tenure }
    TenureView { since, grace, segment, promised, touches, days, contacts, replies }
    CommandView {
        account, role, stage, command, previous, base, to, until, issued, turn, kept, told, version, tries,
        retry_at, taken_back, wish,
    }
    WaveView { role, wave, approved }
    RepView { id, status, role, book, capacity, weight, size, per_segment, turns, acts }
}
