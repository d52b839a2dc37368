//! §4, evidence: is the account being worked?

use std::cmp::Reverse;

use bookd::domain::Secs;
use bookd::domain::output::{Missing, SeatStatus};
use bookd::domain::policy::{Evidence, MAX_CONTACTS, MAX_DAYS, MAX_REPLIES, MAX_TOUCHES};
use bookd::domain::signal::{Activity, Direction};
use bookd::domain::time::Zone;

use super::{AccountNo, RepNo, Tenure, Twin};

impl Twin {
    /// Enters an activity into the evidence of a role's tenure, if it is a touch there.
    pub(super) fn touch(&mut self, account: AccountNo, role: usize, activity: &Activity, kind: u16, at: Secs) {
        let policy = self.policy();
        let seat = &self.accounts[account].seats[role];
        if seat.status != SeatStatus::Owned {
            return;
        }
        let (owner, since) = (seat.owner.expect("owned"), seat.tenure.as_ref().expect("owned").since);
        let Some(book) = self.book_of(owner) else { return };
        let book = &policy.books[book];
        if !book.evidence.kinds.contains(&kind) || at < since || !self.acts_for(activity, owner) {
            return;
        }
        let tenure = self.accounts[account].seats[role].tenure.as_mut().expect("owned");
        tenure.enter(at, activity.contact, activity.direction, &book.zone);
    }

    /// The owner, their team, or nobody known.
    fn acts_for(&self, activity: &Activity, owner: RepNo) -> bool {
        let Some(actor) = activity.actor.as_ref().and_then(|actor| self.actor(actor)) else { return true };
        let team = &self.reps[owner].team;
        actor == owner || (team.is_some() && self.reps[actor].team == *team)
    }
}

impl Tenure {
    fn enter(&mut self, at: Secs, contact: u32, direction: Direction, zone: &Zone) {
        self.touches.push(at);
        self.touches.sort_by_key(|at| Reverse(*at));
        self.touches.truncate(MAX_TOUCHES);

        match self.days.iter_mut().find(|kept| zone.day(**kept) == zone.day(at)) {
            Some(same) => *same = at.max(*same),
            None => self.days.push(at),
        }
        self.days.sort_by_key(|at| Reverse(*at));
        self.days.truncate(MAX_DAYS);

        self.contacts.push((at, contact));
        self.contacts.sort_by_key(|entry| Reverse(*entry));
        let mut seen = Vec::new();
        self.contacts.retain(|(_, contact)| {
            let new = !seen.contains(contact);
            seen.push(*contact);
            new
        });
        self.contacts.truncate(MAX_CONTACTS);

        if direction != Direction::Outbound {
            self.replies.push(at);
            self.replies.sort_by_key(|at| Reverse(*at));
            self.replies.truncate(MAX_REPLIES);
        }
    }

    /// `W + min(touch[N], day[M], contact[K], reply[Q])`.
    pub(super) fn worked_until(&self, asked: &Evidence) -> Secs {
        let contacts: Vec<Secs> = self.contacts.iter().map(|(at, _)| *at).collect();
        let terms = [
            (asked.touches, &self.touches),
            (asked.days, &self.days),
            (asked.contacts, &contacts),
            (asked.replies, &self.replies),
        ];
        let asked_for = terms.into_iter().filter(|(nth, _)| *nth > 0);
        let stamps = asked_for.map(|(nth, stamps)| stamps.get(usize::from(nth) - 1).copied());
        match stamps.min().flatten() {
            Some(stamp) => stamp.plus(asked.window_s),
            None => Secs::ZERO,
        }
    }

    /// What will be missing inside the window when the promise falls due.
    pub(super) fn missing(&self, asked: &Evidence, promised: Secs) -> Missing {
        let missing = |nth: u8, stamps: &[Secs]| {
            let fresh = stamps.iter().filter(|stamp| stamp.plus(asked.window_s) > promised).count();
            usize::from(nth).saturating_sub(fresh) as u8
        };
        let contacts: Vec<Secs> = self.contacts.iter().map(|(at, _)| *at).collect();
        Missing {
            touches: missing(asked.touches, &self.touches),
            days: missing(asked.days, &self.days),
            contacts: missing(asked.contacts, &contacts),
            replies: missing(asked.replies, &self.replies),
        }
    }
}
