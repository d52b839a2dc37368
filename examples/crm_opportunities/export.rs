//! The data set as canonical events: what becomes what, what is put right, what is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Context;
use chrono::{Days, NaiveDate};
use serde_json::{Value, json};

use super::csv::{self, Row};

/// The data is of 2016 and 2017; bookd's time begins with 2020. Whole weeks keep Mondays Mondays.
pub const WEEKS_LATER: u64 = 418;

/// The working day over which rows are spread, in seconds of UTC: the data has dates only.
const OPENS_S: u64 = 9 * 3600;
const OFFICE_S: u64 = 8 * 3600;
/// Prime, so that neighbouring rows fall far apart and hardly any two at one second.
const STRIDE_S: u64 = 7_919;

/// Words that the data set misspells.
const MISSPELT: [(&str, &str); 2] = [("technolgy", "technology"), ("Philipines", "Philippines")];

/// What was made, for people.
#[derive(Debug, Default)]
pub struct Report {
    pub written: BTreeMap<&'static str, u64>,
    pub skipped: BTreeMap<&'static str, u64>,
    pub corrected: BTreeMap<String, u64>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, count) in &self.written {
            writeln!(f, "{count:>7} {what}")?;
        }
        for (why, count) in &self.skipped {
            writeln!(f, "{count:>7} left out: {why}")?;
        }
        for (what, count) in &self.corrected {
            writeln!(f, "{count:>7} corrected: {what}")?;
        }
        writeln!(f, "All dates are {WEEKS_LATER} weeks later than in the data; times of day are made up.")
    }
}

/// Reads the data set in `from` and writes its events to `into`.
pub fn export(from: &Path, into: &Path) -> anyhow::Result<Report> {
    std::fs::create_dir_all(into).with_context(|| format!("{} can't be created", into.display()))?;
    let mut export = Export { report: Report::default(), accounts: BTreeSet::new(), products: BTreeMap::new() };
    let accounts = export.accounts(from)?;
    let reps = export.reps(from)?;
    export.products(from)?;
    let (engaged, closed) = export.opportunities(from)?;
    for (topic, lines) in [("accounts", accounts), ("reps", reps), ("engagement", engaged), ("activity", closed)] {
        write(into, topic, lines)?;
    }
    Ok(export.report)
}

struct Export {
    report: Report,
    /// Ids.
    accounts: BTreeSet<String>,
    /// Names by how they are written without spaces.
    products: BTreeMap<String, String>,
}

/// A line with the instant by which a file is ordered.
type Dated = (String, Value);

impl Export {
    fn accounts(&mut self, from: &Path) -> anyhow::Result<Vec<Dated>> {
        let columns = ["account", "sector", "revenue", "employees", "office_location", "subsidiary_of"];
        let table = csv::read(&from.join("accounts.csv"), &columns)?;
        let mut lines = Vec::new();
        for row in &table.rows {
            let Some(account) = self.account(row) else {
                self.skip("accounts without a name, or with impossible figures");
                continue;
            };
            self.accounts.insert(id(row.get("account")));
            lines.push((String::new(), account));
            self.wrote("accounts");
        }
        Ok(lines)
    }

    fn account(&mut self, row: &Row) -> Option<Value> {
        let name = Some(row.get("account")).filter(|name| !name.is_empty())?;
        let revenue: f64 = row.get("revenue").parse().ok()?;
        let employees: u64 = row.get("employees").parse().ok()?;
        let fields = json!({
            "sector": self.spelt(row.get("sector")),
            "revenue_musd": revenue,
            "employees": employees,
            "country": self.spelt(row.get("office_location")),
        });
        let mut account = json!({ "op": "upsert", "id": id(name), "fields": fields });
        let parent = row.get("subsidiary_of");
        if !parent.is_empty() {
            account["parent_id"] = json!(id(parent));
        }
        Some(account)
    }

    fn reps(&mut self, from: &Path) -> anyhow::Result<Vec<Dated>> {
        let table = csv::read(&from.join("sales_teams.csv"), &["sales_agent", "manager", "regional_office"])?;
        let rep = |row: &Row| {
            json!({
                "op": "upsert",
                "id": id(row.get("sales_agent")),
                "role": "ae",
                "book": "ae",
                "status": "active",
                "manager_id": id(row.get("manager")),
                "team": id(row.get("regional_office")),
            })
        };
        let lines: Vec<Dated> = table.rows.iter().map(|row| (String::new(), rep(row))).collect();
        self.report.written.insert("reps", lines.len() as u64);
        Ok(lines)
    }

    fn products(&mut self, from: &Path) -> anyhow::Result<()> {
        let table = csv::read(&from.join("products.csv"), &["product"])?;
        let names = table.rows.iter().map(|row| row.get("product"));
        self.products = names.map(|name| (name.replace(' ', ""), name.to_owned())).collect();
        Ok(())
    }

    /// Engage dates are interest of the account, closes are work of the agent.
    fn opportunities(&mut self, from: &Path) -> anyhow::Result<(Vec<Dated>, Vec<Dated>)> {
        let columns =
            ["opportunity_id", "sales_agent", "product", "account", "deal_stage", "engage_date", "close_date"];
        let table = csv::read(&from.join("sales_pipeline.csv"), &columns)?;
        let (mut engaged, mut closed) = (Vec::new(), Vec::new());
        for row in &table.rows {
            if !self.accounts.contains(&id(row.get("account"))) {
                self.skip("opportunities without an account that is known");
                continue;
            }
            match instant(row, "engage_date") {
                Some(at) => engaged.push((at.clone(), self.engagement(row, at))),
                None => self.skip("opportunities that aren't engaged yet"),
            }
            let kind = match row.get("deal_stage") {
                "Won" => "deal_won",
                "Lost" => "deal_lost",
                _ => continue,
            };
            match instant(row, "close_date") {
                Some(at) => closed.push((at.clone(), self.close(row, kind, at))),
                None => self.skip("closes without a date"),
            }
        }
        Ok((engaged, closed))
    }

    fn engagement(&mut self, row: &Row, at: String) -> Value {
        self.wrote("engagement events (opportunity_engaged)");
        json!({
            "event_id": format!("engaged-{}", row.get("opportunity_id")),
            "source": "crm",
            "kind": "opportunity_engaged",
            "account": { "crm_id": id(row.get("account")) },
            "subject": self.product(row.get("product")),
            "occurred_at": at,
        })
    }

    fn close(&mut self, row: &Row, kind: &str, at: String) -> Value {
        self.wrote("activities (deal_won, deal_lost)");
        json!({
            "event_id": format!("closed-{}", row.get("opportunity_id")),
            "source": "crm",
            "kind": kind,
            "account": { "crm_id": id(row.get("account")) },
            "actor": { "crm_id": id(row.get("sales_agent")) },
            "direction": "mutual",
            "occurred_at": at,
        })
    }

    /// The product's name as the list of products has it.
    fn product(&mut self, name: &str) -> String {
        let listed = self.products.get(&name.replace(' ', "")).cloned().unwrap_or_else(|| name.to_owned());
        self.corrected(name, &listed);
        listed
    }

    fn spelt(&mut self, word: &str) -> String {
        let right = MISSPELT.iter().find(|(wrong, _)| *wrong == word).map_or(word, |(_, right)| *right);
        self.corrected(word, right);
        right.to_owned()
    }

    fn corrected(&mut self, from: &str, to: &str) {
        if from != to {
            *self.report.corrected.entry(format!("{from} to {to}")).or_default() += 1;
        }
    }

    fn skip(&mut self, why: &'static str) {
        *self.report.skipped.entry(why).or_default() += 1;
    }

    fn wrote(&mut self, what: &'static str) {
        *self.report.written.entry(what).or_default() += 1;
    }
}

/// A stable id from a name: `Gekko & Co` is `gekko-co`.
fn id(name: &str) -> String {
    let words = name.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-").to_ascii_lowercase()
}

/// The date, shifted, at a time of its working day that hangs on the row alone.
fn instant(row: &Row, column: &str) -> Option<String> {
    let date = NaiveDate::parse_from_str(row.get(column), "%Y-%m-%d").ok()?;
    let date = date.checked_add_days(Days::new(WEEKS_LATER * 7))?;
    let second = OPENS_S + row.number * STRIDE_S % OFFICE_S;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    Some(format!("{date}T{hour:02}:{minute:02}:{second:02}Z"))
}

/// In the order of time; the data set's own order where there is none.
fn write(into: &Path, topic: &str, mut lines: Vec<Dated>) -> anyhow::Result<()> {
    lines.sort_by(|one, other| one.0.cmp(&other.0));
    let path = into.join(format!("{topic}-0.jsonl"));
    let failed = || format!("{} can't be written", path.display());
    let mut file = BufWriter::new(File::create(&path).with_context(failed)?);
    for (_, line) in lines {
        writeln!(file, "{line}").with_context(failed)?;
    }
    file.flush().with_context(failed)
}
