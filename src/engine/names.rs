//! What accounts, reps and kinds are found by. Hashed; looked things up in, never iterated.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::ids::tie_hash;
use crate::domain::policy::Kind;
use crate::domain::signal::Class;
use crate::domain::{Candidate, Text};

use super::fetch;
use super::state::{AccountId, AccountSide, Rep, RepId};
use super::table::{NameTable, PORTION, Rows, SPREAD};

/// Hands many out by portions: of each, everything is fetched at once.
fn in_portions<T>(items: impl Iterator<Item = T>, mut take: impl FnMut(&[T])) {
    let mut portion = Vec::with_capacity(PORTION);
    for item in items {
        portion.push(item);
        if portion.len() == PORTION {
            take(&portion);
            portion.clear();
        }
    }
    take(&portion);
}

/// Living accounts by their CRM id. The ids themselves stand in the accounts' rows.
#[derive(Debug, Default)]
pub struct AccountNames {
    table: NameTable,
}

impl AccountNames {
    /// Up to so many, all at once.
    pub fn of_all<'a>(most: usize, accounts: impl Iterator<Item = (&'a AccountSide, AccountId)>) -> AccountNames {
        let mut names = AccountNames { table: NameTable::with_room(most) };
        in_portions(accounts, |portion| {
            portion.iter().for_each(|(side, _)| names.fetch(side.hash));
            portion.iter().for_each(|(side, account)| names.insert(side, *account));
        });
        names
    }

    pub fn find(&self, sides: &[AccountSide], id: &str) -> Option<AccountId> {
        self.table.find(tie_hash(id, 0), |row| sides[row as usize].id == id).map(AccountId)
    }

    pub fn insert(&mut self, side: &AccountSide, account: AccountId) {
        self.table.insert(side.hash, account.0);
    }

    pub fn remove(&mut self, side: &AccountSide, account: AccountId) {
        self.table.remove(side.hash, account.0);
    }
}

#[derive(Debug)]
struct DomainRow {
    name: Text,
    /// The lowest-numbered living account that names it.
    owner: AccountId,
}

/// Domains and the living accounts that name them.
#[derive(Debug, Default)]
pub struct Domains {
    table: NameTable,
    rows: Rows<DomainRow>,
    /// All that name a row's domain, where they are several.
    several: BTreeMap<u32, BTreeSet<AccountId>>,
}

fn domain_hash(domain: &str) -> u64 {
    tie_hash(domain, 0)
}

impl Domains {
    /// Up to so many, all at once, by ascending accounts.
    pub fn of_all<'a>(most: usize, named: impl Iterator<Item = (&'a Text, AccountId)>) -> Domains {
        let mut domains =
            Domains { table: NameTable::with_room(most), rows: Rows::with_room(most), ..Domains::default() };
        let mut later: Vec<(u32, AccountId)> = Vec::new();
        in_portions(named.map(|(name, account)| (domain_hash(name), name, account)), |portion| {
            portion.iter().for_each(|(hash, ..)| domains.fetch(*hash));
            portion.iter().for_each(|(hash, ..)| _ = domains.fetch_likely(*hash));
            for (hash, name, account) in portion {
                match domains.table.find(*hash, |row| domains.rows[row].name == **name) {
                    Some(row) if domains.rows[row].owner != *account => later.push((row, *account)),
                    Some(_) => {}
                    None => domains.new_row(*hash, name, *account),
                }
            }
        });
        later.sort_unstable();
        let several = later.chunk_by(|one, next| one.0 == next.0).map(|of_row| {
            let (row, others) = (of_row[0].0, of_row.iter().map(|(_, account)| *account));
            (row, others.chain([domains.rows[row].owner]).collect())
        });
        domains.several = several.collect();
        domains
    }

    fn row(&self, domain: &str) -> Option<u32> {
        self.table.find(domain_hash(domain), |row| self.rows[row].name == domain)
    }

    /// Whom a domain belongs to.
    pub fn owner(&self, domain: &str) -> Option<AccountId> {
        self.row(domain).map(|row| self.rows[row].owner)
    }

    /// The account names the domain; saying so twice changes nothing.
    pub fn name(&mut self, domain: &Text, account: AccountId) {
        let Some(row) = self.row(domain) else { return self.new_row(domain_hash(domain), domain, account) };
        let owner = &mut self.rows[row].owner;
        if *owner != account {
            self.several.entry(row).or_insert_with(|| BTreeSet::from([*owner])).insert(account);
            *owner = account.min(*owner);
        }
    }

    fn new_row(&mut self, hash: u64, domain: &Text, owner: AccountId) {
        let row = self.rows.put(DomainRow { name: domain.clone(), owner });
        self.table.insert(hash, row);
    }

    /// The account no longer names it.
    pub fn forget(&mut self, domain: &str, account: AccountId) {
        let Some(row) = self.row(domain) else { return };
        if let Some(several) = self.several.get_mut(&row) {
            several.remove(&account);
            self.rows[row].owner = *several.first().expect("of several, others are left");
            if several.len() == 1 {
                self.several.remove(&row);
            }
        } else if self.rows[row].owner == account {
            self.table.remove(domain_hash(domain), row);
            self.rows.give_back(row, DomainRow { name: Text::default(), owner: account });
        }
    }
}

/// Reps by their CRM user id, and by the hashes of their other names.
#[derive(Debug, Default)]
pub struct RepNames {
    by_id: NameTable,
    by_alias: NameTable,
}

fn alias_hash(alias: u64) -> u64 {
    alias.wrapping_mul(SPREAD)
}

impl RepNames {
    pub fn find(&self, reps: &[Rep], id: &str) -> Option<RepId> {
        self.by_id.find(tie_hash(id, 0), |row| reps[row as usize].id == id).map(|row| RepId(row as u16))
    }

    pub fn insert(&mut self, id: &str, rep: RepId) {
        self.by_id.insert(tie_hash(id, 0), u32::from(rep.0));
    }

    /// The lowest-numbered of those who list the alias.
    pub fn find_alias(&self, reps: &[Rep], alias: u64) -> Option<RepId> {
        let mut least = None;
        self.by_alias.find(alias_hash(alias), |row| {
            if reps[row as usize].aliases.contains(&alias) {
                least = Some(least.map_or(row, |least: u32| least.min(row)));
            }
            false
        });
        least.map(|row| RepId(row as u16))
    }

    pub fn insert_alias(&mut self, alias: u64, rep: RepId) {
        self.by_alias.insert(alias_hash(alias), u32::from(rep.0));
    }

    pub fn remove_alias(&mut self, alias: u64, rep: RepId) {
        self.by_alias.remove(alias_hash(alias), u32::from(rep.0));
    }
}

/// The policy's kinds by class and name.
#[derive(Debug, Default)]
pub struct KindNames {
    table: NameTable,
}

impl KindNames {
    pub fn new(kinds: &[Kind]) -> KindNames {
        let mut table = NameTable::with_room(kinds.len());
        for (number, kind) in kinds.iter().enumerate() {
            table.insert(tie_hash(&kind.name, kind.class as u64), number as u32);
        }
        KindNames { table }
    }

    pub fn find(&self, kinds: &[Kind], class: Class, name: &str) -> Option<u16> {
        let is = |row: u32| kinds[row as usize].class == class && kinds[row as usize].name == name;
        self.table.find(tie_hash(name, class as u64), is).map(|row| row as u16)
    }
}

/// What a candidate's name hashes to: enough to have rows fetched before they are asked for.
#[derive(Clone, Copy, Debug)]
pub enum NameHash {
    Account(u64),
    Domain(u64),
}

impl NameHash {
    pub fn account(id: &str) -> NameHash {
        NameHash::Account(tie_hash(id, 0))
    }

    pub fn of(candidate: &Candidate) -> Option<NameHash> {
        match candidate {
            Candidate::CrmId(id) => Some(NameHash::account(id)),
            Candidate::Domain(domain) | Candidate::EmailDomain(domain) => Some(NameHash::Domain(domain_hash(domain))),
            Candidate::VendorId { .. } => None,
        }
    }
}

impl AccountNames {
    pub fn fetch(&self, hash: u64) {
        self.table.fetch(hash);
    }

    /// Who is probably meant.
    pub fn likely(&self, hash: u64) -> Option<AccountId> {
        self.table.likely(hash).map(AccountId)
    }
}

impl Domains {
    pub fn fetch(&self, hash: u64) {
        self.table.fetch(hash);
    }

    pub fn fetch_name(&self, domain: &str) {
        self.fetch(domain_hash(domain));
    }

    /// The row that is probably meant; it is fetched.
    pub fn fetch_likely(&self, hash: u64) -> Option<u32> {
        let row = self.table.likely(hash)?;
        fetch::ahead(&self.rows[row]);
        Some(row)
    }

    pub fn owner_of_row(&self, row: u32) -> AccountId {
        self.rows[row].owner
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_at_once_they_are_as_one_by_one() {
        let named: Vec<(Text, AccountId)> = (0..500u32)
            .map(|number| (format!("{}.com", number * number % 150).into(), AccountId(number / 2)))
            .collect();
        let at_once = Domains::of_all(named.len(), named.iter().map(|(name, account)| (name, *account)));
        let mut each = Domains::default();
        named.iter().for_each(|(name, account)| each.name(name, *account));
        assert!(!each.several.is_empty());
        for (name, _) in &named {
            let found = |domains: &Domains| domains.row(name).map(|row| domains.several.get(&row).cloned());
            assert_eq!((at_once.owner(name), found(&at_once)), (each.owner(name), found(&each)));
        }
    }

    #[test]
    fn a_domain_belongs_to_the_lowest_number_that_names_it() {
        let mut domains = Domains::default();
        let acme = Text::from("acme.com");
        [5, 3, 9, 3].iter().for_each(|account| domains.name(&acme, AccountId(*account)));
        let mut owners = Vec::new();
        for leaving in [9, 3, 3, 7, 5] {
            owners.push(domains.owner("acme.com"));
            domains.forget("acme.com", AccountId(leaving));
        }
        let number = |account: u32| Some(AccountId(account));
        assert_eq!(owners, [number(3), number(3), number(5), number(5), number(5)]);
        assert_eq!(domains.owner("acme.com"), None);
        domains.name(&"other.com".into(), AccountId(1));
        assert_eq!((domains.owner("other.com"), domains.rows.counts()), (number(1), (1, 0)));
    }
}
