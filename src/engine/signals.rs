//! Signals and activity: which count, when, and for whom. `docs/rules.md`, 4.

use crate::domain::output::SeatStatus;
use crate::domain::policy::Kind;
use crate::domain::signal::{Activity, Class, Direction, Mode, Signal};
use crate::domain::time::DAY;
use crate::domain::{Body, Candidate, Code, Input, Millis, Position, Secs, Text};

use super::Engine;
use super::score;
use super::state::{AccountId, Contribution, DailyRow, Kept, MAX_CONTRIBUTIONS, SnapshotRow};

/// The names by which an input knows its account.
pub(super) fn candidates(body: &Body) -> &[Candidate] {
    use crate::domain::opportunity::OpportunityOp;
    match body {
        Body::Signal(signal) => &signal.account,
        Body::Activity(activity) => &activity.account,
        Body::Opportunity(record) => match &record.op {
            OpportunityOp::Change { account, .. } => account,
            OpportunityOp::Delete => &[],
        },
        _ => &[],
    }
}

/// An event as both kinds of events show it to the common checks.
struct Event {
    class: Class,
    kind: u16,
    at: Secs,
    dedup: u64,
}

impl Engine {
    /// A signal or an activity: checked, remembered, resolved, applied.
    pub(super) fn event(&mut self, input: &Input) -> Result<(), Code> {
        let event = self.check(&input.body)?;
        if self.index.remembered.contains(&event.dedup) {
            self.entry.tally.duplicates += 1;
            return Ok(());
        }
        self.remember(event.dedup);
        if let Body::Activity(activity) = &input.body {
            self.hear(activity, event.at);
        }
        match self.index.resolve(candidates(&input.body)) {
            Some(account) => self.credit(account, &input.body, input.position, self.state.now),
            None => return self.keep_unknown(input),
        }
        Ok(())
    }

    fn check(&self, body: &Body) -> Result<Event, Code> {
        let policy = self.state.policy.as_ref().ok_or(Code::NoPolicy)?;
        let (class, kind, at, dedup, mode) = match body {
            Body::Signal(signal) => (signal.class, &signal.kind, signal.at, signal.dedup, Some(signal.mode)),
            Body::Activity(activity) => (Class::Activity, &activity.kind, activity.at, activity.dedup, None),
            _ => return Err(Code::Malformed),
        };
        self.check_ahead(at)?;
        let kind = policy.kind_index(class, kind).ok_or(Code::UnknownKind)?;
        let at = at.secs().min(self.state.now);
        let windows = &policy.windows;
        let oldest = match mode {
            Some(Mode::Delta) => windows.dedup_s,
            _ if self.state.gate_open => windows.late_s,
            _ => windows.history_s,
        };
        if self.state.now.since(at) > oldest {
            return Err(Code::TooOld);
        }
        Ok(Event { class, kind, at, dedup })
    }

    /// What is further ahead than the policy allows is turned away; it never moves the clock.
    pub(super) fn check_ahead(&self, at: Millis) -> Result<(), Code> {
        let ahead = self.state.policy.as_ref().ok_or(Code::NoPolicy)?.windows.ahead_s;
        if at.secs() > self.state.now.plus(ahead) { Err(Code::TooFarAhead) } else { Ok(()) }
    }

    pub(super) fn remember(&mut self, dedup: u64) {
        let most = self.rules().windows.dedup_max as usize;
        self.state.remembered.push_back((self.state.now, dedup));
        self.index.remembered.insert(dedup);
        while self.state.remembered.len() > most {
            if let Some((_, oldest)) = self.state.remembered.pop_front() {
                self.index.remembered.remove(&oldest);
            }
        }
    }

    /// What grew older than its window is forgotten, before the entry's inputs.
    pub(super) fn forget_old(&mut self) {
        let Some(policy) = &self.state.policy else { return };
        let (now, dedup_s, unknown_s) = (self.state.now, policy.windows.dedup_s, policy.windows.unknown_s);
        while let Some((at, oldest)) = self.state.remembered.front().copied() {
            if at.plus(dedup_s) > now {
                break;
            }
            self.state.remembered.pop_front();
            self.index.remembered.remove(&oldest);
        }
        while let Some((arrival, kept)) = self.state.unknown.first_key_value() {
            if kept.arrived.plus(unknown_s) > now {
                break;
            }
            let arrival = *arrival;
            self.take_unknown(arrival);
            self.entry.tally.forgotten += 1;
        }
    }

    /// An activity was heard of, whatever account it's about: its source speaks and its actor acts.
    fn hear(&mut self, activity: &Activity, at: Secs) {
        if let Some(source) = self.rules().source_index(&activity.source) {
            let source = &mut self.state.sources[usize::from(source)];
            source.latest = source.latest.max(Some(at));
        }
        let actor = activity.actor.as_ref().and_then(|actor| self.actor(actor));
        if let Some(rep) = actor
            && activity.direction != Direction::Inbound
        {
            self.note_act(rep, at);
        }
    }

    pub(super) fn keep_unknown(&mut self, input: &Input) -> Result<(), Code> {
        let windows = &self.rules().windows;
        let names = candidates(&input.body);
        let first = names.first().ok_or(Code::NoAccount)?;
        let of_first = self.index.unknown_by_first.get(first).copied().unwrap_or(0);
        if self.state.unknown.len() >= windows.unknown_max as usize || of_first >= windows.unknown_per_account {
            return Err(Code::UnknownAccountsFull);
        }
        let arrival = self.state.unknown_next;
        self.state.unknown_next += 1;
        self.index.keep_unknown(arrival, &input.body);
        self.state.unknown.insert(arrival, Kept { arrived: self.state.now, input: input.clone() });
        self.entry.tally.kept += 1;
        Ok(())
    }

    fn take_unknown(&mut self, arrival: u64) -> Option<Kept> {
        let kept = self.state.unknown.remove(&arrival)?;
        self.index.forget_unknown(arrival, &kept.input.body);
        Some(kept)
    }

    pub(super) fn take_kept_opportunity(&mut self, id: &Text) -> Option<(u64, Kept)> {
        let arrival = self.index.unknown_opportunities.get(id).copied()?;
        Some((arrival, self.take_unknown(arrival)?))
    }

    /// Back to its place: nothing came instead.
    pub(super) fn put_unknown(&mut self, arrival: u64, kept: Kept) {
        self.index.keep_unknown(arrival, &kept.input.body);
        self.state.unknown.insert(arrival, kept);
    }

    /// What was kept for any name of the account is applied now, in the order of its arrival.
    pub(super) fn credit_unknown(&mut self, account: AccountId) {
        use super::index::Name;
        let side = &self.state.sides[account.index()];
        let domains = side.domains.iter().map(|domain| Name::Domain(domain.clone()));
        let names = std::iter::once(Name::Crm(side.id.clone())).chain(domains);
        let mut arrivals = std::collections::BTreeSet::new();
        for kept in names.filter_map(|name| self.index.unknown_by_name.get(&name)) {
            arrivals.extend(kept);
        }
        for arrival in arrivals {
            let Some(Kept { arrived, input }) = self.take_unknown(arrival) else { continue };
            match &input.body {
                // Its account is known now; nothing else can turn it away.
                Body::Opportunity(_) => drop(self.opportunity_record(&input)),
                body => self.credit(account, body, input.position, arrived),
            }
        }
    }

    /// A checked event reaches its account; it came at `arrived`, and counts no later.
    fn credit(&mut self, account: AccountId, body: &Body, position: Option<Position>, arrived: Secs) {
        let (class, kind, at) = match body {
            Body::Signal(signal) => (signal.class, &signal.kind, signal.at),
            Body::Activity(activity) => (Class::Activity, &activity.kind, activity.at),
            _ => return,
        };
        let at = at.secs().min(arrived);
        // A kind that a later policy dropped counts no more.
        let Some(kind_index) = self.rules().kind_index(class, kind) else { return };
        let kind = self.rules().kinds[usize::from(kind_index)].clone();
        let event = Event { class, kind: kind_index, at, dedup: 0 };
        let points = match body {
            Body::Signal(signal) => self.credit_signal(account, signal, &event, &kind, position),
            Body::Activity(activity) => self.credit_activity(account, activity, &event, &kind, position),
            _ => return,
        };
        self.change_account(account, |_| {});
        for role in self.roles() {
            self.end_rest(role, account, &kind, points, at);
            self.mark(role, account);
        }
    }

    /// Adds the signal's points; says how many it is worth.
    fn credit_signal(
        &mut self,
        account: AccountId,
        signal: &Signal,
        event: &Event,
        kind: &Kind,
        position: Option<Position>,
    ) -> u32 {
        let points = kind.points(signal.strength);
        let counted = match signal.mode {
            Mode::Snapshot => self.replace_snapshot(account, signal, event, points),
            Mode::Delta => self.add_delta(account, event, kind, points),
        };
        if counted {
            self.note_contribution(account, event, &kind.name, signal.subject.clone(), points, position);
        }
        points
    }

    fn credit_activity(
        &mut self,
        account: AccountId,
        activity: &Activity,
        event: &Event,
        kind: &Kind,
        position: Option<Position>,
    ) -> u32 {
        let points = kind.points(None);
        if self.add_delta(account, event, kind, points) {
            self.note_contribution(account, event, &kind.name, None, points, position);
        }
        let meaningful = self.rules().books.iter().any(|book| book.evidence.kinds.contains(&event.kind));
        let now = self.state.now;
        let row = &mut self.state.accounts[account.index()];
        if meaningful {
            row.any_touch = row.any_touch.max(event.at);
        }
        if let Some(meeting) = activity.meeting_at.map(Millis::secs).filter(|meeting| *meeting > now) {
            row.meeting = row.meeting.max(meeting);
        }
        self.roles().for_each(|role| self.touch(role, account, activity, event));
        points
    }

    /// The account's sums as of the landmark of now.
    fn shift_sums(&mut self, account: AccountId) {
        let now = self.state.now;
        let half_lives = self.rules().scoring.half_life_s;
        let row = &mut self.state.accounts[account.index()];
        for (sum, half_life_s) in row.sums.iter_mut().zip(half_lives) {
            *sum = score::shifted(*sum, row.epoch, now, half_life_s);
        }
        row.epoch = now;
    }

    /// Whether it counted.
    fn add_delta(&mut self, account: AccountId, event: &Event, kind: &Kind, points: u32) -> bool {
        if points == 0 {
            return false;
        }
        self.shift_sums(account);
        if kind.max_per_day > 0 {
            return self.add_daily(account, event, kind.max_per_day, points);
        }
        let half_life_s = self.rules().scoring.half_life_s[event.class as usize];
        let contribution = score::contribution(points, event.at, self.state.now, half_life_s);
        let sum = &mut self.state.accounts[account.index()].sums[event.class as usize];
        *sum = sum.saturating_add(contribution);
        true
    }

    /// Only the day's strongest count, all at the day's start, so that their order can't matter.
    fn add_daily(&mut self, account: AccountId, event: &Event, most: u8, points: u32) -> bool {
        let now = self.state.now;
        let class = event.class as usize;
        let half_life_s = self.rules().scoring.half_life_s[class];
        let day = event.at.utc_day();
        let contributed = score::contribution(points, Secs(day * DAY), now, half_life_s);
        self.forget_days(account, event.kind);
        let rows = self.state.daily.entry((account, event.kind, day)).or_default();
        let sum = &mut self.state.accounts[account.index()].sums[class];
        while rows.len() > usize::from(most) {
            // The policy counts fewer now: what is over stays counted, as it was.
            rows.pop();
        }
        if rows.len() == usize::from(most) {
            match rows.last() {
                Some(weakest) if weakest.points_milli < points => {
                    *sum = sum.saturating_sub(score::shifted(weakest.contributed, weakest.epoch, now, half_life_s));
                    rows.pop();
                }
                _ => return false,
            }
        }
        *sum = sum.saturating_add(contributed);
        let place = rows.partition_point(|row| row.points_milli >= points);
        rows.insert(place, DailyRow { points_milli: points, contributed, epoch: now });
        true
    }

    /// Days too old for any event to reach need no rows.
    fn forget_days(&mut self, account: AccountId, kind: u16) {
        let windows = &self.rules().windows;
        let oldest = windows.dedup_s.max(windows.late_s).max(windows.history_s).saturating_add(windows.unknown_s);
        let first = self.state.now.minus(oldest).utc_day();
        let old: Vec<_> =
            self.state.daily.range((account, kind, 0)..(account, kind, first)).map(|(key, _)| *key).collect();
        for key in old {
            self.state.daily.remove(&key);
        }
    }

    fn replace_snapshot(&mut self, account: AccountId, signal: &Signal, event: &Event, points: u32) -> bool {
        self.shift_sums(account);
        let now = self.state.now;
        let class = event.class as usize;
        let half_life_s = self.rules().scoring.half_life_s[class];
        let key = (account, snapshot_key(signal));
        if let Some(row) = self.state.snapshots.get(&key) {
            if row.at > event.at {
                return false;
            }
            let old_half_life_s = self.rules().scoring.half_life_s[row.class as usize];
            let contributed = score::shifted(row.contributed, row.epoch, now, old_half_life_s);
            let sum = &mut self.state.accounts[account.index()].sums[row.class as usize];
            *sum = sum.saturating_sub(contributed);
            self.state.snapshots.remove(&key);
        }
        if signal.strength == Some(0) || points == 0 {
            return false;
        }
        let contributed = score::contribution(points, event.at, now, half_life_s);
        let sum = &mut self.state.accounts[account.index()].sums[class];
        *sum = sum.saturating_add(contributed);
        self.state.snapshots.insert(key, SnapshotRow { class: event.class, at: event.at, contributed, epoch: now });
        true
    }

    fn note_contribution(
        &mut self,
        account: AccountId,
        event: &Event,
        kind: &Text,
        subject: Option<Text>,
        points_milli: u32,
        position: Option<Position>,
    ) {
        let contributions = &mut self.state.sides[account.index()].contributions;
        if contributions.len() == MAX_CONTRIBUTIONS {
            contributions.remove(0);
        }
        let (class, kind, at) = (event.class, kind.clone(), event.at);
        contributions.push(Contribution { class, kind, subject, at, points_milli, position });
    }

    /// The owner's and their team's meaningful acts are evidence; so are those of nobody known.
    fn touch(&mut self, role: usize, account: AccountId, activity: &Activity, event: &Event) {
        let seat = &self.state.seats[role][account.index()];
        if seat.status != SeatStatus::Owned {
            return;
        }
        let owner = &self.state.reps[seat.owner.index()];
        let Some(book) = self.book_of(seat.owner) else { return };
        let counts_for_owner = match activity.actor.as_ref().and_then(|actor| self.actor(actor)) {
            None => true,
            Some(actor) => {
                let team = &self.state.reps[actor.index()].team;
                actor == seat.owner || (team.is_some() && *team == owner.team)
            }
        };
        let since = self.state.tenures[role][&account].since;
        if !counts_for_owner || event.at < since || !book.evidence.kinds.contains(&event.kind) {
            return;
        }
        let zone = book.zone.clone();
        let reply = activity.direction != Direction::Outbound;
        self.tenure(role, account).evidence.touch(event.at, activity.contact, reply, &zone);
    }

    /// An in-market signal that happened after the rest began ends it (B6).
    fn end_rest(&mut self, role: usize, account: AccountId, kind: &Kind, points: u32, at: Secs) {
        let seat = &self.state.seats[role][account.index()];
        let in_market = kind.in_market_milli.is_some_and(|least| points >= least);
        if seat.status == SeatStatus::Rest && in_market && at >= seat.since {
            let now = self.state.now;
            self.enter_pool(role, account, now);
        }
    }
}

fn snapshot_key(signal: &Signal) -> u64 {
    let mut bytes = Vec::with_capacity(128);
    let subject = signal.subject.as_deref().unwrap_or("");
    for part in [&*signal.source, &*signal.kind, subject] {
        bytes.extend_from_slice(&(part.len() as u32).to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    xxhash_rust::xxh3::xxh3_64_with_seed(&bytes, signal.class as u64)
}
