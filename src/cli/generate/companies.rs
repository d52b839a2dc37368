//! The companies: what the CRM knows of them, and when each is looking to buy.

use std::collections::BTreeMap;

use super::chance::{Chance, Part};
use super::names::{CONTACTS, COUNTRIES, INDUSTRIES, STEMS, TOPICS};
use super::records::{self, AccountRef, INTENT_VENDOR};
use super::team::{AE, Rep, SDR};

/// Sizes with their share, in employees. A fifth is too small for any segment of the demo's policy.
const SIZES: [(u32, (u32, u32)); 5] =
    [(20, (8, 99)), (26, (100, 349)), (26, (350, 999)), (22, (1_000, 4_999)), (6, (5_000, 40_000))];

const TIERS: [(u32, &str); 3] = [(22, "a"), (34, "b"), (44, "c")];

/// Revenue per head, in thousands of dollars.
const REVENUE_PER_HEAD: (u32, u32) = (90, 380);

const CUSTOMER_PERCENT: u32 = 8;
const NAMED_PERCENT: u32 = 4;
const SUBSIDIARY_PERCENT: u32 = 5;
/// Created in the CRM during the story; what they did before is credited to them then.
const LATE_PERCENT: u32 = 3;

/// Who owns an account at the start, according to the CRM.
const SDR_OWNED_PERCENT: u32 = 38;
const AE_OWNED_PERCENT: u32 = 14;
/// The user who holds accounts that nobody works.
const HOLDING_USER: &str = "holding";
const HELD_PERCENT: u32 = 2;
/// Somebody who left long ago and is no rep any more: bookd calls these accounts orphans.
const GONE_USER: &str = "gone-user";
/// One account in so many.
const ORPHAN_EVERY: usize = 400;

/// Companies that look to buy at some time in 90 days.
const BUYERS_PERCENT_90_DAYS: u32 = 42;
/// Companies about which the vendor always has something to say.
const NOISY_PERCENT: u32 = 15;

/// A time of looking to buy.
#[derive(Clone, Copy, Debug)]
pub struct Episode {
    pub from: u32,
    pub days: u32,
    /// The vendor's strength at its height, 0 to 100.
    pub peak: u32,
}

impl Episode {
    pub fn covers(&self, day: u32) -> bool {
        (self.from..self.from + self.days).contains(&day)
    }

    /// Rises over the first third, then falls to a quarter.
    pub fn strength(&self, day: u32) -> u32 {
        let (age, rise) = (day - self.from, (self.days / 3).max(1));
        if age < rise {
            return self.peak * (age + 1) / rise;
        }
        let fall = (self.days - rise).max(1);
        self.peak - self.peak * 3 * (age - rise) / (fall * 4)
    }
}

#[derive(Clone, Debug)]
pub struct Company {
    pub id: String,
    pub domain: String,
    industry: &'static str,
    pub employees: u32,
    revenue_musd: f64,
    country: &'static str,
    region: &'static str,
    tier: &'static str,
    pub customer: bool,
    named: bool,
    parent: Option<String>,
    /// CRM user by role, at the start.
    pub owners: BTreeMap<&'static str, String>,
    /// The day on which the CRM gets to know it; 0 from the start.
    pub created: u32,
    pub episodes: Vec<Episode>,
    /// The vendor's topic.
    pub topic: &'static str,
    /// What the vendor says of it when it isn't looking to buy.
    pub noise: Option<u32>,
    contacts: Vec<&'static str>,
}

impl Company {
    /// The episode it is in.
    pub fn episode(&self, day: u32) -> Option<&Episode> {
        self.episodes.iter().find(|episode| episode.covers(day))
    }

    pub fn known(&self, day: u32) -> bool {
        self.created <= day
    }

    pub fn by_crm_id(&self) -> AccountRef {
        AccountRef { crm_id: Some(self.id.clone()), ..AccountRef::default() }
    }

    pub fn by_domain(&self) -> AccountRef {
        AccountRef { domain: Some(self.domain.clone()), ..AccountRef::default() }
    }

    pub fn by_vendor(&self) -> AccountRef {
        let number = format!("c{:08x}", crate::domain::ids::tie_hash(&self.domain, 0) as u32);
        AccountRef { vendor_ids: BTreeMap::from([(INTENT_VENDOR, number)]), ..self.by_domain() }
    }

    pub fn by_contact(&self, chance: &mut Chance) -> AccountRef {
        AccountRef { email: Some(self.contact(chance)), ..AccountRef::default() }
    }

    /// The address of somebody there.
    pub fn contact(&self, chance: &mut Chance) -> String {
        format!("{}@{}", chance.pick(&self.contacts), self.domain)
    }

    /// The whole record.
    pub fn record(&self, updated_at: String) -> records::Account {
        records::Account {
            op: "upsert",
            id: self.id.clone(),
            domains: Some(vec![self.domain.clone()]),
            owners: self.owners.clone(),
            fields: records::AccountFields {
                industry: Some(self.industry),
                employees: Some(self.employees),
                revenue_musd: Some(self.revenue_musd),
                country: Some(self.country),
                region: Some(self.region),
                tier: Some(self.tier),
                customer: Some(self.customer),
                named: Some(self.named),
            },
            parent_id: self.parent.clone(),
            updated_at,
        }
    }

    /// A record that changes these fields alone.
    pub fn patch(&self, fields: records::AccountFields, updated_at: String) -> records::Account {
        records::Account {
            op: "patch",
            id: self.id.clone(),
            domains: None,
            owners: BTreeMap::new(),
            fields,
            parent_id: None,
            updated_at,
        }
    }
}

/// `count` companies; `days` is how long the story is.
pub fn found(seed: u64, count: usize, days: u32, reps: &[Rep]) -> Vec<Company> {
    let mut chance = Chance::new(seed, Part::Companies, 0);
    let mut names = Names::new(&mut chance);
    let mut companies: Vec<Company> = Vec::with_capacity(count);
    for number in 0..count {
        let mut company = company(&mut chance, &mut names, days);
        if chance.percent(SUBSIDIARY_PERCENT) && number > 0 {
            company.parent = Some(chance.pick(&companies).id.clone());
        }
        companies.push(company);
    }
    give_owners(&mut chance, &mut companies, reps);
    companies
}

fn company(chance: &mut Chance, names: &mut Names, days: u32) -> Company {
    let (industry, endings) = chance.weighted(&INDUSTRIES);
    let (country, region, suffix) = chance.weighted(&COUNTRIES);
    let (least, most) = chance.weighted(&SIZES);
    let employees = chance.between(least, most);
    let id = names.name(chance.pick::<&str>(&endings));
    let customer = chance.percent(CUSTOMER_PERCENT);
    let late = chance.percent(LATE_PERCENT) && days > 1;
    let created = if late { chance.between(1, days - 1) } else { 0 };
    Company {
        domain: format!("{id}.{suffix}"),
        id,
        industry,
        employees,
        revenue_musd: revenue_musd(chance, employees),
        country,
        region,
        tier: chance.weighted(&TIERS),
        customer,
        named: !customer && chance.percent(NAMED_PERCENT),
        parent: None,
        owners: BTreeMap::new(),
        created,
        episodes: episodes(chance, days),
        topic: chance.pick::<&str>(&TOPICS),
        noise: chance.percent(NOISY_PERCENT).then(|| chance.between(8, 40)),
        contacts: contacts(chance),
    }
}

/// In tenths of a million, so that it is written alike everywhere.
fn revenue_musd(chance: &mut Chance, employees: u32) -> f64 {
    let per_head = chance.between(REVENUE_PER_HEAD.0, REVENUE_PER_HEAD.1);
    f64::from((employees * per_head / 100).max(1)) / 10.0
}

/// One draw for each 90 days of the story, so that a longer one isn't quieter.
fn episodes(chance: &mut Chance, days: u32) -> Vec<Episode> {
    let mut episodes = Vec::new();
    for quarter in 0..days.div_ceil(90) {
        if chance.percent(BUYERS_PERCENT_90_DAYS) {
            let from = quarter * 90 + chance.between(0, 80);
            episodes.push(Episode { from, days: chance.between(8, 26), peak: chance.between(55, 100) });
        }
    }
    episodes
}

fn contacts(chance: &mut Chance) -> Vec<&'static str> {
    let first = chance.below(CONTACTS.len() as u64) as usize;
    let count = chance.between(2, 6) as usize;
    (0..count).map(|each| CONTACTS[(first + each * 3) % CONTACTS.len()]).collect()
}

/// CRM owners, in turns within each role; customers belong to nobody of these roles.
fn give_owners(chance: &mut Chance, companies: &mut [Company], reps: &[Rep]) {
    for (role, percent) in [(SDR, SDR_OWNED_PERCENT), (AE, AE_OWNED_PERCENT)] {
        let here: Vec<&Rep> = reps.iter().filter(|rep| rep.role == role && rep.works(0)).collect();
        let mut turn = 0;
        for company in companies.iter_mut().filter(|company| !company.customer && company.created == 0) {
            if chance.percent(percent) && !here.is_empty() {
                company.owners.insert(role, here[turn % here.len()].id.clone());
                turn += 1;
            } else if chance.percent(HELD_PERCENT) {
                company.owners.insert(role, HOLDING_USER.to_owned());
            }
        }
    }
    for company in companies.iter_mut().skip(ORPHAN_EVERY / 4).step_by(ORPHAN_EVERY) {
        company.owners.insert(SDR, GONE_USER.to_owned());
    }
}

/// Company names, each once.
struct Names {
    /// Beginnings in an order of this world's own.
    stems: Vec<&'static str>,
    /// How many companies have this ending already.
    used: BTreeMap<&'static str, usize>,
}

impl Names {
    fn new(chance: &mut Chance) -> Names {
        let mut stems = STEMS.to_vec();
        chance.shuffle(&mut stems);
        Names { stems, used: BTreeMap::new() }
    }

    /// With each ending every beginning once, then again with a number behind.
    fn name(&mut self, ending: &'static str) -> String {
        let used = self.used.entry(ending).or_default();
        let (round, at) = (*used / self.stems.len(), *used % self.stems.len());
        *used += 1;
        // Each ending starts elsewhere, so that neighbours in a list don't share their beginning.
        let shift = crate::domain::ids::tie_hash(ending, 0) as usize % self.stems.len();
        let stem = self.stems[(at + shift) % self.stems.len()];
        if round == 0 { format!("{stem}-{ending}") } else { format!("{stem}-{ending}-{}", round + 1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn ids_are_unique_however_many() {
        let companies = found(7, 6_000, 90, &[]);
        let ids: BTreeSet<&str> = companies.iter().map(|company| &*company.id).collect();
        assert_eq!(ids.len(), companies.len());
    }

    #[test]
    fn an_episode_rises_and_falls_and_is_never_nothing() {
        let episode = Episode { from: 10, days: 9, peak: 90 };
        let strengths: Vec<u32> = (10..19).map(|day| episode.strength(day)).collect();
        assert_eq!(strengths[..4], [30, 60, 90, 90]);
        assert!(strengths[3..].is_sorted_by(|a, b| a > b) && strengths[8] > 22, "{strengths:?}");
        assert!(episode.covers(18) && !episode.covers(19));
    }
}
