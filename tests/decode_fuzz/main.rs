//! The scanner against serde_json: whatever bytes a record has, what the short way takes is what the long way says.
//!
//! A fuzzer of our own, seeded, without instrumentation: it bends real records as writers, vendors and broken disks do.
//! Some seconds in CI; `BOOKD_FUZZ_SECONDS=7200 BOOKD_FUZZ_SEED=8 cargo test --release --test decode_fuzz -- --nocapture`
//! for a long run. A disagreement fails with the bytes.

mod bend;
#[path = "../../benches/workload/chance.rs"]
#[allow(dead_code)] // the benches use more of it
mod chance;
mod corpus;
mod draw;
mod odd;
mod tree;

use std::time::{Duration, Instant};

use bookd::domain::feeds::{FeedLimits, Feeds};
use bookd::domain::{Millis, Record, Topic};
use bookd::feed::Decoder;

use corpus::Sample;
use draw::Draw;

/// In CI, where the code isn't optimised.
const USUAL_SECONDS: u64 = 3;

/// Looking at the clock costs as much as a record.
const BETWEEN_LOOKS: u64 = 256;

/// `decode` is compared for one record in so many: it goes both ways again.
const COMPARED_ONE_IN: usize = 16;

/// What is tried counts records; what is taken and compared, those of each decoder.
#[derive(Debug, Default)]
struct Counts {
    tried: u64,
    taken: u64,
    untouched: u64,
    compared: u64,
}

#[test]
fn the_short_way_says_what_the_long_way_says() {
    let (seconds, seed) = (from_env("BOOKD_FUZZ_SECONDS", USUAL_SECONDS), from_env("BOOKD_FUZZ_SEED", 1));
    let (corpus, decoders, mut draw) = (corpus::load(), decoders(), Draw::new(seed));
    let until = Instant::now() + Duration::from_secs(seconds);
    let mut counts = Counts::default();
    while !counts.tried.is_multiple_of(BETWEEN_LOOKS) || Instant::now() < until {
        one(draw.one_of(&corpus), &decoders, &mut draw, &mut counts);
    }
    let Counts { tried, taken, untouched, compared } = counts;
    let runs = tried * decoders.len() as u64;
    println!(
        "seed {seed}: {tried} records in {seconds} s by {} decoders; {taken} taken by the scanner, {untouched} of them \
         as written; {compared} compared with all of decoding",
        decoders.len()
    );
    // A scanner that takes nothing, or bending that leaves nothing whole, would show nothing.
    assert!(taken > runs / 20 && taken - untouched > runs / 50, "{taken} of {runs} taken, {untouched} untouched");
    assert!(compared > 0, "the whole of decoding is never compared");
}

fn from_env(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| text.parse().unwrap_or_else(|_| panic!("{name}: not a number")))
}

fn one(sample: &Sample, decoders: &[Decoder], draw: &mut Draw, counts: &mut Counts) {
    let bytes = bend::bend(sample, draw);
    let untouched = bytes == sample.bytes;
    let record = Record { key: key(draw), ..record(sample.topic, bytes) };
    let compare = draw.one_in(COMPARED_ONE_IN);
    counts.tried += 1;
    for decoder in decoders {
        let short = decoder.scan(&record);
        if compare {
            counts.compared += 1;
            assert_eq!(decoder.decode(&record), decoder.parse(&record), "{}", shown(&record));
        }
        if let Some(input) = short {
            counts.taken += 1;
            counts.untouched += u64::from(untouched);
            assert_eq!(decoder.parse(&record), Ok(Some(input)), "{}", shown(&record));
        }
    }
}

fn record(topic: Topic, bytes: Vec<u8>) -> Record {
    let value = Some(bytes);
    Record { topic, partition: 2, offset: 7, next: 8, key: None, value, headers: Vec::new(), timestamp: Millis(0) }
}

/// Only records of accounts have one that counts.
fn key(draw: &mut Draw) -> Option<Vec<u8>> {
    let keys: [&[u8]; 9] =
        [b"001A0000016K3jP", b"\"001A\"", b" 7 ", b"", b"jane@acme.com", b"[[[[[[[[[", b"\"", b"a\tb", b"\xff"];
    let keys = if draw.one_in(4) { &keys } else { &keys[..3] };
    if draw.one_in(2) { None } else { Some(draw.one_of(keys).to_vec()) }
}

fn shown(record: &Record) -> String {
    let bytes = record.value.as_deref().unwrap_or_default();
    let key = record.key.as_deref().unwrap_or_default();
    format!("{}, key \"{}\": {}", record.topic.name(), key.escape_ascii(), bytes.escape_ascii())
}

/// With limits as usual, and with limits that much of the corpus is just about over.
fn decoders() -> [Decoder; 2] {
    let limits = FeedLimits { record_bytes: 400, depth: 8, text_bytes: 24, list_items: 2, fields: 2 };
    let narrow = Feeds {
        hash_key: b"a key of the fuzzer's own".to_vec(),
        free_mail: ["acme.io".to_owned()].into(),
        domain_aliases: [("acme.co.uk".to_owned(), "acme.com".to_owned())].into(),
        limits,
    };
    [Decoder::new(Feeds::default()), Decoder::new(narrow)]
}

#[test]
fn our_own_records_are_all_taken() {
    let decoder = Decoder::new(Feeds::default());
    for sample in corpus::examples().into_iter().chain(corpus::generated()) {
        let record = record(sample.topic, sample.bytes);
        let input = decoder.scan(&record).unwrap_or_else(|| panic!("a surprise: {}", shown(&record)));
        assert_eq!(decoder.parse(&record), Ok(Some(input)));
    }
}

#[test]
fn a_depth_below_the_scanners_own_is_the_long_ways() {
    let limits = FeedLimits { depth: 2, ..FeedLimits::default() };
    let decoder = Decoder::new(Feeds { limits, ..Feeds::default() });
    for sample in corpus::examples() {
        assert_eq!(decoder.scan(&record(sample.topic, sample.bytes)), None);
    }
}
