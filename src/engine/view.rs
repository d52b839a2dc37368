//! The whole deciding state as plain rows in a canonical order: what the twin is compared with, what the
//! state's digest is computed over, and what questions are answered from.
//!
//! It leaves out what doesn't decide: heap bounds, landmarks' epochs (sums enter it shifted to the newest
//! landmark), timer links, and everything that only explains.

use crate::domain::ids::Id128;
use crate::domain::output::{BreakerScope, Entered, LeftAlone, SeatStatus};
use crate::domain::rep::RepStatus;
use crate::domain::{DecisionKind, Secs, Text};

use super::Engine;
use super::control::of_last_hour;
use super::state::{AccountId, Before, Commanded, RepId, Stage, Tenure, Turn, UndoRow};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    pub now: Secs,
    pub sequence: u64,
    pub policy_version: u32,
    pub gate_open: bool,
    /// The gate's first opening.
    pub opened: Option<Secs>,
    /// Living accounts, by the order in which they became known.
    pub accounts: Vec<AccountView>,
    /// Everybody ever named, by the order in which they became known.
    pub reps: Vec<RepView>,
    /// By the policy's order: latest event read, complete until (replay), silent.
    pub sources: Vec<(Text, Option<Secs>, Option<Secs>, bool)>,
    pub tripped: Vec<BreakerScope>,
    /// By role, then account: seats that were commanded where commands are confirmed.
    pub commands: Vec<CommandView>,
    /// Roles whose commands are confirmed: when the last was answered, and whether none is issued for want of answers.
    pub writers: Vec<(Text, Secs, bool)>,
    /// Roles that are paused: by whom, and since when.
    pub paused: Vec<(Text, Text, Secs)>,
    /// Roles in shadow.
    pub shadow: Vec<Text>,
    /// Roles in which losses wait for an approval, or once did.
    pub waves: Vec<WaveView>,
    /// At most so many commands in any hour, and who said so.
    pub rate: Option<(u32, Text)>,
    /// Commands of the last hour, by their instants.
    pub issued: Vec<(Secs, u32)>,
    /// Of these the losses.
    pub issued_losses: Vec<(Secs, u32)>,
    /// Decisions that can be undone, the oldest first; entry and instant of the latest that no longer can.
    pub undo: Vec<UndoView>,
    pub undo_forgotten: Option<(u64, Secs)>,
    /// Event ids remembered, signals kept for unknown accounts.
    pub remembered: u64,
    pub unknown: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaveView {
    pub role: Text,
    /// What waits: the wave's number, and since when.
    pub wave: Option<(u64, Secs)>,
    /// The last approval; ZERO: there was none.
    pub approved: Secs,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountView {
    pub id: Text,
    /// By class, in 2^-28 points at the landmark of `now`.
    pub sums: [u64; 4],
    /// Bits of the policy's segments.
    pub segments: u64,
    /// Millionths.
    pub fit: u32,
    pub any_touch: Option<Secs>,
    /// End of the account's own hold, ZERO if none was ever asked for.
    pub hold: Secs,
    pub open_opportunities: u32,
    /// Latest meeting's start.
    pub meeting: Option<Secs>,
    /// By role.
    pub seats: Vec<SeatView>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeatView {
    pub status: SeatStatus,
    pub owner: Option<Text>,
    pub crm_owner: Option<Text>,
    /// Commands so far.
    pub sequence: u32,
    /// When the status began; for the pool: since when it is eligible.
    pub since: Secs,
    /// End of the rest, where there is one.
    pub until: Secs,
    pub hold: Secs,
    /// Of the CRM's versions that said who owns it the latest.
    pub version: Option<u64>,
    /// Latest first: who owned it before, and until when. At most four.
    pub past: Vec<(Text, Secs)>,
    pub tenure: Option<TenureView>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TenureView {
    pub since: Secs,
    /// End of grace.
    pub grace: Secs,
    /// Segment it counts against; `None`: the book alone.
    pub segment: Option<u8>,
    pub promised: Option<Secs>,
    /// What commands tell the CRM of it.
    pub entered: Entered,
    pub warned_at: Option<Secs>,
    /// Latest first, as kept.
    pub touches: Vec<Secs>,
    pub days: Vec<Secs>,
    pub contacts: Vec<(Secs, u32)>,
    pub replies: Vec<Secs>,
}

/// What became of a seat's last command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandView {
    pub account: Text,
    pub role: Text,
    pub stage: Stage,
    pub command: Id128,
    pub previous: Option<Id128>,
    /// Whom the CRM has while it isn't applied, or had before.
    pub base: Option<Text>,
    pub to: Option<Text>,
    /// When it expires, or is settled.
    pub until: Secs,
    pub issued: Secs,
    /// What the distribution cost.
    pub turn: Option<Turn>,
    /// The latest observation that wasn't judged yet: its owner, and the CRM's version of it.
    pub kept: Option<(Option<Text>, Option<u64>)>,
    pub told: bool,
    pub tries: u8,
    pub retry_at: Secs,
    pub taken_back: Secs,
    /// What waits to be commanded, since when, and to whom.
    pub wish: Option<(DecisionKind, Secs, Option<Text>)>,
}

/// A decision, and its seat before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UndoView {
    pub account: Text,
    pub role: Text,
    pub entry: u64,
    pub at: Secs,
    pub kind: DecisionKind,
    /// What left of it.
    pub command: Option<Id128>,
    pub status: SeatStatus,
    pub owner: Option<Text>,
    pub since: Secs,
    pub until: Secs,
    pub tenure: Option<TenureView>,
    /// Whom it cost which turn.
    pub turn: Option<(Text, Turn)>,
    pub touched: Option<LeftAlone>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepView {
    pub id: Text,
    pub status: RepStatus,
    pub role: Option<u8>,
    pub book: Option<u16>,
    pub capacity: u32,
    pub weight: u32,
    pub size: u32,
    /// Accounts that count against each segment of the book, in the book's order.
    pub per_segment: Vec<u32>,
    /// By tier: count of the last turn (0: never), turns taken since.
    pub turns: [(u32, u32); 4],
    /// Latest first, at most ten.
    pub acts: Vec<Secs>,
    /// Accounts in a row that the CRM refused to give to them.
    pub refused: u8,
    /// Left, and still has a book.
    pub departing: bool,
}

impl Engine {
    /// The deciding state in a canonical order. O(accounts): for tests, checkpoints and answers.
    pub fn view(&self) -> View {
        let state = self.state();
        let living = self.account_ids().filter(|account| state.accounts[account.index()].alive);
        View {
            now: state.now,
            sequence: state.sequence,
            policy_version: state.policy.as_ref().map_or(0, |policy| policy.version),
            gate_open: state.gate_open,
            opened: state.opened,
            accounts: living.map(|account| self.account_view(account)).collect(),
            reps: (0..state.reps.len()).map(|rep| self.rep_view(RepId(rep as u16))).collect(),
            sources: state
                .sources
                .iter()
                .map(|each| (each.name.clone(), each.latest, each.complete, each.silent))
                .collect(),
            tripped: state.tripped.iter().cloned().collect(),
            commands: self.command_views(),
            writers: self.writer_views(),
            paused: self.paused_views(),
            shadow: self.shadow_views(),
            waves: self.wave_views(),
            rate: state.rate.as_ref().map(|rate| (rate.per_hour, rate.by.clone())),
            issued: of_last_hour(&state.issued, state.now).collect(),
            issued_losses: of_last_hour(&state.issued_losses, state.now).collect(),
            undo: state.undo.rows.iter().map(|row| self.undo_view(row)).collect(),
            undo_forgotten: state.undo.forgotten,
            remembered: state.remembered.len() as u64,
            unknown: state.unknown.len() as u64,
        }
    }

    pub fn account_view(&self, account: AccountId) -> AccountView {
        let (row, side) = (&self.state().accounts[account.index()], &self.state().sides[account.index()]);
        let reading = &self.index.reading;
        let sums = std::array::from_fn(|class| reading.shifted(class, row.sums[class], row.epoch));
        AccountView {
            id: side.id.clone(),
            sums,
            segments: row.segments,
            fit: row.fit,
            any_touch: (row.any_touch > Secs::ZERO).then_some(row.any_touch),
            hold: row.hold,
            open_opportunities: u32::from(row.open_opportunities),
            meeting: (row.meeting > Secs::ZERO).then_some(row.meeting),
            seats: self.roles().map(|role| self.seat_view(role, account)).collect(),
        }
    }

    fn seat_view(&self, role: usize, account: AccountId) -> SeatView {
        let seat = &self.state().seats[role][account.index()];
        let past = self.state().past_owners[role].get(&account).into_iter().flatten();
        SeatView {
            status: seat.status,
            owner: self.rep_name(seat.owner),
            crm_owner: self.rep_name(seat.crm_owner),
            sequence: seat.sequence,
            since: seat.since,
            until: seat.until,
            hold: seat.hold,
            version: self.state().records[account.index()].version_seen(role),
            past: past.map(|owner| (self.state().reps[owner.rep.index()].id.clone(), owner.until)).collect(),
            tenure: self.tenure_of(role, account).map(tenure_view),
        }
    }

    fn command_views(&self) -> Vec<CommandView> {
        let rows = self.state().commands.iter().enumerate();
        rows.flat_map(|(role, rows)| rows.iter().map(move |(account, row)| self.command_view(role, *account, row)))
            .collect()
    }

    fn writer_views(&self) -> Vec<(Text, Secs, bool)> {
        let confirming = self.roles().filter(|role| self.confirms(*role));
        let state = |role: usize| &self.state().roles[role];
        let view = |role: usize| (self.rules().roles[role].name.clone(), state(role).answered, state(role).stalled);
        confirming.map(view).collect()
    }

    fn paused_views(&self) -> Vec<(Text, Text, Secs)> {
        let paused = self.roles().filter_map(|role| Some((role, self.state().roles[role].paused.as_ref()?)));
        paused.map(|(role, pause)| (self.rules().roles[role].name.clone(), pause.by.clone(), pause.at)).collect()
    }

    fn wave_views(&self) -> Vec<WaveView> {
        let views = self.roles().map(|role| self.wave_view(role));
        views.filter(|view| view.wave.is_some() || view.approved > Secs::ZERO).collect()
    }

    fn wave_view(&self, role: usize) -> WaveView {
        let state = &self.state().roles[role];
        let wave = state.wave.as_ref().map(|wave| (wave.wave, wave.asked));
        WaveView { role: self.rules().roles[role].name.clone(), wave, approved: state.approved }
    }

    fn shadow_views(&self) -> Vec<Text> {
        let shadow = self.roles().filter(|role| self.is_in_shadow(*role));
        shadow.map(|role| self.rules().roles[role].name.clone()).collect()
    }

    fn command_view(&self, role: usize, account: AccountId, row: &Commanded) -> CommandView {
        CommandView {
            account: self.state().sides[account.index()].id.clone(),
            role: self.rules().roles[role].name.clone(),
            stage: row.stage,
            command: row.command,
            previous: row.previous,
            base: self.rep_name(row.base),
            to: self.rep_name(row.to),
            until: row.until,
            issued: row.issued,
            turn: row.turn.clone(),
            kept: row.kept.as_ref().map(|kept| (self.rep_name(kept.owner), kept.version)),
            told: row.told,
            tries: row.tries,
            retry_at: row.retry_at,
            taken_back: row.taken_back,
            wish: row.wish.as_ref().map(|wish| (wish.decision.kind, wish.at, self.rep_name(wish.to))),
        }
    }

    fn undo_view(&self, row: &UndoRow) -> UndoView {
        let UndoRow { command, entry, at, account, role, kind, before, turn, touched } = row;
        let (status, since, until, tenure) = match before {
            Before::Owned { tenure, .. } => (SeatStatus::Owned, tenure.since, Secs::ZERO, Some(tenure_view(tenure))),
            Before::Held { since, .. } => (SeatStatus::Holding, *since, Secs::ZERO, None),
            Before::Unowned { status, since, until } => (*status, *since, *until, None),
        };
        let name = |rep: RepId| self.rep_name(rep).unwrap_or_default();
        UndoView {
            account: self.state().sides[account.index()].id.clone(),
            role: self.rules().roles[usize::from(*role)].name.clone(),
            entry: *entry,
            at: *at,
            kind: *kind,
            command: *command,
            status,
            owner: self.rep_name(before.owner()),
            since,
            until,
            tenure,
            turn: turn.as_ref().map(|(rep, turn)| (name(*rep), turn.clone())),
            touched: *touched,
        }
    }

    fn rep_view(&self, rep: RepId) -> RepView {
        let row = &self.state().reps[rep.index()];
        RepView {
            id: row.id.clone(),
            status: row.status,
            role: row.role,
            book: row.book,
            capacity: self.capacity(rep),
            weight: row.weight,
            size: row.size(),
            per_segment: row.per_segment.clone(),
            turns: row.turns,
            acts: row.acts.clone(),
            refused: row.refused,
            departing: row.departing,
        }
    }

    /// A living account by its CRM id.
    pub fn find_account(&self, id: &str) -> Option<AccountId> {
        self.index.accounts.find(&self.state.sides, id)
    }

    /// Its priority now, in millionths; for answers and metrics.
    pub fn priority_now(&self, account: AccountId) -> Option<u32> {
        self.policy().is_some().then(|| self.priority(account))
    }
}

fn tenure_view(tenure: &Tenure) -> TenureView {
    TenureView {
        since: tenure.since,
        grace: tenure.grace,
        segment: tenure.segment,
        promised: tenure.promised,
        entered: tenure.entered,
        warned_at: tenure.warned_at,
        touches: tenure.evidence.touches.to_vec(),
        days: tenure.evidence.days.to_vec(),
        contacts: tenure.evidence.contacts.to_vec(),
        replies: tenure.evidence.replies.to_vec(),
    }
}
