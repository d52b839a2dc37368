//! What leaves the process comes back as it was, or not at all: codec, journal entries, digests.

#[path = "support/arbitrary.rs"]
mod arbitrary;

use arbitrary::{Dice, Draw, LENGTHS, any_of, many};
use bookd::domain::account::{AccountChange, AccountOp, AccountRecord, Change, Value};
use bookd::domain::ids::{Actor, Id128};
use bookd::domain::signal::{Activity, Direction};
use bookd::domain::{Body, Candidate, Entry, EntryKind, Gate, Input, Millis, Output, Policy, Position, Span, Topic};
use bookd::engine::view::{AccountView, RepView, View};
use bookd::wire::codec::Wire;
use bookd::wire::{WireError, codec, digest, entry, entry_json, inputs};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_entry_comes_back(written in any_of::<Entry>()) {
        prop_assert_eq!(entry::decode(&encoded(&written)), Ok(written));
    }

    #[test]
    fn every_entry_can_be_shown(written in any_of::<Entry>()) {
        let shown = entry_json::json(&written);
        prop_assert_eq!(shown["sequence"].as_u64(), Some(written.sequence));
        prop_assert_eq!(shown["inputs"].as_array().map(Vec::len), Some(written.inputs.len()));
    }

    #[test]
    fn every_policy_comes_back(written in any_of::<Policy>()) {
        prop_assert_eq!(codec::from_bytes::<Policy>(&codec::to_bytes(&written)), Ok(written));
    }

    #[test]
    fn every_output_comes_back(written in any_of::<Vec<Output>>()) {
        prop_assert_eq!(codec::from_bytes::<Vec<Output>>(&codec::to_bytes(&written)), Ok(written));
    }

    /// A changed byte is refused, or is the only encoding of another value.
    #[test]
    fn a_value_has_one_encoding(written in any_of::<Vec<Input>>(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = codec::to_bytes(&written);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(other) = codec::from_bytes::<Vec<Input>>(&bytes) {
            prop_assert_eq!(codec::to_bytes(&other), bytes);
        }
    }

    #[test]
    fn inputs_by_columns_have_one_encoding(written in any_of::<Entry>(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = columns(&written.inputs);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(other) = from_columns(&bytes) {
            prop_assert_eq!(columns(&other), bytes);
        }
    }

    /// Whatever the entries before were like.
    #[test]
    fn what_is_kept_from_entry_to_entry_is_memory_alone(written in prop::collection::vec(any_of::<Entry>(), 0..4)) {
        let (mut encoder, mut decoder) = (entry::Encoder::default(), entry::Decoder::default());
        for written in written {
            let bytes = encoder.encode(&written).unwrap();
            prop_assert_eq!(&bytes, &encoded(&written));
            let _ = decoder.decode(&forged(&bytes));
            let read = decoder.decode(&bytes);
            prop_assert_eq!(read.as_ref(), Ok(&written));
            decoder.recycle(written.inputs);
        }
    }

    #[test]
    fn any_bytes_are_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(entry::decode(&bytes).is_err());
        let _ = from_columns(&bytes);
        let _ = codec::from_bytes::<Vec<Input>>(&bytes);
        let _ = codec::from_bytes::<Policy>(&bytes);
        let _ = codec::from_bytes::<Vec<Output>>(&bytes);
    }

    /// The checksum can't help where the bytes were forged with it.
    #[test]
    fn forged_bodies_are_refused_without_a_panic(
        packing in 0u8..3,
        length in prop_oneof![Just(None), (0u32..80_000).prop_map(Some), any::<u32>().prop_map(Some)],
        stored in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let length = length.unwrap_or(stored.len() as u32);
        refused_or_the_only_encoding(&framed(packing, length, &stored))?;
    }

    #[test]
    fn an_entry_has_one_body(
        written in any_of::<Entry>(), packed in any::<bool>(), at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let mut body = body_of(&encoded(&written));
        let at = at.index(body.len());
        body[at] = byte;
        let stored = if packed { lz4_flex::block::compress(&body) } else { body.clone() };
        refused_or_the_only_encoding(&framed(u8::from(packed), body.len() as u32, &stored))?;
    }

    #[test]
    fn a_packed_body_changed_as_it_is_stored_is_refused_or_another(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let bytes = encoded(&records(50));
        let mut frame = bytes[..bytes.len() - 4].to_vec();
        let at = HEAD + at.index(frame.len() - HEAD);
        frame[at] = byte;
        refused_or_the_only_encoding(&sealed(frame))?;
    }

    #[test]
    fn a_flipped_bit_is_a_wrong_checksum(written in any_of::<Entry>(), at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let mut bytes = encoded(&written);
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let expected = if at < 4 { WireError::Foreign { what: "journal entry" } } else { WireError::Checksum };
        prop_assert_eq!(entry::decode(&bytes), Err(expected));
    }

    #[test]
    fn outputs_that_differ_have_different_digests(one in any_of::<Vec<Output>>(), other in any_of::<Vec<Output>>()) {
        let kept = |outputs: &[Output]| -> Vec<Output> {
            outputs.iter().filter(|output| !matches!(output, Output::DeadLetter { .. })).cloned().collect()
        };
        prop_assert_eq!(digest::outputs(&one), digest::outputs(&kept(&one)));
        prop_assert_eq!(digest::outputs(&one) == digest::outputs(&other), kept(&one) == kept(&other));
    }

    #[test]
    fn states_that_differ_have_different_digests(one in any_of::<View>(), other in any_of::<View>()) {
        prop_assert_eq!(digest::state(&one) == digest::state(&other), one == other);
    }
}

/// Bytes before an entry's body, and the one that says how it is packed.
const HEAD: usize = 11;
const PACKING: usize = 6;

fn encoded(entry: &Entry) -> Vec<u8> {
    entry::encode(entry).unwrap()
}

fn refused_or_the_only_encoding(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(read) = entry::decode(bytes) {
        prop_assert_eq!(body_of(&encoded(&read)), body_of(bytes));
    }
    Ok(())
}

/// Of an entry that can be decoded.
fn body_of(bytes: &[u8]) -> Vec<u8> {
    let (head, stored) = bytes[..bytes.len() - 4].split_at(HEAD);
    let length = u32::from_le_bytes(head[7..].try_into().unwrap());
    match head[PACKING] {
        0 => stored.to_vec(),
        _ => lz4_flex::block::decompress(stored, length as usize).unwrap(),
    }
}

fn framed(packing: u8, length: u32, stored: &[u8]) -> Vec<u8> {
    let mut bytes = b"bkdj".to_vec();
    bytes.extend(entry::FORMAT.to_le_bytes());
    bytes.push(packing);
    bytes.extend(length.to_le_bytes());
    bytes.extend(stored);
    sealed(bytes)
}

const NOW: Millis = Millis(1_767_225_601_500);

fn columns(inputs: &[Input]) -> Vec<u8> {
    let mut bytes = Vec::new();
    inputs::Writer::default().put(NOW, &small_entry().spans, inputs, &mut bytes);
    bytes
}

fn from_columns(bytes: &[u8]) -> Result<Vec<Input>, WireError> {
    let (mut from, mut read) = (codec::Reader::new(bytes), Vec::new());
    inputs::Inputs::default().get(NOW, &small_entry().spans, &mut from, &mut read)?;
    from.finish()?;
    Ok(read)
}

/// With its last byte changed and the checksum right.
fn forged(bytes: &[u8]) -> Vec<u8> {
    let mut frame = bytes[..bytes.len() - 4].to_vec();
    *frame.last_mut().unwrap() ^= 1;
    sealed(frame)
}

fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let checksum = crc32c::crc32c(&bytes);
    bytes.extend(checksum.to_le_bytes());
    bytes
}

/// A batch like those of every day, small enough to be read as bytes.
fn small_entry() -> Entry {
    let touch = Activity {
        kind: "email_sent".into(),
        account: vec![Candidate::CrmId("001A".into()), Candidate::EmailDomain("acme.com".into())].into(),
        source: "sales-engagement".into(),
        actor: Some(Actor::Rep("005A".into())),
        contact: 77,
        direction: Direction::Outbound,
        at: Millis(1_767_225_600_000),
        dedup: 0x0123_4567_89ab_cdef,
        meeting_at: None,
    };
    Entry {
        journal: Id128(0x0011_2233_4455_6677_8899_aabb_ccdd_eeff),
        shard: 3,
        sequence: 1000,
        previous: Id128(1),
        now: NOW,
        rules: 1,
        kind: EntryKind::Batch,
        spans: vec![Span { topic: Topic::Activity, partition: 1, from: 5, next: 7, read: 2, rejected: 1 }],
        inputs: vec![Input {
            position: Some(Position { topic: Topic::Activity, partition: 1, offset: 6 }),
            body: Body::Activity(touch),
        }],
        outputs: Id128(2),
        state: None,
    }
}

/// As while the CRM's accounts are read: rows, which are packed.
fn records(count: usize) -> Entry {
    let record = |number: usize| {
        let change = AccountChange {
            domains: Change::Set(vec![format!("company-{number}.com").into()]),
            fields: vec![("employees".into(), Some(Value::Number(number as i64 * 1_000)))],
            ..AccountChange::default()
        };
        let op = AccountOp::Change(Box::new(change));
        let record = AccountRecord { id: format!("001A{number:011}").into(), op, at: None };
        Input { position: None, body: Body::Account(record) }
    };
    Entry { inputs: (0..count).map(record).collect(), ..small_entry() }
}

#[test]
fn these_are_the_bytes_of_a_small_entry() {
    let bytes = encoded(&small_entry());
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, GOLDEN, "journals already written must stay readable: a change needs a new format number");
    assert_eq!(entry::digest(&bytes).to_string(), GOLDEN_DIGEST);
}

const GOLDEN: &str = "626b646a0400009a000000ffeeddccbbaa9988776655443322110003e80701000000000000000000000000\
    000000b8b7d5edee66010001040105070201020000000000000000000000000000000001020a10656d6169\
    6c5f73656e7473616c65732d656e676167656d656e7400010702001500010003010001010cefcdab896745\
    23014d00000016000830303541000830303141001061636d652e636f6d00050204010201e63611e3";
const GOLDEN_DIGEST: &str = "0c0379fbc2efcc3c95fb699b2acc2dd2";

/// Every variant and field many times over: a tag given to another variant, or fields in another order, would pass
/// every test in which one build both writes and reads.
#[test]
fn these_are_the_bytes_of_everything() {
    let mut stream = stream();
    let mut bytes = Vec::new();
    for _ in 0..300 {
        let drawn: Vec<u8> = (0..2000).map(|_| stream()).collect();
        let inputs = Entry::draw(&mut Dice { bytes: &drawn }).inputs;
        inputs.put(&mut bytes);
        bytes.extend(columns(&inputs));
        Policy::draw(&mut Dice { bytes: &drawn }).put(&mut bytes);
        Vec::<Output>::draw(&mut Dice { bytes: &drawn }).put(&mut bytes);
        AccountView::draw(&mut Dice { bytes: &drawn }).put(&mut bytes);
    }
    let found = entry::digest(&bytes).to_string();
    assert_eq!(found, EVERYTHING, "a new variant or field? else journals already written become unreadable");
}

const EVERYTHING: &str = "373bf933a8cef702443f72383a09ffe4";

/// Bytes that look drawn, the same in every run.
fn stream() -> impl FnMut() -> u8 {
    let mut state = 0x2545_f491_4f6c_dd1du64;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    }
}

/// Lists stand otherwise when they are long: above [`codec::GROUP`] in several groups, and numbers at their full width.
#[test]
fn these_are_the_bytes_of_long_lists() {
    let (mut stream, mut bytes) = (stream(), Vec::new());
    for length in LENGTHS {
        many::<Span>(length, &mut stream).put(&mut bytes);
        let inputs = many::<Input>(length, &mut stream);
        inputs.put(&mut bytes);
        bytes.extend(columns(&inputs));
        many::<Output>(length, &mut stream).put(&mut bytes);
        many::<AccountView>(length, &mut stream).put(&mut bytes);
        many::<RepView>(length, &mut stream).put(&mut bytes);
    }
    assert_eq!(entry::digest(&bytes).to_string(), LONG_LISTS, "journals already written must stay readable");
}

const LONG_LISTS: &str = "97cb1c32b99726d11940314c124f1861";

#[test]
fn an_entry_cut_short_anywhere_is_refused() {
    let (small, large) = (encoded(&small_entry()), encoded(&records(50)));
    assert_eq!((small[PACKING], large[PACKING]), (0, 1), "the large one is packed");
    for bytes in [small, large] {
        for length in 0..bytes.len() {
            assert!(entry::decode(&bytes[..length]).is_err(), "{length} of {}", bytes.len());
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert_eq!(entry::decode(&longer), Err(WireError::Checksum));
    }
}

#[test]
fn inputs_cut_short_anywhere_are_refused() {
    let bytes = codec::to_bytes(&small_entry().inputs);
    for length in 0..bytes.len() {
        assert!(codec::from_bytes::<Vec<Input>>(&bytes[..length]).is_err(), "{length} of {}", bytes.len());
    }
    let bytes = columns(&small_entry().inputs);
    for length in 0..bytes.len() {
        assert!(from_columns(&bytes[..length]).is_err(), "{length} of {}", bytes.len());
    }
}

#[test]
fn other_formats_and_a_foreign_file_are_told_apart() {
    let bytes = encoded(&small_entry());
    let of_format = |format: u16| {
        let mut frame = bytes[..bytes.len() - 4].to_vec();
        frame[4..6].copy_from_slice(&format.to_le_bytes());
        entry::decode(&sealed(frame))
    };
    let known = entry::FORMAT;
    assert_eq!(of_format(known), Ok(small_entry()));
    assert_eq!(of_format(known + 1), Err(WireError::Newer { found: known + 1, known }));
    assert_eq!(of_format(u16::MAX), Err(WireError::Newer { found: u16::MAX, known }));
    assert_eq!(of_format(1), Err(WireError::Older { found: 1, known }));
    assert!(matches!(of_format(0), Err(WireError::Invalid { at: 4, .. })));
    assert_eq!(entry::decode(b"{\"a\":1}"), Err(WireError::Foreign { what: "journal entry" }));
    assert_eq!(entry::decode(b""), Err(WireError::Truncated { at: 0 }));
}

#[test]
fn a_bomb_is_not_unpacked() {
    // LZ4 of 200 MiB of zeros, honest about its length but far over what a body may be here.
    let mut stored = vec![0x1f, 0, 1, 0];
    stored.extend(vec![0xff; 20_000_000]);
    let bomb = framed(1, u32::MAX, &stored);
    assert!(matches!(entry::decode(&bomb), Err(WireError::Invalid { at: 7, .. })));
}

#[test]
fn few_bytes_cannot_claim_many() {
    // Below what a body may be, and far above what LZ4 makes of five bytes.
    let claim = framed(1, 200 << 20, &[0x1f, 0, 1, 0, 0]);
    assert_eq!(claim.len(), 20);
    assert!(matches!(entry::decode(&claim), Err(WireError::Invalid { at: 7, .. })));
}

#[test]
fn an_entry_is_shown_with_all_that_it_holds() {
    let mut entry = small_entry();
    let change = AccountChange {
        domains: Change::Set(vec!["acme.com".into()]),
        fit: Change::Clear,
        owners: vec![("sdr".into(), None)],
        fields: vec![("employees".into(), Some(Value::Number(12_500))), ("region".into(), None)],
        ..AccountChange::default()
    };
    let op = AccountOp::Change(Box::new(change));
    let record = AccountRecord { id: "001A".into(), op, at: Some(Millis(1_767_225_600_000)) };
    entry.inputs.push(Input { position: None, body: Body::Account(record) });
    entry.inputs.push(Input { position: None, body: Body::Gate(Gate::Open) });
    let expected = serde_json::json!({
        "journal": "00112233445566778899aabbccddeeff",
        "shard": 3,
        "sequence": 1000,
        "previous": "00000000000000000000000000000001",
        "now": "2026-01-01T00:00:01.500Z",
        "rules": 1,
        "kind": "batch",
        "spans": [{"topic": "activity", "partition": 1, "from": 5, "next": 7, "read": 2, "rejected": 1}],
        "inputs": [
            {
                "at": {"topic": "activity", "partition": 1, "offset": 6},
                "activity": {
                    "kind": "email_sent",
                    "account": [{"crm_id": "001A"}, {"email_domain": "acme.com"}],
                    "source": "sales-engagement",
                    "actor": {"crm_id": "005A"},
                    "contact": "0000004d",
                    "direction": "outbound",
                    "occurred_at": "2026-01-01T00:00:00Z",
                    "dedup": "0123456789abcdef",
                    "meeting_at": null
                }
            },
            {
                "account": {
                    "id": "001A",
                    "op": "patch",
                    "updated_at": "2026-01-01T00:00:00Z",
                    "domains": ["acme.com"],
                    "fit": null,
                    "owners": {"sdr": null},
                    "fields": {"employees": 12.5, "region": null},
                    "crm_version": null
                }
            },
            {"gate": "open"}
        ],
        "outputs_digest": "00000000000000000000000000000002",
        "state_digest": null
    });
    assert_eq!(entry_json::json(&entry), expected);
}
