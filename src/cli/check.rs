//! `bookd check`: what a configuration says, on one screen, or what is wrong with it. Offline.

use std::fmt::Write;
use std::path::PathBuf;

use crate::config::period::Period;
use crate::config::{self, Config, LogSettings, filter};
use crate::domain::Policy;
use crate::domain::filter::Filter;
use crate::domain::policy::{Book, Evidence, Fit, Handling, PRIORITY_ONE, Role, RoleMode, Scoring, Windows};
use crate::domain::request::ReturnReason;
use crate::domain::signal::Class;

/// Memory of one remembered event id, for people: hash, time and their place in a table.
const DEDUP_BYTES_EACH: u64 = 77;

/// The burst by which the hanging-over of a cap is shown: so many times the cap, and its binary logarithm.
const BURST: u32 = 4;
const BURST_HALF_LIVES: u32 = 2;

/// Columns of the screen, less what the indent takes.
const WIDTH: usize = 100;

#[derive(Clone, Debug, clap::Args)]
pub struct CheckArgs {
    /// The configuration file.
    #[arg(long, short, env = "BOOKD_CONFIG", default_value = config::DEFAULT_FILE, value_name = "FILE")]
    pub config: PathBuf,
    /// Fail on warnings, too.
    #[arg(long)]
    pub strict: bool,
}

#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("warnings in the configuration: {0}; --strict allows none")]
struct Warned(usize);

/// Prints what the configuration says. An error is a report with every mistake.
pub fn run(args: &CheckArgs) -> miette::Result<()> {
    let config = config::load(&args.config, &config::environment())?;
    out!("{}", describe(&config));
    for warning in &config.warnings {
        eprintln!("warning: {warning}");
    }
    if args.strict && !config.warnings.is_empty() {
        return Err(Warned(config.warnings.len()).into());
    }
    Ok(())
}

/// The policy and the settings in words.
pub fn describe(config: &Config) -> String {
    let policy = &config.policy;
    let mut out = format!("policy version {}\n\nroles\n", policy.version);
    for role in &policy.roles {
        line(&mut out, &describe_role(role));
    }
    out.push_str("\nsegments\n");
    for segment in &policy.segments {
        let from = points(segment.threshold);
        line(&mut out, &format!("{:<16} from {from:>4}  {}", segment.name, filter::text(&segment.filter)));
    }
    for book in &policy.books {
        describe_book(&mut out, policy, book);
    }
    describe_scoring(&mut out, policy);
    out.push_str("\nthis process\n");
    line(&mut out, &describe_windows(&policy.windows));
    line(&mut out, &describe_log(&config.settings.log));
    let listen = config.settings.http_listen.map_or("off".to_owned(), |address| address.to_string());
    line(&mut out, &format!("snapshots in {}, HTTP {listen}", config.settings.snapshots_dir.display()));
    out
}

/// An indented line, folded between words where it is too long.
fn line(out: &mut String, text: &str) {
    let mut column = 0;
    for (index, word) in text.split(' ').enumerate() {
        let length = word.chars().count();
        let (fold, space) = (column + length > WIDTH, index > 0);
        out.push_str(if fold {
            "\n      "
        } else if space {
            " "
        } else {
            "  "
        });
        out.push_str(word);
        column = if fold { length } else { column + length + 1 };
    }
    out.push('\n');
}

fn describe_role(role: &Role) -> String {
    let mut text = format!("{:<16} ", role.name);
    if role.exclude == Filter::Never {
        text.push_str("every account");
    } else {
        let _ = write!(text, "without {}", filter::text(&role.exclude));
    }
    if role.exclude_open_opportunities {
        text.push_str(", without open opportunities");
    }
    if !role.holding_users.is_empty() {
        let _ = write!(text, ", {} holding", role.holding_users.len());
    }
    if let Some(most) = role.approve_above {
        let _ = write!(text, ", more than {most} losses at once are to be approved");
    }
    if role.mode == RoleMode::Shadow {
        text.push_str("; in shadow until a request go_live");
    }
    text
}

fn describe_book(out: &mut String, policy: &Policy, book: &Book) {
    let role = &policy.roles[usize::from(book.role)].name;
    let _ = writeln!(out, "\nbook {} of role {role}", book.name);
    let fill = book.fill_idle.map(|from| format!(", idle slots filled from {}", points(from)));
    line(out, &format!("{} accounts{}; days of {}", book.capacity, fill.unwrap_or_default(), book.zone.name));
    line(out, &format!("segments: {}", segments(policy, book)));
    line(out, &format!("kept while {}", evidence(&book.evidence)));
    line(out, &format!("meaningful: {}", names(policy.kinds.iter().map(|kind| &*kind.name), &book.evidence.kinds)));
    line(out, &losses(book));
    line(
        out,
        &format!("no loss ahead of: {}", or_nothing(names(policy.sources.iter().map(|s| &*s.name), &book.sources))),
    );
    line(out, &format!("returns: {}", returns(book)));
}

fn segments(policy: &Policy, book: &Book) -> String {
    let each = book.segments.iter().map(|each| {
        let name = &policy.segments[usize::from(each.segment)].name;
        each.cap.map_or(name.to_string(), |cap| format!("{name} (at most {cap})"))
    });
    each.collect::<Vec<_>>().join(", ")
}

fn evidence(evidence: &Evidence) -> String {
    let terms = [
        (evidence.touches, "touches"),
        (evidence.days, "days"),
        (evidence.contacts, "contacts"),
        (evidence.replies, "replies"),
    ];
    let asked = terms.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{what} ≥ {count}"));
    format!("within {}: {}", Period(evidence.window_s), asked.collect::<Vec<_>>().join(", "))
}

fn losses(book: &Book) -> String {
    let caps = &book.caps;
    format!(
        "grace {}, warned {} before, rests {}; losses ≤ {} a rep and day, ≤ {} % of all an hour",
        Period(book.grace_s),
        Period(book.lead_s),
        Period(book.rest_s),
        caps.per_rep_day,
        f64::from(caps.per_book_hour_ppm) / 10_000.0,
    )
}

fn names<'a>(all: impl Iterator<Item = &'a str>, indices: &[u16]) -> String {
    let all: Vec<&str> = all.collect();
    indices.iter().map(|index| all[usize::from(*index)]).collect::<Vec<_>>().join(", ")
}

fn or_nothing(list: String) -> String {
    if list.is_empty() { "nothing".into() } else { list }
}

fn returns(book: &Book) -> String {
    let rules = ReturnReason::ALL.iter().zip(&book.returns).map(|(reason, rule)| {
        let handling = match rule.as_ref().map(|rule| &rule.handling) {
            None => "refused".to_owned(),
            Some(Handling::Review) => "review".to_owned(),
            Some(Handling::Rest(seconds)) => Period(*seconds).to_string(),
            Some(Handling::Date) => "date".to_owned(),
            Some(Handling::Retire) => "retired".to_owned(),
        };
        format!("{} {handling}", reason.name())
    });
    rules.collect::<Vec<_>>().join(", ")
}

fn describe_scoring(out: &mut String, policy: &Policy) {
    let scoring = &policy.scoring;
    let share = (scoring.fit_share * 1000.0).round() / 10.0;
    let _ = writeln!(out, "\nscoring");
    let fit = match &policy.fit {
        Fit::Given { otherwise } => format!("given, else {}", f64::from(*otherwise) / 1e6),
        Fit::Criteria(criteria) => format!("by {} criteria", criteria.len()),
    };
    let tiers = scoring.tiers.map(points).join(", ");
    line(
        out,
        &format!(
            "{share} % fit ({fit}), {} % timing, half at {} points; tiers from {tiers}",
            100.0 - share,
            scoring.half_timing_points
        ),
    );
    for (index, class) in Class::ALL.into_iter().enumerate() {
        line(out, &describe_class(scoring, index, class, policy));
    }
}

/// A capped class hangs over for log2(S / cap) half-lives: until then, decay doesn't show.
fn describe_class(scoring: &Scoring, index: usize, class: Class, policy: &Policy) -> String {
    let half_life_s = scoring.half_life_s[index];
    let over = Period(half_life_s.saturating_mul(BURST_HALF_LIVES));
    let kinds = policy.kinds.iter().filter(|kind| kind.class == class).count();
    format!(
        "{:<10} {kinds:>2} kinds, half-life {}, weight {}, cap {}: a burst of {BURST} caps hangs over for {over}",
        class.name(),
        Period(half_life_s),
        scoring.weight[index],
        scoring.cap[index],
    )
}

fn describe_windows(windows: &Windows) -> String {
    let megabytes = u64::from(windows.dedup_max) * DEDUP_BYTES_EACH / 1_000_000;
    format!("{} event ids remembered for {}: up to {megabytes} MB", windows.dedup_max, Period(windows.dedup_s))
}

fn describe_log(log: &LogSettings) -> String {
    match log {
        LogSettings::Files { dir, .. } => format!("log on files in {}", dir.display()),
        LogSettings::Kafka { brokers, shard, id, .. } => format!("log on Kafka at {brokers} as {id}, shard {shard}"),
    }
}

/// A priority in points, with at most one decimal.
fn points(millionths: u32) -> String {
    let tenths = (f64::from(millionths) / f64::from(PRIORITY_ONE) * 10.0).round() / 10.0;
    tenths.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_policy_fits_one_screen() {
        let config = config::parse("default.toml", include_str!("../../config/default.toml"), &[]).unwrap();
        let text = describe(&config);
        assert!(text.lines().count() <= 50, "{text}");
        for expected in [
            "policy version 1",
            "sdr              without customer || named, without open opportunities, 1 holding",
            "mid-market       from   40  employees >= 100 && employees < 1000",
            "book ae-standard of role ae",
            "80 accounts, idle slots filled from 20; days of Europe/Berlin",
            "segments: enterprise (at most 20), mid-market, small-business (at most 10)",
            "kept while within 21d: touches ≥ 3, days ≥ 2, contacts ≥ 2",
            "grace 21d, warned 3d before, rests 30d; losses ≤ 5 a rep and day, ≤ 2 % of all an hour",
            "half-life 14d, weight 1, cap 60: a burst of 4 caps hangs over for 28d",
            "10000000 event ids remembered for 7d: up to 770 MB",
            "log on files in data/log",
        ] {
            assert!(text.contains(expected), "{expected}\nis not in\n{text}");
        }
    }

    #[test]
    fn strict_fails_on_warnings_and_a_missing_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("bookd.toml");
        std::fs::write(&config, include_str!("../../config/demo.toml")).unwrap();
        assert!(run(&CheckArgs { config: config.clone(), strict: false }).is_ok());
        assert!(run(&CheckArgs { config, strict: true }).is_err());
        let missing = CheckArgs { config: dir.path().join("nothing.toml"), strict: false };
        assert!(format!("{:?}", run(&missing).unwrap_err()).contains("nothing.toml"));
    }
}
