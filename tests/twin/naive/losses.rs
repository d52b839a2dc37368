//! §8: losses, their caps and the breaker.

use bookd::domain::output::{AlertKind, BreakerScope, SeatStatus, Why};
use bookd::domain::time::{DAY, HOUR};
use bookd::domain::{DecisionKind, Secs};

use super::{AccountNo, Loss, RepNo, Twin};

/// How long before the quiet time a rep's acts are counted.
const QUIET_LOOK_BACK_S: u32 = 10 * DAY;

/// An account that would be lost now.
#[derive(Clone)]
struct Going {
    account: AccountNo,
    rep: RepNo,
    book: usize,
    deadline: Secs,
    promised: Secs,
}

impl Twin {
    pub(super) fn losses(&mut self) {
        self.losses_left = false;
        for role in 0..self.roles.len() {
            if !self.loses(role) {
                continue;
            }
            let mut going = self.that_go(role);
            let new = going.iter().any(|each| !self.is_approved(role, each.promised));
            if new && self.must_ask(role) {
                going = self.that_go(role);
            }
            let more = going.len() > self.at_once;
            for each in going.into_iter().take(self.at_once) {
                if self.loses(role) {
                    self.lose_account(role, &each);
                }
            }
            self.losses_left |= more && self.loses(role);
        }
    }

    /// If a scope trips, the list is made and judged anew without what it stops.
    fn that_go(&mut self, role: usize) -> Vec<Going> {
        loop {
            let tripped = self.tripped.clone();
            let mut going = self.as_many_as_fit(role);
            self.judge_quiet_reps(&mut going);
            self.judge_books(&mut going);
            self.judge_role(role, &mut going);
            if self.tripped == tripped {
                return going;
            }
        }
    }

    fn scopes(&self, rep: RepNo, role: usize) -> [BreakerScope; 3] {
        let id = &self.reps[rep].id;
        [
            BreakerScope::QuietRep(id.clone()),
            BreakerScope::Book(id.clone()),
            BreakerScope::Role(self.policy().roles[role].name.clone()),
        ]
    }

    fn exempt(&self, promised: Secs, scope: &BreakerScope) -> bool {
        self.proceeds.get(scope).is_some_and(|proceeded| promised <= *proceeded)
    }

    /// All that are due, book by book, the stalest first.
    fn due(&self, role: usize) -> Vec<Going> {
        let mut due = Vec::new();
        for account in self.living() {
            let seat = &self.accounts[account].seats[role];
            if seat.status != SeatStatus::Owned {
                continue;
            }
            let rep = seat.owner.expect("owned");
            let waiting = seat.tenure.as_ref().filter(|tenure| tenure.waits);
            let (Some(book), Some(promised)) = (self.book_of(rep), waiting.and_then(|tenure| tenure.promised)) else {
                continue;
            };
            let stopped = self
                .scopes(rep, role)
                .iter()
                .any(|scope| self.tripped.contains(scope) && !self.exempt(promised, scope));
            let asked = self.roles[role].wave.is_some() && !self.is_approved(role, promised);
            if !stopped && !asked && self.can_judge(book, promised) {
                due.push(Going { account, rep, book, deadline: self.deadline(account, role), promised });
            }
        }
        due.sort_by_key(|each| (each.book, each.deadline, each.account));
        due
    }

    fn as_many_as_fit(&self, role: usize) -> Vec<Going> {
        let policy = self.policy();
        let mut going: Vec<Going> = Vec::new();
        for each in self.due(role) {
            let caps = &policy.books[each.book].caps;
            let of_rep = self.losses.iter().filter(|loss| loss.rep == each.rep && loss.at > self.now.minus(DAY));
            let of_rep = of_rep.count() + going.iter().filter(|other| other.rep == each.rep).count();
            let name = &policy.books[each.book].name;
            let of_book = self.losses.iter().filter(|loss| loss.book == *name && loss.at > self.now.minus(HOUR));
            let of_book = of_book.count() + going.iter().filter(|other| other.book == each.book).count();
            let reps = self.known_reps(role).into_iter().filter(|rep| self.book_of(*rep) == Some(each.book));
            let accounts: u64 = reps.map(|rep| u64::from(self.size(rep))).sum();
            let an_hour = (accounts * u64::from(caps.per_book_hour_ppm) / 1_000_000).max(1);
            if (of_rep as u64) < u64::from(caps.per_rep_day) && (of_book as u64) < an_hour {
                going.push(each);
            }
        }
        going
    }

    fn judge_quiet_reps(&mut self, going: &mut Vec<Going>) {
        for rep in 0..self.reps.len() {
            let scope = BreakerScope::QuietRep(self.reps[rep].id.clone());
            if self.is_quiet(rep) {
                self.hold_back(going, scope, |each| each.rep == rep);
            }
        }
    }

    fn is_quiet(&self, rep: RepNo) -> bool {
        let breaker = &self.policy().breaker;
        let quiet_since = self.now.minus(breaker.quiet_s);
        let acts = &self.reps[rep].acts;
        let counted = acts.iter().filter(|act| **act >= quiet_since.minus(QUIET_LOOK_BACK_S)).count();
        acts.first().is_some_and(|last| *last < quiet_since) && counted >= usize::from(breaker.quiet_acts)
    }

    fn judge_books(&mut self, going: &mut Vec<Going>) {
        let breaker = self.policy().breaker.clone();
        for rep in 0..self.reps.len() {
            let scope = BreakerScope::Book(self.reps[rep].id.clone());
            let new = going.iter().filter(|each| each.rep == rep && !self.exempt(each.promised, &scope)).count();
            let lost = self.counted(|loss| loss.rep == rep && loss.counts_in_book);
            if too_many(new as u64, lost, self.size(rep).into(), breaker.book_min, breaker.book_share_ppm) {
                self.hold_back(going, scope, |each| each.rep == rep);
            }
        }
    }

    fn judge_role(&mut self, role: usize, going: &mut Vec<Going>) {
        let breaker = self.policy().breaker.clone();
        let scope = BreakerScope::Role(self.policy().roles[role].name.clone());
        let new = going.iter().filter(|each| !self.exempt(each.promised, &scope)).count();
        let lost = self.counted(|loss| loss.role == role && loss.counts_in_role);
        let accounts = (0..self.reps.len()).filter(|rep| self.reps[*rep].role == Some(role));
        let accounts: u64 = accounts.map(|rep| u64::from(self.size(rep))).sum();
        if too_many(new as u64, lost, accounts, breaker.all_min, breaker.all_share_ppm) {
            self.hold_back(going, scope, |_| true);
        }
    }

    fn counted(&self, counts: impl Fn(&Loss) -> bool) -> u64 {
        self.losses.iter().filter(|loss| loss.at > self.now.minus(DAY) && counts(loss)).count() as u64
    }

    /// Takes away those of a scope that aren't exempt from it; if there are any, it trips.
    fn hold_back(&mut self, going: &mut Vec<Going>, scope: BreakerScope, of_scope: impl Fn(&Going) -> bool) {
        let before = going.len();
        going.retain(|each| !of_scope(each) || self.exempt(each.promised, &scope));
        let held_back = before - going.len();
        if held_back > 0 {
            self.trip(scope, held_back as u32);
        }
    }

    fn lose_account(&mut self, role: usize, going: &Going) {
        let policy = self.policy();
        let Going { account, rep, book, deadline, promised } = *going;
        let tenure = self.accounts[account].seats[role].tenure.clone().expect("owned");
        let why = Why::Idle {
            book: policy.books[book].name.clone(),
            deadline,
            warned_at: tenure.warned_at,
            promised,
            last_touch: tenure.touches.first().copied(),
        };
        self.decide(account, role, DecisionKind::Retrieval, None, why);
        let [_, book_scope, role_scope] = self.scopes(rep, role);
        self.losses.push(Loss {
            at: self.now,
            rep,
            role,
            book: policy.books[book].name.clone(),
            counts_in_book: !self.exempt(promised, &book_scope),
            counts_in_role: !self.exempt(promised, &role_scope),
        });
        self.note_past_owner(account, role);
        self.enter_rest(account, role, self.now.plus(policy.books[book].rest_s));
        self.roles[role].dirty = true;
    }

    /// A `proceed`: those due by now go, and counting starts anew.
    pub(super) fn reset(&mut self, scope: &BreakerScope) {
        self.tripped.remove(scope);
        self.proceeds.insert(scope.clone(), self.now);
        if let BreakerScope::Refused(id) = scope
            && let Some(rep) = self.find_rep(id)
        {
            self.reps[rep].refused = 0;
            if let Some(role) = self.reps[rep].role {
                self.roles[role].dirty = true;
            }
        }
        for loss in &mut self.losses {
            match scope {
                BreakerScope::Book(rep) if self.reps[loss.rep].id == *rep => loss.counts_in_book = false,
                BreakerScope::Role(name) => {
                    let same = self.policy.as_ref().is_some_and(|policy| policy.roles[loss.role].name == *name);
                    loss.counts_in_role &= !same;
                }
                _ => {}
            }
        }
        self.alert(AlertKind::BreakerReset { scope: scope.clone() });
    }
}

fn too_many(going: u64, lost: u64, accounts: u64, min: u32, share_ppm: u32) -> bool {
    let n = going + lost;
    n > u64::from(min) && n * 1_000_000 > u64::from(share_ppm) * (accounts + lost)
}
