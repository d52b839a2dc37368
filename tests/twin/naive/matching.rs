//! §9: matching.

use std::cmp::{Ordering, Reverse};

use bookd::domain::account::Value;
use bookd::domain::ids::tie_hash;
use bookd::domain::output::{Considered, Entered, MAX_CANDIDATES, Placement, SeatStatus, Verdict, Why};
use bookd::domain::policy::MAX_ASIDE;
use bookd::domain::rep::RepStatus;
use bookd::domain::{DecisionKind, Secs};

use super::pending::Turn;
use super::{AccountNo, Phase, RepNo, Twin};

impl Twin {
    pub(super) fn matching(&mut self) {
        for role in 0..self.roles.len() {
            self.match_role(role);
        }
    }

    fn match_role(&mut self, role: usize) {
        let policy = self.policy();
        let fills = policy.books.iter().any(|book| usize::from(book.role) == role && book.fill_idle.is_some());
        let (mut passed_over, mut placed) = (0, 0);
        self.roles[role].unfinished = false;
        loop {
            if self.roles[role].pass.is_none() && std::mem::take(&mut self.roles[role].dirty) {
                self.roles[role].pass = Some(Phase::Thresholds);
            }
            for step in [Phase::Thresholds, Phase::Fill] {
                if step == Phase::Fill && !fills {
                    continue;
                }
                if !self.step(role, step, fills, &mut passed_over, &mut placed) {
                    self.roles[role].unfinished = true;
                    return;
                }
                self.end_of_step(role, step, fills);
            }
            if !self.roles[role].dirty {
                return;
            }
        }
    }

    /// Places the best account, again and again; `false` at a bound, or if the role decides no more.
    fn step(&mut self, role: usize, step: Phase, fills: bool, passed_over: &mut usize, placed: &mut usize) -> bool {
        while self.decides(role) {
            let Some(account) = self.best(role, step) else { return true };
            let reps = self.reps_for(account, role, step);
            if !reps.is_empty() {
                if *placed == self.at_once {
                    return false;
                }
                *placed += 1;
                self.place(account, role, step, &reps);
                continue;
            }
            if *passed_over == MAX_ASIDE {
                return false;
            }
            *passed_over += 1;
            self.pass_over(account, role, step, fills);
        }
        false
    }

    fn pass_over(&mut self, account: AccountNo, role: usize, step: Phase, fills: bool) {
        self.accounts[account].seats[role].wake = self.cool_off_ends(account, role).into_iter().min();
        let state = &mut self.roles[role];
        if state.pass == Some(step) {
            state.aside.insert(account);
        }
        match step {
            Phase::Thresholds => {
                if state.marked.remove(&account) && fills {
                    state.marked_for_fill.insert(account);
                }
            }
            Phase::Fill => {
                state.marked_for_fill.remove(&account);
            }
        }
    }

    fn end_of_step(&mut self, role: usize, step: Phase, fills: bool) {
        let state = &mut self.roles[role];
        if step == Phase::Thresholds && fills {
            let marked = std::mem::take(&mut state.marked);
            state.marked_for_fill.extend(marked);
            if state.pass == Some(Phase::Thresholds) {
                state.pass = Some(Phase::Fill);
                state.aside.clear();
            }
        } else {
            state.marked.clear();
            state.marked_for_fill.clear();
            state.aside.clear();
            state.pass = None;
        }
    }

    /// The best-ranked account that some rep has room for; cool-off is not looked at.
    fn best(&self, role: usize, step: Phase) -> Option<AccountNo> {
        let state = &self.roles[role];
        let marked = match step {
            Phase::Thresholds => &state.marked,
            Phase::Fill => &state.marked_for_fill,
        };
        let of_pass = |account: &AccountNo| state.pass == Some(step) && !state.aside.contains(account);
        let tried = |account: &AccountNo| marked.contains(account) || of_pass(account);
        let has_room = |account: &AccountNo| {
            self.known_reps(role).into_iter().any(|rep| self.open_segment(*account, role, rep, step).is_some())
        };
        let candidates = self.living().into_iter().filter(tried).filter(has_room);
        candidates.min_by(|a, b| self.rank(role, *a, *b))
    }

    /// Is it in the pool, and under no hold?
    fn is_in(&self, account: AccountNo, role: usize) -> bool {
        let (row, seat) = (&self.accounts[account], &self.accounts[account].seats[role]);
        seat.status == SeatStatus::Pool
            && row.hold <= self.now
            && seat.hold <= self.now
            && self.is_at_rest(account, role)
    }

    /// The places in a rep's book, in its order, of the segments by which the account is eligible there.
    fn eligible(&self, account: AccountNo, role: usize, rep: RepNo, step: Phase) -> Vec<usize> {
        let policy = self.policy();
        let Some(book) = self.book_of(rep) else { return Vec::new() };
        let book = &policy.books[book];
        let priority = self.priority(account);
        let enough = |segment: usize| match (step, book.fill_idle) {
            (Phase::Thresholds, _) => priority >= policy.segments[segment].threshold,
            (Phase::Fill, Some(floor)) => priority >= floor,
            (Phase::Fill, None) => false,
        };
        let fits = |place: &usize| {
            let segment = usize::from(book.segments[*place].segment);
            self.matches(account, segment) && enough(segment)
        };
        let places = 0..book.segments.len();
        places.filter(|_| self.is_in(account, role)).filter(fits).collect()
    }

    fn has_room(&self, rep: RepNo, place: usize) -> bool {
        let policy = self.policy();
        let Some(book) = self.book_of(rep) else { return false };
        let segment = &policy.books[book].segments[place];
        let name = &policy.segments[usize::from(segment.segment)].name;
        self.is_served(rep)
            && self.size(rep) < self.capacity(rep)
            && segment.cap.is_none_or(|cap| self.count_against(rep, name) < cap)
    }

    /// The first segment of a rep's book with eligibility and room, as its place in the book.
    fn open_segment(&self, account: AccountNo, role: usize, rep: RepNo, step: Phase) -> Option<usize> {
        self.eligible(account, role, rep, step).into_iter().find(|place| self.has_room(rep, *place))
    }

    /// Priority desc, sort keys, pool since asc, hash asc, number asc.
    fn rank(&self, role: usize, a: AccountNo, b: AccountNo) -> Ordering {
        let by = |a: Ordering, b: Ordering| a.then(b);
        let mut order = self.priority(b).cmp(&self.priority(a));
        for key in &self.policy().roles[role].sort {
            let number = |account: AccountNo| match self.accounts[account].fields.get(&key.field) {
                Some(Value::Number(number)) => Some(*number),
                _ => None,
            };
            order = by(order, absent_last(number(a), number(b), key.descending));
        }
        let rest = |account: AccountNo| {
            let row = &self.accounts[account];
            (row.seats[role].since, tie_hash(&row.id, 0), account)
        };
        by(order, rest(a).cmp(&rest(b)))
    }

    /// Of past owners who are passed over now.
    fn cool_off_ends(&self, account: AccountNo, role: usize) -> Vec<Secs> {
        let mut ends = Vec::new();
        for (place, (rep, until)) in self.accounts[account].seats[role].past.iter().enumerate() {
            let Some(book) = self.book_of(*rep) else { continue };
            let rule = &self.policy().books[book].cool_off;
            let end = until.plus(rule.period_s);
            if place < usize::from(rule.owners) && end > self.now {
                ends.push(end);
            }
        }
        ends
    }

    fn cooled_off(&self, account: AccountNo, role: usize, rep: RepNo) -> bool {
        let Some(book) = self.book_of(rep) else { return false };
        let rule = &self.policy().books[book].cool_off;
        let past = self.accounts[account].seats[role].past.iter().take(usize::from(rule.owners));
        past.into_iter().any(|(owner, until)| *owner == rep && until.plus(rule.period_s) > self.now)
    }

    fn reps_for(&self, account: AccountNo, role: usize, step: Phase) -> Vec<RepNo> {
        let reps = self.known_reps(role);
        let open = |rep: &RepNo| self.open_segment(account, role, *rep, step).is_some();
        let open: Vec<RepNo> = reps.iter().copied().filter(open).collect();
        let fresh: Vec<RepNo> = open.iter().copied().filter(|rep| !self.cooled_off(account, role, *rep)).collect();
        let policy = self.policy();
        let covers = |rep: &RepNo| {
            let book = &policy.books[self.book_of(*rep).expect("a known rep has a book")];
            self.is_served(*rep) && book.segments.iter().any(|each| self.matches(account, each.segment.into()))
        };
        let nobody_else = reps.into_iter().filter(covers).all(|rep| self.cooled_off(account, role, rep));
        if fresh.is_empty() && nobody_else { open } else { fresh }
    }

    /// Those within slack of the emptiest.
    fn emptiest(&self, reps: &[RepNo]) -> Vec<RepNo> {
        let size = |rep: RepNo| i128::from(self.size(rep));
        let cap = |rep: RepNo| i128::from(self.capacity(rep));
        let fuller = |a: &RepNo, b: &RepNo| (size(*a) * cap(*b)).cmp(&(size(*b) * cap(*a)));
        let lowest = reps.iter().copied().min_by(fuller).expect("somebody has room");
        let within = |rep: &RepNo| {
            let book = self.book_of(*rep).expect("who has room has a book");
            let slack = i128::from(self.policy().books[book].fill_slack);
            (size(*rep) - slack) * cap(lowest) <= size(lowest) * cap(*rep)
        };
        reps.iter().copied().filter(within).collect()
    }

    fn place(&mut self, account: AccountNo, role: usize, step: Phase, reps: &[RepNo]) {
        let policy = self.policy();
        let tier = self.tier(account);
        let emptiest = self.emptiest(reps);
        let turn = |rep: &RepNo| {
            let (last, _) = self.reps[*rep].turns[usize::from(tier)];
            let seed = 256 + 4 * role as u64 + u64::from(tier);
            let hash = if last == 0 { tie_hash(&self.reps[*rep].id, seed) } else { 0 };
            (last, hash, *rep)
        };
        let chosen = emptiest.iter().copied().min_by_key(turn).expect("the emptiest is one of them");
        let book = &policy.books[self.book_of(chosen).expect("who has room has a book")];
        let place = self.open_segment(account, role, chosen, step).expect("there is room");
        let segment = &policy.segments[usize::from(book.segments[place].segment)];
        let (candidates, more) = self.considered(account, role, step, chosen, reps, &emptiest);
        let why = Why::Placed(Box::new(Placement {
            book: book.name.clone(),
            segment: segment.name.clone(),
            threshold: match step {
                Phase::Thresholds => segment.threshold,
                Phase::Fill => book.fill_idle.expect("its book fills"),
            },
            filled_idle: step == Phase::Fill,
            tier,
            pool_since: self.accounts[account].seats[role].since,
            candidates,
            more,
        }));
        self.decide(account, role, DecisionKind::Distribution, Some(chosen), why);
        let before = self.reps[chosen].turns[usize::from(tier)];
        self.take_turn(chosen, role, tier);
        let after = self.reps[chosen].turns[usize::from(tier)];
        let turn = Turn { tier, before, after };
        self.last_decided(account, role).expect("just now").turn = Some((chosen, turn.clone()));
        if self.confirms(role) {
            self.command(account, role).turn = Some(turn);
        }
        self.own(account, role, chosen, Some(segment.name.clone()));
        let tenure = self.accounts[account].seats[role].tenure.as_mut().expect("just owned");
        tenure.entered = if step == Phase::Fill { Entered::FilledIdle } else { Entered::Placed };
        self.roles[role].marked.remove(&account);
        self.roles[role].marked_for_fill.remove(&account);
    }

    fn take_turn(&mut self, rep: RepNo, role: usize, tier: u8) {
        let weight = self.weight(rep);
        let (last, turns) = &mut self.reps[rep].turns[usize::from(tier)];
        *turns += 1;
        if *turns >= weight {
            self.roles[role].turns += 1;
            (*last, *turns) = (self.roles[role].turns, 0);
        }
    }

    fn considered(
        &self,
        account: AccountNo,
        role: usize,
        step: Phase,
        chosen: RepNo,
        reps: &[RepNo],
        emptiest: &[RepNo],
    ) -> (Vec<Considered>, u32) {
        let verdict = |rep: RepNo| {
            let full = self.size(rep) >= self.capacity(rep);
            match rep {
                _ if rep == chosen => Verdict::Chosen,
                _ if !self.is_served(rep) => Verdict::Inactive,
                _ if full => Verdict::Full,
                _ if self.open_segment(account, role, rep, step).is_none() => Verdict::SegmentFull,
                _ if !reps.contains(&rep) => Verdict::CooledOff,
                _ if !emptiest.contains(&rep) => Verdict::Fuller,
                _ => Verdict::LaterTurn,
            }
        };
        let mut covering = self.known_reps(role);
        covering.retain(|rep| self.reps[*rep].status != RepStatus::Departed);
        covering.retain(|rep| !self.eligible(account, role, *rep, step).is_empty());
        covering.sort_by_key(|rep| Reverse(*rep == chosen));
        let more = covering.len().saturating_sub(MAX_CANDIDATES) as u32;
        covering.truncate(MAX_CANDIDATES);
        let considered = covering.into_iter().map(|rep| Considered {
            rep: self.reps[rep].id.clone(),
            verdict: verdict(rep),
            size: self.size(rep),
            capacity: self.capacity(rep),
        });
        (considered.collect(), more)
    }
}

fn absent_last(a: Option<i64>, b: Option<i64>, descending: bool) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) if descending => b.cmp(&a),
        (Some(a), Some(b)) => a.cmp(&b),
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
    }
}
