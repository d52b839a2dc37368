//! Settings, feeds, secrets, and the environment over them.

use std::collections::BTreeMap;

use super::*;
use crate::domain::Topic;

/// The minimal file on Kafka, with more lines.
fn on_kafka(more: &str) -> String {
    format!("{MINIMAL}\n[log]\nkind = \"kafka\"\n[feeds]\nhash_key = \"0123456789abcdef\"\n[kafka]\n{more}")
}

fn kafka(text: &str) -> (String, u16, String, BTreeMap<Topic, String>, BTreeMap<String, String>) {
    match read(text).settings.log {
        LogSettings::Kafka { brokers, shard, id, topics, properties } => (brokers, shard, id, topics, properties),
        other => panic!("not Kafka: {other:?}"),
    }
}

#[test]
fn kafka_has_every_topic_by_its_default_name() {
    let (brokers, shard, id, topics, properties) = kafka(&on_kafka("topics.account-state = \"sales.state\"\n"));
    assert_eq!((brokers.as_str(), shard, id.as_str()), ("localhost:9092", 0, "bookd"));
    assert_eq!(topics.len(), Topic::INPUTS.len() + Topic::OUTPUTS.len());
    assert_eq!(topics[&Topic::AccountState], "sales.state");
    assert_eq!(topics[&Topic::DeadLetters], "bookd.dead-letters.v1");
    assert_eq!(properties, BTreeMap::new());
}

#[test]
fn properties_pass_through_flat_and_secrets_come_from_files() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("password");
    std::fs::write(&path, "s3cret\n").unwrap();
    let text = on_kafka(&format!(
        "[kafka.properties]\n\"security.protocol\" = \"sasl_ssl\"\nsasl.username = \"u\"\nlinger.ms = 5\n\
         ssl.verify = true\nsasl.password_file = '{}'\n",
        path.display()
    ));
    let (.., properties) = kafka(&text);
    let expected = [
        ("linger.ms", "5"),
        ("sasl.password", "s3cret"),
        ("sasl.username", "u"),
        ("security.protocol", "sasl_ssl"),
        ("ssl.verify", "true"),
    ];
    assert_eq!(properties, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
}

#[test]
fn properties_that_correctness_needs_are_refused_with_the_reason() {
    for (name, value, reason) in [
        ("enable.auto.commit", "true", "positions are in the journal"),
        ("group.id", "'x'", "it is made of `id` and `shard`"),
        ("isolation.level", "'read_uncommitted'", "uncommitted records must never be read"),
        ("transactional.id", "'x'", "it fences a former leader"),
        ("auto.offset.reset", "'latest'", "is an error, never a jump"),
        ("enable.idempotence", "false", "a retry could write twice"),
        ("acks", "1", "every replica"),
        ("bootstrap.servers", "'x:1'", "it is `brokers`"),
    ] {
        let report = refused(&on_kafka(&format!("[kafka.properties]\n{name} = {value}\n")));
        assert!(report.contains(&format!("`{name}`")) && report.contains(reason), "{report}");
        assert!(report.contains("──"), "nothing is underlined: {report}");
    }
}

#[test]
fn the_environment_reaches_every_section() {
    let environment = [
        ("BOOKD__LOG__KIND", "kafka"),
        ("BOOKD__KAFKA__BROKERS", "a:1,b:2"),
        ("BOOKD__KAFKA__SHARD", "7"),
        ("BOOKD__KAFKA__PROPERTIES__SASL__USERNAME", "me"),
        ("BOOKD__FEEDS__HASH_KEY", "0123456789abcdef"),
        ("BOOKD__LOOP__HEARTBEAT", "3s"),
        ("BOOKD__HTTP__LISTEN", "0.0.0.0:9000"),
        ("BOOKD__POLICY__VERSION", "9"),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = parse("test.toml", MINIMAL, &environment).unwrap_or_else(|report| panic!("{}", shown(&report)));
    assert_eq!(config.policy.version, 9);
    assert_eq!(config.feeds.hash_key, b"0123456789abcdef");
    assert_eq!((config.settings.heartbeat_s, config.settings.http_listen.unwrap().port()), (3, 9000));
    let LogSettings::Kafka { brokers, shard, properties, .. } = config.settings.log else { panic!("not Kafka") };
    assert_eq!((brokers.as_str(), shard, properties["sasl.username"].as_str()), ("a:1,b:2", 7, "me"));
}

#[test]
fn a_wrong_variable_is_shown_by_its_name_and_no_secret_with_it() {
    let environment = [
        ("BOOKD__KAFKA__BROKER".to_owned(), "x:9092".to_owned()),
        ("BOOKD__KAFKA__PROPERTIES__SASL__PASSWORD".to_owned(), "s3cret".to_owned()),
        ("BOOKD__FEEDS__HASH_KEY".to_owned(), "t00short".to_owned()),
    ];
    let report = shown(&parse("test.toml", MINIMAL, &environment).unwrap_err());
    assert!(report.contains("BOOKD__KAFKA__BROKER"), "{report}");
    assert!(report.contains("did you mean `brokers`?"), "{report}");
    assert!(report.contains("this key is too short"), "{report}");
    assert!(!report.contains("s3cret") && !report.contains("t00short"), "{report}");
}

#[test]
fn feeds_are_normalised() {
    let more = "[feeds]\nfree_mail = ['Mail.Example', 'münchen.de']\n[feeds.domain_aliases]\n'Example.ORG' = 'example.com.'\n\
                [feeds.limits]\ndepth = 8\n";
    let feeds = read(&format!("{MINIMAL}\n{more}")).feeds;
    assert_eq!(feeds.free_mail, ["mail.example".to_owned(), "xn--mnchen-3ya.de".to_owned()].into());
    assert_eq!(feeds.domain_aliases, [("example.org".to_owned(), "example.com".to_owned())].into());
    assert_eq!((feeds.limits.depth, feeds.limits.record_bytes), (8, 256 * 1024));
}

#[test]
fn what_this_process_cannot_use_is_refused() {
    let table = [
        ("[http]\nlisten = \"8080\"", "this isn't an address and a port"),
        ("[log]\ndir = \" \"", "a directory needs a name"),
        ("[log]\nsync_every_commits = 0", "sync_every_commits must be from 1"),
        ("[loop]\nclock_jump = \"10s\"", "clock_jump must be 1m or longer"),
        ("[loop]\nbatch_max_records = 0", "batch_max_records must be from 1"),
        ("[snapshots]\nevery_entries = 0", "every_entries must be from 1"),
        ("[feeds]\nhash_key = \"short\"", "this key is too short"),
        ("[feeds]\nhash_key = \"0123456789abcdef\"\nhash_key_file = \"x\"", "both there"),
        ("[feeds]\nhash_key_file = \"/does/not/exist\"", "the file `/does/not/exist` can't be read"),
        ("[feeds]\nfree_mail = [\"www.example.com\"]", "this isn't a registrable domain"),
        ("[feeds]\nfree_mail = [\"https://example.com\"]", "this isn't a registrable domain"),
        ("[feeds.domain_aliases]\n\"co.uk\" = \"example.com\"", "this isn't a registrable domain"),
        ("[feeds.limits]\nrecord_bytes = 1_048_577", "record_bytes must be from 1024 to 1048576"),
        ("[feeds.limits]\ndepth = 1", "depth must be from 4 to 64"),
        ("[log]\nkind = \"kafka\"", "[feeds] hash_key_file is missing"),
        ("[log]\nkind = \"kafke\"", "did you mean `kafka`?"),
    ];
    for (more, expected) in table {
        let report = refused(&format!("{MINIMAL}\n{more}\n"));
        assert!(report.contains(expected), "{more}\n{report}");
    }
    for (more, expected) in [
        ("brokers = \"a:1,,b:2\"", "a broker is missing here"),
        ("id = \"Two Words\"", "`Two Words` can't be a name"),
        ("topics.intent = \"a b\"", "this isn't the name of a topic"),
        ("topics.intent = \"x\"\ntopics.inbound = \"x\"", "the topic `x` is there twice"),
        ("topics.intents = \"x\"", "did you mean `intent`?"),
        ("shard = 70000", "a whole number from 0 to 65535"),
    ] {
        let report = refused(&on_kafka(more));
        assert!(report.contains(expected), "{more}\n{report}");
    }
}
