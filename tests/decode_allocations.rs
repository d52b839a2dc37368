//! An event on the short way costs no allocation, and a forged entry no memory that its bytes don't stand for: a
//! counting allocator says so.

#[path = "support/counting.rs"]
mod counting;

use bookd::domain::feeds::Feeds;
use bookd::domain::{Millis, Record, Topic};
use bookd::feed::Decoder;
use bookd::wire::codec::{Reader, put_varint};
use bookd::wire::inputs::Inputs;
use counting::allocations;

/// One of each topic, with addresses in capitals, numbers for ids and other writers' spacing.
const EVENTS: [(Topic, &str); 4] = [
    (
        Topic::Intent,
        r#"{"event_id":"surge-2026-18-acme-crm-and-more-than-stands-in-place","source":"intent-vendor","kind":"surge","account":{"domain":"www.acme.com","vendor_ids":{"intent-vendor":"c-88120"}},"subject":"crm software","strength":78.25,"mode":"snapshot","occurred_at":"2026-05-04T06:00:00.250+02:00"}"#,
    ),
    (
        Topic::Engagement,
        r#"{"source": "web", "kind": "page_view", "account": {"crm_id": 4711, "domain": "acme.co.uk"}, "subject": "/pricing", "occurred_at": 1777903387250}"#,
    ),
    (
        Topic::Inbound,
        r#"{"event_id":88123,"source":"web","kind":"demo_request","account":{"email":"dana.lee@acme.com"},"occurred_at":"2026-05-04T14:10:00Z","later":{"a":[1,null]}}"#,
    ),
    (
        Topic::Activity,
        r#"{"event_id":"m-1","source":"crm","kind":"meeting_booked","account":{"crm_id":"001A0000016K3jP","domain":"acme.com"},"actor":{"email":"Ana@Example.com"},"contact":{"email":"Dana.Lee@ACME.com"},"direction":"mutual","meeting_at":"2026-05-12T09:00:00+02:00","occurred_at":"2026-05-04T08:40:00Z"}"#,
    ),
];

#[test]
fn an_event_on_the_short_way_costs_no_allocation() {
    let decoder = Decoder::new(Feeds::default());
    for (topic, json) in EVENTS {
        let value = Some(json.as_bytes().to_vec());
        let record = Record {
            topic,
            partition: 0,
            offset: 0,
            next: 1,
            key: None,
            value,
            headers: Vec::new(),
            timestamp: Millis(0),
        };
        let before = allocations();
        let input = decoder.decode(&record);
        let after = allocations();
        assert_eq!(after - before, 0, "{json}");
        assert!(decoder.scan(&record).is_some() && input.is_ok(), "{json}");
        // The counter counts.
        assert!(decoder.parse(&record).is_ok() && Box::new(record).value.clone().is_some());
        assert!(allocations() > after);
    }
}

/// Inputs whose only shape names a million candidates, and so many events of it, without any names.
fn nameless(events: u64) -> Vec<u8> {
    const CANDIDATES: usize = 1_000_000;
    // A signal of whole seconds, its kind and its source.
    let mut shape = vec![1, 0, 0, 1 << 4, 0, 1];
    shape.resize(shape.len() + CANDIDATES, 0);
    let mut bytes = Vec::new();
    put_varint(events, &mut bytes);
    // Two terms, no subject, one shape.
    bytes.extend([2, 1, 1, b'k', b's', 0, 1]);
    put_varint(shape.len() as u64, &mut bytes);
    bytes.extend(shape);
    // Which shape, when, a hash; no names, rows, positions.
    bytes.extend([1, 0, 1, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0]);
    bytes
}

#[test]
fn names_that_no_bytes_stand_for_take_no_memory() {
    let refused = |events| {
        let (bytes, mut read) = (nameless(events), Vec::new());
        let before = counting::bytes();
        let found = Inputs::default().get(Millis(0), &[], &mut Reader::new(&bytes), &mut read);
        (found.expect_err("it has no names").to_string(), counting::bytes() - before)
    };
    let ((why, shape_alone), (why_event, with_event)) = (refused(0), refused(1));
    assert!(why.contains("a dictionary that isn't used up"), "{why}");
    assert!(why_event.contains("ends after"), "{why_event}");
    assert!(with_event < shape_alone + 1_000, "{with_event} bytes, {shape_alone} of them for the shape");
}
