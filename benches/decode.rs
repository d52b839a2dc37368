//! What decoding an event costs: the whole way of a record to an input, short and long, against serde_json alone.
//!
//! `cargo bench --bench decode` prints medians of thread CPU time, with all variants interleaved in one process.
//! `cargo bench --bench decode -- <variant> <rounds>` runs one variant and prints nothing: for a profiler, or to count
//! instructions as the difference of two numbers of rounds.

use std::collections::BTreeMap;
use std::hint::black_box;

use bookd::domain::feeds::Feeds;
use bookd::domain::{Millis, Record, Topic};
use bookd::feed::Decoder;
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

/// Numbers that look drawn, the same in each run.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len() as u64) as usize]
    }

    fn domain(&mut self) -> String {
        let names =
            ["sundale-labs", "kestrelby", "acme", "brightwater-parcels", "quillmark", "northgate-cloud-systems"];
        let number = self.below(1_000_000);
        let sub = self.of(&["", "", "", "www.", "eu."]);
        format!("{sub}{}{number}.{}", self.of(&names), self.of(&["com", "com", "com", "de", "io", "co.uk", "fr"]))
    }

    fn time(&mut self) -> String {
        let offset = self.of(&["Z", "Z", ".250Z", "+02:00"]);
        let (day, hour, minute) = (1 + self.below(28), self.below(24), self.below(60));
        format!("2026-{:02}-{day:02}T{hour:02}:{minute:02}:{:02}{offset}", 1 + self.below(12), self.below(60))
    }
}

fn intent(draw: &mut Draw) -> (Topic, String) {
    let (id, domain, company) = (draw.below(1 << 31), draw.domain(), draw.below(1 << 31));
    let kind = draw.of(&["surge", "comparison", "keyword_research"]);
    let subject = draw.of(&["crm software", "lead-routing", "sales territory planning", "revenue intelligence"]);
    let json = format!(
        r#"{{"event_id":"surge-2026-18-{id:08x}-acme-crm","source":"intent-vendor","kind":"{kind}","account":{{"domain":"{domain}","vendor_ids":{{"intent-vendor":"c{company:08x}"}}}},"subject":"{subject}","strength":{},"mode":"snapshot","occurred_at":"{}","batch":"2026-18-of-the-weekly-export"}}"#,
        draw.below(100),
        draw.time(),
    );
    (Topic::Intent, json)
}

fn engagement(draw: &mut Draw) -> (Topic, String) {
    let (id, account, domain) = (draw.below(1 << 31), draw.below(1 << 31), draw.domain());
    let kind = draw.of(&["page_view", "pricing_page_view", "webinar_attended"]);
    let json = format!(
        r#"{{"event_id":"ajs-next-1777903387000-{id:08x}","source":"web","kind":"{kind}","account":{{"crm_id":"001A000{account:011}","domain":"{domain}"}},"subject":"{}","strength":{}.5,"occurred_at":"{}"}}"#,
        draw.of(&["/pricing", "/docs/getting-started", "/customers"]),
        draw.below(10),
        draw.time(),
    );
    (Topic::Engagement, json)
}

fn activity(draw: &mut Draw) -> (Topic, String) {
    let (id, domain) = (draw.below(1 << 31), draw.domain());
    let kind = draw.of(&["call_made", "email_sent", "email_replied", "meeting_held"]);
    let json = format!(
        r#"{{"event_id":"act-{id:08x}","source":"sales-engagement","kind":"{kind}","account":{{"crm_id":"001A000{id:011}"}},"actor":{{"email":"{}@meridian-books.com"}},"contact":{{"email":"p.walker{}@{domain}"}},"direction":"{}","occurred_at":"{}"}}"#,
        draw.of(&["rosa", "ines", "paul", "oluwaseun"]),
        draw.below(100),
        draw.of(&["outbound", "inbound", "mutual"]),
        draw.time(),
    );
    (Topic::Activity, json)
}

fn records(make: fn(&mut Draw) -> (Topic, String)) -> Vec<Record> {
    let mut draw = Draw(7);
    let record = |offset| {
        let (topic, json) = make(&mut draw);
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

fn compare(decoder: &Decoder, name: &str, records: &[Record]) {
    let bytes: usize = records.iter().filter_map(|record| record.value.as_ref()).map(Vec::len).sum();
    println!("{name}, {} bytes an event", bytes / records.len());
    let taken = records.iter().filter(|record| decoder.scan(record).is_some()).count();
    assert_eq!(taken, records.len(), "the short way takes them all");
    let mut times = VARIANTS.map(|_| Vec::new());
    for _ in 0..ROUNDS {
        for ((_, run), times) in VARIANTS.iter().zip(&mut times) {
            times.push(round(decoder, records, *run));
        }
    }
    for ((variant, _), times) in VARIANTS.iter().zip(&mut times) {
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
        _ => kinds.iter().for_each(|(name, records)| compare(&decoder, name, records)),
    }
}
