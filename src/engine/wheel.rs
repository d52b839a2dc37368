//! A timing wheel: four levels of 256 slots, a second wide at the finest, links by index. Setting and
//! cancelling cost a constant; the next deadline is exact.

use std::cmp::Ordering;

use crate::domain::Secs;

const LEVELS: usize = 4;
const SLOTS: usize = 256;
/// The list of timers that were due when they were set.
const OVERDUE: u16 = (LEVELS * SLOTS) as u16;
const NONE: u32 = u32::MAX;
/// No list: the timer isn't set.
const UNSET: u16 = u16::MAX;

#[derive(Clone, Debug)]
struct Timer {
    due: Secs,
    next: u32,
    previous: u32,
    list: u16,
}

const IDLE: Timer = Timer { due: Secs::NEVER, next: NONE, previous: NONE, list: UNSET };

#[derive(Clone, Debug)]
pub struct Wheel {
    time: Secs,
    heads: Vec<u32>,
    occupied: [[u64; SLOTS / 64]; LEVELS],
    timers: Vec<Timer>,
    /// The earliest deadline and how many timers have it, where that is known: found once, kept until they are gone.
    soonest: Option<(Secs, u32)>,
}

/// The earlier of a deadline that so many timers have and one more timer's.
fn sooner((at, count): (Secs, u32), due: Secs) -> (Secs, u32) {
    match due.cmp(&at) {
        Ordering::Less => (due, 1),
        Ordering::Equal => (at, count + 1),
        Ordering::Greater => (at, count),
    }
}

fn byte(at: u32, level: usize) -> usize {
    (at >> (8 * level)) as usize & 0xff
}

impl Wheel {
    /// Timers 0 to `timers` − 1, none of them set.
    pub fn new(timers: usize) -> Wheel {
        Wheel {
            time: Secs::ZERO,
            heads: vec![NONE; LEVELS * SLOTS + 1],
            occupied: [[0; SLOTS / 64]; LEVELS],
            timers: vec![IDLE; timers],
            soonest: None,
        }
    }

    pub fn add_timer(&mut self) {
        self.timers.push(IDLE);
    }

    /// The list where a timer due at `due` belongs, seen from `self.time`: by the highest byte that differs.
    fn list_of(&self, due: Secs) -> u16 {
        if due <= self.time {
            return OVERDUE;
        }
        let level = (31 - (due.0 ^ self.time.0).leading_zeros()) as usize / 8;
        (level * SLOTS + byte(due.0, level)) as u16
    }

    /// Sets the timer of `id`, or moves it. [`Secs::NEVER`] cancels.
    pub fn set(&mut self, id: u32, due: Secs) {
        if self.timers[id as usize].list != UNSET {
            if self.timers[id as usize].due == due {
                return;
            }
            self.unlink(id);
        }
        if due != Secs::NEVER {
            self.link(id, due);
        }
    }

    /// NEVER where it isn't set.
    pub fn due(&self, id: u32) -> Secs {
        self.timers[id as usize].due
    }

    pub fn fetch(&self, id: u32) {
        super::fetch::ahead(&self.timers[id as usize]);
    }

    /// Has fetched what a move of the timer changes besides.
    pub fn fetch_neighbours(&self, id: u32) {
        let Timer { next, previous, .. } = self.timers[id as usize];
        for neighbour in [next, previous] {
            if let Some(timer) = self.timers.get(neighbour as usize) {
                super::fetch::ahead(timer);
            }
        }
    }

    fn link(&mut self, id: u32, due: Secs) {
        self.soonest = self.soonest.map(|soonest| sooner(soonest, due));
        let list = self.list_of(due);
        let head = self.heads[usize::from(list)];
        self.timers[id as usize] = Timer { due, next: head, previous: NONE, list };
        if head != NONE {
            self.timers[head as usize].previous = id;
        }
        self.heads[usize::from(list)] = id;
        if list != OVERDUE {
            let (level, slot) = (usize::from(list) / SLOTS, usize::from(list) % SLOTS);
            self.occupied[level][slot / 64] |= 1 << (slot % 64);
        }
    }

    fn unlink(&mut self, id: u32) {
        let Timer { due, next, previous, list } = std::mem::replace(&mut self.timers[id as usize], IDLE);
        self.soonest = match self.soonest {
            Some((at, count)) if at == due => (count > 1).then(|| (at, count - 1)),
            other => other,
        };
        if next != NONE {
            self.timers[next as usize].previous = previous;
        }
        if previous != NONE {
            self.timers[previous as usize].next = next;
        } else {
            self.heads[usize::from(list)] = next;
            if next == NONE && list != OVERDUE {
                let (level, slot) = (usize::from(list) / SLOTS, usize::from(list) % SLOTS);
                self.occupied[level][slot / 64] &= !(1 << (slot % 64));
            }
        }
    }

    /// The first slot after `self.time` that holds anything: its list and its start.
    fn next_slot(&self) -> Option<(u16, Secs)> {
        for level in 0..LEVELS {
            let from = byte(self.time.0, level) + 1;
            if let Some(slot) = first_set(&self.occupied[level], from) {
                let above = if level + 1 == LEVELS { 0 } else { self.time.0 >> (8 * (level + 1)) << (8 * (level + 1)) };
                return Some(((level * SLOTS + slot) as u16, Secs(above | (slot as u32) << (8 * level))));
            }
        }
        None
    }

    /// The earliest deadline that is set.
    pub fn next_deadline(&self) -> Option<Secs> {
        self.soonest.or_else(|| self.search()).map(|(at, _)| at)
    }

    /// Looks the earliest deadline up, unless it is known: asking for it takes a constant then.
    #[inline(never)] // Counted apart by the benches.
    pub fn settle(&mut self) {
        if self.soonest.is_none() {
            self.soonest = self.search();
        }
    }

    fn search(&self) -> Option<(Secs, u32)> {
        let list = if self.heads[usize::from(OVERDUE)] != NONE { OVERDUE } else { self.next_slot()?.0 };
        let mut least = (Secs::NEVER, 0);
        let mut id = self.heads[usize::from(list)];
        while id != NONE {
            least = sooner(least, self.timers[id as usize].due);
            id = self.timers[id as usize].next;
        }
        Some(least)
    }

    /// Takes every timer due at or before `now`, in no order, and moves on to `now`.
    pub fn expire(&mut self, now: Secs, due: &mut Vec<(Secs, u32)>) {
        self.take(OVERDUE, due);
        while let Some((list, start)) = self.next_slot() {
            if start > now {
                break;
            }
            self.time = start;
            self.take(list, due);
        }
        self.time = self.time.max(now);
    }

    /// Empties a list: what is due goes out, the rest to its place seen from the new time.
    fn take(&mut self, list: u16, due: &mut Vec<(Secs, u32)>) {
        let mut id = self.heads[usize::from(list)];
        while id != NONE {
            let Timer { due: at, next, .. } = self.timers[id as usize];
            self.unlink(id);
            if at <= self.time {
                due.push((at, id));
            } else {
                self.link(id, at);
            }
            id = next;
        }
    }
}

fn first_set(bits: &[u64; SLOTS / 64], from: usize) -> Option<usize> {
    (from / 64..SLOTS / 64).find_map(|word| {
        let mask = if word == from / 64 { u64::MAX << (from % 64) } else { u64::MAX };
        let left = bits[word] & mask;
        (left != 0).then(|| word * 64 + left.trailing_zeros() as usize)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn it_fires_what_a_sorted_map_fires() {
        let mut seed = 11u64;
        let mut draw = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        for _ in 0..50 {
            let (mut wheel, mut naive) = (Wheel::new(200), BTreeMap::new());
            let mut now = Secs(draw(1 << 31) as u32);
            for _ in 0..2_000 {
                let id = draw(200) as u32;
                if draw(8) == 0 {
                    wheel.set(id, Secs::NEVER);
                    naive.remove(&id);
                } else {
                    let span = draw(28);
                    let due = now.plus(draw(1 << span) as u32).minus(draw(100) as u32);
                    wheel.set(id, due);
                    naive.insert(id, due);
                }
                assert_eq!(wheel.next_deadline(), naive.values().min().copied());
                if draw(2) == 0 {
                    wheel.settle();
                }
                if draw(4) == 0 {
                    let span = draw(24);
                    now = now.plus(draw(1 << span) as u32);
                    let (mut fired, mut expected) = (Vec::new(), Vec::new());
                    wheel.expire(now, &mut fired);
                    fired.sort_unstable();
                    naive.retain(|id, due| {
                        *due > now || {
                            expected.push((*due, *id));
                            false
                        }
                    });
                    expected.sort_unstable();
                    assert_eq!(fired, expected);
                }
            }
        }
    }
}
