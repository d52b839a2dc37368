//! An event on the short way costs no allocation: a counting allocator says so.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};

use bookd::domain::feeds::Feeds;
use bookd::domain::{Millis, Record, Topic};
use bookd::feed::Decoder;

struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call is the system's own; counting touches no memory of it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

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

// The only test of this binary: another one's allocations would be counted too.
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
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        let input = decoder.decode(&record);
        let after = ALLOCATIONS.load(Ordering::Relaxed);
        assert_eq!(after - before, 0, "{json}");
        assert!(decoder.scan(&record).is_some() && input.is_ok(), "{json}");
        // The counter counts.
        assert!(decoder.parse(&record).is_ok() && Box::new(record).value.clone().is_some());
        assert!(ALLOCATIONS.load(Ordering::Relaxed) > after);
    }
}
