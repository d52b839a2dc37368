//! Losses: who is due, what the caps let through, and the breaker. `docs/rules.md`, 8.

use std::collections::VecDeque;

use crate::domain::Secs;
use crate::domain::output::{AlertKind, BreakerScope, DecisionKind, SeatStatus, Why};
use crate::domain::time::{DAY, HOUR};

use super::Engine;
use super::sizes::exceeds;
use super::state::{AccountId, RepId};
use super::waiting::is_over;

/// The quiet-rep rule looks at acts this long before the quiet began.
const ACTS_BEFORE_S: u32 = 10 * DAY;

/// One loss that is due. In the order in which they go: book by book, and of each the stalest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Loss {
    pub book: u16,
    pub deadline: Secs,
    pub account: AccountId,
    pub owner: RepId,
    pub promised: Secs,
}

impl Engine {
    #[inline(never)] // Counted apart by the benches.
    pub(super) fn retrieve(&mut self) {
        self.state.losses_left = false;
        for role in self.roles() {
            if self.state.roles[role].waiting.is_empty() || !self.loses(role) || self.none_can_go(role) {
                continue;
            }
            let mut going = self.judged_losses(role);
            if self.asks_for_approval(role, &going) {
                // What waits takes no place under the caps.
                going = self.judged_losses(role);
            }
            let all = going.len();
            if all > self.entry.at_once {
                going.select_nth_unstable(self.entry.at_once);
                going.truncate(self.entry.at_once);
            }
            going.sort_unstable();
            self.look_ahead_at_losses(going.iter().map(|loss| loss.account));
            for loss in &going {
                if self.loses(role) {
                    self.retrieve_one(role, loss);
                }
            }
            self.state.losses_left |= all > going.len() && self.loses(role);
        }
    }

    /// Those that go, in no order. What a scope that trips holds back takes no place under the caps: once more without
    /// it.
    fn judged_losses(&mut self, role: usize) -> Vec<Loss> {
        loop {
            let tripped = self.state.tripped.len();
            let mut going = self.due_losses(role);
            self.forget_losses(role, &going);
            self.judge(role, &mut going);
            if self.state.tripped.len() == tripped {
                return going;
            }
        }
    }

    /// A placement made a book larger, and with it what an hour may take of it: whoever waits is looked at again.
    pub(super) fn looks_again(&self, placed: bool) -> bool {
        placed && self.state.roles.iter().any(|role| !role.waiting.is_empty())
    }

    /// Losses older than the windows that count them: the role's, and of those who lose something now.
    fn forget_losses(&mut self, role: usize, going: &[Loss]) {
        let now = self.state.now;
        let forget = |losses: &mut VecDeque<(Secs, bool)>| {
            while losses.front().is_some_and(|(at, _)| is_over(*at, DAY, now)) {
                losses.pop_front();
            }
        };
        forget(&mut self.state.roles[role].losses);
        going.iter().for_each(|loss| forget(&mut self.state.reps[loss.owner.index()].losses));
        for losses in self.state.book_losses.values_mut() {
            while losses.front().is_some_and(|at| is_over(*at, HOUR, now)) {
                losses.pop_front();
            }
        }
    }

    pub(super) fn role_scope(&self, role: usize) -> BreakerScope {
        BreakerScope::Role(self.rules().roles[role].name.clone())
    }

    /// Takes away what looks like a broken feed rather than like idle reps.
    fn judge(&mut self, role: usize, going: &mut Vec<Loss>) {
        self.judge_reps(going, RepScope::Quiet);
        self.judge_reps(going, RepScope::Book);
        let proceeded = self.state.roles[role].proceeded;
        let counted = self.state.roles[role].losses.iter().filter(|(_, counts)| *counts).count() as u64;
        let due = going.iter().filter(|loss| !is_exempt(loss.promised, proceeded)).count() as u64;
        let in_role = self.state.reps.iter().filter(|rep| rep.role == Some(role as u8));
        let sizes: u64 = in_role.map(|rep| u64::from(rep.size())).sum();
        let breaker = &self.rules().breaker;
        let (n, least, share) = (due + counted, breaker.all_min, breaker.all_share_ppm);
        if due > 0 && n > u64::from(least) && exceeds(n, share, sizes + counted) {
            going.retain(|loss| is_exempt(loss.promised, proceeded));
            self.trip(self.role_scope(role), due);
        }
    }

    fn judge_reps(&mut self, going: &mut Vec<Loss>, scope: RepScope) {
        let trips = |rep: RepId, due: u64| match scope {
            _ if due == 0 => false,
            RepScope::Quiet => self.is_quiet(rep),
            RepScope::Book => self.loses_too_much(rep, due),
        };
        let all_trip = |due: Vec<u64>| (0..).map(RepId).zip(due).filter(|(rep, due)| trips(*rep, *due)).collect();
        // First with what is exempt, which is cheaper: who doesn't trip with it doesn't without, and hardly ever anybody does.
        let mut tripped: Vec<_> = all_trip(self.due_by_owner(going.iter()));
        if !tripped.is_empty() {
            tripped = all_trip(self.due_by_owner(going.iter().filter(|loss| !self.is_exempt_from(scope, loss))));
        }
        if tripped.is_empty() {
            return;
        }
        let stops = |loss: &Loss| tripped.binary_search_by_key(&loss.owner, |(rep, _)| *rep).is_ok();
        going.retain(|loss| !stops(loss) || self.is_exempt_from(scope, loss));
        for (rep, due) in tripped {
            let id = self.state.reps[rep.index()].id.clone();
            let scope = match scope {
                RepScope::Quiet => BreakerScope::QuietRep(id),
                RepScope::Book => BreakerScope::Book(id),
            };
            self.trip(scope, due);
        }
    }

    fn due_by_owner<'l>(&self, going: impl Iterator<Item = &'l Loss>) -> Vec<u64> {
        let mut due = vec![0; self.state.reps.len()];
        going.for_each(|loss| due[loss.owner.index()] += 1);
        due
    }

    fn is_exempt_from(&self, scope: RepScope, loss: &Loss) -> bool {
        let row = &self.state.reps[loss.owner.index()];
        let proceeded = match scope {
            RepScope::Quiet => row.quiet_proceeded,
            RepScope::Book => row.book_proceeded,
        };
        is_exempt(loss.promised, proceeded)
    }

    fn is_quiet(&self, rep: RepId) -> bool {
        let breaker = &self.rules().breaker;
        let acts = &self.state.reps[rep.index()].acts;
        let quiet_since = self.state.now.minus(breaker.quiet_s);
        let from = quiet_since.minus(ACTS_BEFORE_S);
        // Of thousands who lose something few are quiet.
        acts.first().is_some_and(|last| *last < quiet_since)
            && acts.iter().filter(|act| **act >= from).count() >= usize::from(breaker.quiet_acts)
    }

    fn loses_too_much(&self, rep: RepId, due: u64) -> bool {
        let breaker = &self.rules().breaker;
        let row = &self.state.reps[rep.index()];
        if due + row.losses.len() as u64 <= u64::from(breaker.book_min) {
            return false;
        }
        let counted = row.losses.iter().filter(|(_, counts)| *counts).count() as u64;
        let n = due + counted;
        n > u64::from(breaker.book_min) && exceeds(n, breaker.book_share_ppm, u64::from(row.size()) + counted)
    }

    pub(super) fn trip(&mut self, scope: BreakerScope, due: u64) {
        if self.state.tripped.insert(scope.clone()) {
            self.list_those_in(&scope);
            self.alert(AlertKind::BreakerTripped { scope, due: due.min(u64::from(u32::MAX)) as u32 });
        }
    }

    fn retrieve_one(&mut self, role: usize, loss: &Loss) {
        let now = self.state.now;
        let book = self.book_of(loss.owner).expect("an owner with a loss has a book");
        let (book, rest_s) = (book.name.clone(), book.rest_s);
        let tenure = self.tenure(role, loss.account);
        let why = Why::Idle {
            book: book.clone(),
            deadline: loss.deadline,
            warned_at: tenure.warned_at,
            promised: loss.promised,
            last_touch: tenure.evidence.touches.first().copied(),
        };
        let row = &self.state.reps[loss.owner.index()];
        let (counts_in_book, counts_in_role) = (
            !is_exempt(loss.promised, row.book_proceeded),
            !is_exempt(loss.promised, self.state.roles[role].proceeded),
        );
        self.decide(DecisionKind::Retrieval, role, loss.account, RepId::NOBODY, why);
        self.state.reps[loss.owner.index()].losses.push_back((now, counts_in_book));
        self.state.roles[role].losses.push_back((now, counts_in_role));
        self.state.book_losses.entry(book).or_default().push_back(now);
        self.end_tenure(role, loss.account);
        self.enter_rest(role, loss.account, now.plus(rest_s));
    }

    /// Back into the pool after a rest; a rest of nothing is the pool at once. The owner is gone.
    pub(super) fn enter_rest(&mut self, role: usize, account: AccountId, until: Secs) {
        let now = self.state.now;
        if until <= now {
            return self.enter_pool(role, account, now);
        }
        self.change_seat(role, account, |seat| {
            seat.owner = RepId::NOBODY;
            seat.status = SeatStatus::Rest;
            seat.since = now;
            seat.until = until;
        });
        if self.excluded(role, account) {
            self.exclude(role, account);
        }
    }
}

#[derive(Clone, Copy)]
enum RepScope {
    Quiet,
    Book,
}

/// Due before the scope's last `proceed`, or the role's last approval: let go, and not counted.
pub(super) fn is_exempt(promised: Secs, proceeded: Secs) -> bool {
    promised <= proceeded
}
