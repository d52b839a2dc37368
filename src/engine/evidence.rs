//! Is the account being worked? The closed form over the latest touches, exact for late events too.
//! `docs/rules.md`, 4, *Evidence*.

use crate::domain::Secs;
use crate::domain::output::Missing;
use crate::domain::policy::{Evidence, MAX_CONTACTS, MAX_DAYS, MAX_REPLIES, MAX_TOUCHES};
use crate::domain::time::Zone;

use super::few::Few;
use super::rare::Empty;

/// What is kept of an owner's meaningful activity, each list latest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touches {
    pub touches: Few<Secs, MAX_TOUCHES>,
    /// Latest stamp of each of the latest distinct local days.
    pub days: Few<Secs, MAX_DAYS>,
    /// Latest stamp of each of the latest distinct contacts.
    pub contacts: Few<(Secs, u32), MAX_CONTACTS>,
    pub replies: Few<Secs, MAX_REPLIES>,
}

impl Empty for Touches {
    fn empty() -> &'static Touches {
        static EMPTY: Touches = Touches {
            touches: Few::none(Secs::ZERO),
            days: Few::none(Secs::ZERO),
            contacts: Few::none((Secs::ZERO, 0)),
            replies: Few::none(Secs::ZERO),
        };
        &EMPTY
    }
}

fn insert_latest<const N: usize>(list: &mut Few<Secs, N>, at: Secs) {
    list.insert(list.partition_point(|kept| *kept >= at), at);
}

impl Touches {
    pub fn touch(&mut self, at: Secs, contact: u32, reply: bool, zone: &Zone) {
        insert_latest(&mut self.touches, at);
        self.touch_day(at, zone);
        self.touch_contact(at, contact);
        if reply {
            insert_latest(&mut self.replies, at);
        }
    }

    fn touch_day(&mut self, at: Secs, zone: &Zone) {
        let day = zone.day(at);
        match self.days.iter().position(|kept| zone.day(*kept) == day) {
            Some(same) => self.days.set(same, self.days[same].max(at)),
            None => insert_latest(&mut self.days, at),
        }
    }

    fn touch_contact(&mut self, at: Secs, contact: u32) {
        let mut stamp = at;
        if let Some(same) = self.contacts.iter().position(|(_, kept)| *kept == contact) {
            stamp = stamp.max(self.contacts[same].0);
            self.contacts.remove(same);
        }
        let place = self.contacts.partition_point(|kept| *kept > (stamp, contact));
        self.contacts.insert(place, (stamp, contact));
    }

    /// `W + min(touch[N], day[M], contact[K], reply[Q])`; ZERO where fewer were made than are asked for.
    pub fn worked_until(&self, rule: &Evidence) -> Secs {
        let nth = |stamp: Option<Secs>, n: u8| if n == 0 { Some(Secs::NEVER) } else { stamp };
        let index = |n: u8| usize::from(n).wrapping_sub(1);
        let terms = [
            nth(self.touches.get(index(rule.touches)).copied(), rule.touches),
            nth(self.days.get(index(rule.days)).copied(), rule.days),
            nth(self.contacts.get(index(rule.contacts)).map(|(at, _)| *at), rule.contacts),
            nth(self.replies.get(index(rule.replies)).copied(), rule.replies),
        ];
        terms.into_iter().min().flatten().map_or(Secs::ZERO, |least| least.plus(rule.window_s))
    }

    /// How much the rule will ask for, beyond what is known now, inside the window that ends at `at`.
    pub fn missing(&self, rule: &Evidence, at: Secs) -> Missing {
        let inside = |stamp: Secs| stamp.plus(rule.window_s) > at;
        let lacking = |asked: u8, have: usize| asked.saturating_sub(have.min(255) as u8);
        Missing {
            touches: lacking(rule.touches, self.touches.iter().filter(|at| inside(**at)).count()),
            days: lacking(rule.days, self.days.iter().filter(|at| inside(**at)).count()),
            contacts: lacking(rule.contacts, self.contacts.iter().filter(|(at, _)| inside(*at)).count()),
            replies: lacking(rule.replies, self.replies.iter().filter(|at| inside(**at)).count()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::DAY;
    use crate::engine::chance::draws;

    fn rule(touches: u8, days: u8, contacts: u8, replies: u8) -> Evidence {
        Evidence { window_s: 21 * DAY, touches, days, contacts, replies, kinds: vec![] }
    }

    /// Whether the window ending at `now` holds what the rule asks for: counted, not computed.
    fn worked(history: &[(Secs, u32, bool)], rule: &Evidence, now: Secs) -> bool {
        let inside: Vec<_> = history.iter().filter(|(at, ..)| at.plus(rule.window_s) > now).collect();
        let mut days: Vec<_> = inside.iter().map(|(at, ..)| at.utc_day()).collect();
        let mut contacts: Vec<_> = inside.iter().map(|(_, contact, _)| *contact).collect();
        days.sort_unstable();
        days.dedup();
        contacts.sort_unstable();
        contacts.dedup();
        inside.len() >= usize::from(rule.touches)
            && days.len() >= usize::from(rule.days)
            && contacts.len() >= usize::from(rule.contacts)
            && inside.iter().filter(|(.., reply)| *reply).count() >= usize::from(rule.replies)
    }

    #[test]
    fn the_closed_form_says_what_counting_says_at_every_instant() {
        let mut draw = draws(7);
        for _ in 0..3_000 {
            let rule = rule(1 + draw(5) as u8, draw(5) as u8, draw(4) as u8, draw(3) as u8);
            let history: Vec<_> = (0..1 + draw(20))
                .map(|_| (Secs(30 * DAY + draw(u64::from(60 * DAY)) as u32), draw(5) as u32, draw(3) == 0))
                .collect();
            let mut kept = Touches::default();
            for (at, contact, reply) in &history {
                kept.touch(*at, *contact, *reply, &Zone::utc());
            }
            let until = kept.worked_until(&rule);
            let last = history.iter().map(|(at, ..)| *at).max().expect("at least one");
            for step in 0..120 {
                let now = last.plus(step * DAY / 4);
                assert_eq!(until > now, worked(&history, &rule, now), "{rule:?} {history:?} at {now:?}");
            }
        }
    }

    #[test]
    fn fifty_mails_on_one_day_are_one_day() {
        let mut kept = Touches::default();
        for minute in 0..50 {
            kept.touch(Secs(100 * DAY + minute * 60), 0, false, &Zone::utc());
        }
        assert_eq!(kept.worked_until(&rule(1, 3, 0, 0)), Secs::ZERO);
        assert_eq!(kept.worked_until(&rule(12, 1, 1, 0)), Secs(100 * DAY + 38 * 60 + 21 * DAY));
        assert_eq!(
            kept.missing(&rule(12, 3, 2, 1), Secs(101 * DAY)),
            Missing { touches: 0, days: 2, contacts: 1, replies: 1 }
        );
    }
}
