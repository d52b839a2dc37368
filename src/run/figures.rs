//! What the gauges say, counted over the engine's rows on the owner thread: about 10 ms a million accounts and
//! role, so only now and then, and never more than a hundredth of the time.

use std::time::{Duration, Instant};

use crate::domain::Secs;
use crate::domain::output::{BreakerScope, SeatStatus};
use crate::domain::policy::RoleMode;
use crate::domain::rep::RepStatus;
use crate::domain::time::DAY;
use crate::engine::Engine;
use crate::engine::state::{RepId, State};
use crate::metrics::{COVERAGE_DAYS, Figures, RoleFigures, SourceFigures};

/// Counted at most this often …
const EVERY: Duration = Duration::from_secs(5);
/// … and so many times their own cost apart.
const COST_APART: u32 = 100;

/// When something costly is done again.
#[derive(Clone, Copy, Debug)]
pub struct Due(Instant);

impl Due {
    pub fn at_once() -> Due {
        Due(Instant::now())
    }

    pub fn is_due(&self) -> bool {
        Instant::now() >= self.0
    }

    /// After it was done and took so long.
    pub fn done(&mut self, took: Duration) {
        self.0 = Instant::now() + EVERY.max(took * COST_APART);
    }
}

pub fn count(engine: &Engine) -> Figures {
    let started = Instant::now();
    let state = engine.state();
    let (nbtam, covered) = coverage(state);
    let roles = state.policy.iter().flat_map(|policy| policy.roles.iter().enumerate());
    let mut figures = Figures {
        nbtam,
        covered,
        roles: roles.map(|(role, named)| role_figures(engine, role, named.name.clone())).collect(),
        sources: sources(engine),
        tripped: [0; 5],
        rate: state.rate.as_ref().map_or(0, |rate| rate.per_hour),
        took: Duration::ZERO,
    };
    for scope in &state.tripped {
        figures.tripped[match scope {
            BreakerScope::Role(_) => 0,
            BreakerScope::Book(_) => 1,
            BreakerScope::QuietRep(_) => 2,
            BreakerScope::Departures => 3,
            BreakerScope::Refused(_) => 4,
        }] += 1;
    }
    figures.took = started.elapsed();
    figures
}

/// The NBTAM, and how many of it were worked within each number of days.
fn coverage(state: &State) -> (u64, [u64; 3]) {
    let since = COVERAGE_DAYS.map(|days| state.now.minus(days * DAY).max(Secs(1)));
    let (mut nbtam, mut covered) = (0, [0; 3]);
    for (index, account) in state.accounts.iter().enumerate() {
        let open = |seats: &Vec<_>| is_open(&seats[index]);
        if account.alive && account.segments != 0 && state.seats.iter().any(open) {
            nbtam += 1;
            for (count, since) in covered.iter_mut().zip(since) {
                *count += u64::from(account.any_touch >= since);
            }
        }
    }
    (nbtam, covered)
}

fn is_open(seat: &crate::engine::state::Seat) -> bool {
    !matches!(seat.status, SeatStatus::Excluded | SeatStatus::Review | SeatStatus::Retired | SeatStatus::Unknown)
}

fn role_figures(engine: &Engine, role: usize, name: crate::domain::Text) -> RoleFigures {
    let state = engine.state();
    let (paused, shadow) = (state.roles[role].paused.is_some(), state.roles[role].mode == RoleMode::Shadow);
    let mut figures = RoleFigures { role: name, paused, shadow, ..RoleFigures::default() };
    for (account, seat) in state.accounts.iter().zip(&state.seats[role]).filter(|(account, _)| account.alive) {
        figures.statuses[seat.status as usize] += 1;
        // Behind an opening, rows follow in some entries: until theirs, accounts are in no band that anybody was told.
        if seat.status == SeatStatus::Pool
            && let Some(band) = figures.bands.get_mut(usize::from(account.shown_band))
        {
            *band += 1;
        }
    }
    for (number, rep) in state.reps.iter().enumerate() {
        if rep.known && rep.status == RepStatus::Active && rep.role == Some(role as u8) {
            figures.owned += u64::from(rep.size());
            figures.capacity += u64::from(engine.capacity(RepId(number as u16)));
        }
    }
    figures
}

fn sources(engine: &Engine) -> Vec<SourceFigures> {
    let sources = engine.state().sources.iter().enumerate();
    let figures = sources.map(|(number, source)| SourceFigures {
        source: source.name.clone(),
        frontier: engine.reach(number as u16).map(Secs::millis),
        silent: source.silent,
    });
    figures.collect()
}
