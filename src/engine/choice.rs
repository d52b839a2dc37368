//! Which rep an account goes to: who may be asked, how empty the emptiest is, whose turn it is, and what is told
//! of the others. `docs/rules.md`, 9.

use smallvec::SmallVec;

use crate::domain::ids::tie_hash;
use crate::domain::output::{Considered, MAX_CANDIDATES, Placement, Verdict};
use crate::domain::policy::TIERS;
use crate::domain::rep::RepStatus;

use super::Engine;
use super::crew::{Crew, Standing, Turn};
use super::matching::{Pick, bits};
use super::state::{Phase, RepId};

/// Seeds of the hash by which reps who never had a turn are ordered: apart from the ties' seed 0.
const TURN_SEED: u64 = 256;

/// Books of a role that cover an account, each with the segments for which it is eligible. Rarely more.
type Covering = SmallVec<[(u16, u64); 8]>;

/// Those who could take an account.
pub(super) struct Asked {
    covering: Covering,
    /// Left out: they owned it lately.
    cooled: Vec<RepId>,
    /// Size and capacity of the emptiest.
    emptiest: (u32, u32),
}

/// Whether one of this size and capacity is emptier than the other, exactly.
fn emptier((size_a, cap_a): (u32, u32), (size_b, cap_b): (u32, u32)) -> bool {
    u64::from(size_a) * u64::from(cap_b) < u64::from(size_b) * u64::from(cap_a)
}

impl Engine {
    /// After any change of what a rep owns or may own: enters them among their book's crew as they stand now.
    pub(super) fn refresh_room(&mut self, rep: RepId) {
        self.count_size(rep);
        let before = self.index.standings[rep.index()];
        let after = self.standing_after(rep, &before);
        if after == before {
            return;
        }
        self.index.standings[rep.index()] = after;
        let left = before.book.filter(|book| after.book != Some(*book));
        for book in left.into_iter().chain(after.book) {
            let crew = &mut self.index.crews[usize::from(book)];
            let open = crew.open_segments();
            crew.follow(rep, &before.in_book(book), &after.in_book(book));
            if crew.open_segments() != open {
                let role = usize::from(self.rules().books[usize::from(book)].role);
                self.index.open_segments[role] = self.open_segments(role);
            }
        }
    }

    pub(super) fn open_segments(&self, role: usize) -> u64 {
        self.crews(role).fold(0, |bits, (_, crew)| bits | crew.open_segments())
    }

    /// Books of a role, each with its crew.
    fn crews(&self, role: usize) -> impl Iterator<Item = (u16, &Crew)> {
        let of_role = move |(book, _): &(u16, _)| usize::from(self.rules().books[usize::from(*book)].role) == role;
        (0u16..).zip(&self.index.crews).filter(of_role)
    }

    /// For `audit`: from the state alone.
    pub(super) fn standing(&self, rep: RepId) -> Standing {
        self.standing_after(rep, &Standing::default())
    }

    /// As they stand now, who stood so before.
    fn standing_after(&self, rep: RepId, before: &Standing) -> Standing {
        let row = &self.state.reps[rep.index()];
        let (Some(role), Some(index)) = (row.role, row.book) else { return Standing::default() };
        if !row.known || row.status == RepStatus::Departed {
            return Standing::default();
        }
        let book = &self.rules().books[usize::from(index)];
        let (active, capacity, size) = (self.is_served(rep), row.capacity_set.unwrap_or(book.capacity), row.size());
        let counted = book.segments.iter().zip(&row.per_segment).filter(|_| active && size < capacity);
        let open = counted.fold(0, |bits, (segment, count)| {
            bits | u64::from(segment.cap.is_none_or(|cap| *count < cap)) << segment.segment
        });
        // Who never had a turn stands by a hash, and stands so for as long as they are of the role.
        let same_role = before.book.is_some_and(|book| self.rules().books[usize::from(book)].role == role);
        let turns = std::array::from_fn(|tier| match before.turns[tier] {
            first @ (0, _) if same_role && row.turns[tier].0 == 0 => first,
            _ => self.turn(usize::from(role), tier, rep),
        });
        Standing { book: Some(index), active, open, capacity, size, turns }
    }

    /// Never had a turn in this tier: before all others, by hash. Then who had theirs longest ago.
    fn turn(&self, role: usize, tier: usize, rep: RepId) -> Turn {
        let row = &self.state.reps[rep.index()];
        let (last, _) = row.turns[tier];
        let seed = TURN_SEED + (TIERS * role + tier) as u64;
        (last, if last == 0 { tie_hash(&row.id, seed) } else { 0 })
    }

    /// Bits of a book's segments of `set` for which an account of this priority is eligible in this phase.
    fn eligible_segments(&self, phase: Phase, book: u16, set: u64, priority: u32) -> u64 {
        let set = set & self.index.crews[usize::from(book)].segments;
        let is_eligible = |segment: &u8| match phase {
            Phase::Thresholds => priority >= self.threshold(*segment),
            Phase::Fill => self.fills(book, priority),
        };
        let eligible = bits(set).filter(is_eligible);
        eligible.fold(0, |bits, segment| bits | 1u64 << segment)
    }

    /// Whether a book's reps take accounts of this priority while they are idle.
    fn fills(&self, book: u16, priority: u32) -> bool {
        self.rules().books[usize::from(book)].fill_idle.is_some_and(|least| priority >= least)
    }

    fn covering(&self, role: usize, phase: Phase, pick: Pick) -> Covering {
        let set = self.segments_in(role, pick.account);
        let books = self.crews(role).map(|(book, _)| (book, self.eligible_segments(phase, book, set, pick.priority)));
        books.filter(|(_, eligible)| *eligible != 0).collect()
    }

    pub(super) fn has_open_rep(&self, role: usize, phase: Phase, set: u64, priority: u32) -> bool {
        let set = set & self.index.open_segments[role];
        match phase {
            Phase::Thresholds => bits(set).any(|segment| priority >= self.threshold(segment)),
            Phase::Fill => {
                let takes = |(book, crew): (u16, &Crew)| crew.open_segments() & set != 0 && self.fills(book, priority);
                set != 0 && self.crews(role).any(takes)
            }
        }
    }

    /// Who could take it: room, eligible, not cooled off, unless that leaves nobody of all who cover it.
    pub(super) fn asked(&self, role: usize, phase: Phase, pick: Pick) -> Option<Asked> {
        let covering = self.covering(role, phase, pick);
        let cooled: Vec<_> = self.cooled_off(role, pick.account).into_iter().map(|(rep, _)| rep).collect();
        if let Some(emptiest) = self.emptiest(&covering, &cooled) {
            return Some(Asked { covering, cooled, emptiest });
        }
        if cooled.is_empty() || self.others_cover(role, pick, &cooled) {
            return None;
        }
        let emptiest = self.emptiest(&covering, &[])?;
        Some(Asked { covering, cooled: Vec::new(), emptiest })
    }

    /// Whether an active rep who isn't cooled off has a segment of the account in their book: whatever its priority,
    /// which falls by itself, and whatever the room.
    fn others_cover(&self, role: usize, pick: Pick, cooled: &[RepId]) -> bool {
        let set = self.segments_in(role, pick.account);
        let covers = |book: u16| self.index.crews[usize::from(book)].segments & set != 0;
        let active: usize = self.crews(role).filter(|(book, _)| covers(*book)).map(|(_, crew)| crew.active).sum();
        let mut cooled = cooled.to_vec();
        cooled.sort_unstable();
        cooled.dedup();
        let counted = |rep: &&RepId| {
            let standing = &self.index.standings[rep.index()];
            let of_role = |book: u16| usize::from(self.rules().books[usize::from(book)].role) == role;
            standing.active && standing.book.is_some_and(|book| of_role(book) && covers(book))
        };
        active > cooled.iter().filter(counted).count()
    }

    /// Room for a segment of these, and not cooled off.
    fn may_take(&self, rep: RepId, eligible: u64, cooled: &[RepId]) -> bool {
        self.index.standings[rep.index()].open & eligible != 0 && !cooled.contains(&rep)
    }

    fn emptiest(&self, covering: &Covering, cooled: &[RepId]) -> Option<(u32, u32)> {
        let crews = covering.iter().flat_map(|(book, eligible)| {
            let asks = move |rep: RepId| self.may_take(rep, *eligible, cooled);
            self.index.crews[usize::from(*book)].emptiest(asks)
        });
        crews.reduce(|least, each| if emptier(each, least) { each } else { least })
    }

    /// At most the book's slack fuller than the emptiest, by exact comparison of shares.
    fn is_as_empty(&self, asked: &Asked, book: u16, size: u32, capacity: u32) -> bool {
        let slack = i64::from(self.rules().books[usize::from(book)].fill_slack);
        let (size_least, cap_least) = (i64::from(asked.emptiest.0), i64::from(asked.emptiest.1));
        let (size, cap) = (i64::from(size), i64::from(capacity));
        (size - slack) * cap_least <= size_least * cap
    }

    /// Of those about as empty as the emptiest, the one whose last turn in the tier is longest ago.
    pub(super) fn choose(&self, tier: u8, asked: &Asked) -> RepId {
        let turns = asked.covering.iter().filter_map(|(book, eligible)| {
            let fits = |size, capacity| self.is_as_empty(asked, *book, size, capacity);
            let asks = |rep: RepId| self.may_take(rep, *eligible, &asked.cooled);
            self.index.crews[usize::from(*book)].next_turn(usize::from(tier), fits, asks)
        });
        turns.min().expect("the emptiest of those asked is one of them").1
    }

    /// What is told of a placement.
    pub(super) fn placement(
        &self,
        role: usize,
        phase: Phase,
        pick: Pick,
        rep: RepId,
        segment: u8,
        asked: &Asked,
    ) -> Placement {
        let book = self.book_of(rep).expect("a rep with room has a book");
        let (others, all) = self.others_considered(asked, rep);
        let told = std::iter::once((rep, Verdict::Chosen));
        let told = told.chain(others.into_iter().map(|each| (each, self.verdict(role, phase, pick, asked, each))));
        Placement {
            book: book.name.clone(),
            segment: self.rules().segments[usize::from(segment)].name.clone(),
            threshold: match phase {
                Phase::Thresholds => self.threshold(segment),
                Phase::Fill => book.fill_idle.unwrap_or(0),
            },
            filled_idle: phase == Phase::Fill,
            tier: self.rules().scoring.tier(pick.priority),
            pool_since: self.state.seats[role][pick.account.index()].since,
            candidates: told.map(|(each, verdict)| self.considered(each, verdict)).collect(),
            more: all.saturating_sub(MAX_CANDIDATES) as u32,
        }
    }

    /// The first of those whose book covers the account, by number, without the chosen one; and how many cover it.
    fn others_considered(&self, asked: &Asked, chosen: RepId) -> (Vec<RepId>, usize) {
        let crews = asked.covering.iter().map(|(book, _)| &self.index.crews[usize::from(*book)]);
        let (mut others, mut all) = (Vec::with_capacity(MAX_CANDIDATES), 0);
        for crew in crews {
            let of_crew = crew.members.iter().copied().filter(|each| *each != chosen);
            others.extend(of_crew.take(MAX_CANDIDATES - 1));
            all += crew.members.len();
        }
        others.sort_unstable();
        others.truncate(MAX_CANDIDATES - 1);
        (others, all)
    }

    fn verdict(&self, role: usize, phase: Phase, pick: Pick, asked: &Asked, rep: RepId) -> Verdict {
        let standing = &self.index.standings[rep.index()];
        let eligible = asked.covering.iter().find(|(book, _)| standing.book == Some(*book));
        let is_asked = eligible.is_some_and(|(_, eligible)| self.may_take(rep, *eligible, &asked.cooled));
        match standing.book {
            Some(book) if is_asked && self.is_as_empty(asked, book, standing.size, standing.capacity) => {
                Verdict::LaterTurn
            }
            _ if is_asked => Verdict::Fuller,
            _ => self.why_not(phase, rep, role, pick),
        }
    }

    fn considered(&self, rep: RepId, verdict: Verdict) -> Considered {
        let Standing { size, capacity, .. } = self.index.standings[rep.index()];
        Considered { rep: self.state.reps[rep.index()].id.clone(), verdict, size, capacity }
    }

    /// What keeps a rep who covers the account from being asked at all.
    fn why_not(&self, phase: Phase, rep: RepId, role: usize, pick: Pick) -> Verdict {
        let standing = &self.index.standings[rep.index()];
        match () {
            () if !standing.active => Verdict::Inactive,
            () if standing.size >= standing.capacity => Verdict::Full,
            () if self.segment_for(phase, rep, role, pick).is_none() => Verdict::SegmentFull,
            () => Verdict::CooledOff,
        }
    }
}
