//! Snapshots: the container of an engine's state in a file that is either whole or refused.
//!
//! ```text
//! magic "bkds" | format u16 | length u32 | header | crc32c u32 of all so far
//! blocks:  length u32, 1 to 1 MiB | crc32c u32 of length and bytes | bytes
//! end:     length 0 u32 | total u64 | xxh3-128 of the payload | crc32c u32 of these
//! ```
//!
//! Integers little-endian. Up to the first checksum the arrangement is the same in every format. A snapshot is
//! written aside, synced, renamed, and its directory synced: after a power loss there is the old one or the new
//! one. Two are kept, so that a bad one has another behind it. One writer a shard and directory at a time.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use xxhash_rust::xxh3::Xxh3;

use super::WireError;
use super::codec::{self, wire_struct};
use crate::domain::ids::Id128;
use crate::domain::{Millis, Text, Topic};
use crate::engine::both::both;

const MAGIC: [u8; 4] = *b"bkds";
/// The format this build writes. An older one is passed over: its state had other rows, or another arrangement.
pub const FORMAT: u16 = 8;
/// Small enough that a flipped bit is found early, large enough that checksums cost nothing beside the bytes.
const BLOCK: usize = 1 << 20;
/// Positions of some thousand partitions; a longer header is a forged length.
const MAX_HEADER: usize = 1 << 20;
/// Blocks that were read and wait to be checked.
const WAITING: usize = 4;
/// How many snapshots of a shard are kept: the newest, and one to fall back to.
pub const KEPT: usize = 2;

/// Which state this is, and where following the journal goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub journal: Id128,
    pub shard: u16,
    /// Of the last entry applied.
    pub sequence: u64,
    /// The places of that entry and of the next one, for `open_journal`.
    pub at: u64,
    pub next: u64,
    /// Of that entry: what the next one carries as `previous`.
    pub digest: Id128,
    pub now: Millis,
    pub rules: u16,
    /// Input partitions and where reading goes on in each.
    pub positions: Vec<(Topic, u32, u64)>,
    pub policy_version: u32,
    /// The build that wrote it, and when by the wall clock; for people.
    pub build: Text,
    pub created: Millis,
}

wire_struct! {
    Header {
        journal, shard, sequence, at, next, digest, now, rules, positions, policy_version, build, created,
    }
}

/// Why a snapshot can't be used. Never fatal: there is an older one, and the whole journal.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    #[error("can't be read: {0}")]
    Io(#[from] io::Error),
    #[error("not a snapshot of bookd")]
    Foreign,
    #[error("format {found}, this build reads {known}: written by a newer bookd")]
    Newer { found: u16, known: u16 },
    #[error("format {found}, this build reads {known}: written by an older bookd")]
    Older { found: u16, known: u16 },
    #[error("ends in its {part}: a torn write")]
    Torn { part: Part },
    #[error("checksum of its {part} differs: a flipped bit")]
    Flipped { part: Part },
    /// All checksums are right, and yet it makes no sense: a fault of the writer.
    #[error("header: {0}")]
    Header(WireError),
}

/// A part of a snapshot's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Header,
    /// Counted from 0.
    Block(usize),
    Footer,
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Part::Header => f.write_str("header"),
            Part::Block(index) => write!(f, "block {index}"),
            Part::Footer => f.write_str("footer"),
        }
    }
}

/// Writes a snapshot into a directory, which is created where it is missing, and deletes all but the newest
/// [`KEPT`] up to this one. Returns its path once it would survive a power loss.
pub fn write(dir: &Path, header: &Header, payload: &[u8]) -> io::Result<PathBuf> {
    fs::create_dir_all(dir)?;
    // The same name for every snapshot of the shard: what a crash leaves behind is overwritten by the next.
    let aside = dir.join(format!("snapshot-{:05}.tmp", header.shard));
    let path = dir.join(file_name(header.shard, header.sequence));
    let mut file = File::create(&aside)?;
    write_to(&mut file, header, payload)?;
    file.sync_all()?;
    fs::rename(&aside, &path)?;
    File::open(dir)?.sync_all()?;
    prune(dir, header)?;
    Ok(path)
}

/// The snapshots of a shard in a directory, the newest first; none where there is no directory.
pub fn list(dir: &Path, shard: u16) -> io::Result<Vec<PathBuf>> {
    Ok(sequences(dir, shard)?.into_iter().map(|sequence| dir.join(file_name(shard, sequence))).collect())
}

/// Sets the shard's snapshots aside, under names that nobody reads; returns how many. They belong to a journal that
/// was set aside too.
pub fn set_aside(dir: &Path, shard: u16) -> io::Result<usize> {
    let found = list(dir, shard)?;
    for path in &found {
        fs::rename(path, path.with_extension("bkds.aside"))?;
    }
    Ok(found.len())
}

/// Reads a snapshot: all of it, every checksum compared.
pub fn read(path: &Path) -> Result<(Header, Vec<u8>), SnapshotError> {
    let file = File::open(path)?;
    let length = file.metadata()?.len() as usize;
    let mut file = BufReader::new(file);
    let header = read_header(&mut file)?;
    let payload = read_payload(&mut file, length)?;
    Ok((header, payload))
}

fn file_name(shard: u16, sequence: u64) -> String {
    format!("snapshot-{shard:05}-{sequence:020}.bkds")
}

/// The sequences of a shard's snapshots, descending.
fn sequences(dir: &Path, shard: u16) -> io::Result<Vec<u64>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let prefix = format!("snapshot-{shard:05}-");
    let mut sequences = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        let digits = name.to_str().and_then(|name| name.strip_prefix(&prefix)?.strip_suffix(".bkds"));
        sequences.extend(digits.filter(|digits| digits.len() == 20).and_then(|digits| digits.parse::<u64>().ok()));
    }
    sequences.sort_unstable_by(|one, other| other.cmp(one));
    Ok(sequences)
}

/// Those with a higher sequence aren't ours to judge: they may be of another journal, or this one lost its end.
fn prune(dir: &Path, written: &Header) -> io::Result<()> {
    let older = sequences(dir, written.shard)?.into_iter().filter(|sequence| *sequence <= written.sequence);
    for sequence in older.skip(KEPT) {
        fs::remove_file(dir.join(file_name(written.shard, sequence)))?;
    }
    Ok(())
}

fn write_to(file: &mut File, header: &Header, payload: &[u8]) -> io::Result<()> {
    let encoded = codec::to_bytes(header);
    let mut head = Vec::from(MAGIC);
    head.extend_from_slice(&FORMAT.to_le_bytes());
    head.extend_from_slice(&(encoded.len() as u32).to_le_bytes());
    head.extend_from_slice(&encoded);
    file.write_all(&sealed(head))?;
    let mut hash = Xxh3::new();
    for block in payload.chunks(BLOCK) {
        hash.update(block);
        let length = (block.len() as u32).to_le_bytes();
        file.write_all(&length)?;
        file.write_all(&block_checksum(length, block))?;
        file.write_all(block)?;
    }
    file.write_all(&footer(payload.len(), &hash))
}

fn footer(length: usize, hash: &Xxh3) -> Vec<u8> {
    let mut footer = Vec::from(0u32.to_le_bytes());
    footer.extend_from_slice(&(length as u64).to_le_bytes());
    footer.extend_from_slice(&hash.digest128().to_le_bytes());
    sealed(footer)
}

/// With its checksum behind it.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let checksum = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes
}

/// The length is summed too: a flipped one must not pass for the end.
fn block_checksum(length: [u8; 4], block: &[u8]) -> [u8; 4] {
    crc32c::crc32c_append(crc32c::crc32c(&length), block).to_le_bytes()
}

fn read_header(file: &mut impl Read) -> Result<Header, SnapshotError> {
    let part = Part::Header;
    let mut head = vec![0; 10];
    fill(file, &mut head, part)?;
    if head[..4] != MAGIC {
        return Err(SnapshotError::Foreign);
    }
    let format = u16::from_le_bytes([head[4], head[5]]);
    let length = u32::from_le_bytes([head[6], head[7], head[8], head[9]]) as usize;
    if length > MAX_HEADER {
        return Err(SnapshotError::Flipped { part });
    }
    head.resize(10 + length, 0);
    fill(file, &mut head[10..], part)?;
    let mut checksum = [0; 4];
    fill(file, &mut checksum, part)?;
    if crc32c::crc32c(&head).to_le_bytes() != checksum {
        return Err(SnapshotError::Flipped { part });
    }
    if format > FORMAT {
        return Err(SnapshotError::Newer { found: format, known: FORMAT });
    }
    if format < FORMAT {
        return Err(SnapshotError::Older { found: format, known: FORMAT });
    }
    codec::from_bytes(&head[10..]).map_err(SnapshotError::Header)
}

/// A block that was read, and what says whether it is as it was written.
struct Block<'a> {
    length: [u8; 4],
    checksum: [u8; 4],
    bytes: &'a [u8],
}

/// Blocks are checked in a thread beside, while the next are read. `at_most`: bytes of the file, so that the payload
/// is set aside once.
fn read_payload(file: &mut impl Read, at_most: usize) -> Result<Vec<u8>, SnapshotError> {
    // A file may claim more than there is memory: that is no snapshot, and nothing to end for.
    let mut room = Vec::<u8>::new();
    std::hint::black_box(room.try_reserve_exact(at_most)).map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
    drop(room);
    let mut payload = vec![0; at_most];
    let (sender, blocks) = sync_channel(WAITING);
    let (into, reader) = (&mut payload[..], &mut *file);
    let (checked, read) = both(move || check_blocks(&blocks), move || read_blocks(reader, into, &sender));
    // What was read before is what is told of first.
    let hash = checked?;
    payload.truncate(read?);
    check_footer(file, &footer(payload.len(), &hash)[4..])?;
    Ok(payload)
}

/// How many bytes there are; up to the first block that nobody wants to check any more.
fn read_blocks<'a>(
    file: &mut impl Read,
    mut into: &'a mut [u8],
    blocks: &SyncSender<Block<'a>>,
) -> Result<usize, SnapshotError> {
    let mut total = 0;
    for index in 0.. {
        let part = Part::Block(index);
        let mut length = [0; 4];
        fill(file, &mut length, part)?;
        let count = u32::from_le_bytes(length) as usize;
        if count == 0 {
            break;
        }
        if count > BLOCK {
            return Err(SnapshotError::Flipped { part });
        }
        let mut checksum = [0; 4];
        fill(file, &mut checksum, part)?;
        let Some((bytes, behind)) = into.split_at_mut_checked(count) else {
            return Err(SnapshotError::Torn { part });
        };
        fill(file, bytes, part)?;
        total += count;
        into = behind;
        if blocks.send(Block { length, checksum, bytes }).is_err() {
            break;
        }
    }
    Ok(total)
}

/// The hash of all of them.
fn check_blocks(blocks: &Receiver<Block<'_>>) -> Result<Xxh3, SnapshotError> {
    let mut hash = Xxh3::new();
    for (index, Block { length, checksum, bytes }) in blocks.iter().enumerate() {
        // While the block is in the cache: the footer's hash needs no pass of its own.
        hash.update(bytes);
        if block_checksum(length, bytes) != checksum {
            return Err(SnapshotError::Flipped { part: Part::Block(index) });
        }
    }
    Ok(hash)
}

/// The footer, behind its length, knows what the blocks can't: that none is missing, doubled or out of place.
fn check_footer(file: &mut impl Read, expected: &[u8]) -> Result<(), SnapshotError> {
    let part = Part::Footer;
    let mut found = vec![0; expected.len()];
    fill(file, &mut found, part)?;
    if found != expected || file.read(&mut [0])? != 0 {
        return Err(SnapshotError::Flipped { part });
    }
    Ok(())
}

fn fill(file: &mut impl Read, into: &mut [u8], part: Part) -> Result<(), SnapshotError> {
    file.read_exact(into).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => SnapshotError::Torn { part },
        _ => SnapshotError::Io(error),
    })
}
