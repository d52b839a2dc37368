//! Journal entries: what one costs an input to write and to read, by columns, as entries are, and by rows with LZ4,
//! as they were at first.

use std::time::Duration;

use bookd::domain::ids::{Actor, Id128};
use bookd::domain::signal::{Activity, Class, Direction, Mode, Signal};
use bookd::domain::{Body, Candidate, Entry, EntryKind, Input, Millis, Position, Span, Topic};
use bookd::wire::{codec, entry};

use super::chance::Chance;
use super::{clock, crm_id, domain, median};

const ACCOUNTS: u64 = 1_000_000;
const BATCHES: [usize; 4] = [10, 30, 100, 1_000];
/// Inputs a measurement, and measurements of which the median counts.
const INPUTS: usize = 100_000;
const ROUNDS: usize = 9;

pub fn measure() {
    println!("journal entries, an input");
    println!("{:>6} {:>8} {:>10} {:>10} {:>10}", "batch", "", "bytes", "encode ns", "decode ns");
    for batch in BATCHES {
        let entries = entries(batch);
        let (mut rows, mut columns) = (Figures::default(), Figures::default());
        for _ in 0..ROUNDS {
            by_rows(&entries, &mut rows);
            by_columns(&entries, &mut columns);
        }
        rows.print(batch, "rows");
        columns.print(batch, "columns");
    }
}

#[derive(Default)]
struct Figures {
    bytes: usize,
    encode: Vec<Duration>,
    decode: Vec<Duration>,
}

impl Figures {
    fn print(&mut self, batch: usize, what: &str) {
        let per_input = |times: &mut Vec<Duration>| median(times).as_nanos() as f64 / INPUTS as f64;
        let (encode, decode) = (per_input(&mut self.encode), per_input(&mut self.decode));
        let bytes = self.bytes as f64 / INPUTS as f64;
        println!("{batch:>6} {what:>8} {bytes:>10.1} {encode:>10.1} {decode:>10.1}");
    }
}

fn by_rows(entries: &[Entry], figures: &mut Figures) {
    let start = clock();
    let encoded: Vec<Vec<u8>> =
        entries.iter().map(|entry| lz4_flex::block::compress_prepend_size(&codec::to_bytes(&entry.inputs))).collect();
    let between = clock();
    for bytes in &encoded {
        let plain = lz4_flex::block::decompress_size_prepended(bytes).expect("it was compressed");
        let inputs: Vec<Input> = codec::from_bytes(&plain).expect("it was encoded");
        std::hint::black_box(&inputs);
    }
    figures.decode.push(clock() - between);
    figures.encode.push(between - start);
    figures.bytes = encoded.iter().map(Vec::len).sum();
}

fn by_columns(entries: &[Entry], figures: &mut Figures) {
    let mut encoder = entry::Encoder::default();
    let start = clock();
    let encoded: Vec<Vec<u8>> = entries.iter().map(|entry| encoder.encode(entry).expect("a small entry")).collect();
    let between = clock();
    let mut decoder = entry::Decoder::default();
    for bytes in &encoded {
        let entry = decoder.decode(bytes).expect("it was encoded");
        decoder.recycle(std::hint::black_box(entry.inputs));
    }
    figures.decode.push(clock() - between);
    figures.encode.push(between - start);
    figures.bytes = encoded.iter().map(Vec::len).sum();
}

/// Events in the mix of every day: 45 % intent, 25 % engagement, 3 % inbound, 27 % activity.
fn entries(batch: usize) -> Vec<Entry> {
    let mut chance = Chance::new(7);
    let mut next = [0u64; 9];
    let mut entries = Vec::new();
    for number in 0..INPUTS / batch {
        let now = Millis(1_777_852_800_123 + number as i64 * 40);
        let from = next;
        let mut inputs: Vec<Input> = (0..batch).map(|_| input(now, &mut chance)).collect();
        bookd::domain::input::order_batch(&mut inputs);
        for input in &mut inputs {
            let position = input.position.as_mut().expect("events have one");
            position.offset = next[position.topic as usize];
            next[position.topic as usize] += 1;
        }
        entries.push(entry(number, now, inputs, spans(&from, &next)));
    }
    entries
}

fn spans(from: &[u64; 9], next: &[u64; 9]) -> Vec<Span> {
    let span = |topic: Topic| {
        let (from, next) = (from[topic as usize], next[topic as usize]);
        (next > from).then(|| Span { topic, partition: 0, from, next, read: (next - from) as u32, rejected: 0 })
    };
    Topic::INPUTS.into_iter().filter_map(span).collect()
}

fn entry(number: usize, now: Millis, inputs: Vec<Input>, spans: Vec<Span>) -> Entry {
    Entry {
        journal: Id128(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff),
        shard: 0,
        sequence: number as u64 + 1,
        previous: Id128(0x5a5a_1234_9876_0000_1111_2222_3333_4444),
        now,
        rules: 1,
        kind: EntryKind::Batch,
        spans,
        inputs,
        outputs: Id128(0xfedc_ba98_7654_3210_0123_4567_89ab_cdef),
        state: None,
    }
}

fn input(now: Millis, chance: &mut Chance) -> Input {
    let at = Millis((now.0 - chance.below(5_000) as i64) / 1_000 * 1_000);
    let topic = match chance.below(100) {
        0..45 => Topic::Intent,
        45..70 => Topic::Engagement,
        70..73 => Topic::Inbound,
        _ => Topic::Activity,
    };
    let body = if topic == Topic::Activity { activity(at, chance) } else { signal(topic, at, chance) };
    Input { position: Some(Position { topic, partition: 0, offset: 0 }), body }
}

fn signal(topic: Topic, at: Millis, chance: &mut Chance) -> Body {
    let account = chance.below(ACCOUNTS);
    let id = Candidate::CrmId(crm_id("001", 7_000_000 + account * 13).into());
    let web = domain(account);
    let (class, source, kind, subject, account) = match topic {
        Topic::Intent => {
            let vendor =
                Candidate::VendorId { vendor: "intent-vendor".into(), id: format!("{}", 31_000_000 + account).into() };
            let kind = chance.pick(&["surge", "surge", "keyword_research", "comparison"]);
            let subject = chance.pick(&["crm software", "lead routing", "data enrichment", "forecasting"]);
            (Class::Intent, "intent-vendor", kind, subject, vec![vendor, Candidate::Domain(web.into())])
        }
        Topic::Engagement => {
            let kind = chance.pick(&["page_view", "page_view", "pricing_page_view", "content_download"]);
            let subject = chance.pick(&["/", "/pricing", "/product/overview", "/customers/stories", "/docs/start"]);
            (Class::Engagement, "web", kind, subject, vec![id, Candidate::EmailDomain(web.into())])
        }
        _ => (Class::Inbound, "web", "demo_request", "contact-sales", vec![id, Candidate::EmailDomain(web.into())]),
    };
    let mode = if kind == "surge" { Mode::Snapshot } else { Mode::Delta };
    let strength = Some(1_000 * (1 + chance.below(100) as u32));
    Body::Signal(Signal {
        class,
        kind: kind.into(),
        account: account.into(),
        source: source.into(),
        subject: Some(subject.into()),
        strength,
        mode,
        at,
        dedup: chance.next(),
        due: None,
    })
}

fn activity(at: Millis, chance: &mut Chance) -> Body {
    let account = chance.below(ACCOUNTS);
    let (kind, direction) = chance.pick(&[
        ("email_sent", Direction::Outbound),
        ("email_sent", Direction::Outbound),
        ("call_connected", Direction::Mutual),
        ("email_replied", Direction::Inbound),
    ]);
    let id = Candidate::CrmId(crm_id("001", 7_000_000 + account * 13).into());
    Body::Activity(Activity {
        kind: kind.into(),
        account: vec![id, Candidate::Domain(domain(account).into())].into(),
        source: chance.pick(&["crm", "sales-engagement"]).into(),
        actor: Some(Actor::Rep(crm_id("005", 90_000 + chance.below(2_000) * 7).into())),
        contact: chance.next() as u32,
        direction,
        at,
        dedup: chance.next(),
        meeting_at: None,
    })
}
