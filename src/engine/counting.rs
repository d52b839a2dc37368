//! What a signal adds to its account's sums: each in its turn, a day's strongest, or what replaces the last.
//! `docs/rules.md`, 4.

use smallvec::SmallVec;

use crate::domain::Secs;
use crate::domain::signal::{Class, Signal};
use crate::domain::time::DAY;

use super::Engine;
use super::signals::Event;
use super::state::{AccountId, DailyRow, SnapshotRow};

impl Engine {
    /// The account's sums as of the landmark of now.
    fn shift_sums(&mut self, account: AccountId) {
        let reading = &self.index.reading;
        let row = &mut self.state.accounts[account.index()];
        for (class, sum) in row.sums.iter_mut().enumerate() {
            *sum = reading.shifted(class, *sum, row.epoch);
        }
        row.epoch = reading.now();
    }

    fn contribution(&mut self, class: Class, points: u32, at: Secs) -> u64 {
        self.index.decays.contribution(&self.index.reading, class as usize, points, at)
    }

    /// Whether it counted.
    pub(super) fn add_delta(&mut self, account: AccountId, event: &Event, points: u32) -> bool {
        if points == 0 {
            return false;
        }
        self.shift_sums(account);
        let most = self.kind(event).max_per_day;
        if most > 0 {
            return self.add_daily(account, event, most, points);
        }
        let contribution = self.contribution(event.class, points, event.at);
        let sum = &mut self.state.accounts[account.index()].sums[event.class as usize];
        *sum = sum.saturating_add(contribution);
        true
    }

    /// Only the day's strongest count, all at the day's start, so that their order can't matter.
    fn add_daily(&mut self, account: AccountId, event: &Event, most: u8, points: u32) -> bool {
        let day = event.at.utc_day();
        let contributed = self.contribution(event.class, points, Secs(day * DAY));
        self.forget_days(account, event.kind);
        let reading = &self.index.reading;
        let class = event.class as usize;
        let sum = &mut self.state.accounts[account.index()].sums[class];
        let rows = &mut self.state.sides[account.index()].daily;
        let first = rows.partition_point(|row| (row.kind, row.day) < (event.kind, day));
        let mut end = rows.partition_point(|row| (row.kind, row.day) <= (event.kind, day));
        // Where the policy counts fewer now, what is over stays counted, as it was.
        let over = (first + usize::from(most)).min(end);
        rows.drain(over..end);
        end = over;
        if end - first == usize::from(most) {
            let weakest = &rows[end - 1];
            if weakest.points_milli < points {
                *sum = sum.saturating_sub(reading.shifted(class, weakest.contributed, weakest.epoch));
            } else {
                return false;
            }
            end -= 1;
            rows.remove(end);
        }
        *sum = sum.saturating_add(contributed);
        let place = first + rows[first..end].partition_point(|row| row.points_milli >= points);
        let epoch = reading.now();
        rows.insert(place, DailyRow { kind: event.kind, day, points_milli: points, contributed, epoch });
        true
    }

    /// Days too old for any event to reach need no rows.
    fn forget_days(&mut self, account: AccountId, kind: u16) {
        let windows = &self.rules().windows;
        let oldest = windows.dedup_s.max(windows.late_s).max(windows.history_s).saturating_add(windows.unknown_s);
        let first = self.state.now.minus(oldest).utc_day();
        let rows = &mut self.state.sides[account.index()].daily;
        let from = rows.partition_point(|row| row.kind < kind);
        let to = rows.partition_point(|row| (row.kind, row.day) < (kind, first));
        rows.drain(from..to);
    }

    pub(super) fn replace_snapshot(&mut self, account: AccountId, signal: &Signal, event: &Event, points: u32) -> bool {
        self.shift_sums(account);
        let key = snapshot_key(signal);
        let gains = signal.strength != Some(0) && points > 0;
        let contributed = if gains { self.contribution(event.class, points, event.at) } else { 0 };
        let reading = &self.index.reading;
        let sums = &mut self.state.accounts[account.index()].sums;
        let rows = &mut self.state.sides[account.index()].snapshots;
        let row = SnapshotRow { key, class: event.class, at: event.at, contributed, epoch: reading.now() };
        match rows.binary_search_by_key(&key, |row| row.key) {
            Ok(place) if rows[place].at > event.at => return false,
            Ok(place) => {
                let old = &rows[place];
                let class = old.class as usize;
                sums[class] = sums[class].saturating_sub(reading.shifted(class, old.contributed, old.epoch));
                if gains {
                    rows[place] = row;
                } else {
                    rows.remove(place);
                }
            }
            Err(place) if gains => rows.insert(place, row),
            Err(_) => {}
        }
        let sum = &mut sums[event.class as usize];
        *sum = sum.saturating_add(contributed);
        gains
    }
}

/// Source, kind and subject are rarely longer; where they are, the key costs an allocation.
const KEY_BYTES: usize = 256;

fn snapshot_key(signal: &Signal) -> u64 {
    let mut bytes = SmallVec::<[u8; KEY_BYTES]>::new();
    let subject = signal.subject.as_deref().unwrap_or("");
    for part in [&*signal.source, &*signal.kind, subject] {
        bytes.extend_from_slice(&(part.len() as u32).to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    xxhash_rust::xxh3::xxh3_64_with_seed(&bytes, signal.class as u64)
}
