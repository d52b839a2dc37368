//! The encoding of what goes out: over these bytes, never over JSON, outputs are digested.

use crate::domain::output::{
    AccountState, BreakerScope, Considered, Entered, LeftAlone, Missing, Placement, SeatState, SeatStatus, Stamps,
    TopSignal, Undone, Verdict, Why,
};
use crate::domain::{Alert, AlertKind, Decision, DecisionKind, Disposition, Output};

wire_enum!(Output {
    0 = Decision(decision),
    1 = Alert(alert),
    2 = AccountState(row),
    3 = DeadLetter { input, code },
});
wire_enum!(DecisionKind { 0 = Distribution, 1 = Retrieval, 2 = Return, 3 = Departure, 4 = Retirement, 5 = Undo });
wire_enum!(Disposition { 0 = Command, 1 = Shadow, 2 = Held });
wire_enum!(Why {
    0 = Placed(placement),
    1 = Idle { book, deadline, warned_at, promised, last_touch },
    2 = Returned { reason, by },
    3 = OwnerLeft { holds_opportunity, holds_meeting },
    4 = Retired { by },
    5 = Undone { by, kind, entry },
});
wire_enum!(Verdict {
    0 = Chosen,
    1 = Inactive,
    2 = Full,
    3 = SegmentFull,
    4 = CooledOff,
    5 = Unfit,
    6 = Fuller,
    7 = LaterTurn,
});
wire_enum!(AlertKind {
    0 = AtRisk { account, role, owner, deadline, promised, missing, shadow },
    1 = RiskCleared { account, role, owner, shadow },
    2 = Refused { op, code, account, role, by },
    3 = SourceSilent { source, latest },
    4 = SourceBack { source },
    5 = BreakerTripped { scope, due },
    6 = BreakerReset { scope },
    7 = Orphan { account, role, owner },
    8 = IssuingStopped { role, issued_at, out },
    9 = IssuingResumed { role },
    10 = CommandUndone { account, role, undone, owner, tries },
    11 = Paused { role, by },
    12 = Resumed { role, by },
    13 = RateSet { per_hour, by },
    14 = WentLive { role, by, owned },
    15 = ModeKept { role, mode },
    16 = UndoDone { role, by, undone, left },
    17 = UndoLeft { account, role, owner, why },
    18 = ApprovalWanted { role, wave, due, until },
    19 = Approved { role, wave, by },
    20 = ApprovalLapsed { role, wave },
});
wire_enum!(Undone { 0 = Rejected, 1 = Failed, 2 = Expired, 3 = Overruled, 4 = TakenBack });
wire_tags!(Entered { 0 = Placed, 1 = FilledIdle, 2 = Adopted });
wire_enum!(LeftAlone {
    0 = Deleted,
    1 = UndoneAlready,
    2 = DecidedSince,
    3 = ChangedOutside,
    4 = AskedSince,
    5 = WorkedSince,
    6 = OwnerGone,
});
wire_enum!(BreakerScope { 0 = Role(role), 1 = Book(rep), 2 = QuietRep(rep), 3 = Departures, 4 = Refused(rep) });
wire_tags!(SeatStatus {
    0 = Unknown,
    1 = Excluded,
    2 = Pool,
    3 = Rest,
    4 = Owned,
    5 = Holding,
    6 = Review,
    7 = Retired,
});

wire_struct! {
    Decision {
        command_id, kind, disposition, account, role, sequence, from, to, issued_at, not_after, policy_version,
        priority, fit, timing, top_signals, stamps, why,
    }
    Stamps { entered, warned_at }
    TopSignal { class, kind, subject, at, points_milli, position }
    Placement { book, segment, threshold, filled_idle, tier, pool_since, candidates, more }
    Considered { rep, verdict, size, capacity }
    Alert { at, kind }
    Missing { touches, days, contacts, replies }
    AccountState { account, at, band, seats }
    SeatState { role, status, owner, crm_owner, since, shadow }
}
