//! What is bent: the schemas' examples, events and accounts of `bookd generate`, the bad inputs, and what others send.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use bookd::domain::Topic;

pub struct Sample {
    pub topic: Topic,
    pub bytes: Vec<u8>,
}

/// Those that the scanner reads.
const SCANNED: [Topic; 5] = [Topic::Accounts, Topic::Intent, Topic::Engagement, Topic::Inbound, Topic::Activity];

/// Of each topic's generated lines: they are much alike.
const GENERATED: usize = 200;

pub fn load() -> Vec<Sample> {
    examples().into_iter().chain(generated()).chain(bad()).chain(vendors()).collect()
}

pub fn examples() -> Vec<Sample> {
    let folder =
        |topic: Topic| files(&format!("schemas/{}/examples", topic.name())).into_iter().map(move |f| (topic, f));
    let read = |(topic, path): (Topic, PathBuf)| Sample { topic, bytes: fs::read(path).expect("readable") };
    SCANNED.into_iter().flat_map(folder).map(read).collect()
}

pub fn generated() -> Vec<Sample> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut command = Command::new(env!("CARGO_BIN_EXE_bookd"));
    command.args(["generate", "--accounts", "60", "--reps", "6", "--days", "12", "--dir"]).arg(dir.path());
    assert!(command.output().expect("runs").status.success());
    let lines = |topic: Topic| {
        let path = dir.path().join(format!("{}-0.jsonl", topic.name()));
        let text = fs::read_to_string(path).expect("lines of this topic");
        let lines = text.lines().take(GENERATED).map(|line| Sample { topic, bytes: line.as_bytes().to_vec() });
        lines.collect::<Vec<Sample>>()
    };
    SCANNED.into_iter().flat_map(lines).collect()
}

fn bad() -> Vec<Sample> {
    let topic = |path: &Path| Topic::from_name(path.file_name()?.to_str()?.split('.').next()?);
    let sample = |path: PathBuf| Some(Sample { topic: topic(&path)?, bytes: fs::read(path).expect("readable") });
    let records = files("tests/bad_input").into_iter().filter_map(sample);
    records.filter(|sample| SCANNED.contains(&sample.topic) && sample.bytes.len() < 2_000).collect()
}

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("readable").path()).collect();
    paths.sort();
    paths
}

/// As mappings before the topics may leave them: extra fields, other orders, other writers' spacing and escapes.
fn vendors() -> Vec<Sample> {
    [
        (
            Topic::Accounts,
            r#"{"id": "0015e00000Ab", "op": "upsert", "domains": ["acme.com", "https://www.ACME.co.uk/x", null, "n/a"], "owners": {"sdr": "005A", "ae": null, "am": 17}, "fit": 0.75, "fields": {"employees": 1400, "growth": 0.125, "tier": "A ", "named": true, "customer": false, "tech": ["crm", "jane@acme.com", null, " "], "note": "ask jane@acme.com", "gone": null}, "crm_version": "1714564800123", "parent_id": null, "updated_at": "2026-05-01T07:00:00.000+02:00", "extra": {"x": [1, {}]}}"#,
        ),
        (
            Topic::Accounts,
            r#"{"op":"patch","id":"001A","fit":1,"domains":["acme.com","acme.io"],"owners":{"sdr":17,"ae":" "},"fields":{"tech":["crm","jane@acme.io"],"a":"A "},"crm_version":"17"}"#,
        ),
        (
            Topic::Accounts,
            r#"{"op":"upsert","id":"001A","domains":[],"fields":{"loss":-3.5,"a":2},"crm_version":60.0,"parent_id":"001B"}"#,
        ),
        (
            Topic::Intent,
            r#"{"occurred_at": "2026-05-04T06:00:00.000+00:00", "kind": "surge", "source": "bombora", "account": {"domain": "www.acme.com", "name": "Acme, Inc."}, "subject": "CRM \u2013 Sales", "strength": 78.0, "topics": [{"id": 1, "score": 7.5e1}, null], "meta": {"x": {"y": {}}}}"#,
        ),
        (
            Topic::Engagement,
            r#"{"messageId":"ajs-1","event_id":"ajs-1","source":"segment","kind":"page_view","account":{"crm_id":null,"email":"Dana.Lee@ACME.com"},"context":{"ip":"10.0.0.1","page":{"path":"/x","referrer":null},"flags":[true,false]},"subject":"https:\/\/acme.com\/pricing","occurred_at":1777903387250}"#,
        ),
        (
            Topic::Inbound,
            r#"{"event_id":12345678901234567890,"source":"web","kind":"demo_request","account":{"email":"müller@bücher.de","domain":"BÜCHER.de"},"strength":0.1,"occurred_at":"2026-05-04t08:10:00z"}"#,
        ),
        (
            Topic::Activity,
            r#"{"event_id":"1","source":"outreach","kind":"email_replied","account":{"vendor_ids":{"outreach":31,"b":"x","a":null},"domain":"https://acme.co.uk:443/"},"actor":{"alias":"outreach:4711"},"contact":{"crm_id":20991,"email":"j@acme.io"},"direction":"inbound","meeting_at":null,"occurred_at":"2026-05-04T10:00:00.5Z"}"#,
        ),
    ]
    .map(|(topic, json)| Sample { topic, bytes: json.as_bytes().to_vec() })
    .into()
}
