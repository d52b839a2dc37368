//! The whole way: text to policy, feeds and settings; what is refused and how it is shown.

use super::*;
use crate::domain::Topic;
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

const DEFAULT: &str = include_str!("../../config/default.toml");
const DEMO: &str = include_str!("../../config/demo.toml");

#[test]
fn the_files_that_are_shipped_are_read() {
    assert_eq!(read(DEFAULT).warnings, [Warning::NoHashKey]);
    let demo = read(DEMO);
    assert!(matches!(&demo.settings.log, LogSettings::Files { dir, .. } if dir.ends_with("target/demo")));
    assert!(demo.policy.kind_index(Class::Inbound, "demo_request").is_some());
    assert_eq!(demo.warnings, [Warning::NoHashKey]);
}

#[test]
fn the_canonical_text_is_a_policy_with_the_same_text() {
    for text in [MINIMAL, DEFAULT, DEMO] {
        let policy = read(text).policy;
        let again = read(&policy.text).policy;
        assert_eq!(*again.text, *policy.text);
        assert_eq!(again, policy);
    }
}

#[test]
fn tmp_show() {
    for text in [
        with(
            "name = \"everybody\"",
            "name = \"everybody\"\nfilter = 'employees >= 5 && industri.matches(\"x\")'\ntreshold = 5",
        ),
        with("capacity = 50", "capacity = 50\nlead = 3\n"),
        with("capacity = 50\n", ""),
        with("points = 20", "points = -20, full_strenght = 4"),
        with("capacity = 50", "capacity = -50"),
        with("role = \"sdr\"\ncap", "role = \"sdrs\"\nreturns.competitor = { handling = \"rests\" }\ncap"),
        with(
            "version = 1",
            "version = 1\nscoring.tiers = [50, 25, 75]\nwindows.late = \"10d\"\nscoring.intent.half_life_hours = 5",
        ),
        with("[policy]\n", "[policy\n"),
        "".into(),
        with(
            "role = \"sdr\"\ncap",
            "role = \"sdr\"\nzone = \"Europe/Berln\"\nreturns.competitor = { handling = \"rest\" }\ncap",
        ),
        MINIMAL.to_owned()
            + "[kafka]\nproperties.acks = 1\nproperties.sasl.password_file = '/nix'\n[log]\nkind = 'kafka'\n",
    ] {
        println!("{}", refused(&text));
    }
}
