//! The encoding of what comes in: ids, records, events, and what the loop adds to them.

use super::{Reader, Wire};
use crate::domain::account::{AccountChange, AccountOp, AccountRecord, Change, Value};
use crate::domain::ids::{Actor, Id128};
use crate::domain::input::Frontier;
use crate::domain::opportunity::{OpportunityOp, OpportunityRecord};
use crate::domain::rep::{RepChange, RepOp, RepRecord, RepStatus};
use crate::domain::request::{Request, RequestOp, ReturnReason, UndoAsked};
use crate::domain::result::{ResultRecord, ResultStatus};
use crate::domain::signal::{Activity, Class, Direction, Mode, Signal};
use crate::domain::{
    Body, Candidate, Code, EntryKind, Gate, Input, Millis, Position, Restored, Secs, Span, Text, Topic,
};
use crate::wire::WireError;

wire_number! {
    Millis(i64)
    Secs(u32)
    Id128(u128)
}

/// By its text, which dead letters, alerts and metrics fix for good anyway.
impl Wire for Code {
    fn put(&self, out: &mut Vec<u8>) {
        Text::from(self.text()).put(out);
    }

    fn get(from: &mut Reader<'_>) -> Result<Code, WireError> {
        let text = Text::get(from)?;
        let code = Code::ALL.iter().find(|code| code.text() == &*text);
        code.copied().ok_or_else(|| from.invalid("no such code"))
    }
}

impl<T: Wire> Wire for Change<T> {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Change::Keep => out.push(0),
            Change::Clear => out.push(1),
            Change::Set(value) => {
                out.push(2);
                value.put(out);
            }
        }
    }

    fn get(from: &mut Reader<'_>) -> Result<Change<T>, WireError> {
        match from.byte()? {
            0 => Ok(Change::Keep),
            1 => Ok(Change::Clear),
            2 => T::get(from).map(Change::Set),
            tag => Err(from.invalid(format!("no Change has the tag {tag}"))),
        }
    }
}

wire_tags!(Topic {
    0 = Reps,
    1 = Accounts,
    2 = Opportunities,
    3 = Results,
    4 = Activity,
    5 = Requests,
    6 = Intent,
    7 = Engagement,
    8 = Inbound,
    9 = Commands,
    10 = Alerts,
    11 = AccountState,
    12 = DeadLetters,
    13 = Journal,
    14 = Shadow,
});
wire_enum!(Candidate { 0 = CrmId(id), 1 = VendorId { vendor, id }, 2 = Domain(name), 3 = EmailDomain(name) });
wire_enum!(Actor { 0 = Rep(id), 1 = Alias(hash) });
wire_enum!(Value { 0 = Bool(value), 1 = Number(value), 2 = Text(value), 3 = List(items) });
wire_enum!(AccountOp { 0 = Change(change), 1 = Delete });
wire_enum!(RepStatus { 0 = Active, 1 = Inactive, 2 = Departed });
wire_enum!(RepOp { 0 = Change(change), 1 = Delete });
wire_enum!(OpportunityOp { 0 = Change { account, open }, 1 = Delete });
wire_enum!(ResultStatus { 0 = Applied, 1 = Rejected, 2 = Failed, 3 = Expired });
wire_tags!(Class { 0 = Intent, 1 = Engagement, 2 = Inbound, 3 = Activity });
wire_enum!(Mode { 0 = Delta, 1 = Snapshot });
wire_enum!(Direction { 0 = Outbound, 1 = Inbound, 2 = Mutual });
wire_enum!(Gate { 0 = Open, 1 = Closed });
wire_enum!(Frontier { 0 = Partitions { count }, 1 = EndPassed { partition, at }, 2 = Complete { source, until } });
wire_enum!(RequestOp {
    0 = Return,
    1 = ReviewDone,
    2 = Retire,
    3 = Hold,
    4 = Release,
    5 = Proceed,
    6 = Distribute,
    7 = Claim,
    8 = Undo,
    9 = Pause,
    10 = Resume,
    11 = Rate,
    12 = Approve,
    13 = Adopt,
    14 = GoLive,
    15 = Rebalance,
    16 = Erase,
});
wire_enum!(ReturnReason {
    0 = Duplicate,
    1 = BadData,
    2 = NoIcpMatch,
    3 = NoRelevantContact,
    4 = CallBack,
    5 = NotInterested,
    6 = Competitor,
    7 = OutOfBusiness,
});
wire_enum!(Body {
    0 = Policy(policy),
    1 = Gate(gate),
    2 = Frontier(frontier),
    3 = Rep(record),
    4 = Account(record),
    5 = Opportunity(record),
    6 = Result(record),
    7 = Activity(event),
    8 = Request(request),
    9 = Signal(event),
    10 = Restored(row),
});
wire_enum!(EntryKind {
    0 = Batch,
    1 = Policy,
    2 = Gate,
    3 = Checkpoint,
    4 = Rules,
    5 = Undo,
    6 = Partitions,
    7 = Rebase,
    8 = Heartbeat,
});

wire_struct! {
    Position { topic, partition, offset }
    AccountRecord { id, op, at }
    AccountChange { domains, fit, owners, fields, replace_fields, parent, crm_version }
    RepRecord { id, op, at }
    RepChange { role, book, status, capacity, weight, manager, team, aliases, fields, replace_fields }
    OpportunityRecord { id, op, at }
    ResultRecord { command_id, status, observed_owner, error_code, crm_version, at }
    Signal { class, kind, account, source, subject, strength, mode, at, dedup, due }
    Activity { kind, account, source, actor, contact, direction, at, dedup, meeting_at }
    Request { op, account, role, rep, reason, until, per_hour, wave, undo, by, at, dedup }
    UndoAsked { command, entry, since }
    Restored { account, role, status, owner, sequence }
    Input { position, body }
    Span { topic, partition, from, next, read, rejected }
}
