//! The shipped files can't drift from the code: `default.toml` has every key, with the default that it says.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use toml::{Table, Value};

#[test]
fn the_files_are_read_without_a_warning_but_for_the_key() {
    assert_eq!(read(DEFAULT).warnings, [Warning::NoHashKey]);
    let demo = read(DEMO);
    assert_eq!(demo.warnings, [Warning::NoHashKey]);
    assert!(matches!(&demo.settings.log, LogSettings::Files { dir, .. } if dir.ends_with("target/demo")));
}

#[test]
fn both_files_know_the_same_kinds_and_sources() {
    let names = |text| {
        let policy = read(text).policy;
        let kinds = policy.kinds.into_iter().map(|kind| (kind.class, kind.name)).collect::<Vec<_>>();
        (kinds, policy.sources.into_iter().map(|source| source.name).collect::<Vec<_>>())
    };
    assert_eq!(names(DEFAULT), names(DEMO));
}

/// Where a value stands: keys, and indices as numbers.
type Place = Vec<String>;

/// Every table of the file with its place.
fn tables(at: &Place, value: &Value, found: &mut Vec<Place>) {
    let below = |key: String| at.iter().cloned().chain([key]).collect::<Place>();
    match value {
        Value::Table(table) => {
            found.push(at.clone());
            table.iter().for_each(|(key, value)| tables(&below(key.clone()), value, found));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| tables(&below(index.to_string()), item, found));
        }
        _ => {}
    }
}

fn table_at<'v>(root: &'v mut Value, place: &Place) -> &'v mut Table {
    let found = place.iter().fold(root, |value, key| match value {
        Value::Array(items) => &mut items[key.parse::<usize>().unwrap()],
        other => other.get_mut(key).unwrap(),
    });
    found.as_table_mut().unwrap()
}

/// What the mirror would have taken at this place instead of a key that it can't know.
fn known_keys(place: &Place) -> Option<Vec<String>> {
    let mut root = Value::Table(DEFAULT.parse().unwrap());
    table_at(&mut root, place).insert("zzz".into(), Value::Integer(1));
    let text = toml::to_string(&root).unwrap();
    let mut mistakes = Vec::new();
    mirror::<RawConfig>(Source::new(&text, &[]).table().0, &mut mistakes);
    mistakes.into_iter().find_map(|mistake| match mistake.fault {
        Fault::UnknownKey { key, known } if key == "zzz" => Some(known),
        _ => None,
    })
}

#[test]
fn every_key_is_in_the_default_file() {
    let mut root = Value::Table(DEFAULT.parse().unwrap());
    let mut places = Vec::new();
    tables(&Vec::new(), &root, &mut places);
    let commented: BTreeSet<String> = DEFAULT
        .lines()
        .filter_map(|line| line.strip_prefix("# ")?.split_once(" = "))
        .map(|(key, _)| key.to_owned())
        .collect();
    // Tables of one shape (every book, every kind) have every key between them.
    let mut written: BTreeMap<Vec<String>, BTreeSet<String>> = BTreeMap::new();
    for place in &places {
        if let Some(known) = known_keys(place) {
            written.entry(known).or_default().extend(table_at(&mut root, place).keys().cloned());
        }
    }
    assert!(written.len() >= 25, "only {} shapes of tables were found", written.len());
    for (known, keys) in written {
        let missing: Vec<_> = known.iter().filter(|key| !keys.contains(*key) && !commented.contains(*key)).collect();
        assert_eq!(missing, Vec::<&String>::new(), "beside {keys:?}");
    }
}

/// Tables whose keys have hardly a default, and the second book, which is there to differ from the first.
const WITHOUT_DEFAULT: [&str; 6] =
    ["policy.roles", "policy.segments", "policy.kinds", "policy.fit", "policy.books.0.segments.", "policy.books.1"];

/// Of everything else, these keys have no default, or another one than the value in the file.
const CHOSEN: &[&str] = &[
    "policy",
    "policy.books",
    "policy.books.0.capacity",
    "policy.books.0.evidence",
    "policy.books.0.evidence.contacts",
    "policy.books.0.evidence.days",
    "policy.books.0.evidence.kinds",
    "policy.books.0.evidence.touches",
    "policy.books.0.evidence.window",
    "policy.books.0.fill_idle",
    "policy.books.0.name",
    "policy.books.0.returns",
    "policy.books.0.returns.bad_data.handling",
    "policy.books.0.returns.call_back.handling",
    "policy.books.0.returns.competitor.handling",
    "policy.books.0.returns.competitor.rest",
    "policy.books.0.returns.duplicate.handling",
    "policy.books.0.returns.no_icp_match.handling",
    "policy.books.0.returns.no_relevant_contact.handling",
    "policy.books.0.returns.no_relevant_contact.rest",
    "policy.books.0.returns.not_interested",
    "policy.books.0.returns.not_interested.handling",
    "policy.books.0.returns.not_interested.min_touches",
    "policy.books.0.returns.not_interested.quota",
    "policy.books.0.returns.not_interested.rest",
    "policy.books.0.returns.out_of_business.handling",
    "policy.books.0.role",
    "policy.books.0.segments",
    "policy.books.0.zone",
    "policy.sources",
    "policy.sources.0.cadence",
    "policy.sources.0.name",
    "policy.sources.1.name",
    "policy.version",
];

#[test]
fn a_key_that_is_taken_out_has_the_value_that_stood_there() {
    let root = Value::Table(DEFAULT.parse().unwrap());
    let kafka = [
        ("BOOKD__LOG__KIND".to_owned(), "kafka".to_owned()),
        ("BOOKD__FEEDS__HASH_KEY".to_owned(), "0123456789abcdef".to_owned()),
    ];
    let outcome = |root: &Value, environment: &[(String, String)]| {
        let config = parse("default.toml", &toml::to_string(root).unwrap(), environment).ok()?;
        Some((config.policy, config.feeds, config.settings))
    };
    let (on_files, on_kafka) = (outcome(&root, &[]), outcome(&root, &kafka));
    let mut places = Vec::new();
    tables(&Vec::new(), &root, &mut places);
    let mut chosen = BTreeSet::new();
    for place in &places {
        for key in table_at(&mut root.clone(), place).clone().keys() {
            let mut without = root.clone();
            table_at(&mut without, place).remove(key);
            if outcome(&without, &[]) != on_files || outcome(&without, &kafka) != on_kafka {
                chosen.insert(place.iter().chain([key]).cloned().collect::<Vec<_>>().join("."));
            }
        }
    }
    let rest = chosen.iter().filter(|path| !WITHOUT_DEFAULT.iter().any(|prefix| path.starts_with(prefix)));
    assert_eq!(rest.collect::<Vec<_>>(), CHOSEN);
}
