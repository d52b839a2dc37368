//! §4: signals and activity.

use std::cmp::Reverse;

use bookd::domain::output::{AlertKind, BreakerScope, SeatStatus};
use bookd::domain::policy::Kind;
use bookd::domain::signal::{Activity, Class, Direction, Mode, Signal};
use bookd::domain::time::DAY;
use bookd::domain::{Candidate, Code, Position, Secs, Text};

use super::{AccountNo, Counted, Daily, Kept, KeptWhat, RepNo, Snapshot, Twin, score};

/// The last signals of an account that are kept to explain decisions.
const COUNTED_KEPT: usize = 8;
/// The last acts of a rep that are kept.
const ACTS_KEPT: usize = 10;

/// What becomes part of a sum.
struct Event<'a> {
    class: Class,
    kind: &'a Kind,
    subject: Option<Text>,
    points_milli: u32,
    at: Secs,
    position: Option<Position>,
}

impl Twin {
    pub(super) fn signal(&mut self, signal: &Signal, position: Option<Position>) -> Result<(), Code> {
        let windows = self.policy().windows.clone();
        let at = signal.at.secs();
        let oldest = match signal.mode {
            Mode::Delta => windows.dedup_s,
            Mode::Snapshot => self.late_s(),
        };
        if !self.judge(at, signal.class, &signal.kind, oldest, signal.dedup)? {
            return Ok(());
        }
        let at = at.min(self.now);
        match self.resolve(&signal.account) {
            Some(account) => self.resolved_signal(account, signal, at, position),
            None => self.keep(Kept { arrived: self.now, position, what: KeptWhat::Signal(signal.clone(), at) })?,
        }
        Ok(())
    }

    pub(super) fn activity(&mut self, activity: &Activity, position: Option<Position>) -> Result<(), Code> {
        let at = activity.at.secs();
        if !self.judge(at, Class::Activity, &activity.kind, self.late_s(), activity.dedup)? {
            return Ok(());
        }
        let at = at.min(self.now);
        if let Some(source) = self.sources.get_mut(&activity.source) {
            source.latest = source.latest.max(Some(at));
        }
        let actor = activity.actor.as_ref().and_then(|actor| self.actor(actor));
        if let Some(rep) = actor.filter(|_| activity.direction != Direction::Inbound) {
            self.act(rep, at);
        }
        match self.resolve(&activity.account) {
            Some(account) => self.resolved_activity(account, activity, at, position),
            None => self.keep(Kept { arrived: self.now, position, what: KeptWhat::Activity(activity.clone(), at) })?,
        }
        Ok(())
    }

    fn late_s(&self) -> u32 {
        let windows = &self.policy().windows;
        if self.gate_open { windows.late_s } else { windows.history_s }
    }

    /// Whether an event counts at all; a duplicate doesn't, and is no error.
    fn judge(&mut self, at: Secs, class: Class, kind: &str, oldest_s: u32, dedup: u64) -> Result<bool, Code> {
        let policy = self.policy();
        if at > self.now.plus(policy.windows.ahead_s) {
            return Err(Code::TooFarAhead);
        }
        policy.kind_index(class, kind).ok_or(Code::UnknownKind)?;
        if self.now.since(at) > oldest_s {
            return Err(Code::TooOld);
        }
        Ok(self.remember(dedup))
    }

    /// Whether this id is new.
    pub(super) fn remember(&mut self, dedup: u64) -> bool {
        if self.remembered.iter().any(|(id, _)| *id == dedup) {
            return false;
        }
        self.remembered.push((dedup, self.now));
        while self.remembered.len() > self.policy().windows.dedup_max as usize {
            self.remembered.remove(0);
        }
        true
    }

    fn act(&mut self, rep: RepNo, at: Secs) {
        let acts = &mut self.reps[rep].acts;
        acts.push(at);
        acts.sort_by_key(|at| Reverse(*at));
        acts.truncate(ACTS_KEPT);
        let scope = BreakerScope::QuietRep(self.reps[rep].id.clone());
        if self.tripped.remove(&scope) {
            self.alert(AlertKind::BreakerReset { scope });
        }
    }

    pub(super) fn keep(&mut self, kept: Kept) -> Result<(), Code> {
        let windows = self.policy().windows.clone();
        let first = kept.candidates().first().ok_or(Code::NoAccount)?;
        let same = self.kept.iter().filter(|each| each.candidates().first() == Some(first)).count();
        if self.kept.len() >= windows.unknown_max as usize || same >= windows.unknown_per_account as usize {
            return Err(Code::UnknownAccountsFull);
        }
        self.kept.push(kept);
        Ok(())
    }

    /// What was kept and resolves now that an account is new, or has a new domain.
    pub(super) fn apply_kept(&mut self) {
        while let Some(next) = self.kept.iter().position(|kept| self.resolve(kept.candidates()).is_some()) {
            let kept = self.kept.remove(next);
            let account = self.resolve(kept.candidates()).expect("it resolved just now");
            match &kept.what {
                KeptWhat::Signal(signal, at) => self.resolved_signal(account, signal, *at, kept.position),
                KeptWhat::Activity(activity, at) => self.resolved_activity(account, activity, *at, kept.position),
                KeptWhat::Opportunity(record, _) => {
                    self.opportunity_record(record).expect("its account resolves");
                }
            }
        }
    }

    fn resolved_signal(&mut self, account: AccountNo, signal: &Signal, at: Secs, position: Option<Position>) {
        let policy = self.policy();
        self.touched.insert(account);
        // A kind that was known when the signal was kept.
        let Some(kind) = policy.kind_index(signal.class, &signal.kind) else { return };
        let kind = &policy.kinds[usize::from(kind)];
        let points_milli = kind.points(signal.strength);
        let subject = signal.subject.clone();
        let event = Event { class: signal.class, kind, subject, points_milli, at, position };
        match signal.mode {
            Mode::Delta => self.delta(account, event),
            Mode::Snapshot => self.snapshot(account, event, &signal.source, signal.strength == Some(0)),
        }
        self.in_market(account, kind, points_milli, at);
    }

    fn delta(&mut self, account: AccountNo, event: Event<'_>) {
        if event.points_milli == 0 {
            return;
        }
        if event.kind.max_per_day == 0 {
            let half_life_s = self.policy().scoring.half_life_s[event.class as usize];
            let gained = score::contribution(event.points_milli, event.at, self.now, half_life_s);
            self.gain(account, event.class, gained);
            self.count(account, event);
        } else {
            self.one_of_a_day(account, event);
        }
    }

    /// Among the signals of one account, kind and UTC day the strongest count, all at that day's start.
    fn one_of_a_day(&mut self, account: AccountNo, event: Event<'_>) {
        let day = event.at.utc_day();
        let same = |row: &Daily| row.class == event.class && row.kind == event.kind.name && row.day == day;
        self.forget_days(account, &event);
        let of_day = |twin: &Twin| twin.accounts[account].daily.iter().filter(|row| same(row)).count();
        let weakest = |twin: &Twin| {
            let rows = twin.accounts[account].daily.iter().enumerate().filter(|(_, row)| same(row));
            // Of equals the latest.
            rows.min_by_key(|(place, row)| (row.points_milli, Reverse(*place))).expect("a day's row").0
        };
        let most = usize::from(event.kind.max_per_day);
        while of_day(self) > most {
            // The policy counts fewer now: what is over stays in the sum.
            let over = weakest(self);
            self.accounts[account].daily.remove(over);
        }
        if of_day(self) == most {
            let weakest = weakest(self);
            if self.accounts[account].daily[weakest].points_milli >= event.points_milli {
                return;
            }
            let row = self.accounts[account].daily.remove(weakest);
            self.lose(account, event.class, row.contributed);
        }
        let half_life_s = self.policy().scoring.half_life_s[event.class as usize];
        let contributed = score::contribution(event.points_milli, Secs(day * DAY), self.now, half_life_s);
        self.gain(account, event.class, contributed);
        self.accounts[account].daily.push(Daily {
            class: event.class,
            kind: event.kind.name.clone(),
            day,
            points_milli: event.points_milli,
            contributed,
        });
        self.count(account, event);
    }

    /// Days that no event can reach any more are forgotten.
    fn forget_days(&mut self, account: AccountNo, event: &Event<'_>) {
        let windows = &self.policy().windows;
        let oldest_s = windows.dedup_s.max(windows.late_s).max(windows.history_s).saturating_add(windows.unknown_s);
        let first = self.now.minus(oldest_s).utc_day();
        let same = |row: &Daily| row.class == event.class && row.kind == event.kind.name;
        self.accounts[account].daily.retain(|row| !same(row) || row.day >= first);
    }

    fn snapshot(&mut self, account: AccountNo, event: Event<'_>, source: &Text, removes: bool) {
        let key = (source.clone(), event.class, event.kind.name.clone(), event.subject.clone());
        if self.accounts[account].snapshots.get(&key).is_some_and(|row| event.at < row.at) {
            return;
        }
        if let Some(old) = self.accounts[account].snapshots.remove(&key) {
            self.lose(account, event.class, old.contributed);
        }
        if removes || event.points_milli == 0 {
            return;
        }
        let half_life_s = self.policy().scoring.half_life_s[event.class as usize];
        let contributed = score::contribution(event.points_milli, event.at, self.now, half_life_s);
        self.gain(account, event.class, contributed);
        self.accounts[account].snapshots.insert(key, Snapshot { at: event.at, contributed });
        self.count(account, event);
    }

    fn gain(&mut self, account: AccountNo, class: Class, gained: u64) {
        let sum = &mut self.accounts[account].sums[class as usize];
        *sum = sum.saturating_add(gained);
    }

    fn lose(&mut self, account: AccountNo, class: Class, lost: u64) {
        let sum = &mut self.accounts[account].sums[class as usize];
        *sum = sum.saturating_sub(lost);
    }

    fn count(&mut self, account: AccountNo, event: Event<'_>) {
        let Event { class, kind, subject, points_milli, at, position } = event;
        let counted = &mut self.accounts[account].counted;
        counted.push(Counted { class, kind: kind.name.clone(), subject, at, points_milli, position });
        if counted.len() > COUNTED_KEPT {
            counted.remove(0);
        }
    }

    fn resolved_activity(&mut self, account: AccountNo, activity: &Activity, at: Secs, position: Option<Position>) {
        let policy = self.policy();
        self.touched.insert(account);
        // A kind that was known when the activity was kept.
        let Some(index) = policy.kind_index(Class::Activity, &activity.kind) else { return };
        let kind = &policy.kinds[usize::from(index)];
        let points_milli = kind.points(None);
        let class = Class::Activity;
        self.delta(account, Event { class, kind, subject: None, points_milli, at, position });
        if policy.books.iter().any(|book| book.evidence.kinds.contains(&index)) {
            self.accounts[account].any_touch = self.accounts[account].any_touch.max(Some(at));
        }
        let meeting = activity.meeting_at.map(|meeting| meeting.secs()).filter(|meeting| *meeting > self.now);
        self.accounts[account].meeting = self.accounts[account].meeting.max(meeting);
        for role in 0..self.roles.len() {
            self.touch(account, role, activity, index, at);
            self.look_at_promise(account, role);
        }
        self.in_market(account, kind, points_milli, at);
    }

    /// A signal that is strong enough and newer than the rest ends it.
    fn in_market(&mut self, account: AccountNo, kind: &Kind, points_milli: u32, at: Secs) {
        for role in 0..self.roles.len() {
            let seat = &self.accounts[account].seats[role];
            let enough = kind.in_market_milli.is_some_and(|enough| points_milli >= enough);
            if seat.status == SeatStatus::Rest && enough && at >= seat.since {
                self.enter_pool(account, role, self.now);
            }
            self.mark(account, role);
        }
    }
}

impl Kept {
    pub(super) fn candidates(&self) -> &[Candidate] {
        use bookd::domain::opportunity::OpportunityOp;
        match &self.what {
            KeptWhat::Signal(signal, _) => &signal.account,
            KeptWhat::Activity(activity, _) => &activity.account,
            KeptWhat::Opportunity(record, _) => match &record.op {
                OpportunityOp::Change { account, .. } => account,
                OpportunityOp::Delete => &[],
            },
        }
    }

    pub(super) fn is_of_opportunity(&self, id: &str) -> bool {
        matches!(&self.what, KeptWhat::Opportunity(record, _) if &*record.id == id)
    }
}
