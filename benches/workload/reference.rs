//! Reference records: accounts with what filters ask for, and reps with the books of their countries.

use std::io::Write;

use super::chance::mixed;
use super::{COUNTRIES, SIZES, Workload};

const INDUSTRIES: [&str; 6] = ["software", "financial services", "manufacturing", "retail", "logistics", "education"];
const REGIONS: [&str; 4] = ["emea", "amer", "apac", "latam"];

/// An account's fields, drawn from its number.
pub struct Fields {
    pub country: usize,
    /// Index into [`SIZES`].
    pub size: usize,
    pub employees: u64,
    industry: usize,
    revenue_musd: u64,
    is_tier_a: bool,
    is_customer: bool,
}

impl Fields {
    pub fn of(number: u32, country: Option<usize>) -> Fields {
        let bits = mixed(u64::from(number) + 1);
        let share = |shift: u32, of: u64| ((bits >> shift & 0xfff) * of) >> 12;
        let size = share(0, SIZES.len() as u64) as usize;
        let (_, least, below) = SIZES[size];
        Fields {
            country: country.unwrap_or(share(12, COUNTRIES.len() as u64) as usize),
            size,
            employees: least + share(24, below - least),
            industry: share(36, INDUSTRIES.len() as u64) as usize,
            revenue_musd: share(40, 100),
            is_tier_a: share(50, 3) == 0,
            is_customer: share(52, 50) == 0,
        }
    }

    /// The market it is sold in: which of the policy's segments it matches.
    pub fn market(&self) -> usize {
        self.country * SIZES.len() + self.size
    }

    /// By the policy's criteria, 0 to 1.
    pub fn fit(&self) -> f64 {
        let industry = if self.industry < 3 { 3 } else { 0 };
        let employees = if (200..=5000).contains(&self.employees) { 3 } else { 0 };
        let revenue = if self.revenue_musd >= 50 { 2 } else { 0 };
        let tier = if self.is_tier_a { 2 } else { 0 };
        f64::from(industry + employees + revenue + tier) / 10.0
    }
}

impl Workload {
    pub fn account_json(&self, number: u32, out: &mut Vec<u8>) {
        let (id, domain) = (AccountId(number), Domain(number));
        let _ = write!(out, r#"{{"op":"upsert","id":"{id}","owners":{{"sdr":"#);
        let _ = match self.owner(number) {
            Some(rep) => write!(out, r#""{}"}}"#, RepId(rep)),
            None => write!(out, "null}}"),
        };
        if self.shape.bare {
            out.push(b'}');
            return;
        }
        let _ = write!(out, r#","domains":["{domain}"]"#);
        self.fields_json(number, out);
    }

    fn fields_json(&self, number: u32, out: &mut Vec<u8>) {
        let fields = self.fields(number);
        let (industry, country) = (INDUSTRIES[fields.industry], COUNTRIES[fields.country]);
        let (employees, revenue) = (fields.employees, fields.revenue_musd);
        let region = REGIONS[fields.country % REGIONS.len()];
        let tier = if fields.is_tier_a { "a" } else { "b" };
        let customer = fields.is_customer && self.owner(number).is_none();
        let _ = write!(
            out,
            r#","fields":{{"industry":"{industry}","employees":{employees},"revenue_musd":{revenue},"country":"{country}","region":"{region}","tier":"{tier}","customer":{customer},"named":false}},"crm_version":{number},"updated_at":"2026-05-01T07:00:00Z"}}"#
        );
    }

    pub fn rep_json(&self, number: u32, role: &str, out: &mut Vec<u8>) {
        let (id, email) = (RepId(number), RepEmail(number));
        let book = COUNTRIES[number as usize % COUNTRIES.len()].to_lowercase();
        let _ = write!(
            out,
            r#"{{"op":"upsert","id":"{id}","role":"{role}","book":"{role}-{book}","status":"active","team":"team-{number}","emails":["{email}"],"updated_at":"2026-05-01T07:00:00Z"}}"#
        );
    }
}

/// Names, each as its system writes them.
pub struct AccountId(pub u32);
pub struct Domain(pub u32);
pub struct RepId(pub u32);
pub struct RepEmail(pub u32);

impl std::fmt::Display for AccountId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "001A0{:010}AAA", self.0)
    }
}

impl std::fmt::Display for Domain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "company{:08}.com", self.0)
    }
}

impl std::fmt::Display for RepId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "005A0{:010}AAA", self.0)
    }
}

impl std::fmt::Display for RepEmail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "rep{:05}@seller.example.com", self.0)
    }
}
