//! The policy under which the events are judged: all rules of the shipped example, with times so short that
//! accounts are warned of, lost, rested and dealt out again within a few days.

use std::fmt::Write;

use bookd::config::{self, Config};

use super::{COUNTRIES, SIZES, Shape};

/// Written out so that the baselines score by the same numbers: class, kind, points, strength that earns them all.
pub const KINDS: [(&str, &str, f64, Option<f64>); 14] = [
    ("intent", "surge", 30.0, Some(100.0)),
    ("intent", "keyword_research", 8.0, None),
    ("intent", "comparison", 15.0, None),
    ("engagement", "page_view", 0.5, None),
    ("engagement", "pricing_page_view", 8.0, None),
    ("engagement", "content_download", 6.0, None),
    ("engagement", "email_click", 2.0, None),
    ("engagement", "ad_click", 12.0, None),
    ("inbound", "demo_request", 60.0, None),
    ("inbound", "contact_request", 40.0, None),
    ("activity", "email_sent", 0.0, None),
    ("activity", "email_replied", 10.0, None),
    ("activity", "call_connected", 5.0, None),
    ("activity", "meeting_held", 10.0, None),
];

/// By class, in hours. Engagement's is short: a campaign's bump must be gone within a day.
pub const HALF_LIFE_HOURS: [u32; 4] = [14 * 24, 12, 21 * 24, 14 * 24];
pub const WEIGHT: [f64; 4] = [1.0, 1.0, 1.0, 0.5];
pub const CAP: [f64; 4] = [60.0, 40.0, 80.0, 20.0];
pub const HALF_TIMING_POINTS: f64 = 30.0;
pub const FIT_SHARE: f64 = 0.5;

/// Only the day's so many strongest of these count.
const MAX_PER_DAY: [(&str, u8); 6] = [
    ("keyword_research", 2),
    ("comparison", 1),
    ("page_view", 4),
    ("pricing_page_view", 2),
    ("content_download", 2),
    ("email_replied", 1),
];
/// These end a rest.
const IN_MARKET: [(&str, u32); 3] = [("surge", 25), ("demo_request", 60), ("contact_request", 40)];

/// The roles that a policy may have here.
pub const ROLES: [&str; 2] = ["sdr", "ae"];

/// The policy that goes with a shape, for the first so many [`ROLES`].
pub fn config(shape: &Shape, roles: usize) -> Config {
    config::parse("workload.toml", &text(shape, roles), &[]).unwrap_or_else(|report| panic!("{report:?}"))
}

/// The same as TOML, with what feeds need.
pub fn text(shape: &Shape, roles: usize) -> String {
    let mut text = String::from("[policy]\nversion = 1\n");
    scoring(&mut text);
    kinds(&mut text, shape.plain);
    text.push_str(FIT_AND_SOURCES);
    segments(&mut text, shape.bare);
    ROLES.iter().take(roles).for_each(|role| text.push_str(&ROLE.replace("sdr", role)));
    ROLES.iter().take(roles).for_each(|role| books(&mut text, role));
    text.push_str(REST);
    text
}

fn scoring(text: &mut String) {
    let _ = writeln!(text, "[policy.scoring]\nfit_share = {FIT_SHARE:?}\nhalf_timing_points = {HALF_TIMING_POINTS:?}");
    for (class, name) in ["intent", "engagement", "inbound", "activity"].iter().enumerate() {
        let (hours, weight, cap) = (HALF_LIFE_HOURS[class], WEIGHT[class], CAP[class]);
        let _ = writeln!(text, "{name} = {{ half_life = \"{hours}h\", weight = {weight:?}, cap = {cap:?} }}");
    }
}

fn kinds(text: &mut String, plain: bool) {
    for (class, kind, points, full) in KINDS {
        let _ = writeln!(text, "[policy.kinds.{class}.{kind}]\npoints = {points:?}");
        if let Some(full) = full {
            let _ = writeln!(text, "full_strength = {full:?}");
        }
        if let Some((_, most)) = MAX_PER_DAY.iter().find(|(name, _)| *name == kind && !plain) {
            let _ = writeln!(text, "max_per_day = {most}");
        }
        if let Some((_, least)) = IN_MARKET.iter().find(|(name, _)| *name == kind) {
            let _ = writeln!(text, "in_market = {least}");
        }
    }
}

/// A market each: a country and a size of company. Accounts without fields are all in the first.
fn segments(text: &mut String, bare: bool) {
    for (number, country) in COUNTRIES.iter().enumerate() {
        for (index, (size, least, below)) in SIZES.into_iter().enumerate() {
            let name = country.to_lowercase();
            let filter = match bare {
                true => (number + index == 0).to_string(),
                false => format!("country == \"{country}\" && employees >= {least} && employees < {below}"),
            };
            let _ =
                writeln!(text, "[[policy.segments]]\nname = \"{name}-{size}\"\nfilter = '{filter}'\nthreshold = 45");
        }
    }
}

/// A book for each country, with its four markets.
fn books(text: &mut String, role: &str) {
    for (number, country) in COUNTRIES.iter().enumerate() {
        let name = country.to_lowercase();
        let zone = ["Europe/Berlin", "America/New_York", "Asia/Tokyo", "UTC"][number % 4];
        let segments = SIZES.map(|(size, _, _)| match size {
            "small" => format!("{{ name = \"{name}-{size}\", cap = 30 }}"),
            _ => format!("{{ name = \"{name}-{size}\" }}"),
        });
        let _ = write!(
            text,
            "[[policy.books]]\nname = \"{role}-{name}\"\nrole = \"{role}\"\nzone = \"{zone}\"\nsegments = [{}]\n{BOOK}",
            segments.join(", ")
        );
    }
}

const FIT_AND_SOURCES: &str = r#"
[[policy.fit.criteria]]
filter = 'industry in ["software", "financial services", "manufacturing"]'
weight = 3
[[policy.fit.criteria]]
filter = 'employees >= 200 && employees <= 5000'
weight = 3
[[policy.fit.criteria]]
filter = 'revenue_musd >= 50'
weight = 2
[[policy.fit.criteria]]
filter = 'tier == "a"'
weight = 2

[[policy.sources]]
name = "crm"
lateness = "1h"
cadence = "1d"
[[policy.sources]]
name = "sales-engagement"
lateness = "1h"
cadence = "1d"
"#;

const ROLE: &str = r#"
[[policy.roles]]
name = "sdr"
exclude = 'customer || named'
holding_users = ["crm-holding-sdr"]
sort = [{ field = "employees", descending = true }, { field = "revenue_musd" }]
"#;

/// Whoever is worked at all is worked about once a day; nobody else survives grace.
const BOOK: &str = r#"
capacity = 60
fill_idle = 30
grace = "3d"
lead = "1d"
rest = "1d"
sources = ["crm", "sales-engagement"]
[policy.books.evidence]
window = "8d"
touches = 2
days = 2
contacts = 2
kinds = ["email_sent", "email_replied", "call_connected", "meeting_held"]
[policy.books.caps]
per_rep_day = 5
per_book_hour = 0.02
[policy.books.cool_off]
owners = 1
period = "90d"
"#;

const REST: &str = r#"
[policy.breaker]
book_share = 0.25
book_min = 5
all_share = 0.1
all_min = 20
quiet = "3d"
quiet_acts = 10

[feeds]
hash_key = "a key for benchmarks alone"
"#;
