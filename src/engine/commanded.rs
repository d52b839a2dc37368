//! A seat's last command as a row, and the rows by what is asked of them. What happens to them is told in
//! [`super::pending`].

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::Secs;
use crate::domain::ids::Id128;
use crate::domain::output::{Decision, DecisionKind};

use super::state::{AccountId, RepId};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Nothing went out yet.
    #[default]
    Waiting,
    Issued,
    /// The writer says so; the CRM's own record isn't seen yet.
    Applied,
    Settled,
    Rejected,
    Failed,
    Expired,
    /// Somebody else's change came first.
    Overruled,
}

/// A seat's last command, and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commanded {
    pub stage: Stage,
    pub command: Id128,
    /// The one before: its result may come later than the next command.
    pub previous: Option<Id128>,
    /// Whom the CRM has while the command isn't applied; once it is settled, whom it had before.
    pub base: RepId,
    pub to: RepId,
    pub issued: Secs,
    /// When it expires, or is settled.
    pub until: Secs,
    /// The latest observation of the old owner: judged when the result says of which version it is.
    pub kept: Option<Observed>,
    /// The writer's result is in.
    pub told: bool,
    /// The turn that a distribution cost.
    pub turn: Option<Turn>,
    /// Rejected or failed in a row.
    pub tries: u8,
    /// No command before this.
    pub retry_at: Secs,
    /// When somebody last moved the account back; ZERO: nobody did, or it was held for it.
    pub taken_back: Secs,
    pub wish: Option<Wish>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    pub owner: RepId,
    pub version: Option<u64>,
}

/// A rep's place among the turns of a tier, before and after a distribution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    pub tier: u8,
    pub before: (u32, u32),
    pub after: (u32, u32),
}

/// A decision that waits to be commanded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    pub at: Secs,
    pub to: RepId,
    pub decision: Box<Decision>,
}

impl Default for Commanded {
    fn default() -> Commanded {
        Commanded {
            stage: Stage::Waiting,
            command: Id128::default(),
            previous: None,
            base: RepId::NOBODY,
            to: RepId::NOBODY,
            issued: Secs::ZERO,
            until: Secs::ZERO,
            kept: None,
            told: false,
            turn: None,
            tries: 0,
            retry_at: Secs::ZERO,
            taken_back: Secs::ZERO,
            wish: None,
        }
    }
}

impl Commanded {
    /// Issued or applied, and not settled.
    pub fn is_out(&self) -> bool {
        matches!(self.stage, Stage::Issued | Stage::Applied)
    }

    pub fn is_busy(&self) -> bool {
        self.is_out() || self.wish.is_some()
    }

    pub fn reps(&self) -> impl Iterator<Item = RepId> {
        let kept = self.kept.iter().map(|kept| kept.owner);
        let wished = self.wish.iter().map(|wish| wish.to);
        [self.base, self.to].into_iter().chain(kept).chain(wished)
    }

    /// The instant at which time alone changes something: it expires or is settled, or what waits may leave.
    fn due(&self) -> Option<Secs> {
        let back_off = (self.wish.is_some() && self.retry_at > Secs::ZERO).then_some(self.retry_at);
        if self.is_out() { Some(self.until) } else { back_off }
    }
}

/// Whose a wish is: what people ask for leaves whatever holds the rules back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WishOf {
    People,
    Losses,
    /// Distributions and departures.
    Rules,
}

impl WishOf {
    pub const ALL: [WishOf; 3] = [WishOf::People, WishOf::Losses, WishOf::Rules];

    fn kind(kind: DecisionKind) -> WishOf {
        match kind {
            _ if kind.is_asked_for() => WishOf::People,
            DecisionKind::Retrieval => WishOf::Losses,
            _ => WishOf::Rules,
        }
    }
}

/// What the index has of a row.
#[derive(Debug, Default)]
pub struct Noted {
    command: Option<Id128>,
    previous: Option<Id128>,
    due: Option<Secs>,
    /// When it was issued, while nobody answered.
    out: Option<Secs>,
    /// Whose its wish is, when its back-off ends and when it was wished, while nothing is out.
    free: Option<(WishOf, Secs, Secs)>,
}

impl Commanded {
    pub fn noted(&self) -> Noted {
        let free = self.wish.as_ref().filter(|_| !self.is_out());
        Noted {
            command: (self.stage != Stage::Waiting).then_some(self.command),
            previous: self.previous,
            due: self.due(),
            out: (self.stage == Stage::Issued).then_some(self.issued),
            free: free.map(|wish| (WishOf::kind(wish.decision.kind), self.retry_at, wish.at)),
        }
    }
}

/// Rows of commands, by what is asked of them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct CommandIndex {
    ids: BTreeMap<Id128, (usize, AccountId)>,
    due: BTreeSet<(Secs, AccountId, usize)>,
    /// By role: those that nobody answered yet, the oldest first.
    out: BTreeMap<usize, BTreeSet<(Secs, AccountId)>>,
    /// Seats with a wish that nothing is out of.
    free: BTreeMap<Line, BTreeSet<Free>>,
}

/// Wishes that leave under the same conditions.
type Line = (usize, WishOf);
/// When its back-off ends, when it was wished, and of whom.
type Free = (Secs, Secs, AccountId);

impl CommandIndex {
    pub fn rebuild(rows: &[BTreeMap<AccountId, Commanded>]) -> CommandIndex {
        let mut index = CommandIndex::default();
        for (role, rows) in rows.iter().enumerate() {
            rows.iter().for_each(|(account, row)| index.note(role, *account, row));
        }
        index
    }

    pub fn note(&mut self, role: usize, account: AccountId, row: &Commanded) {
        self.follow(role, account, &Noted::default(), &row.noted());
    }

    pub fn forget(&mut self, role: usize, account: AccountId, row: &Commanded) {
        self.follow(role, account, &row.noted(), &Noted::default());
    }

    /// What a row said before, and says now. What was a command may be the one before it by now: first all that is no
    /// longer said is taken away.
    pub fn follow(&mut self, role: usize, account: AccountId, before: &Noted, after: &Noted) {
        let ids = [(before.command, after.command), (before.previous, after.previous)];
        let ids = ids.into_iter().filter(|(before, after)| before != after);
        ids.clone().filter_map(|(before, _)| before).for_each(|id| _ = self.ids.remove(&id));
        ids.filter_map(|(_, after)| after).for_each(|id| _ = self.ids.insert(id, (role, account)));
        if before.due != after.due {
            before.due.into_iter().for_each(|at| _ = self.due.remove(&(at, account, role)));
            after.due.into_iter().for_each(|at| _ = self.due.insert((at, account, role)));
        }
        if before.out != after.out {
            before.out.into_iter().for_each(|at| take_from(&mut self.out, role, &(at, account)));
            after.out.into_iter().for_each(|at| _ = self.out.entry(role).or_default().insert((at, account)));
        }
        if before.free != after.free {
            if let Some((of, retry_at, at)) = before.free {
                take_from(&mut self.free, (role, of), &(retry_at, at, account));
            }
            if let Some((of, retry_at, at)) = after.free {
                self.free.entry((role, of)).or_default().insert((retry_at, at, account));
            }
        }
    }

    pub fn find(&self, command: Id128) -> Option<(usize, AccountId)> {
        self.ids.get(&command).copied()
    }

    /// Commands that expire or are settled by now, and wishes whose back-off is over, by their instants.
    pub fn due_by(&self, now: Secs) -> Vec<(AccountId, usize)> {
        let due = self.due.range(..=(now, AccountId(u32::MAX), usize::MAX));
        due.map(|(_, account, role)| (*account, *role)).collect()
    }

    pub fn next_due(&self, now: Secs) -> Option<Secs> {
        self.due.range((now.plus(1), AccountId(0), 0)..).next().map(|(at, ..)| *at)
    }

    /// The oldest wish that may leave, and when it was wished: nothing of its seat is out, and no back-off lasts.
    pub fn first_wish(&self, role: usize, of: WishOf, now: Secs) -> Option<(Secs, AccountId)> {
        let free = self.free.get(&(role, of))?;
        // Most never had a back-off; those whose back-off is over are few.
        let mut from = Secs::ZERO;
        let mut first = None;
        while let Some((retry_at, at, account)) = free.range((from, Secs::ZERO, AccountId(0))..).next()
            && *retry_at <= now
        {
            first = first.into_iter().chain([(*at, *account)]).min();
            from = retry_at.plus(1);
        }
        first
    }

    pub fn newest_out(&self, role: usize) -> Option<Secs> {
        self.out.get(&role)?.last().map(|(issued, _)| *issued)
    }

    pub fn oldest_out(&self, role: usize) -> Option<Secs> {
        self.out.get(&role)?.first().map(|(issued, _)| *issued)
    }

    pub fn count_out(&self, role: usize) -> usize {
        self.out.get(&role).map_or(0, BTreeSet::len)
    }
}

fn take_from<K: Ord, T: Ord>(sets: &mut BTreeMap<K, BTreeSet<T>>, key: K, item: &T) {
    if let Some(set) = sets.get_mut(&key) {
        set.remove(item);
        if set.is_empty() {
            sets.remove(&key);
        }
    }
}
