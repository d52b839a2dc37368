//! Signals and activity: which count, when, and for whom. `docs/rules.md`, 4.

use crate::domain::output::SeatStatus;
use crate::domain::policy::Kind;
use crate::domain::signal::{Activity, Class, Direction, Mode, Signal};
use crate::domain::{Body, Candidate, Code, Input, Millis, Position, Secs, Text};

use super::Engine;
use super::heap::Place;
use super::state::{AccountId, Contribution, Kept};

/// Ids that are forgotten next are fetched so many before they are.
const FETCHED_AHEAD: usize = 8;

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
pub(super) struct Event {
    pub class: Class,
    pub kind: u16,
    pub at: Secs,
    pub dedup: u64,
}

impl Engine {
    /// A signal or an activity: checked, remembered, resolved, applied.
    pub(super) fn event(&mut self, input: &Input) -> Result<(), Code> {
        let event = self.check(&input.body)?;
        if self.index.remembered.contains(event.dedup) {
            self.entry.tally.duplicates += 1;
            return Ok(());
        }
        self.remember(event.dedup);
        if let Body::Activity(activity) = &input.body {
            self.hear(activity, event.at);
        }
        match self.resolve(candidates(&input.body)) {
            Some(account) => self.credit(account, &input.body, &event, input.position),
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
        let kind = self.index.kinds.find(&policy.kinds, class, kind).ok_or(Code::UnknownKind)?;
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

    #[inline(never)] // Counted apart by the benches.
    pub(super) fn remember(&mut self, dedup: u64) {
        let most = self.rules().windows.dedup_max as usize;
        let now = self.state.now;
        self.state.remembered.push_back(dedup);
        self.index.remembered.insert(dedup);
        match self.state.arrivals.back_mut() {
            Some((at, count)) if *at == now && *count < u32::MAX => *count += 1,
            _ => self.state.arrivals.push_back((now, 1)),
        }
        while self.state.remembered.len() > most {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some(soon) = self.state.remembered.get(FETCHED_AHEAD) {
            self.index.remembered.fetch(*soon);
        }
        if let Some(oldest) = self.state.remembered.pop_front() {
            self.index.remembered.remove(oldest);
        }
        if let Some((_, count)) = self.state.arrivals.front_mut() {
            *count -= 1;
            if *count == 0 {
                self.state.arrivals.pop_front();
            }
        }
    }

    /// What grew older than its window is forgotten, before the entry's inputs: the oldest ids and decisions, at most so
    /// many of each.
    pub(super) fn forget_old(&mut self, most: usize) {
        self.forget_undo(most);
        let Some(policy) = &self.state.policy else { return };
        let (now, dedup_s, unknown_s) = (self.state.now, policy.windows.dedup_s, policy.windows.unknown_s);
        for _ in 0..most {
            if self.state.arrivals.front().is_none_or(|(at, _)| at.plus(dedup_s) > now) {
                break;
            }
            self.forget_oldest();
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
        let of_first = self.index.unknown.of_first(first);
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
        if self.state.unknown.is_empty() {
            return;
        }
        let side = &self.state.sides[account.index()];
        let domains = self.state.records[account.index()].domains.iter().cloned().map(Candidate::Domain);
        let names = std::iter::once(Candidate::CrmId(side.id.clone())).chain(domains);
        let mut arrivals: Vec<u64> = names.flat_map(|name| self.index.unknown.arrivals(&name)).collect();
        arrivals.sort_unstable();
        arrivals.dedup();
        for arrival in arrivals {
            let Some(Kept { arrived, input }) = self.take_unknown(arrival) else { continue };
            match &input.body {
                // Its account is known now; nothing else can turn it away.
                Body::Opportunity(_) => drop(self.opportunity_record(&input)),
                body => self.credit_kept(account, body, input.position, arrived),
            }
        }
    }

    /// A kept event reaches its account; it came at `arrived`, and counts no later.
    fn credit_kept(&mut self, account: AccountId, body: &Body, position: Option<Position>, arrived: Secs) {
        let (class, kind, at) = match body {
            Body::Signal(signal) => (signal.class, &signal.kind, signal.at),
            Body::Activity(activity) => (Class::Activity, &activity.kind, activity.at),
            _ => return,
        };
        // A kind that a later policy dropped counts no more.
        let Some(kind) = self.index.kinds.find(&self.rules().kinds, class, kind) else { return };
        let event = Event { class, kind, at: at.secs().min(arrived), dedup: 0 };
        self.credit(account, body, &event, position);
    }

    /// A checked event reaches its account.
    fn credit(&mut self, account: AccountId, body: &Body, event: &Event, position: Option<Position>) {
        let points = match body {
            Body::Signal(signal) => self.credit_signal(account, signal, event, position),
            Body::Activity(activity) => self.credit_activity(account, activity, event, position),
            _ => return,
        };
        self.score_changed(account);
        let in_market = self.kind(event).in_market_milli.is_some_and(|least| points >= least);
        for role in self.roles() {
            if in_market {
                self.end_rest(role, account, event.at);
            }
            self.mark(role, account);
        }
    }

    pub(super) fn kind(&self, event: &Event) -> &Kind {
        &self.rules().kinds[usize::from(event.kind)]
    }

    /// Adds the signal's points; says how many it is worth.
    fn credit_signal(&mut self, account: AccountId, signal: &Signal, event: &Event, position: Option<Position>) -> u32 {
        let points = self.kind(event).points(signal.strength);
        let counted = match signal.mode {
            Mode::Snapshot => self.replace_snapshot(account, signal, event, points),
            Mode::Delta => self.add_delta(account, event, points),
        };
        if counted {
            self.note_contribution(account, event, signal.subject.clone(), points, position);
        }
        points
    }

    fn credit_activity(
        &mut self,
        account: AccountId,
        activity: &Activity,
        event: &Event,
        position: Option<Position>,
    ) -> u32 {
        let points = self.kind(event).points(None);
        if self.add_delta(account, event, points) {
            self.note_contribution(account, event, None, points, position);
        }
        let now = self.state.now;
        let row = &mut self.state.accounts[account.index()];
        if self.index.meaningful[usize::from(event.kind)] {
            row.any_touch = row.any_touch.max(event.at);
        }
        let meeting = activity.meeting_at.map(Millis::secs).filter(|meeting| *meeting > now);
        row.meeting = row.meeting.max(meeting.unwrap_or(Secs::ZERO));
        for role in self.roles() {
            let touched = self.touch(role, account, activity, event);
            // Only what is owned has a deadline. A pooled seat's timer stays: it may be due, behind a closed gate, and
            // is what puts an account whose hold has ended back into its heap.
            let owned = self.state.seats[role][account.index()].status == SeatStatus::Owned;
            if touched || owned && meeting.is_some() {
                self.deadline_moved(role, account);
            }
        }
        points
    }

    fn note_contribution(
        &mut self,
        account: AccountId,
        event: &Event,
        subject: Option<Text>,
        points_milli: u32,
        position: Option<Position>,
    ) {
        let kind = self.index.kind_numbers[usize::from(event.kind)];
        let row = Contribution { kind, subject, at: event.at, points_milli, position };
        self.state.sides[account.index()].contributions.push(row);
    }

    /// The owner's and their team's meaningful acts are evidence; so are those of nobody known. Whether this is.
    fn touch(&mut self, role: usize, account: AccountId, activity: &Activity, event: &Event) -> bool {
        let seat = &self.state.seats[role][account.index()];
        if seat.status != SeatStatus::Owned {
            return false;
        }
        let owner = &self.state.reps[seat.owner.index()];
        let counts_for_owner = match activity.actor.as_ref().and_then(|actor| self.actor(actor)) {
            None => true,
            Some(actor) => {
                let team = &self.state.reps[actor.index()].team;
                actor == seat.owner || (team.is_some() && *team == owner.team)
            }
        };
        let book = owner.book;
        let Engine { state, index, .. } = self;
        let policy = state.policy.as_ref().expect("seats exist only under a policy");
        let book = book.and_then(|book| policy.books.get(usize::from(book)));
        let (Some(book), Place::Tenure(row)) = (book, index.pools[role].places[account.index()]) else { return false };
        let tenure = &mut state.tenures[role][row as usize];
        if !counts_for_owner || event.at < tenure.since || !book.evidence.kinds.contains(&event.kind) {
            return false;
        }
        let reply = activity.direction != Direction::Outbound;
        tenure.evidence.make().touch(event.at, activity.contact, reply, &book.zone);
        true
    }

    /// An in-market signal that happened after the rest began ends it (B6).
    fn end_rest(&mut self, role: usize, account: AccountId, at: Secs) {
        let seat = &self.state.seats[role][account.index()];
        if seat.status == SeatStatus::Rest && at >= seat.since {
            let now = self.state.now;
            self.enter_pool(role, account, now);
        }
    }
}
