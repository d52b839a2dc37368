//! The whole way: text to policy, feeds and settings; what is refused and how it is shown.

mod local;
mod mistakes;
mod shipped;

use super::*;
use crate::domain::policy::{Fit, Handling};
use crate::domain::request::ReturnReason;
use crate::domain::signal::Class;
use settings::LogSettings;

const MINIMAL: &str = r#"
[policy]
version = 1

[policy.kinds.intent]
surge = { points = 20 }

[policy.kinds.activity]
email_sent = {}
meeting_held = {}

[[policy.sources]]
name = "crm"

[[policy.roles]]
name = "sdr"

[[policy.segments]]
name = "everybody"

[[policy.books]]
name = "sdr"
role = "sdr"
capacity = 50
evidence = { window = "21d", kinds = ["email_sent", "meeting_held"] }
"#;

fn read(text: &str) -> Config {
    parse("test.toml", text, &[]).unwrap_or_else(|report| panic!("{}", shown(&report)))
}

fn shown(report: &miette::Report) -> String {
    let mut text = String::new();
    let theme = miette::GraphicalTheme::unicode_nocolor();
    miette::GraphicalReportHandler::new_themed(theme).render_report(&mut text, report.as_ref()).unwrap();
    text
}

fn refused(text: &str) -> String {
    match parse("test.toml", text, &[]) {
        Ok(_) => panic!("nothing was wrong with\n{text}"),
        Err(report) => shown(&report),
    }
}

/// The minimal file with one piece replaced.
fn with(old: &str, new: &str) -> String {
    assert!(MINIMAL.contains(old), "{old}");
    MINIMAL.replacen(old, new, 1)
}

#[test]
fn a_minimal_policy_has_sensible_defaults() {
    let Config { policy, settings, .. } = read(MINIMAL);
    let book = &policy.books[0];
    assert_eq!((policy.version, policy.roles.len(), policy.segments.len()), (1, 1, 1));
    assert_eq!(policy.fit, Fit::Given { otherwise: 500_000 });
    assert_eq!(policy.scoring.tiers, [25_000_000, 50_000_000, 75_000_000]);
    assert_eq!((book.grace_s, book.lead_s, book.rest_s), (21 * 86_400, 3 * 86_400, 30 * 86_400));
    assert_eq!((book.sources.as_slice(), book.segments.len()), (&[0u16][..], 1));
    assert_eq!(book.evidence.kinds, [1, 2]);
    assert_eq!(policy.windows, Default::default());
    assert_eq!(policy.breaker, Default::default());
    assert!(policy.roles[0].exclude_open_opportunities);
    let rule = |reason| policy.return_rule(0, reason).map(|rule| &rule.handling);
    assert_eq!(rule(ReturnReason::CallBack), Some(&Handling::Date));
    assert_eq!(rule(ReturnReason::OutOfBusiness), Some(&Handling::Retire));
    assert_eq!(rule(ReturnReason::NotInterested), Some(&Handling::Rest(90 * 86_400)));
    assert!(matches!(settings.log, LogSettings::Files { sync_every_commits: 1, .. }));
}

const DEFAULT: &str = include_str!("../../../config/default.toml");
const DEMO: &str = include_str!("../../../config/demo.toml");

#[test]
fn the_canonical_text_is_a_policy_with_the_same_text() {
    for text in [MINIMAL, DEFAULT, DEMO] {
        let policy = read(text).policy;
        let again = read(&policy.text).policy;
        assert_eq!(*again.text, *policy.text);
        assert_eq!(again, policy);
    }
}

/// Journals hold this text, and the same version with another text is refused: if this fails after an upgrade
/// of a library, the writing must be kept as it was; after a change of a default, the release notes must say so.
#[test]
fn the_canonical_text_stays_as_it_is() {
    assert_eq!(&*read(MINIMAL).policy.text, include_str!("canonical.toml"));
}

#[test]
fn the_canonical_text_hangs_on_the_meaning_alone() {
    let text = read(MINIMAL).policy.text;
    for same in [
        with("version = 1", "# a comment\n  version=1 # another"),
        with("\"21d\"", "\"3w\""),
        with("name = \"sdr\"\n\n", "not_after = \"24h\"\nexclude = ' false'\nname = 'sdr'\n\n"),
        with("[\"email_sent\", \"meeting_held\"]", "[\"meeting_held\",\n  \"email_sent\"]"),
        with("email_sent = {}\nmeeting_held = {}", "meeting_held = {}\nemail_sent = { points = 0.0 }"),
        with("capacity = 50", "capacity = 50\ngrace = \"21d\"\nsources = ['crm']\nsegments = [{ name = 'everybody' }]"),
        with("name = \"sdr\"\n\n", "name = \"sdr\"\nconfirm = \"assume\"\n\n"),
        with("name = \"sdr\"\n\n", "name = \"sdr\"\nmode = \"live\"\n\n"),
        with("version = 1", "version = 1\nwindows.late = \"1w\"\nscoring.intent.weight = 1\nfit.otherwise = 0.5"),
        MINIMAL.to_owned() + "[log]\ndir = 'elsewhere'\n",
    ] {
        assert_eq!(read(&same).policy.text, text, "{same}");
    }
    let confirms = |by: &str| with("name = \"sdr\"\n\n", &format!("name = \"sdr\"\nconfirm = \"{by}\"\n\n"));
    let most = |by: &str, most: u32| {
        let confirm = format!("confirm = \"{by}\"\n");
        confirms(by).replace(&confirm, &format!("{confirm}max_unresolved = {most}\n"))
    };
    assert_eq!(read(&most("results", 1_000)).policy.text, read(&confirms("results")).policy.text, "the default");
    for other in [
        confirms("echo"),
        confirms("results"),
        with("name = \"sdr\"\n\n", "name = \"sdr\"\nmode = \"shadow\"\n\n"),
        with("name = \"sdr\"\n\n", "name = \"sdr\"\napprove_above = 0\n\n"),
        with("points = 20", "points = 20.001"),
        with("capacity = 50", "capacity = 50\nsources = []"),
    ] {
        assert_ne!(read(&other).policy.text, text, "{other}");
    }
}

#[test]
fn every_value_arrives_where_it_belongs() {
    let policy = read(DEFAULT).policy;
    let surge = &policy.kinds[usize::from(policy.kind_index(Class::Intent, "surge").unwrap())];
    assert_eq!((surge.points_milli, surge.full_strength, surge.in_market_milli), (30_000, Some(100_000), Some(15_000)));
    assert_eq!(policy.sources[usize::from(policy.source_index("sales-engagement").unwrap())].cadence_s, 86_400);
    let book = &policy.books[usize::from(policy.book_index("sdr-standard").unwrap())];
    assert_eq!((book.fill_idle, book.segments[0].cap, book.segments[1].cap), (Some(20_000_000), Some(20), None));
    assert_eq!((book.evidence.touches, book.evidence.days, book.evidence.contacts), (3, 2, 2));
    assert!(book.evidence.kinds.iter().all(|kind| policy.kinds[usize::from(*kind)].class == Class::Activity));
    let rule = policy.return_rule(0, ReturnReason::NotInterested).unwrap();
    assert_eq!((rule.min_touches, rule.quota), (3, Some((20, 30 * 86_400))));
    assert_eq!(&*policy.books[1].zone.name, "UTC");
    assert_eq!(policy.books[1].grace_s, 45 * 86_400);
    assert_eq!((policy.roles[0].sort.len(), policy.roles[0].sort[1].descending), (2, true));
    assert_eq!(policy.segments[0].threshold, 35_000_000);
    assert!(policy.kinds.is_sorted_by_key(|kind| (kind.class, kind.name.clone())));
}

#[test]
fn fit_stands_alone_where_nothing_has_points() {
    assert_eq!(read(&with("points = 20", "points = 0")).policy.scoring.fit_share, 1.0);
    assert_eq!(read(MINIMAL).policy.scoring.fit_share, 0.5);
}

#[test]
fn a_refused_reason_has_no_rule() {
    let config = read(&with("capacity = 50", "capacity = 50\nreturns.competitor = { handling = \"refuse\" }"));
    assert_eq!(config.policy.return_rule(0, ReturnReason::Competitor), None);
    assert!(config.policy.return_rule(0, ReturnReason::Duplicate).is_some());
}

#[test]
fn what_is_hardly_meant_is_a_warning() {
    let warned = |text: &str| read(text).warnings.iter().map(Warning::to_string).collect::<Vec<_>>().join("\n");
    let table = [
        (with("capacity = 50", "capacity = 50\nlead = \"21d\""), "the warning's lead is as long as"),
        (with("capacity = 50", "capacity = 50\ngrace = \"1d\""), "grace is shorter than the lead"),
        (with("capacity = 50", "capacity = 50\nfill_idle = 5"), "fill_idle isn't below"),
        (with("capacity = 50", "capacity = 50\nsegments = [{ name = 'everybody', cap = 50 }]"), "never acts"),
        (with("[[policy.sources]]\nname = \"crm\"\n", ""), "depends on no activity source"),
        (
            with(
                "[[policy.books]]",
                "[[policy.segments]]\nname = 'more'\n[[policy.books]]\nsegments = [{ name = 'more' }]",
            ),
            "segment everybody is in no book of role sdr",
        ),
    ];
    for (text, expected) in table {
        assert!(warned(&text).contains(expected), "{expected}: {}", warned(&text));
    }
    assert_eq!(read(MINIMAL).warnings, [Warning::NoHashKey]);
    let silent = read(&with("capacity = 50", "capacity = 50\nsources = []"));
    assert_eq!((silent.warnings.len(), silent.policy.books[0].sources.len()), (1, 0), "written out, so it is meant");
}
