//! The reps: who they are, how each works, and who comes, is away and leaves.

use super::calendar::{Calendar, Clock, HOUR_MS, rfc3339};
use super::chance::{Chance, Part};
use super::names::{MANAGERS, REPS};
use super::records;
use crate::domain::Millis;

/// Roles and books as in `config/demo.toml`.
pub const SDR: &str = "sdr";
pub const AE: &str = "ae";
const SDR_BOOK: &str = "sdr-standard";
const AE_BOOK: &str = "ae-standard";

const TEAM_SIZE: usize = 6;

/// How a rep works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Every account of the book in turn, the longest untouched first.
    Diligent,
    /// As much, but only on the accounts they like.
    Picky,
    /// A mail to each account once a month.
    Monthly,
    /// Nothing for two weeks, then fifty mails on one day.
    Bursty,
    /// Hardly ever anything.
    Idle,
}

/// Styles within a role, over and over.
const STYLES: [Style; 12] = [
    Style::Diligent,
    Style::Diligent,
    Style::Picky,
    Style::Diligent,
    Style::Monthly,
    Style::Diligent,
    Style::Bursty,
    Style::Diligent,
    Style::Diligent,
    Style::Idle,
    Style::Picky,
    Style::Diligent,
];

#[derive(Clone, Debug)]
pub struct Rep {
    pub id: String,
    pub email: String,
    pub role: &'static str,
    pub style: Style,
    team: String,
    manager: String,
    /// Tells apart those who share a style: their days, their luck.
    pub number: u32,
    /// First day at work.
    pub joins: u32,
    /// First day gone.
    pub leaves: Option<u32>,
    /// First day away, first day back.
    pub away: Option<(u32, u32)>,
}

impl Rep {
    pub fn works(&self, day: u32) -> bool {
        let here = self.joins <= day && self.leaves.is_none_or(|leaves| day < leaves);
        here && self.away.is_none_or(|(from, back)| !(from..back).contains(&day))
    }

    /// The number of this rep's stream of chance on a day: stories are shorter than 4,096 days.
    pub fn stream(&self, day: u32) -> u32 {
        self.number << 12 | day
    }

    fn record(&self, updated_at: String) -> records::Rep {
        records::Rep {
            op: "upsert",
            id: self.id.clone(),
            role: Some(self.role),
            book: Some(book(self.role)),
            status: "active",
            capacity: None,
            manager_id: Some(self.manager.clone()),
            team: Some(self.team.clone()),
            emails: vec![self.email.clone()],
            updated_at,
        }
    }

    fn change(&self, status: &'static str, updated_at: String) -> records::Rep {
        records::Rep {
            op: "patch",
            id: self.id.clone(),
            role: None,
            book: None,
            status,
            capacity: None,
            manager_id: None,
            team: None,
            emails: Vec::new(),
            updated_at,
        }
    }
}

fn book(role: &str) -> &'static str {
    if role == SDR { SDR_BOOK } else { AE_BOOK }
}

/// `count` reps, half of them in each role, with one who comes, one who is away for a while and one who leaves.
pub fn hire(seed: u64, count: usize, days: u32, calendar: Calendar) -> Vec<Rep> {
    let mut chance = Chance::new(seed, Part::Team, 0);
    let mut names = REPS.to_vec();
    chance.shuffle(&mut names);
    let sdrs = count.div_ceil(2);
    let mut reps: Vec<Rep> = (0..count).map(|number| rep(number, sdrs, &names)).collect();
    let diligent = |reps: &[Rep]| -> Vec<usize> {
        (0..reps.len()).filter(|at| reps[*at].role == SDR && reps[*at].style == Style::Diligent).collect()
    };
    // Without enough diligent ones everybody simply stays.
    if let [_, leaves, away, .., joins] = diligent(&reps)[..] {
        reps[leaves].leaves = Some(calendar.workday_from(days * 2 / 3));
        let from = calendar.workday_from(days / 5);
        reps[away].away = Some((from, calendar.workday_from(from + 14)));
        reps[joins].joins = calendar.workday_from(days / 3);
    }
    reps
}

fn rep(number: usize, sdrs: usize, names: &[&str]) -> Rep {
    let (role, within) = if number < sdrs { (SDR, number) } else { (AE, number - sdrs) };
    let round = number / names.len();
    let name = names[number % names.len()];
    let id = if round == 0 { name.to_owned() } else { format!("{name}-{}", round + 1) };
    let team = within / TEAM_SIZE;
    Rep {
        email: format!("{id}@meridian-books.com"),
        id,
        role,
        style: STYLES[within % STYLES.len()],
        team: format!("{role}-{}", team + 1),
        manager: manager(role, team),
        number: number as u32,
        joins: 0,
        leaves: None,
        away: None,
    }
}

/// SDR teams take names from the front, AE teams from the middle.
fn manager(role: &str, team: usize) -> String {
    let half = MANAGERS.len() / 2;
    let first = if role == SDR { 0 } else { half };
    let name = MANAGERS[first + team % half];
    if team < half { name.to_owned() } else { format!("{name}-{}", team / half + 1) }
}

/// The records at the start: managers, who own only what reps leave behind, then reps.
pub fn start(reps: &[Rep], updated_at: &str) -> Vec<records::Rep> {
    let mut managers: Vec<(&str, &str)> = reps.iter().map(|rep| (&*rep.manager, rep.role)).collect();
    managers.sort_unstable();
    managers.dedup();
    let managers = managers.into_iter().map(|(id, role)| records::Rep {
        op: "upsert",
        id: id.to_owned(),
        role: Some(role),
        book: Some(book(role)),
        status: "active",
        capacity: Some(0),
        manager_id: None,
        team: None,
        emails: vec![format!("{id}@meridian-books.com")],
        updated_at: updated_at.to_owned(),
    });
    let here = reps.iter().filter(|rep| rep.joins == 0);
    managers.chain(here.map(|rep| rep.record(updated_at.to_owned()))).collect()
}

/// Who comes, goes away, comes back or leaves on this day, first thing in the morning.
pub fn changes(reps: &[Rep], day: u32, calendar: Calendar) -> Vec<(Millis, records::Rep)> {
    let at = calendar.at(day, 7 * HOUR_MS);
    let stamp = || rfc3339(at, Clock::Utc);
    let change = |rep: &Rep| match rep {
        _ if rep.leaves == Some(day) => Some(rep.change("departed", stamp())),
        _ if rep.joins == day && day > 0 => Some(rep.record(stamp())),
        _ => rep.away.and_then(|(from, back)| {
            let status = if from == day { "inactive" } else { "active" };
            (from == day || back == day).then(|| rep.change(status, stamp()))
        }),
    };
    reps.iter().filter_map(change).map(|record| (at, record)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_comes_one_is_away_and_one_leaves_for_good() {
        let calendar = Calendar { start: Millis(1_782_864_000_000) };
        let reps = hire(7, 24, 90, calendar);
        assert_eq!(reps.iter().filter(|rep| rep.role == SDR).count(), 12);
        let told: Vec<&str> =
            (0..90).flat_map(|day| changes(&reps, day, calendar)).map(|(_, record)| record.status).collect();
        assert_eq!(told, ["inactive", "active", "active", "departed"]);
        let gone = reps.iter().find(|rep| rep.leaves.is_some()).unwrap();
        assert!(gone.works(60) && !gone.works(61) && !gone.works(89));
        assert_eq!(start(&reps, "x").len(), 4 + 23);
    }

    #[test]
    fn a_small_team_stays_as_it_is() {
        let calendar = Calendar { start: Millis(1_782_864_000_000) };
        let reps = hire(7, 4, 90, calendar);
        assert!((0..90).all(|day| changes(&reps, day, calendar).is_empty()));
    }
}
