//! A snapshot's file is whole or refused: torn, flipped, foreign and newer ones each by name, none accepted.

use std::fs;
use std::path::PathBuf;

use bookd::domain::ids::Id128;
use bookd::domain::{Millis, Topic};
use bookd::wire::snapshot::{self, Header, Part, SnapshotError};
use proptest::prelude::*;
use tempfile::TempDir;

const BLOCK: usize = 1 << 20;

fn header(shard: u16, sequence: u64) -> Header {
    Header {
        journal: Id128(7),
        shard,
        sequence,
        at: 1_000,
        next: 1_100,
        digest: Id128(8),
        now: Millis(1_777_903_200_000),
        rules: 1,
        positions: vec![(Topic::Intent, 0, 91_834), (Topic::Activity, 3, 12)],
        policy_version: 7,
        build: "0.1.0".into(),
        created: Millis(1_777_903_201_000),
    }
}

/// Bytes that repeat nowhere, so that swapped blocks differ.
fn payload(length: usize) -> Vec<u8> {
    (0..length as u64).map(|index| (index.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect()
}

/// A snapshot of three blocks, the last one short.
fn written() -> (TempDir, PathBuf, Vec<u8>) {
    let dir = TempDir::new().unwrap();
    let payload = payload(2 * BLOCK + 5);
    let path = snapshot::write(dir.path(), &header(0, 42), &payload).unwrap();
    (dir, path, payload)
}

#[test]
fn what_was_written_is_read() {
    let (dir, path, payload) = written();
    assert_eq!(path.file_name().unwrap(), "snapshot-00000-00000000000000000042.bkds");
    assert_eq!(snapshot::read(&path).unwrap(), (header(0, 42), payload));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left aside");
    let empty = snapshot::write(dir.path(), &header(0, 43), &[]).unwrap();
    assert_eq!(snapshot::read(&empty).unwrap(), (header(0, 43), Vec::new()));
}

#[test]
fn the_newest_two_are_kept_a_shard() {
    let dir = TempDir::new().unwrap();
    let below = dir.path().join("not/there/yet");
    assert_eq!(snapshot::list(&below, 0).unwrap(), Vec::<PathBuf>::new());
    for sequence in [9, 10, 100, 1000] {
        snapshot::write(&below, &header(0, sequence), b"zero").unwrap();
    }
    snapshot::write(&below, &header(1, 5), b"one").unwrap();
    let sequences = |shard| -> Vec<u64> {
        let paths = snapshot::list(&below, shard).unwrap();
        paths.iter().map(|path| snapshot::read(path).unwrap().0.sequence).collect()
    };
    assert_eq!(sequences(0), [1000, 100]);
    assert_eq!(sequences(1), [5]);
    // A journal begun anew: what it writes must not vanish behind what another left here.
    let path = snapshot::write(&below, &header(0, 3), b"new").unwrap();
    assert!(path.exists());
    assert_eq!(sequences(0), [1000, 100, 3]);
}

#[test]
fn a_write_that_was_cut_short_leaves_the_old_ones_and_is_overwritten() {
    let (dir, path, _) = written();
    fs::write(dir.path().join("snapshot-00000.tmp"), b"bkds half").unwrap();
    assert_eq!(snapshot::list(dir.path(), 0).unwrap(), [path]);
    snapshot::write(dir.path(), &header(0, 43), b"next").unwrap();
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
}

#[test]
fn a_directory_that_cannot_be_written_is_an_error() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, b"").unwrap();
    assert!(snapshot::write(&file, &header(0, 1), b"x").is_err());
    assert!(matches!(snapshot::read(&dir.path().join("none")), Err(SnapshotError::Io(_))));
}

#[test]
fn a_torn_file_is_refused_wherever_it_ends() {
    let (_dir, path, _) = written();
    let whole = fs::read(&path).unwrap();
    let head = whole.len() - 3 * 8 - (2 * BLOCK + 5) - 32;
    let block = |index: usize| head + index * (BLOCK + 8);
    let near = |at: usize| at.saturating_sub(9)..(at + 10).min(whole.len());
    let ends = (0..head).chain(near(block(0))).chain(near(block(1))).chain(near(block(2))).chain(block(2)..whole.len());
    for length in ends {
        let part = match length {
            _ if length < head => Part::Header,
            _ if length < block(1) => Part::Block(0),
            _ if length < block(2) => Part::Block(1),
            _ if length < block(2) + 8 + 5 => Part::Block(2),
            _ if length < block(2) + 8 + 5 + 4 => Part::Block(3),
            _ => Part::Footer,
        };
        let error = read_bytes(&whole[..length]).unwrap_err();
        assert!(matches!(error, SnapshotError::Torn { part: found } if found == part), "{length}: {error}");
    }
}

/// A copy that went wrong may be larger than any memory: it is refused like others, and ends nothing.
#[test]
fn a_file_that_claims_more_than_there_is_memory_is_refused() {
    let (_dir, path, _) = written();
    for length in [1u64 << 30, 1 << 40] {
        fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(length).unwrap();
        let refused = snapshot::read(&path).unwrap_err();
        let is_named = matches!(refused, SnapshotError::Io(_) | SnapshotError::Flipped { part: Part::Footer });
        assert!(is_named, "{length}: {refused}");
    }
}

#[test]
fn blocks_out_of_place_are_refused() {
    let (_dir, path, _) = written();
    let whole = fs::read(&path).unwrap();
    let head = whole.len() - 3 * 8 - (2 * BLOCK + 5) - 32;
    let (first, second) = (head..head + BLOCK + 8, head + BLOCK + 8..head + 2 * (BLOCK + 8));
    let swapped = [&whole[..head], &whole[second.clone()], &whole[first.clone()], &whole[second.end..]].concat();
    let dropped = [&whole[..head], &whole[second.start..]].concat();
    let doubled = [&whole[..first.end], &whole[head..]].concat();
    let longer = [&whole[..], b"x"].concat();
    for bytes in [swapped, dropped, doubled, longer] {
        assert!(matches!(read_bytes(&bytes), Err(SnapshotError::Flipped { part: Part::Footer })));
    }
}

#[test]
fn a_foreign_file_and_a_newer_one_are_told_apart() {
    assert!(matches!(read_bytes(b"PK\x03\x04 and much more"), Err(SnapshotError::Foreign)));
    assert!(matches!(read_bytes(b""), Err(SnapshotError::Torn { part: Part::Header })));
    let (_dir, path, _) = written();
    let whole = fs::read(&path).unwrap();
    let length = u32::from_le_bytes(whole[6..10].try_into().unwrap()) as usize;
    let of_format = |format: u8| {
        let mut bytes = whole[..10 + length].to_vec();
        bytes[4] = format;
        let checksum = crc32c::crc32c(&bytes);
        bytes.extend(checksum.to_le_bytes());
        bytes.extend(b"whatever it has");
        read_bytes(&bytes)
    };
    let found_by = |by: i16| of_format((snapshot::FORMAT as i16 + by) as u8).unwrap_err();
    assert!(matches!(found_by(1), SnapshotError::Newer { known: snapshot::FORMAT, .. }));
    assert!(matches!(found_by(-1), SnapshotError::Older { known: snapshot::FORMAT, .. }));
}

fn read_bytes(bytes: &[u8]) -> Result<(Header, Vec<u8>), SnapshotError> {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("snapshot");
    fs::write(&path, bytes).unwrap();
    snapshot::read(&path)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_flipped_bit_is_never_accepted(at in any::<prop::sample::Index>(), bit in 0u8..8, length in 1usize..400) {
        let dir = TempDir::new().unwrap();
        let path = snapshot::write(dir.path(), &header(0, 42), &payload(length)).unwrap();
        let mut bytes = fs::read(&path).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let error = read_bytes(&bytes).unwrap_err();
        prop_assert!(match error {
            SnapshotError::Foreign => at < 4,
            SnapshotError::Flipped { .. } => true,
            // A length that grew.
            SnapshotError::Torn { .. } => true,
            _ => false,
        }, "{at}: {error}");
    }

    #[test]
    fn any_bytes_are_refused_without_a_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200), magic in any::<bool>()) {
        if magic {
            bytes.splice(0..0, *b"bkds\x01\x00\x10\x00\x00\x00");
        }
        prop_assert!(read_bytes(&bytes).is_err());
    }
}
