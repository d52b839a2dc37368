//! What decoding an event or an account costs: the whole way of a record to an input, short and long; events against
//! serde_json alone, too.
//!
//! `cargo bench --bench decode` prints medians of thread CPU time, with all variants interleaved in one process.
//! `cargo bench --bench decode -- <variant> <rounds>` runs one variant and prints nothing: for a profiler, or to count
//! instructions as the difference of two numbers of rounds.

#[path = "workload/chance.rs"]
#[allow(dead_code)] // the workload uses more of it
mod chance;

use std::collections::BTreeMap;
use std::hint::black_box;

use bookd::domain::feeds::Feeds;
use bookd::domain::{Millis, Record, Topic};
use bookd::feed::Decoder;
use chance::Chance;
use cpu_time::ThreadTime;
use serde::Deserialize;

/// Different records, so that no branch learns them by heart.
const RECORDS: u64 = 4096;

/// Odd, so that the median is one of them.
const ROUNDS: usize = 31;

type Variant = (&'static str, fn(&Decoder, &Record));

const VARIANTS: [Variant; 4] = [
    ("decode", |decoder, record| assert!(black_box(decoder.decode(black_box(record))).is_ok())),
    ("parse", |decoder, record| assert!(black_box(decoder.parse(black_box(record))).is_ok())),
    ("lean serde_json", |_, record| {
        black_box(serde_json::from_str::<Lean>(text(record)).expect("an event"));
    }),
    ("serde_json Value", |_, record| {
        black_box(serde_json::from_str::<serde_json::Value>(text(record)).expect("an event"));
    }),
];

/// The first of these know what topic a record is of; the others read events.
const OF_ANY_RECORD: usize = 2;

/// As lean as serde_json gets: nothing is judged, nothing owned.
#[derive(Deserialize)]
#[expect(dead_code, reason = "only the reading of it counts")]
struct Lean<'a> {
    event_id: &'a str,
    source: &'a str,
    kind: &'a str,
    #[serde(borrow)]
    account: LeanAccount<'a>,
    subject: Option<&'a str>,
    strength: Option<f64>,
    direction: Option<&'a str>,
    occurred_at: &'a str,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only the reading of it counts")]
struct LeanAccount<'a> {
    crm_id: Option<&'a str>,
    domain: Option<&'a str>,
    email: Option<&'a str>,
    #[serde(borrow)]
    vendor_ids: Option<BTreeMap<&'a str, &'a str>>,
}

fn text(record: &Record) -> &str {
    std::str::from_utf8(record.value.as_deref().expect("a value")).expect("UTF-8")
}

fn domain(chance: &mut Chance) -> String {
    let names = ["sundale-labs", "kestrelby", "acme", "brightwater-parcels", "quillmark", "northgate-cloud-systems"];
    let number = chance.below(1_000_000);
    let sub = chance.pick(&["", "", "", "www.", "eu."]);
    format!("{sub}{}{number}.{}", chance.pick(&names), chance.pick(&["com", "com", "com", "de", "io", "co.uk", "fr"]))
}

fn time(chance: &mut Chance) -> String {
    let offset = chance.pick(&["Z", "Z", ".250Z", "+02:00"]);
    let (day, hour, minute) = (1 + chance.below(28), chance.below(24), chance.below(60));
    format!("2026-{:02}-{day:02}T{hour:02}:{minute:02}:{:02}{offset}", 1 + chance.below(12), chance.below(60))
}

fn intent(chance: &mut Chance) -> (Topic, String) {
    let (id, domain, company) = (chance.below(1 << 31), domain(chance), chance.below(1 << 31));
    let kind = chance.pick(&["surge", "comparison", "keyword_research"]);
    let subject = chance.pick(&["crm software", "lead-routing", "sales territory planning", "revenue intelligence"]);
    let json = format!(
        r#"{{"event_id":"surge-2026-18-{id:08x}-acme-crm","source":"intent-vendor","kind":"{kind}","account":{{"domain":"{domain}","vendor_ids":{{"intent-vendor":"c{company:08x}"}}}},"subject":"{subject}","strength":{},"mode":"snapshot","occurred_at":"{}","batch":"2026-18-of-the-weekly-export"}}"#,
        chance.below(100),
        time(chance),
    );
    (Topic::Intent, json)
}

fn engagement(chance: &mut Chance) -> (Topic, String) {
    let (id, account, domain) = (chance.below(1 << 31), chance.below(1 << 31), domain(chance));
    let kind = chance.pick(&["page_view", "pricing_page_view", "webinar_attended"]);
    let json = format!(
        r#"{{"event_id":"ajs-next-1777903387000-{id:08x}","source":"web","kind":"{kind}","account":{{"crm_id":"001A000{account:011}","domain":"{domain}"}},"subject":"{}","strength":{}.5,"occurred_at":"{}"}}"#,
        chance.pick(&["/pricing", "/docs/getting-started", "/customers"]),
        chance.below(10),
        time(chance),
    );
    (Topic::Engagement, json)
}

fn activity(chance: &mut Chance) -> (Topic, String) {
    let (id, domain) = (chance.below(1 << 31), domain(chance));
    let kind = chance.pick(&["call_made", "email_sent", "email_replied", "meeting_held"]);
    let json = format!(
        r#"{{"event_id":"act-{id:08x}","source":"sales-engagement","kind":"{kind}","account":{{"crm_id":"001A000{id:011}"}},"actor":{{"email":"{}@meridian-books.com"}},"contact":{{"email":"p.walker{}@{domain}"}},"direction":"{}","occurred_at":"{}"}}"#,
        chance.pick(&["rosa", "ines", "paul", "oluwaseun"]),
        chance.below(100),
        chance.pick(&["outbound", "inbound", "mutual"]),
        time(chance),
    );
    (Topic::Activity, json)
}

fn account(chance: &mut Chance) -> (Topic, String) {
    let (id, domain, rep) = (chance.below(1 << 31), domain(chance), chance.below(2_000));
    let json = format!(
        r#"{{"op":"upsert","id":"001A000{id:011}","domains":["{domain}"],"owners":{{"sdr":"005A{rep:011}"}},"fields":{{"industry":"{}","employees":{},"revenue_musd":{},"country":"{}","region":"emea","tier":"a","customer":false,"named":true}},"crm_version":{id},"updated_at":"{}"}}"#,
        chance.pick(&["software", "financial services", "retail"]),
        chance.below(10_000),
        chance.below(100),
        chance.pick(&["de", "fr", "gb", "us"]),
        time(chance),
    );
    (Topic::Accounts, json)
}

fn records(make: fn(&mut Chance) -> (Topic, String)) -> Vec<Record> {
    let mut chance = Chance::new(7);
    let record = |offset| {
        let (topic, json) = make(&mut chance);
        let value = Some(json.into_bytes());
        let (key, headers, timestamp) = (None, Vec::new(), Millis(0));
        Record { topic, partition: 0, offset, next: offset + 1, key, value, headers, timestamp }
    };
    (0..RECORDS).map(record).collect()
}

fn round(decoder: &Decoder, records: &[Record], run: fn(&Decoder, &Record)) -> f64 {
    let before = ThreadTime::now();
    for record in records {
        run(decoder, record);
    }
    before.elapsed().as_nanos() as f64 / records.len() as f64
}

fn compare(decoder: &Decoder, name: &str, records: &[Record], variants: &[Variant]) {
    let bytes: usize = records.iter().filter_map(|record| record.value.as_ref()).map(Vec::len).sum();
    println!("{name}, {} bytes a record", bytes / records.len());
    let taken = records.iter().filter(|record| decoder.scan(record).is_some()).count();
    assert_eq!(taken, records.len(), "the short way takes them all");
    let mut times: Vec<Vec<f64>> = variants.iter().map(|_| Vec::new()).collect();
    for _ in 0..ROUNDS {
        for ((_, run), times) in variants.iter().zip(&mut times) {
            times.push(round(decoder, records, *run));
        }
    }
    for ((variant, _), times) in variants.iter().zip(&mut times) {
        times.sort_by(f64::total_cmp);
        println!("  {variant:<18} {:>7.0} ns, at best {:>6.0}", times[ROUNDS / 2], times[0]);
    }
}

fn main() {
    let decoder = Decoder::new(Feeds::default());
    let kinds = [("intent", records(intent)), ("engagement", records(engagement)), ("activity", records(activity))];
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    match &words[..] {
        [variant, rounds] => {
            let rounds: usize = rounds.parse().expect("a number of rounds");
            let (_, run) = VARIANTS.iter().find(|(name, _)| name == variant).expect("a variant");
            for (_, records) in &kinds {
                for _ in 0..rounds {
                    black_box(round(&decoder, records, *run));
                }
            }
        }
        _ => {
            kinds.iter().for_each(|(name, records)| compare(&decoder, name, records, &VARIANTS));
            compare(&decoder, "account", &records(account), &VARIANTS[..OF_ANY_RECORD]);
        }
    }
}
