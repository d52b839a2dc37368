//! Matching: the best account first, then its rep, by turns in its tier. `docs/rules.md`, 9.

use std::cmp::Ordering;

use crate::domain::Secs;
use crate::domain::output::{DecisionKind, Entered, Why};
use crate::domain::policy::MAX_ASIDE;

use super::Engine;
use super::choice::Asked;
use super::heap::Place;
use super::state::{AccountId, Mark, Pass, Phase, RepId, Turn};

/// How many accounts of a role this entry may still pass over, and place.
struct Left {
    aside: usize,
    placed: usize,
}

/// An account that some rep may have room for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pick {
    pub account: AccountId,
    pub priority: u32,
}

pub(super) fn bits(mut set: u64) -> impl Iterator<Item = u8> {
    std::iter::from_fn(move || {
        let lowest = (set != 0).then(|| set.trailing_zeros() as u8)?;
        set &= set - 1;
        Some(lowest)
    })
}

impl Engine {
    #[inline(never)] // Counted apart by the benches.
    pub(super) fn match_roles(&mut self) {
        for role in self.roles() {
            let mut left = Left { aside: MAX_ASIDE, placed: self.entry.at_once };
            while self.match_role(role, &mut left) {}
        }
    }

    /// One pass, or the marked accounts alone. True: segments became dirty meanwhile, once more.
    fn match_role(&mut self, role: usize, left: &mut Left) -> bool {
        self.begin_pass(role);
        for phase in [Phase::Thresholds, Phase::Fill] {
            if phase == Phase::Fill && !self.any_book_fills(role) {
                continue;
            }
            if !self.run_phase(role, phase, left) {
                self.forget_unmarked(role);
                return false;
            }
            self.end_phase(role, phase);
        }
        self.unmark_all(role);
        self.end_pass(role);
        self.state.roles[role].dirty != 0
    }

    pub(super) fn end_pass(&mut self, role: usize) {
        if let Some(pass) = self.state.roles[role].pass.take() {
            self.bring_back(role, pass.aside);
        }
    }

    fn unmark_all(&mut self, role: usize) {
        let (marked, seats) = (&mut self.state.roles[role].marked, &mut self.state.seats[role]);
        marked.drain(..).for_each(|account| seats[account.index()].mark = Mark::None);
    }

    /// Those who were placed, passed over or left the pool since they were marked, once they are many.
    fn forget_unmarked(&mut self, role: usize) {
        let most = 2 * self.state.accounts.len();
        let (marked, seats) = (&mut self.state.roles[role].marked, &self.state.seats[role]);
        if marked.len() > most {
            marked.retain(|account| seats[account.index()].mark != Mark::None);
            marked.sort_unstable();
            marked.dedup();
        }
    }

    fn begin_pass(&mut self, role: usize) {
        let state = &mut self.state.roles[role];
        if state.pass.is_none() && state.dirty != 0 {
            let segments = std::mem::take(&mut state.dirty);
            state.pass = Some(Pass { segments, phase: Phase::Thresholds, aside: Vec::new() });
            if segments == self.index.role_segments[role] {
                // It tries everybody, in both phases: at an opening a million marks would be looked at in every entry.
                self.unmark_all(role);
            }
        }
    }

    fn any_book_fills(&self, role: usize) -> bool {
        self.rules().books.iter().any(|book| usize::from(book.role) == role && book.fill_idle.is_some())
    }

    /// Those set aside in thresholds are tried again in fill; what was marked goes on to it.
    fn end_phase(&mut self, role: usize, phase: Phase) {
        if phase == Phase::Fill {
            return;
        }
        let state = &mut self.state.roles[role];
        let seats = &mut self.state.seats[role];
        for account in &state.marked {
            let mark = &mut seats[account.index()].mark;
            if *mark != Mark::None {
                *mark = Mark::Fill;
            }
        }
        if let Some(pass) = state.pass.as_mut().filter(|pass| pass.phase == Phase::Thresholds) {
            pass.phase = Phase::Fill;
            let aside = std::mem::take(&mut pass.aside);
            self.bring_back(role, aside);
        }
    }

    fn bring_back(&mut self, role: usize, aside: Vec<AccountId>) {
        for account in aside {
            if std::mem::take(&mut self.state.seats[role][account.index()].aside) {
                self.place_in_pool(role, account);
            }
        }
    }

    /// Places the best account until there is none. False: a bound is reached, or the role decides no more.
    fn run_phase(&mut self, role: usize, phase: Phase, left: &mut Left) -> bool {
        if !self.decides(role) {
            return false;
        }
        let mut marked = self.marked_best_first(role, phase).into_iter().peekable();
        let mut tops = Vec::new();
        loop {
            while marked.peek().is_some_and(|pick| !self.is_pick(role, phase, *pick)) {
                marked.next();
            }
            let of_pass = self.best_of_pass(role, phase, &mut tops);
            let pick = match (marked.peek().copied(), of_pass) {
                (Some(a), Some(b)) if self.better(role, b, a) => b,
                (Some(a), _) => a,
                (None, Some(b)) => b,
                (None, None) => return true,
            };
            let asked = self.asked(role, phase, pick);
            let left = if asked.is_some() { &mut left.placed } else { &mut left.aside };
            if *left == 0 {
                return false;
            }
            *left -= 1;
            match asked {
                Some(asked) => {
                    self.place(role, phase, pick, &asked);
                    if !self.decides(role) {
                        return false;
                    }
                }
                None => self.pass_over(role, phase, pick.account),
            }
        }
    }

    /// None while a pass tries all accounts that anybody has room for: it finds the marked ones among them.
    fn marked_best_first(&self, role: usize, phase: Phase) -> Vec<Pick> {
        let pass = self.state.roles[role].pass.as_ref().filter(|pass| pass.phase == phase);
        if pass.is_some_and(|pass| self.index.open_segments[role] & !pass.segments == 0) {
            return Vec::new();
        }
        let marked = self.state.roles[role].marked.iter().copied();
        // Before anything is computed: most accounts match no segment that anybody has room for.
        let marked = marked.filter(|account| self.segments_in(role, *account) & self.index.open_segments[role] != 0);
        let picks = marked.map(|account| Pick { account, priority: self.priority(account) });
        let mut picks: Vec<_> = picks.filter(|pick| self.is_pick(role, phase, *pick)).collect();
        picks.sort_by(|a, b| self.compare(role, *a, *b));
        picks
    }

    fn compare(&self, role: usize, a: Pick, b: Pick) -> Ordering {
        b.priority.cmp(&a.priority).then_with(|| self.rank(role, a.account, b.account))
    }

    fn better(&self, role: usize, a: Pick, b: Pick) -> bool {
        self.compare(role, a, b) == Ordering::Less
    }

    /// Whether a marked account is still marked for this phase and in circulation, and some rep has room for a
    /// segment for which it is eligible.
    fn is_pick(&self, role: usize, phase: Phase, pick: Pick) -> bool {
        self.is_marked(role, phase, pick.account)
            && self.in_circulation(role, pick.account)
            && self.has_open_rep(role, phase, self.segments_in(role, pick.account), pick.priority)
    }

    fn is_marked(&self, role: usize, phase: Phase, account: AccountId) -> bool {
        match self.state.seats[role][account.index()].mark {
            Mark::None => false,
            Mark::Thresholds => true,
            Mark::Fill => phase == Phase::Fill,
        }
    }

    pub(super) fn threshold(&self, segment: u8) -> u32 {
        self.rules().segments[usize::from(segment)].threshold
    }

    fn fills_from(&self, rep: RepId) -> Option<u32> {
        self.book_of(rep)?.fill_idle
    }

    /// The best account of the pass: the best top of the heaps that share a segment with it. Accounts only leave heaps
    /// during a phase, so a top that was found is one until it leaves.
    fn best_of_pass(&mut self, role: usize, phase: Phase, tops: &mut Vec<Option<Pick>>) -> Option<Pick> {
        let pass = self.state.roles[role].pass.as_ref().filter(|pass| pass.phase == phase)?;
        // Most often the one slot that was free is taken again: then no heap is looked at.
        let segments = pass.segments & self.index.open_segments[role];
        if segments == 0 {
            return None;
        }
        if tops.is_empty() {
            self.fetch_tops(role, segments);
        }
        tops.resize(self.index.pools[role].heaps.len(), None);
        let mut best: Option<Pick> = None;
        for (heap, top) in tops.iter_mut().enumerate() {
            let set = self.index.pools[role].heaps[heap].0 & segments;
            if set == 0 || !self.has_open_rep(role, phase, set, u32::MAX) {
                continue;
            }
            if top.is_none_or(|top| !self.is_in_heap(role, heap, top.account)) {
                *top = None;
                // Bounds are never too low: what can't be the best needs no exact priority.
                let bound = self.index.pools[role].heaps[heap].1.top().map_or(0, |top| top.bound);
                if best.is_some_and(|best| bound < best.priority) {
                    continue;
                }
                *top = self.settle(role, heap as u16).map(|(account, priority)| Pick { account, priority });
                // It is placed after others are, if at all.
                top.iter().for_each(|top| self.fetch_account(top.account));
            }
            let Some(pick) = *top else { continue };
            let priority = pick.priority;
            if self.has_open_rep(role, phase, set, priority) && best.is_none_or(|best| self.better(role, pick, best)) {
                best = Some(pick);
            }
        }
        best
    }

    fn is_in_heap(&self, role: usize, heap: usize, account: AccountId) -> bool {
        let place = self.index.pools[role].places[account.index()];
        matches!(place, Place::Heap { heap: there, .. } if usize::from(there) == heap)
    }

    /// Whether the rep may take the account for this segment in this phase, room apart.
    fn eligible(&self, phase: Phase, rep: RepId, segment: u8, priority: u32) -> bool {
        match phase {
            Phase::Thresholds => priority >= self.threshold(segment),
            Phase::Fill => self.fills_from(rep).is_some_and(|least| priority >= least),
        }
    }

    /// Nobody can take it now: set aside while its pass runs, and woken when the first cool-off ends.
    fn pass_over(&mut self, role: usize, phase: Phase, account: AccountId) {
        let wake = self.cooled_off(role, account).into_iter().map(|(_, end)| end).min();
        let fills = self.any_book_fills(role);
        let seat = &mut self.state.seats[role][account.index()];
        seat.wake = wake.unwrap_or(Secs::ZERO);
        let on_to_fill = phase == Phase::Thresholds && fills && seat.mark != Mark::None;
        seat.mark = if on_to_fill { Mark::Fill } else { Mark::None };
        if let Some(pass) = self.state.roles[role].pass.as_mut().filter(|pass| pass.phase == phase) {
            pass.aside.push(account);
            seat.aside = true;
            self.drop_stale_asides(role);
        }
        self.place_in_pool(role, account);
        self.set_timer(role, account);
    }

    /// Who is marked and set aside again stands in the list once more: it holds each account twice at most.
    fn drop_stale_asides(&mut self, role: usize) {
        let most = 2 * self.state.accounts.len();
        let seats = &self.state.seats[role];
        if let Some(pass) = self.state.roles[role].pass.as_mut().filter(|pass| pass.aside.len() > most) {
            pass.aside.retain(|account| seats[account.index()].aside);
            pass.aside.sort_unstable();
            pass.aside.dedup();
        }
    }

    fn place(&mut self, role: usize, phase: Phase, pick: Pick, asked: &Asked) {
        let tier = self.rules().scoring.tier(pick.priority);
        let rep = self.choose(tier, asked);
        let segment = self.segment_for(phase, rep, role, pick).expect("who is chosen has room for a segment of it");
        let placement = self.placement(role, phase, pick, rep, segment, asked);
        self.decide(DecisionKind::Distribution, role, pick.account, rep, Why::Placed(Box::new(placement)));
        self.entry.placed = true;
        let before = self.state.reps[rep.index()].turns[usize::from(tier)];
        self.take_turn(role, tier, rep);
        let after = self.state.reps[rep.index()].turns[usize::from(tier)];
        self.note_turn(role, pick.account, rep, Turn { tier, before, after });
        self.state.seats[role][pick.account.index()].mark = Mark::None;
        let entered = if phase == Phase::Fill { Entered::FilledIdle } else { Entered::Placed };
        self.own(role, pick.account, rep, Some(segment), entered);
    }

    fn take_turn(&mut self, role: usize, tier: u8, rep: RepId) {
        let row = &mut self.state.reps[rep.index()];
        let turn = &mut row.turns[usize::from(tier)];
        turn.1 += 1;
        if turn.1 >= row.weight {
            self.state.roles[role].turn_count += 1;
            *turn = (self.state.roles[role].turn_count, 0);
        }
    }

    /// The first segment of the rep's book that the account can come by, with room.
    pub(super) fn segment_for(&self, phase: Phase, rep: RepId, role: usize, pick: Pick) -> Option<u8> {
        let set = self.segments_in(role, pick.account) & self.index.standings[rep.index()].open;
        let mut segments = self.book_of(rep)?.segments.iter().map(|each| each.segment);
        let fits = |segment: &u8| set >> segment & 1 == 1 && self.eligible(phase, rep, *segment, pick.priority);
        segments.find(fits)
    }

    /// For `audit`: an account that could be placed and isn't.
    pub(super) fn placeable(&self, role: usize) -> Option<(AccountId, RepId)> {
        let phases =
            if self.any_book_fills(role) { vec![Phase::Thresholds, Phase::Fill] } else { vec![Phase::Thresholds] };
        for account in self.account_ids().filter(|account| self.in_circulation(role, *account)) {
            let pick = Pick { account, priority: self.priority(account) };
            for phase in &phases {
                if let Some(asked) = self.asked(role, *phase, pick) {
                    return Some((account, self.choose(self.rules().scoring.tier(pick.priority), &asked)));
                }
            }
        }
        None
    }
}
