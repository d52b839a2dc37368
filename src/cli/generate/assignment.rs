//! Who works what when no bookd is there to say: the CRM's owners, and in turns whoever is next for what gets hot.

use std::collections::BTreeMap;

use super::team::{AE, SDR};
use super::world::{Owners, World};

/// A book's size in each role, as in `config/demo.toml`.
const BOOKS: [(&str, usize); 2] = [(SDR, 60), (AE, 30)];

pub struct Assignment {
    owners: Owners,
    /// Whose turn it is, by role.
    turns: BTreeMap<&'static str, usize>,
}

impl Assignment {
    pub fn new(world: &World) -> Assignment {
        let of = |company: &super::companies::Company| {
            let id = company.id.clone();
            company.owners.clone().into_iter().map(move |(role, rep)| ((role.to_owned(), id.clone()), rep))
        };
        Assignment { owners: world.companies().iter().flat_map(of).collect(), turns: BTreeMap::new() }
    }

    /// The owners on this day's morning.
    pub fn of_day(&mut self, world: &World, day: u32) -> &Owners {
        let gone =
            |rep: &str| world.reps().iter().any(|each| each.id == rep && each.leaves.is_some_and(|at| at <= day));
        self.owners.retain(|_, rep| !gone(rep));
        for (role, capacity) in BOOKS {
            self.deal(world, day, role, capacity);
        }
        &self.owners
    }

    fn deal(&mut self, world: &World, day: u32, role: &'static str, capacity: usize) {
        let mut open: Vec<(&str, usize)> = Vec::new();
        for rep in world.reps().iter().filter(|rep| rep.role == role && rep.works(day)) {
            let owned = self.owners.values().filter(|owner| **owner == rep.id).count();
            open.push((&rep.id, capacity.saturating_sub(owned)));
        }
        let turn = self.turns.entry(role).or_default();
        for company in world.companies().iter().filter(|company| !company.customer && company.known(day)) {
            let key = (role.to_owned(), company.id.clone());
            let hot = company.episode(day).is_some();
            if !hot || self.owners.contains_key(&key) {
                continue;
            }
            let count = open.len();
            let Some(at) = (0..count).map(|step| (*turn + step) % count).find(|at| open[*at].1 > 0) else { return };
            open[at].1 -= 1;
            *turn = at + 1;
            self.owners.insert(key, open[at].0.to_owned());
        }
    }
}
