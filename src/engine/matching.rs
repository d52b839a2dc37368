//! Matching: the best account first, then its rep, by turns in its tier. `docs/rules.md`, 9.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use crate::domain::Secs;
use crate::domain::ids::tie_hash;
use crate::domain::output::{Considered, DecisionKind, MAX_CANDIDATES, Placement, Verdict, Why};
use crate::domain::policy::MAX_ASIDE;
use crate::domain::rep::RepStatus;

use super::Engine;
use super::state::{AccountId, Pass, Phase, RepId};

/// Seeds of the hash by which reps who never had a turn are ordered: apart from the ties' seed 0.
const TURN_SEED: u64 = 256;

/// An account that some rep may have room for.
#[derive(Clone, Copy, Debug)]
struct Pick {
    account: AccountId,
    priority: u32,
}

fn bits(set: u64) -> impl Iterator<Item = u8> {
    (0..64u8).filter(move |bit| set >> bit & 1 == 1)
}

impl Engine {
    pub(super) fn match_roles(&mut self) {
        for role in self.roles() {
            let mut left = MAX_ASIDE;
            while self.match_role(role, &mut left) {}
        }
    }

    /// One pass, or the marked accounts alone. True: segments became dirty meanwhile, once more.
    fn match_role(&mut self, role: usize, left: &mut usize) -> bool {
        self.begin_pass(role);
        for phase in [Phase::Thresholds, Phase::Fill] {
            if phase == Phase::Fill && !self.any_book_fills(role) {
                continue;
            }
            if !self.run_phase(role, phase, left) {
                return false;
            }
            self.end_phase(role, phase);
        }
        self.state.roles[role].marked.clear();
        if let Some(pass) = self.state.roles[role].pass.take() {
            self.bring_back(role, pass.aside);
        }
        self.state.roles[role].dirty != 0
    }

    fn begin_pass(&mut self, role: usize) {
        let state = &mut self.state.roles[role];
        if state.pass.is_none() && state.dirty != 0 {
            let segments = std::mem::take(&mut state.dirty);
            state.pass = Some(Pass { segments, phase: Phase::Thresholds, aside: BTreeSet::new() });
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
        state.marked.values_mut().for_each(|from| *from = Phase::Fill);
        if let Some(pass) = state.pass.as_mut().filter(|pass| pass.phase == Phase::Thresholds) {
            pass.phase = Phase::Fill;
            let aside = std::mem::take(&mut pass.aside);
            self.bring_back(role, aside);
        }
    }

    fn bring_back(&mut self, role: usize, aside: BTreeSet<AccountId>) {
        aside.into_iter().for_each(|account| self.place_in_pool(role, account));
    }

    /// Places the best account until there is none. False: the bound on those passed over is reached.
    fn run_phase(&mut self, role: usize, phase: Phase, left: &mut usize) -> bool {
        let mut marked = self.marked_best_first(role, phase).into_iter().peekable();
        loop {
            while marked.peek().is_some_and(|pick| !self.is_pick(role, phase, *pick)) {
                marked.next();
            }
            let of_pass = self.best_of_pass(role, phase);
            let pick = match (marked.peek().copied(), of_pass) {
                (Some(a), Some(b)) if self.better(role, b, a) => b,
                (Some(a), _) => a,
                (None, Some(b)) => b,
                (None, None) => return true,
            };
            let reps = self.reps_for(role, phase, pick);
            if !reps.is_empty() {
                self.place(role, phase, pick, &reps);
                continue;
            }
            if *left == 0 {
                return false;
            }
            *left -= 1;
            self.pass_over(role, phase, pick.account);
        }
    }

    fn marked_best_first(&self, role: usize, phase: Phase) -> Vec<Pick> {
        let marked = self.state.roles[role].marked.iter().filter(|(_, from)| **from <= phase);
        let picks = marked.map(|(account, _)| Pick { account: *account, priority: self.priority(*account) });
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
        let marked = self.state.roles[role].marked.get(&pick.account).is_some_and(|from| *from <= phase);
        marked
            && self.in_circulation(role, pick.account)
            && self.has_open_rep(role, phase, self.segments_in(role, pick.account), pick.priority)
    }

    fn has_open_rep(&self, role: usize, phase: Phase, set: u64, priority: u32) -> bool {
        bits(set).any(|segment| {
            let open = &self.index.open[role][usize::from(segment)];
            match phase {
                Phase::Thresholds => !open.is_empty() && priority >= self.threshold(segment),
                Phase::Fill => open.iter().any(|rep| self.fills_from(*rep).is_some_and(|least| priority >= least)),
            }
        })
    }

    fn threshold(&self, segment: u8) -> u32 {
        self.rules().segments[usize::from(segment)].threshold
    }

    fn fills_from(&self, rep: RepId) -> Option<u32> {
        self.book_of(rep)?.fill_idle
    }

    /// The best account of the pass: the best top of the heaps that share a segment with it.
    fn best_of_pass(&mut self, role: usize, phase: Phase) -> Option<Pick> {
        let pass = self.state.roles[role].pass.as_ref().filter(|pass| pass.phase == phase)?;
        let segments = pass.segments;
        let mut best: Option<Pick> = None;
        for heap in 0..self.index.pools[role].heaps.len() {
            let set = self.index.pools[role].heaps[heap].0 & segments;
            if set == 0 || !self.has_open_rep(role, phase, set, u32::MAX) {
                continue;
            }
            let Some((account, priority)) = self.settle(role, heap as u16) else { continue };
            let pick = Pick { account, priority };
            if self.has_open_rep(role, phase, set, priority) && best.is_none_or(|best| self.better(role, pick, best)) {
                best = Some(pick);
            }
        }
        best
    }

    /// Whether the rep may take the account for this segment in this phase, room apart.
    fn eligible(&self, phase: Phase, rep: RepId, segment: u8, priority: u32) -> bool {
        match phase {
            Phase::Thresholds => priority >= self.threshold(segment),
            Phase::Fill => self.fills_from(rep).is_some_and(|least| priority >= least),
        }
    }

    /// Known reps of the role, whose book covers the account in this phase, room or not.
    fn covering(&self, role: usize, phase: Phase, pick: Pick) -> Vec<RepId> {
        let set = self.segments_in(role, pick.account);
        let covers = |rep: RepId| {
            let row = &self.state.reps[rep.index()];
            let segments = self.book_of(rep).into_iter().flat_map(|book| &book.segments).map(|each| each.segment);
            let mut eligible = segments.filter(|each| set >> each & 1 == 1);
            row.known
                && row.role == Some(role as u8)
                && row.status != RepStatus::Departed
                && eligible.any(|segment| self.eligible(phase, rep, segment, pick.priority))
        };
        (0..self.state.reps.len() as u16).map(RepId).filter(|rep| covers(*rep)).collect()
    }

    /// Who could take it: room, eligible, not cooled off, unless that leaves nobody of all who cover it.
    fn reps_for(&self, role: usize, phase: Phase, pick: Pick) -> Vec<RepId> {
        let set = self.segments_in(role, pick.account);
        let mut open = BTreeSet::new();
        for segment in bits(set) {
            let reps = self.index.open[role][usize::from(segment)].iter();
            open.extend(reps.filter(|rep| self.eligible(phase, **rep, segment, pick.priority)));
        }
        let cooled = self.cooled_off(role, pick.account);
        let is_cooled = |rep: &RepId| cooled.iter().any(|(each, _)| each == rep);
        let reps: Vec<_> = open.iter().copied().filter(|rep| !is_cooled(rep)).collect();
        if !reps.is_empty() || cooled.is_empty() {
            return reps;
        }
        let others = self.active_covering(role, set).any(|rep| !is_cooled(&rep));
        if others { Vec::new() } else { open.into_iter().collect() }
    }

    /// Active known reps of the role with a segment of the set in their book: whatever the priority, which falls by
    /// itself, and whatever the room.
    fn active_covering(&self, role: usize, set: u64) -> impl Iterator<Item = RepId> {
        (0..self.state.reps.len() as u16).map(RepId).filter(move |rep| {
            let row = &self.state.reps[rep.index()];
            let segments = self.book_of(*rep).map(|book| &book.segments[..]).unwrap_or_default();
            row.known
                && row.role == Some(role as u8)
                && row.status == RepStatus::Active
                && segments.iter().any(|each| set >> each.segment & 1 == 1)
        })
    }

    /// Nobody can take it now: set aside while its pass runs, and woken when the first cool-off ends.
    fn pass_over(&mut self, role: usize, phase: Phase, account: AccountId) {
        let wake = self.cooled_off(role, account).into_iter().map(|(_, end)| end).min();
        self.state.seats[role][account.index()].wake = wake.unwrap_or(Secs::ZERO);
        let fills = self.any_book_fills(role);
        let state = &mut self.state.roles[role];
        match phase {
            Phase::Thresholds if fills && state.marked.contains_key(&account) => {
                state.marked.insert(account, Phase::Fill);
            }
            _ => drop(state.marked.remove(&account)),
        }
        if let Some(pass) = state.pass.as_mut().filter(|pass| pass.phase == phase) {
            pass.aside.insert(account);
        }
        self.place_in_pool(role, account);
        self.set_timer(role, account);
    }

    fn place(&mut self, role: usize, phase: Phase, pick: Pick, reps: &[RepId]) {
        let tier = self.rules().scoring.tier(pick.priority);
        let equal = self.as_empty_as_the_emptiest(reps);
        let rep = *equal.iter().min_by_key(|rep| self.turn_key(role, tier, **rep)).expect("reps isn't empty");
        let segment = self.segment_for(phase, rep, role, pick).expect("who is chosen has room for a segment of it");
        let placement = self.placement(role, phase, pick, rep, segment, (reps, &equal));
        self.decide(DecisionKind::Distribution, role, pick.account, rep, Why::Placed(Box::new(placement)));
        self.entry.placed = true;
        self.take_turn(role, tier, rep);
        self.state.roles[role].marked.remove(&pick.account);
        self.own(role, pick.account, rep, Some(segment));
    }

    /// Those at most their book's slack fuller than the emptiest, by exact comparison of shares.
    fn as_empty_as_the_emptiest(&self, reps: &[RepId]) -> Vec<RepId> {
        let share = |rep: &RepId| (i64::from(self.state.reps[rep.index()].size()), i64::from(self.capacity(*rep)));
        let emptier = |a: &RepId, b: &RepId| {
            let ((size_a, cap_a), (size_b, cap_b)) = (share(a), share(b));
            (size_a * cap_b).cmp(&(size_b * cap_a))
        };
        let (size_least, cap_least) = reps.iter().min_by(|a, b| emptier(a, b)).map(share).expect("reps isn't empty");
        let within = |rep: &&RepId| {
            let (size, cap) = share(rep);
            let slack = self.book_of(**rep).map_or(0, |book| i64::from(book.fill_slack));
            (size - slack) * cap_least <= size_least * cap
        };
        reps.iter().filter(within).copied().collect()
    }

    /// Never had a turn in this tier: before all others, by hash. Then who had theirs longest ago.
    fn turn_key(&self, role: usize, tier: u8, rep: RepId) -> (u32, u64, RepId) {
        let row = &self.state.reps[rep.index()];
        let (last, _) = row.turns[usize::from(tier)];
        let seed = TURN_SEED + 4 * role as u64 + u64::from(tier);
        (last, if last == 0 { tie_hash(&row.id, seed) } else { 0 }, rep)
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
    fn segment_for(&self, phase: Phase, rep: RepId, role: usize, pick: Pick) -> Option<u8> {
        let set = self.segments_in(role, pick.account);
        let mut segments = self.book_of(rep)?.segments.iter().map(|each| each.segment);
        let fits = |segment: &u8| {
            set >> segment & 1 == 1
                && self.eligible(phase, rep, *segment, pick.priority)
                && self.has_room(rep, *segment)
        };
        segments.find(fits)
    }

    fn placement(
        &self,
        role: usize,
        phase: Phase,
        pick: Pick,
        rep: RepId,
        segment: u8,
        (reps, equal): (&[RepId], &[RepId]),
    ) -> Placement {
        let book = self.book_of(rep).expect("a rep with room has a book");
        let mut covering = self.covering(role, phase, pick);
        covering.sort_by_key(|each| *each != rep);
        let more = covering.len().saturating_sub(MAX_CANDIDATES) as u32;
        covering.truncate(MAX_CANDIDATES);
        let verdict = |each: RepId| match () {
            () if each == rep => Verdict::Chosen,
            () if reps.contains(&each) && !equal.contains(&each) => Verdict::Fuller,
            () if reps.contains(&each) => Verdict::LaterTurn,
            () => self.why_not(phase, each, role, pick),
        };
        Placement {
            book: book.name.clone(),
            segment: self.rules().segments[usize::from(segment)].name.clone(),
            threshold: match phase {
                Phase::Thresholds => self.threshold(segment),
                Phase::Fill => book.fill_idle.unwrap_or(0),
            },
            filled_idle: phase == Phase::Fill,
            tier: self.rules().scoring.tier(pick.priority),
            pool_since: self.state.seats[role][pick.account.index()].since,
            candidates: covering.into_iter().map(|each| self.considered(each, verdict(each))).collect(),
            more,
        }
    }

    fn considered(&self, rep: RepId, verdict: Verdict) -> Considered {
        let row = &self.state.reps[rep.index()];
        Considered { rep: row.id.clone(), verdict, size: row.size(), capacity: self.capacity(rep) }
    }

    /// What keeps a rep who covers the account from being asked at all.
    fn why_not(&self, phase: Phase, rep: RepId, role: usize, pick: Pick) -> Verdict {
        let row = &self.state.reps[rep.index()];
        match () {
            () if row.status != RepStatus::Active => Verdict::Inactive,
            () if row.size() >= self.capacity(rep) => Verdict::Full,
            () if self.segment_for(phase, rep, role, pick).is_none() => Verdict::SegmentFull,
            () => Verdict::CooledOff,
        }
    }

    /// For `audit`: an account that could be placed and isn't.
    pub(super) fn placeable(&self, role: usize) -> Option<(AccountId, RepId)> {
        let phases =
            if self.any_book_fills(role) { vec![Phase::Thresholds, Phase::Fill] } else { vec![Phase::Thresholds] };
        for account in self.account_ids().filter(|account| self.in_circulation(role, *account)) {
            let pick = Pick { account, priority: self.priority(account) };
            for phase in &phases {
                if let Some(rep) = self.reps_for(role, *phase, pick).first() {
                    return Some((account, *rep));
                }
            }
        }
        None
    }
}
