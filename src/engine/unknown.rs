//! What is kept for accounts that nobody created yet: found by every name that it knows its account by, and counted by
//! the first of them. Hashed; looked things up in, never iterated. `docs/rules.md`, 4.

use std::collections::VecDeque;

use crate::domain::ids::tie_hash;
use crate::domain::{Candidate, Text};

use super::table::{NameTable, Rows};

/// A name of one or several accounts to come.
#[derive(Debug)]
struct Row {
    /// A domain is one name, whether an event gives it as such or as an e-mail address's.
    name: Candidate,
    /// Of all that is kept under it, in order.
    arrivals: VecDeque<u64>,
    /// How many have it for their first: as it is, and as an e-mail address's domain.
    firsts: [u32; 2],
}

#[derive(Debug, Default)]
pub struct Unknown {
    table: NameTable,
    rows: Rows<Row>,
}

fn account_hash(id: &str) -> u64 {
    tie_hash(id, 0)
}

fn domain_hash(domain: &str) -> u64 {
    tie_hash(domain, 1)
}

fn hash(name: &Candidate) -> u64 {
    match name {
        Candidate::CrmId(id) => account_hash(id),
        Candidate::Domain(domain) | Candidate::EmailDomain(domain) => domain_hash(domain),
        Candidate::VendorId { vendor, id } => tie_hash(id, tie_hash(vendor, 2)),
    }
}

fn is_same(a: &Candidate, b: &Candidate) -> bool {
    use Candidate::{Domain, EmailDomain};
    match (a, b) {
        (Domain(a) | EmailDomain(a), Domain(b) | EmailDomain(b)) => a == b,
        _ => a == b,
    }
}

/// Vendor ids resolve to nothing yet.
fn resolves(name: &Candidate) -> bool {
    !matches!(name, Candidate::VendorId { .. })
}

/// Which of a row's counts.
fn as_given(name: &Candidate) -> usize {
    usize::from(matches!(name, Candidate::EmailDomain(_)))
}

impl Unknown {
    fn row(&self, name: &Candidate) -> Option<u32> {
        self.table.find(hash(name), |row| is_same(&self.rows[row].name, name))
    }

    /// How many are kept whose first candidate is this one.
    pub fn of_first(&self, first: &Candidate) -> u32 {
        self.row(first).map_or(0, |row| self.rows[row].firsts[as_given(first)])
    }

    /// All that an account of this name was meant by, in the order of their arrival.
    pub fn arrivals(&self, name: &Candidate) -> impl Iterator<Item = u64> + use<'_> {
        self.row(name).into_iter().flat_map(|row| self.rows[row].arrivals.iter().copied())
    }

    pub fn keep(&mut self, arrival: u64, candidates: &[Candidate]) {
        for (place, name) in candidates.iter().enumerate().filter(|(place, name)| *place == 0 || resolves(name)) {
            let row = self.row(name).unwrap_or_else(|| self.new_row(name));
            let row = &mut self.rows[row];
            row.firsts[as_given(name)] += u32::from(place == 0);
            // An event may give a domain as such and as an e-mail address's.
            if resolves(name)
                && let Err(place) = row.arrivals.binary_search(&arrival)
            {
                row.arrivals.insert(place, arrival);
            }
        }
    }

    /// Has fetched where these would stand.
    pub fn fetch(&self, names: &[Candidate]) {
        names.iter().for_each(|name| self.table.fetch(hash(name)));
    }

    pub fn fetch_account(&self, id: &str) {
        self.table.fetch(account_hash(id));
    }

    pub fn fetch_domain(&self, domain: &str) {
        self.table.fetch(domain_hash(domain));
    }

    fn new_row(&mut self, name: &Candidate) -> u32 {
        let new = Row { name: name.clone(), arrivals: VecDeque::new(), firsts: [0; 2] };
        let row = self.rows.put(new);
        self.table.insert(hash(name), row);
        row
    }

    /// Takes away what `keep` brought.
    pub fn forget(&mut self, arrival: u64, candidates: &[Candidate]) {
        for (place, name) in candidates.iter().enumerate() {
            let Some(number) = self.row(name) else { continue };
            let row = &mut self.rows[number];
            row.firsts[as_given(name)] -= u32::from(place == 0);
            if let Ok(place) = row.arrivals.binary_search(&arrival) {
                row.arrivals.remove(place);
            }
            if row.arrivals.is_empty() && row.firsts == [0; 2] {
                let empty = Row { name: Candidate::CrmId(Text::default()), arrivals: VecDeque::new(), firsts: [0; 2] };
                self.rows.give_back(number, empty);
                self.table.remove(hash(name), number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::engine::chance::draws;

    /// Names in the same words, of which only the two kinds of domains are one.
    fn candidate(kind: u64, word: u64) -> Candidate {
        let word = Text::from(format!("word-{word}"));
        match kind {
            0 => Candidate::CrmId(word),
            1 => Candidate::Domain(word),
            2 => Candidate::EmailDomain(word),
            _ => Candidate::VendorId { vendor: "vendor".into(), id: word },
        }
    }

    fn naive_arrivals(kept: &BTreeMap<u64, Vec<Candidate>>, name: &Candidate) -> Vec<u64> {
        let named = kept.iter().filter(|(_, names)| resolves(name) && names.iter().any(|each| is_same(each, name)));
        named.map(|(arrival, _)| *arrival).collect()
    }

    #[test]
    fn it_finds_and_counts_what_a_look_at_all_that_is_kept_does() {
        let mut draw = draws(5);
        let (mut unknown, mut kept) = (Unknown::default(), BTreeMap::<u64, Vec<Candidate>>::new());
        for step in 0..10_000u64 {
            let old = kept.keys().nth(draw(80) as usize).copied();
            if let Some((old, names)) = old.and_then(|old| kept.remove_entry(&old)) {
                unknown.forget(old, &names);
                // Sometimes it comes back to its place.
                if draw(4) == 0 {
                    unknown.keep(old, &names);
                    kept.insert(old, names);
                }
            } else {
                let names: Vec<_> = (0..1 + draw(3)).map(|_| candidate(draw(4), draw(12))).collect();
                unknown.keep(step, &names);
                kept.insert(step, names);
            }
            let name = candidate(draw(4), draw(12));
            let firsts = kept.values().filter(|names| names[0] == name).count() as u32;
            assert_eq!(unknown.of_first(&name), firsts);
            assert_eq!(unknown.arrivals(&name).collect::<Vec<_>>(), naive_arrivals(&kept, &name));
        }
    }

    #[test]
    fn nothing_is_left_of_what_is_forgotten() {
        let names = [candidate(1, 1), candidate(2, 1), candidate(3, 1), candidate(0, 1), candidate(1, 1)];
        let mut unknown = Unknown::default();
        for arrival in 0..9 {
            unknown.keep(arrival, &names);
        }
        (0..9).for_each(|arrival| unknown.forget(arrival, &names));
        let (rows, free) = unknown.rows.counts();
        assert_eq!(free, rows);
        let distinct: BTreeSet<_> = names.iter().filter_map(|name| unknown.row(name)).collect();
        assert!(distinct.is_empty());
    }
}
