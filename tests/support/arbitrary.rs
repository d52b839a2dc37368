//! Arbitrary values of the domain, drawn from bytes: proptest shortens the bytes, and so the value.
//!
//! Values are arbitrary, not sensible: what passes through `wire` must survive whatever the types allow. Use with
//! `#[path = "support/arbitrary.rs"] mod arbitrary;`.
#![allow(dead_code)] // no test uses all of it

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bookd::domain::account::{AccountChange, AccountOp, AccountRecord, Change, Value};
use bookd::domain::filter::{Compare, Filter};
use bookd::domain::ids::{Actor, Id128};
use bookd::domain::input::Frontier;
use bookd::domain::opportunity::{OpportunityOp, OpportunityRecord};
use bookd::domain::output::*;
use bookd::domain::policy::*;
use bookd::domain::rep::{RepChange, RepOp, RepRecord, RepStatus};
use bookd::domain::request::{Request, RequestOp, ReturnReason, UndoAsked};
use bookd::domain::result::{ResultRecord, ResultStatus};
use bookd::domain::signal::{Activity, Class, Direction, Mode, Signal};
use bookd::domain::time::Zone;
use bookd::domain::{
    Body, Candidate, Candidates, Code, Entry, EntryKind, Gate, Input, Millis, Position, Restored, Secs, Span, Text,
    Topic,
};
use bookd::engine::evidence::Touches;
use bookd::engine::few::Few;
use bookd::engine::queue::Queue;
use bookd::engine::rare::{Empty, Rare};
use bookd::engine::state::{
    Account, AccountId, AccountRecordRow, AccountSide, Before, Commanded, Contribution, Contributions, DailyRow, Kept,
    Mark, NamedValues, Observed, Opportunity, OwnDomains, Pass, PastOwner, Pause, Phase, Rate, Rep, RepId,
    RestoredSeat, RoleState, Seat, SnapshotRow, SourceState, Stage, State, Tenure, Turn, UndoLog, UndoRow, Versions,
    Wave, Wish,
};
use bookd::engine::view::{AccountView, CommandView, RepView, SeatView, TenureView, UndoView, View, WaveView};
use proptest::prelude::*;
use thin_vec::ThinVec;

/// A strategy for any type here.
pub fn any_of<T: Draw + std::fmt::Debug>() -> impl Strategy<Value = T> {
    proptest::collection::vec(any::<u8>(), 0..3000).prop_map(|bytes| T::draw(&mut Dice { bytes: &bytes }))
}

/// Bytes that decide what is drawn. When they run out everything drawn is the least of its kind.
pub struct Dice<'a> {
    pub bytes: &'a [u8],
}

impl Dice<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.bytes.split_first() else { return 0 };
        self.bytes = rest;
        *first
    }

    /// A number whose magnitude is arbitrary too: small ones, and the ends of every width, are common.
    fn number(&mut self) -> u128 {
        let width = self.byte() % 17;
        if width == 16 {
            return u128::MAX;
        }
        (0..width).fold(0, |number, _| number << 8 | u128::from(self.byte()))
    }
}

/// Lengths of lists around those at which the encoding changes, and over more than one group.
pub const LENGTHS: [usize; 5] = [15, 16, 512, 513, 1_100];

/// So many, each drawn from bytes of its own: they don't run out.
pub fn many<T: Draw>(count: usize, stream: &mut impl FnMut() -> u8) -> Vec<T> {
    const BYTES: usize = 200;
    let one = |_| {
        let bytes: Vec<u8> = (0..BYTES).map(|_| stream()).collect();
        T::draw(&mut Dice { bytes: &bytes })
    };
    (0..count).map(one).collect()
}

pub trait Draw: Sized {
    fn draw(dice: &mut Dice<'_>) -> Self;
}

macro_rules! numbers {
    ($($name:ident)*) => {$(
        impl Draw for $name {
            fn draw(dice: &mut Dice<'_>) -> $name {
                dice.number() as $name
            }
        }
    )*};
}

numbers!(u8 u16 u32 u64 u128 i32 i64);

impl Draw for bool {
    fn draw(dice: &mut Dice<'_>) -> bool {
        dice.byte() % 2 == 1
    }
}

/// Never NaN, which equals nothing, itself included.
impl Draw for f64 {
    fn draw(dice: &mut Dice<'_>) -> f64 {
        let drawn = f64::from_bits(u64::draw(dice));
        if drawn.is_nan() { 0.5 } else { drawn }
    }
}

impl Draw for Text {
    fn draw(dice: &mut Dice<'_>) -> Text {
        const PARTS: [&str; 8] = ["a", "acme.com", "", "ü", "0", "\u{0}", "日本", "\"\\\n"];
        (0..dice.byte() % 4).map(|_| PARTS[usize::from(dice.byte() % 8)]).collect::<String>().into()
    }
}

impl<T: Draw> Draw for Option<T> {
    fn draw(dice: &mut Dice<'_>) -> Option<T> {
        bool::draw(dice).then(|| T::draw(dice))
    }
}

impl<T: Draw> Draw for Box<T> {
    fn draw(dice: &mut Dice<'_>) -> Box<T> {
        Box::new(T::draw(dice))
    }
}

impl Draw for OwnDomains {
    fn draw(dice: &mut Dice<'_>) -> OwnDomains {
        Vec::draw(dice).into()
    }
}

impl Draw for Versions {
    fn draw(dice: &mut Dice<'_>) -> Versions {
        Vec::draw(dice).into()
    }
}

impl Draw for Candidates {
    fn draw(dice: &mut Dice<'_>) -> Candidates {
        Vec::draw(dice).into()
    }
}

/// Long now and then.
impl<T: Draw> Draw for Vec<T> {
    fn draw(dice: &mut Dice<'_>) -> Vec<T> {
        let length = match dice.byte() {
            u8::MAX => *pick(dice, &LENGTHS),
            byte => usize::from(byte % 5),
        };
        (0..length).map(|_| T::draw(dice)).collect()
    }
}

impl<T: Draw> Draw for ThinVec<T> {
    fn draw(dice: &mut Dice<'_>) -> ThinVec<T> {
        Vec::draw(dice).into_iter().collect()
    }
}

impl<T: Draw + Empty> Draw for Rare<T> {
    fn draw(dice: &mut Dice<'_>) -> Rare<T> {
        Rare::from(T::draw(dice))
    }
}

impl<T: Draw + Copy + Default, const N: usize> Draw for Few<T, N> {
    fn draw(dice: &mut Dice<'_>) -> Few<T, N> {
        let mut items = Vec::draw(dice);
        items.truncate(N);
        Few::try_from(&items[..]).expect("no more than it holds")
    }
}

/// In order, each name once.
impl Draw for NamedValues {
    fn draw(dice: &mut Dice<'_>) -> NamedValues {
        let fields: std::collections::BTreeMap<Text, Value> = Vec::draw(dice).into_iter().collect();
        let (names, values): (Vec<Text>, Vec<Value>) = fields.into_iter().unzip();
        NamedValues::new(&names.into(), values.into())
    }
}

impl<T: Draw> Draw for Box<[T]> {
    fn draw(dice: &mut Dice<'_>) -> Box<[T]> {
        Vec::draw(dice).into()
    }
}

impl Draw for Contributions {
    fn draw(dice: &mut Dice<'_>) -> Contributions {
        let mut contributions = Contributions::default();
        Vec::draw(dice).into_iter().for_each(|row| contributions.push(row));
        contributions
    }
}

impl<T: Draw, const N: usize> Draw for [T; N] {
    fn draw(dice: &mut Dice<'_>) -> [T; N] {
        std::array::from_fn(|_| T::draw(dice))
    }
}

impl<A: Draw, B: Draw> Draw for (A, B) {
    fn draw(dice: &mut Dice<'_>) -> (A, B) {
        (A::draw(dice), B::draw(dice))
    }
}

impl<A: Draw, B: Draw, C: Draw> Draw for (A, B, C) {
    fn draw(dice: &mut Dice<'_>) -> (A, B, C) {
        (A::draw(dice), B::draw(dice), C::draw(dice))
    }
}

impl<A: Draw, B: Draw, C: Draw, D: Draw> Draw for (A, B, C, D) {
    fn draw(dice: &mut Dice<'_>) -> (A, B, C, D) {
        (A::draw(dice), B::draw(dice), C::draw(dice), D::draw(dice))
    }
}

impl<T: Draw> Draw for Queue<T> {
    fn draw(dice: &mut Dice<'_>) -> Queue<T> {
        Vec::draw(dice).into_iter().collect()
    }
}

impl<T: Draw> Draw for VecDeque<T> {
    fn draw(dice: &mut Dice<'_>) -> VecDeque<T> {
        Vec::draw(dice).into()
    }
}

impl<T: Draw + Ord> Draw for BTreeSet<T> {
    fn draw(dice: &mut Dice<'_>) -> BTreeSet<T> {
        Vec::draw(dice).into_iter().collect()
    }
}

impl<K: Draw + Ord, V: Draw> Draw for BTreeMap<K, V> {
    fn draw(dice: &mut Dice<'_>) -> BTreeMap<K, V> {
        Vec::draw(dice).into_iter().collect()
    }
}

impl Draw for AccountId {
    fn draw(dice: &mut Dice<'_>) -> AccountId {
        AccountId(u32::draw(dice))
    }
}

impl Draw for RepId {
    fn draw(dice: &mut Dice<'_>) -> RepId {
        RepId(u16::draw(dice))
    }
}

impl<T: Draw> Draw for Change<T> {
    fn draw(dice: &mut Dice<'_>) -> Change<T> {
        match dice.byte() % 3 {
            0 => Change::Keep,
            1 => Change::Clear,
            _ => Change::Set(T::draw(dice)),
        }
    }
}

impl Draw for Millis {
    fn draw(dice: &mut Dice<'_>) -> Millis {
        Millis(i64::draw(dice))
    }
}

impl Draw for Secs {
    fn draw(dice: &mut Dice<'_>) -> Secs {
        Secs(u32::draw(dice))
    }
}

impl Draw for Id128 {
    fn draw(dice: &mut Dice<'_>) -> Id128 {
        Id128(u128::draw(dice))
    }
}

impl Draw for Topic {
    fn draw(dice: &mut Dice<'_>) -> Topic {
        *pick(dice, &[&Topic::INPUTS[..], &Topic::OUTPUTS[..]].concat())
    }
}

impl Draw for Code {
    fn draw(dice: &mut Dice<'_>) -> Code {
        *pick(dice, Code::ALL)
    }
}

fn pick<'a, T>(dice: &mut Dice<'_>, all: &'a [T]) -> &'a T {
    &all[usize::from(dice.byte()) % all.len()]
}

macro_rules! enums {
    ($($name:ident { $($variant:ident $(($($item:ident),*))? $({ $($field:ident),* })?),* $(,)? })*) => {$(
        impl Draw for $name {
            fn draw(dice: &mut Dice<'_>) -> $name {
                let draws: &[fn(&mut Dice<'_>) -> $name] = &[
                    $(|_dice| $name::$variant $(($({ stringify!($item); Draw::draw(_dice) }),*))? $({ $($field: Draw::draw(_dice)),* })?),*
                ];
                pick(dice, draws)(dice)
            }
        }
    )*};
}

macro_rules! structs {
    ($($name:ident { $($field:ident),* $(,)? })*) => {$(
        impl Draw for $name {
            fn draw(dice: &mut Dice<'_>) -> $name {
                $name { $($field: Draw::draw(dice)),* }
            }
        }
    )*};
}

enums! {
    Candidate { CrmId(id), VendorId { vendor, id }, Domain(name), EmailDomain(name) }
    Actor { Rep(id), Alias(hash) }
    Value { Bool(value), Number(value), Text(value), List(items) }
    AccountOp { Delete, Change(change) }
    RepStatus { Active, Inactive, Departed }
    RepOp { Delete, Change(change) }
    OpportunityOp { Delete, Change { account, open } }
    ResultStatus { Applied, Rejected, Failed, Expired }
    Class { Intent, Engagement, Inbound, Activity }
    Mode { Delta, Snapshot }
    Direction { Outbound, Inbound, Mutual }
    Gate { Open, Closed }
    Frontier { Partitions { count }, EndPassed { partition, at }, Complete { source, until } }
    RequestOp {
        Return, ReviewDone, Retire, Hold, Release, Proceed, Distribute, Claim, Undo, Pause, Resume, Rate, Approve,
        Adopt, GoLive, Rebalance, Erase,
    }
    ReturnReason {
        Duplicate, BadData, NoIcpMatch, NoRelevantContact, CallBack, NotInterested, Competitor, OutOfBusiness,
    }
    Body {
        Gate(gate), Policy(policy), Frontier(frontier), Rep(record), Account(record), Opportunity(record),
        Result(record), Activity(event), Request(request), Signal(event), Restored(row),
    }
    EntryKind { Batch, Policy, Gate, Checkpoint, Rules, Undo, Partitions, Rebase, Heartbeat }
    Compare { Equal, Less, LessEqual, Greater, GreaterEqual }
    Filter {
        Always, Never, All(parts), Any(parts), Not(part), Field { name, compare, value }, OneOf { name, values },
        Has(name), Contains { name, value }, StartsWith { name, prefix }, EndsWith { name, suffix }, IsTrue(name),
    }
    Fit { Given { otherwise }, Criteria(criteria) }
    Handling { Review, Rest(seconds), Date, Retire }
    Output { DeadLetter { input, code }, Decision(decision), Alert(alert), AccountState(row) }
    DecisionKind { Distribution, Retrieval, Return, Departure, Retirement, Undo }
    Disposition { Command, Shadow, Held }
    Why {
        OwnerLeft { holds_opportunity, holds_meeting }, Placed(placement),
        Idle { book, deadline, warned_at, promised, last_touch }, Returned { reason, by }, Retired { by },
        Undone { by, kind, entry },
    }
    Verdict { Chosen, Inactive, Full, SegmentFull, CooledOff, Unfit, Fuller, LaterTurn }
    AlertKind {
        SourceBack { source }, AtRisk { account, role, owner, deadline, promised, missing, shadow },
        RiskCleared { account, role, owner, shadow }, Refused { op, code, account, role, by },
        SourceSilent { source, latest }, BreakerTripped { scope, due }, BreakerReset { scope },
        Orphan { account, role, owner }, IssuingStopped { role, issued_at, out }, IssuingResumed { role },
        CommandUndone { account, role, undone, owner, tries }, Paused { role, by }, Resumed { role, by },
        RateSet { per_hour, by }, WentLive { role, by, owned }, ModeKept { role, mode },
        UndoDone { role, by, undone, left },
        UndoLeft { account, role, owner, why },
        ApprovalWanted { role, wave, due, until }, Approved { role, wave, by }, ApprovalLapsed { role, wave },
    }
    Entered { Placed, FilledIdle, Adopted }
    LeftAlone { Deleted, UndoneAlready, DecidedSince, ChangedOutside, AskedSince, WorkedSince, OwnerGone }
    Undone { Rejected, Failed, Expired, Overruled, TakenBack }
    RoleMode { Live, Shadow }
    Confirm { Assume, Echo, Results }
    Stage { Waiting, Issued, Applied, Settled, Rejected, Failed, Expired, Overruled }
    BreakerScope { Departures, Role(role), Book(rep), QuietRep(rep), Refused(rep) }
    SeatStatus { Unknown, Excluded, Pool, Rest, Owned, Holding, Review, Retired }
    Phase { Thresholds, Fill }
    Mark { None, Thresholds, Fill }
    Before { Unowned { status, since, until }, Owned { owner, tenure }, Held { owner, since } }
}

structs! {
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
    RestoredSeat { status, owner, sequence }
    Input { position, body }
    Span { topic, partition, from, next, read, rejected }
    Entry { journal, shard, sequence, previous, now, rules, kind, spans, inputs, outputs, state }
    Policy { version, text, roles, scoring, kinds, fit, segments, books, sources, windows, breaker }
    Role {
        name, exclude, exclude_open_opportunities, holding_users, mode, approve_above, not_after_s, confirm, max_unresolved,
        return_field, sort,
    }
    SortKey { field, descending }
    Scoring { half_life_s, weight, cap, half_timing_points, fit_share, tiers }
    Kind { class, name, points_milli, full_strength, max_per_day, in_market_milli }
    Criterion { filter, weight }
    Segment { name, filter, threshold }
    Book {
        name, role, capacity, segments, fill_idle, fill_slack, zone, evidence, grace_s, lead_s, caps, sources,
        rest_s, cool_off, returns,
    }
    BookSegment { segment, cap }
    Evidence { window_s, touches, days, contacts, replies, kinds }
    RetrievalCaps { per_rep_day, per_book_hour_ppm }
    CoolOff { owners, period_s }
    ReturnRule { handling, min_touches, quota }
    Source { name, lateness_s, cadence_s }
    Windows { dedup_s, dedup_max, ahead_s, late_s, history_s, unknown_max, unknown_per_account, unknown_s }
    Breaker {
        book_share_ppm, book_min, all_share_ppm, all_min, quiet_s, quiet_acts, departures_share_ppm,
        departures_min,
    }
    Zone { name, offsets }
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
    View {
        now, sequence, policy_version, gate_open, opened, accounts, reps, sources, tripped, commands, writers, paused,
        shadow, waves, rate, issued, issued_losses, undo, undo_forgotten, remembered, unknown,
    }
    CommandView {
        account, role, stage, command, previous, base, to, until, issued, turn, kept, told, tries,
        retry_at, taken_back, wish,
    }
    WaveView { role, wave, approved }
    AccountView { id, sums, segments, fit, any_touch, hold, open_opportunities, meeting, seats }
    SeatView { status, owner, crm_owner, sequence, since, until, hold, version, past, tenure }
    TenureView { since, grace, segment, promised, entered, warned_at, touches, days, contacts, replies }
    UndoView { account, role, entry, at, kind, command, status, owner, since, until, tenure, turn, touched }
    RepView { id, status, role, book, capacity, weight, size, per_segment, turns, acts, refused, departing }
    State {
        journal, shard, sequence, now, now_ms, policy, gate_open, opened, accounts, sides, records, seats, tenures,
        past_owners, commands, undo, reps, roles, sources, partitions, ends_passed, opportunities, kinds, remembered, arrivals,
        unknown, unknown_next, restored, book_losses, departures, departures_proceeded, tripped, again, losses_left, timers_left,
        shown_up_to, rate, issued, issued_losses,
    }
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
}
