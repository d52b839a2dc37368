//! "Why not?": what stands between an account and a rep now, in the order in which matching would look.

use std::fmt::Write;

use anyhow::anyhow;

use super::points;
use crate::domain::output::SeatStatus;
use crate::domain::policy::{Book, MAX_REFUSED, Policy};
use crate::domain::rep::RepStatus;
use crate::domain::{Secs, Text};
use crate::engine::Engine;
use crate::engine::state::Stage;
use crate::engine::view::{AccountView, CommandView, RepView, SeatView, View};
use crate::wire::instant::Readable;

/// What the question is about.
struct Case<'a> {
    policy: &'a Policy,
    view: &'a View,
    account: &'a AccountView,
    seat: &'a SeatView,
    rep: &'a RepView,
    role: usize,
    priority: u32,
}

pub fn told(
    engine: &Engine,
    account: &AccountView,
    priority: u32,
    rep: &str,
    role: Option<&str>,
) -> anyhow::Result<String> {
    let view = engine.view();
    let policy = engine.policy().ok_or_else(|| anyhow!("no policy is in force"))?;
    let rep = view.reps.iter().find(|each| *each.id == *rep).ok_or_else(|| anyhow!("nobody is called {rep}"))?;
    let role = match role {
        Some(name) => policy.role_index(name).ok_or_else(|| anyhow!("there is no role {name}"))?,
        None => rep.role.ok_or_else(|| anyhow!("{} has no role: name one with --role", rep.id))?,
    };
    let role = usize::from(role);
    let case = Case { policy, view: &view, account, seat: &account.seats[role], rep, role, priority };
    let mut out = format!("why not {} ({})?\n", rep.id, policy.roles[role].name);
    if case.is_theirs() {
        let _ = writeln!(out, "  {} owns it", rep.id);
        return Ok(out);
    }
    let obstacles = case.obstacles();
    if obstacles.is_empty() {
        out.push_str("  nothing stands between them: it is a matter of rank and of whose turn it is\n");
    }
    for obstacle in obstacles {
        let _ = writeln!(out, "  - {obstacle}");
    }
    Ok(out)
}

impl Case<'_> {
    fn is_theirs(&self) -> bool {
        self.seat.status == SeatStatus::Owned && self.seat.owner.as_deref() == Some(&*self.rep.id)
    }

    fn obstacles(&self) -> Vec<String> {
        let mut obstacles = Vec::new();
        if !self.view.gate_open {
            obstacles.push("the gate is closed: nothing is decided now".to_owned());
        }
        obstacles.extend(self.held_back());
        obstacles.extend(self.seat_obstacle());
        obstacles.extend(self.holds());
        obstacles.extend(self.command());
        obstacles.extend(self.rep_obstacles());
        if let Some(book) = self.book() {
            obstacles.extend(self.segment_obstacles(book));
        }
        obstacles.extend(self.cool_off());
        obstacles
    }

    /// By what people said of the whole.
    fn held_back(&self) -> Vec<String> {
        let name = &self.policy.roles[self.role].name;
        let paused = self.view.paused.iter().find(|(role, ..)| role == name);
        let paused = paused.map(|(_, by, since)| format!("the role is paused by {by} since {}", Readable(*since)));
        let issued: u64 = self.view.issued.iter().map(|(_, count)| u64::from(*count)).sum();
        let counts = !self.view.shadow.contains(name);
        let rate = self.view.rate.as_ref().filter(|(rate, _)| counts && issued >= u64::from(*rate));
        let rate = rate.map(|(rate, by)| format!("the rate of {rate} commands an hour, set by {by}, is used up"));
        let stalled = self.view.writers.iter().any(|(role, _, stalled)| role == name && *stalled);
        let stalled = stalled
            .then(|| "no command of the role is answered: one leaves every quarter of an hour until one is".to_owned());
        paused.into_iter().chain(rate).chain(stalled).collect()
    }

    fn seat_obstacle(&self) -> Option<String> {
        let SeatView { status, since, until, .. } = self.seat;
        let owner = self.seat.owner.as_deref().unwrap_or("nobody");
        let since = Readable(*since);
        Some(match status {
            SeatStatus::Pool => return None,
            SeatStatus::Owned => format!("{owner} owns it since {since}"),
            SeatStatus::Holding => format!("{owner} holds it since {since}"),
            SeatStatus::Rest => format!("it rests until {}", Readable(*until)),
            SeatStatus::Excluded => format!("it is out of this role's circulation since {since}{}", self.exclusion()),
            SeatStatus::Review => format!("it is in review since {since}"),
            SeatStatus::Retired => format!("it is retired since {since}"),
            SeatStatus::Unknown => "the gate was never open".to_owned(),
        })
    }

    /// Why it is excluded, where the account alone says so; a filter of the policy is the other reason.
    fn exclusion(&self) -> &'static str {
        let role = &self.policy.roles[self.role];
        let crm_owner = self.seat.crm_owner.as_ref();
        if self.account.open_opportunities > 0 && role.exclude_open_opportunities {
            ": it has an open opportunity"
        } else if crm_owner.is_some_and(|owner| role.holding_users.contains(owner)) {
            ": a holding user has it in the CRM"
        } else if crm_owner.is_some_and(|owner| !self.is_known_rep(owner)) {
            ": its owner in the CRM is no known rep"
        } else {
            ": the policy's filter excludes it"
        }
    }

    fn is_known_rep(&self, owner: &Text) -> bool {
        self.view.reps.iter().any(|rep| rep.id == *owner && rep.role == Some(self.role as u8))
    }

    fn holds(&self) -> Vec<String> {
        let hold = |what: &str, until: Secs| {
            (until > self.view.now).then(|| format!("{what} is on hold until {}", Readable(until)))
        };
        [hold("the account", self.account.hold), hold("it", self.seat.hold)].into_iter().flatten().collect()
    }

    /// What became of its last command.
    fn command(&self) -> Option<String> {
        let role = &self.policy.roles[self.role].name;
        let is_its = |command: &&CommandView| command.account == self.account.id && command.role == *role;
        let command = self.view.commands.iter().find(is_its)?;
        let since = Readable(command.issued);
        match command.stage {
            Stage::Issued => Some(format!("a command about it is out since {since}, and not answered")),
            Stage::Applied => {
                Some(format!("a command of {since} was carried out, and the CRM's record isn't seen yet"))
            }
            _ if command.wish.is_some() => Some("a command about it waits to leave".to_owned()),
            _ if command.retry_at > self.view.now => Some(format!(
                "{} commands about it in a row were refused: no other before {} (a request release ends that)",
                command.tries,
                Readable(command.retry_at)
            )),
            _ => None,
        }
    }

    fn book(&self) -> Option<&Book> {
        self.rep.book.and_then(|book| self.policy.books.get(usize::from(book)))
    }

    fn rep_obstacles(&self) -> Vec<String> {
        let RepView { id, status, size, capacity, .. } = self.rep;
        let mut obstacles = Vec::new();
        match status {
            RepStatus::Active if self.rep.refused >= MAX_REFUSED => {
                obstacles.push(format!(
                    "the CRM refused to give {id} the last {} accounts: a request proceed with them ends that",
                    self.rep.refused
                ));
            }
            RepStatus::Active => {}
            RepStatus::Inactive => obstacles.push(format!("{id} is inactive")),
            RepStatus::Departed => obstacles.push(format!("{id} left")),
        }
        if self.rep.role != Some(self.role as u8) {
            obstacles.push(format!("{id} has another role, or none"));
        }
        if self.book().is_none() {
            obstacles.push(format!("{id} has no target book"));
        } else if size >= capacity {
            obstacles.push(format!("{id}'s book is full: {size} of {capacity}"));
        }
        obstacles
    }

    /// What each segment of the book lacks; empty as soon as one of them would do.
    fn segment_obstacles(&self, book: &Book) -> Vec<String> {
        let mut obstacles = Vec::new();
        for (place, each) in book.segments.iter().enumerate() {
            let segment = &self.policy.segments[usize::from(each.segment)];
            let name = &segment.name;
            if self.account.segments >> each.segment & 1 == 0 {
                continue;
            }
            let least = book.fill_idle.map_or(segment.threshold, |fill| fill.min(segment.threshold));
            let held = self.rep.per_segment.get(place).copied().unwrap_or(0);
            if self.priority < least {
                let (has, needs) = (points(self.priority), points(least));
                obstacles.push(format!("priority {has:.1} is below the {needs:.1} that {name} asks for"));
            } else if let Some(cap) = each.cap.filter(|cap| held >= *cap) {
                obstacles.push(format!("{}'s book is at its cap for {name}: {held} of {cap}", self.rep.id));
            } else {
                return Vec::new();
            }
        }
        if obstacles.is_empty() {
            obstacles.push(format!("it matches no segment of the book {}", book.name));
        }
        obstacles
    }

    fn cool_off(&self) -> Option<String> {
        let rule = &self.book()?.cool_off;
        let past = self.seat.past.iter().take(usize::from(rule.owners));
        let until =
            past.filter(|(owner, _)| *owner == self.rep.id).map(|(_, until)| until.plus(rule.period_s)).max()?;
        let last = format!("{} owned it lately and is passed over until {}", self.rep.id, Readable(until));
        (until > self.view.now).then(|| last + ", unless nobody else covers it")
    }
}
