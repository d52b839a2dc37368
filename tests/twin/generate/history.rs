//! Random histories: lists of steps, each a move of the clock and a few things that happen then.

use bookd::domain::DecisionKind;
use bookd::domain::output::SeatStatus;
use bookd::domain::request::{RequestOp, ReturnReason};
use bookd::domain::signal::Direction;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::answers::{EchoWhat, ResultWhat, echoes, results};
use super::policy::{HUGE, PolicySpec, policies};
use super::requests::{approvals, given_back, go_lives, requests, undo_of};

#[derive(Clone, Debug)]
pub struct Case {
    pub policy: PolicySpec,
    pub beginning: Beginning,
    pub steps: Vec<Step>,
}

/// What is there before the gate opens.
#[derive(Clone, Debug)]
pub struct Beginning {
    /// Something that comes before the policy does.
    pub early: Vec<Op>,
    pub reps: Vec<RepWhat>,
    pub accounts: Vec<AccountWhat>,
    /// Further accounts, all alike.
    pub crowd: u8,
    /// Whatever else happens before the opening.
    pub before_opening: Vec<Op>,
}

#[derive(Clone, Debug)]
pub struct Step {
    pub time: Advance,
    /// The feeds have been read to their ends, and every source has spoken.
    pub caught_up: bool,
    pub ops: Vec<Op>,
}

#[derive(Clone, Debug)]
pub enum Advance {
    Seconds(u8),
    /// Index of a span.
    Span(u8),
    /// To the twin's next deadline, a second before or after it.
    Deadline(i8),
    /// A clock that went back.
    Back(u8),
}

#[derive(Clone, Debug)]
pub enum Op {
    Rep {
        who: u8,
        what: RepWhat,
    },
    Account {
        who: u8,
        what: AccountWhat,
    },
    Opportunity {
        id: u8,
        what: OpportunityWhat,
    },
    Activity(ActivityWhat),
    Signal(SignalWhat),
    Request(RequestWhat),
    Gate(bool),
    Partitions(u8),
    EndPassed {
        partition: u8,
        ago: u8,
    },
    Complete {
        source: u8,
        ago: u8,
    },
    Policy {
        spec: Box<PolicySpec>,
        rises: bool,
    },
    Result(ResultWhat),
    Echo(EchoWhat),
    /// Every command that is out is applied.
    AllApplied,
    /// What a seat's last command said, in a journal that begins anew.
    Restored {
        account: u8,
        role: u8,
        status: SeatStatus,
        owner: Option<u8>,
        sequence: u8,
    },
}

/// A field that a record keeps, clears or sets.
pub type Change = Option<Option<u8>>;

#[derive(Clone, Debug)]
pub enum RepWhat {
    /// A book, with the role that it is of.
    Join(u8),
    Status(Option<u8>),
    Delete,
    /// The n-th of those who departed is active again.
    ComeBack(u8),
    /// An owner of the n-th account that two share departs, and names as manager who owns it in the other role.
    LeaveTheOtherRole(u8),
    Change {
        role: Change,
        book: Change,
        capacity: Change,
        weight: Change,
        manager: Change,
        team: Change,
        alias: Change,
    },
}

#[derive(Clone, Debug)]
pub enum AccountWhat {
    Delete,
    Change {
        domains: Option<Vec<u8>>,
        fit: Change,
        fields: Vec<(u8, u8)>,
        owners: Vec<(u8, Option<u8>)>,
        replace: bool,
    },
}

#[derive(Clone, Debug)]
pub enum OpportunityWhat {
    Change { account: Name, open: Change },
    Delete,
}

/// How an event names its account.
#[derive(Clone, Debug)]
pub enum Name {
    Id(u8),
    Domain(u8),
    Email(u8),
    DomainOrId(u8, u8),
    /// Of the n-th owned seat of all.
    Owned(u8),
    /// The n-th account that is owned in two roles.
    Shared(u8),
    /// Of the n-th seat in review or retired.
    Out(u8),
    Vendor(u8),
    Nothing,
}

#[derive(Clone, Debug)]
pub enum Who {
    Nobody,
    Rep(u8),
    Alias(u8),
    /// The owner of the account in some role.
    Owner,
}

#[derive(Clone, Debug)]
pub enum When {
    Ago(u8),
    Ahead(u8),
}

/// A new event id, or one used before.
pub type Repeats = Option<u8>;

#[derive(Clone, Debug)]
pub struct ActivityWhat {
    pub kind: u8,
    pub account: Name,
    pub source: u8,
    pub actor: Who,
    pub contact: u8,
    pub direction: Direction,
    pub at: When,
    pub repeats: Repeats,
    pub meeting: Option<When>,
}

#[derive(Clone, Debug)]
pub struct SignalWhat {
    pub kind: u8,
    pub account: Name,
    pub source: u8,
    pub subject: Option<u8>,
    pub strength: Option<u8>,
    pub snapshot: bool,
    pub at: When,
    pub repeats: Repeats,
}

#[derive(Clone, Debug)]
pub struct RequestWhat {
    pub op: RequestOp,
    pub account: Name,
    pub role: Option<u8>,
    pub rep: Option<Who>,
    pub by: Who,
    pub reason: Option<ReturnReason>,
    pub until: Option<When>,
    pub per_hour: Option<u8>,
    /// The wave that waits, or another one.
    pub wave: Option<bool>,
    pub at: When,
    pub undo: UndoWhat,
    pub repeats: Repeats,
}

/// What an undo names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UndoWhat {
    Nothing,
    /// The n-th command of those that can be undone, counted from the latest.
    Command(u8),
    /// The entry of the n-th decision, counted likewise.
    Entry(u8),
    /// The entry of the n-th decision of a kind, counted likewise.
    Of(DecisionKind, u8),
    /// From the instant of the n-th decision on.
    Decision(u8),
    /// Index of a span ago.
    Since(u8),
    /// Command and entry at once.
    Both,
}

/// The role of the owned seat that a request is about.
pub const OWNED_ROLE: u8 = 3;

/// Steps of one history. Long enough for a loss and what follows from it.
const STEPS: std::ops::Range<usize> = 1..60;

pub fn cases() -> impl Strategy<Value = Case> {
    let parts = (policies(), beginnings(), vec(steps(), STEPS));
    parts.prop_map(|(policy, beginning, steps)| Case { policy, beginning, steps })
}

/// More accounts than may be passed over in one entry, and a book that can take and lose them all.
pub fn crowds() -> impl Strategy<Value = Case> {
    let parts = (cases(), 62u8..90, 0u8..3, vec(steps(), 1..8));
    parts.prop_map(|(mut case, crowd, rest, steps)| {
        case.beginning.crowd = crowd;
        case.beginning.reps = vec![RepWhat::Join(0), RepWhat::Join(1)];
        case.steps = steps;
        case.policy.roles[0].exclude = 0;
        case.policy.segments[0] = (0, 0);
        (case.policy.breaker.book.0, case.policy.breaker.all.0) = (HUGE, HUGE);
        let (near, far) = case.policy.books.split_at_mut(1);
        for book in [&mut near[0], &mut far[0]] {
            book.segments[0] = (0, None);
        }
        (near[0].capacity, near[0].per_rep_day, near[0].per_book_hour) = (HUGE, HUGE, 0);
        (near[0].grace, near[0].lead, near[0].sources) = (0, 0, vec![false; 3]);
        (near[0].rest, near[0].cool_off.0) = (rest, near[0].cool_off.0.max(1));
        far[0].capacity = 0;
        case
    })
}

fn beginnings() -> impl Strategy<Value = Beginning> {
    let parts = (
        prop_oneof![9 => Just(Vec::new()), 1 => vec(ops(), 1..3)],
        vec(prop_oneof![8 => (0u8..3).prop_map(RepWhat::Join), 1 => rep_whats()], 0..7),
        vec(prop_oneof![4 => known_accounts(), 1 => account_whats()], 0..13),
        prop_oneof![
            6 => Just(Vec::new()),
            3 => vec(ops(), 1..5),
            1 => go_lives().prop_map(|what| vec![Op::Request(what)]),
        ],
        prop_oneof![4 => Just(Vec::new()), 1 => vec(restored(), 1..9)],
    );
    parts.prop_map(|(early, reps, accounts, before_opening, restored)| Beginning {
        early: early.into_iter().chain(restored).collect(),
        reps,
        accounts,
        crowd: 0,
        before_opening,
    })
}

fn restored() -> impl Strategy<Value = Op> {
    let owned = (prop_oneof![3 => Just(SeatStatus::Owned), 1 => Just(SeatStatus::Holding)], (0u8..8).prop_map(Some));
    let others = prop_oneof![Just(SeatStatus::Pool), Just(SeatStatus::Review), Just(SeatStatus::Retired)];
    let seats = prop_oneof![3 => owned, 1 => (others, Just(None))];
    (0u8..12, 0u8..3, seats, 1u8..200).prop_map(|(account, role, (status, owner), sequence)| Op::Restored {
        account,
        role,
        status,
        owner,
        sequence,
    })
}

fn steps() -> impl Strategy<Value = Step> {
    let ops = prop_oneof![
        2 => Just(Vec::new()),
        8 => vec(ops(), 1..5),
        1 => leaving_the_other_role(),
        1 => coming_back(),
        1 => returns(),
    ];
    (advances(), proptest::bool::weighted(0.8), ops).prop_map(|(time, caught_up, ops)| Step { time, caught_up, ops })
}

/// Somebody leaves, and who owns an account of theirs in another role holds it for them.
fn leaving_the_other_role() -> impl Strategy<Value = Vec<Op>> {
    (any::<u8>(), 0u8..4).prop_map(|(pick, id)| {
        let open = OpportunityWhat::Change { account: Name::Shared(pick), open: Some(Some(1)) };
        let leave = RepWhat::LeaveTheOtherRole(pick);
        vec![Op::Opportunity { id, what: open }, Op::Rep { who: 0, what: leave }]
    })
}

/// Somebody who left is back, and wants what they had.
fn coming_back() -> impl Strategy<Value = Vec<Op>> {
    (0u8..3, 0u8..3).prop_map(|(who, departure)| {
        let undo = undo_of(UndoWhat::Of(DecisionKind::Departure, departure), Name::Nothing, None);
        vec![Op::Rep { who: 0, what: RepWhat::ComeBack(who) }, Op::Request(undo)]
    })
}

/// Several accounts in a row are given back for one reason: quotas are met.
fn returns() -> impl Strategy<Value = Vec<Op>> {
    let reason = proptest::sample::select(ReturnReason::ALL.to_vec());
    (any::<u8>(), 2u8..6, reason).prop_map(|(first, count, reason)| {
        let account = |back: u8| Name::Owned(first.wrapping_add(back));
        (0..count).map(|back| Op::Request(given_back(account(back), reason))).collect()
    })
}

fn advances() -> impl Strategy<Value = Advance> {
    prop_oneof![
        2 => any::<u8>().prop_map(Advance::Seconds),
        3 => (2u8..9).prop_map(Advance::Span),
        6 => (-1i8..=1).prop_map(Advance::Deadline),
        1 => (1u8..7).prop_map(Advance::Back),
    ]
}

fn ops() -> impl Strategy<Value = Op> {
    prop_oneof![
        10 => activities().prop_map(Op::Activity),
        8 => signals().prop_map(Op::Signal),
        14 => requests().prop_map(Op::Request),
        4 => (0u8..6, rep_whats()).prop_map(|(who, what)| Op::Rep { who, what }),
        4 => (0u8..12, account_whats()).prop_map(|(who, what)| Op::Account { who, what }),
        4 => (0u8..4, opportunity_whats()).prop_map(|(id, what)| Op::Opportunity { id, what }),
        6 => results().prop_map(Op::Result),
        5 => echoes().prop_map(Op::Echo),
        3 => Just(Op::AllApplied),
        2 => approvals().prop_map(Op::Request),
        1 => frontiers(),
        1 => proptest::bool::weighted(0.7).prop_map(Op::Gate),
        1 => (policies(), proptest::bool::weighted(0.9)).prop_map(|(spec, rises)| Op::Policy {
            spec: Box::new(spec),
            rises,
        }),
    ]
}

fn frontiers() -> impl Strategy<Value = Op> {
    prop_oneof![
        (0u8..3).prop_map(Op::Partitions),
        (0u8..3, 0u8..6).prop_map(|(partition, ago)| Op::EndPassed { partition, ago }),
        (0u8..4, 0u8..6).prop_map(|(source, ago)| Op::Complete { source, ago }),
    ]
}

fn change(values: u8) -> impl Strategy<Value = Change> {
    prop_oneof![3 => Just(None), 1 => Just(Some(None)), 2 => (0..values).prop_map(|value| Some(Some(value)))]
}

fn rep_whats() -> impl Strategy<Value = RepWhat> {
    let changes = (change(3), change(4), change(6), change(4), change(8), change(2), change(3));
    prop_oneof![
        6 => (0u8..3).prop_map(RepWhat::Join),
        3 => option::weighted(0.7, 0u8..3).prop_map(RepWhat::Status),
        1 => Just(RepWhat::Delete),
        4 => changes.prop_map(|(role, book, capacity, weight, manager, team, alias)| RepWhat::Change {
            role, book, capacity, weight, manager, team, alias,
        }),
    ]
}

fn account_whats() -> impl Strategy<Value = AccountWhat> {
    let parts = (
        option::weighted(0.6, vec(0u8..8, 0..3)),
        change(6),
        vec((0u8..5, 0u8..6), 0..4),
        vec((prop_oneof![12 => 0u8..2, 1 => Just(2u8)], option::weighted(0.8, 0u8..8)), 0..2),
        proptest::bool::weighted(0.2),
    );
    prop_oneof![
        1 => Just(AccountWhat::Delete),
        8 => parts.prop_map(|(domains, fit, fields, owners, replace)| AccountWhat::Change {
            domains, fit, fields, owners, replace,
        }),
    ]
}

/// An account that keeps to the rules: fit, fields, a domain, perhaps an owner.
fn known_accounts() -> impl Strategy<Value = AccountWhat> {
    let owners = prop_oneof![2 => Just(Vec::new()), 1 => vec((0u8..2, (0u8..6).prop_map(Some)), 1)];
    (vec(0u8..8, 0..2), 2u8..6, vec((0u8..5, 0u8..6), 0..4), owners).prop_map(|(domains, fit, fields, owners)| {
        AccountWhat::Change { domains: Some(domains), fit: Some(Some(fit)), fields, owners, replace: false }
    })
}

fn opportunity_whats() -> impl Strategy<Value = OpportunityWhat> {
    let open = prop_oneof![Just(None), Just(Some(None)), Just(Some(Some(0u8))), Just(Some(Some(1u8)))];
    prop_oneof![
        1 => Just(OpportunityWhat::Delete),
        5 => (names(), open).prop_map(|(account, open)| OpportunityWhat::Change { account, open }),
    ]
}

pub(super) fn names() -> impl Strategy<Value = Name> {
    prop_oneof![
        6 => (0u8..12).prop_map(Name::Id),
        4 => (0u8..8).prop_map(Name::Domain),
        2 => (0u8..8).prop_map(Name::Email),
        2 => (0u8..8, 0u8..12).prop_map(|(domain, id)| Name::DomainOrId(domain, id)),
        10 => any::<u8>().prop_map(Name::Owned),
        1 => (0u8..2).prop_map(Name::Vendor),
        1 => Just(Name::Nothing),
    ]
}

pub(super) fn whos() -> impl Strategy<Value = Who> {
    prop_oneof![
        1 => Just(Who::Nobody),
        2 => (0u8..7).prop_map(Who::Rep),
        1 => (0u8..4).prop_map(Who::Alias),
        4 => Just(Who::Owner),
    ]
}

pub(super) fn whens() -> impl Strategy<Value = When> {
    prop_oneof![6 => (0u8..6).prop_map(When::Ago), 2 => (6u8..12).prop_map(When::Ago), 1 => (0u8..9).prop_map(When::Ahead)]
}

pub(super) fn repeats() -> impl Strategy<Value = Repeats> {
    option::weighted(0.1, 0u8..6)
}

fn activities() -> impl Strategy<Value = ActivityWhat> {
    let direction = prop_oneof![Just(Direction::Outbound), Just(Direction::Inbound), Just(Direction::Mutual)];
    let meeting = option::weighted(0.15, prop_oneof![4 => (3u8..9).prop_map(When::Ahead), 1 => whens()]);
    let parts = (
        prop_oneof![30 => 4u8..8, 1 => Just(8u8)],
        names(),
        0u8..4,
        whos(),
        0u8..10,
        direction,
        whens(),
        repeats(),
        meeting,
    );
    parts.prop_map(|(kind, account, source, actor, contact, direction, at, repeats, meeting)| ActivityWhat {
        kind,
        account,
        source,
        actor,
        contact,
        direction,
        at,
        repeats,
        meeting,
    })
}

fn signals() -> impl Strategy<Value = SignalWhat> {
    let parts = (
        prop_oneof![30 => 0u8..4, 1 => Just(8u8)],
        names(),
        prop_oneof![4 => Just(0u8), 1 => 1u8..3],
        option::weighted(0.3, 0u8..2),
        option::of(0u8..6),
        proptest::bool::weighted(0.5),
        whens(),
        repeats(),
    );
    parts.prop_map(|(kind, account, source, subject, strength, snapshot, at, repeats)| SignalWhat {
        kind,
        account,
        source,
        subject,
        strength,
        snapshot,
        at,
        repeats,
    })
}
