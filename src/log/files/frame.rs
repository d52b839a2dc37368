//! The framed journal file: how a commit is written down, and how frames are read back.
//!
//! ```text
//! file   magic "bookdjnl" · format u16 · shard u16 · crc32c u32            16 bytes
//! frame  magic u32 · body length u32 · synced u64 · crc u32 · crc u32      24 bytes: crc of the 16 before, of the body
//! body   appended i64 · output lengths 5 × u64 · the entry
//! ```
//!
//! All numbers are little-endian. `synced` is how long the journal was when it was last known to lie on the
//! disk whole. The head has a checksum of its own, so that a flipped length can't hide what follows.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;

use crate::domain::{Millis, Topic};

const FILE_MAGIC: [u8; 8] = *b"bookdjnl";
/// In format 1 there was no topic of what roles in shadow decide.
const FORMAT: u16 = 2;
pub const FILE_HEAD: u64 = 16;

const FRAME_MAGIC: u32 = u32::from_le_bytes(*b"BKf1");
const FRAME_HEAD: usize = 24;
/// The longest entry; its length is checked when it is committed.
pub const ENTRY_BYTES_MAX: usize = 256 * 1024 * 1024;
const READ_BYTES: usize = 1024 * 1024;

/// The outputs whose lengths stand in a frame, in this order. Another one is another format.
pub const OUTPUTS: [Topic; 5] =
    [Topic::Commands, Topic::Alerts, Topic::AccountState, Topic::DeadLetters, Topic::Shadow];
pub type Lengths = [u64; OUTPUTS.len()];
/// Before the entry in a body.
const BODY_HEAD: usize = 8 + 8 * OUTPUTS.len();

pub fn file_head(shard: u16) -> [u8; FILE_HEAD as usize] {
    let mut head = [0; FILE_HEAD as usize];
    head[..8].copy_from_slice(&FILE_MAGIC);
    head[8..10].copy_from_slice(&FORMAT.to_le_bytes());
    head[10..12].copy_from_slice(&shard.to_le_bytes());
    let crc = crc32c::crc32c(&head[..12]);
    head[12..].copy_from_slice(&crc.to_le_bytes());
    head
}

/// What is wrong with the beginning of a journal file.
pub fn check_file_head(head: &[u8; FILE_HEAD as usize], shard: u16) -> Result<(), String> {
    let format = u16::from_le_bytes([head[8], head[9]]);
    if head[..8] != FILE_MAGIC {
        Err("is not a journal of bookd".to_owned())
    } else if crc32c::crc32c(&head[..12]).to_le_bytes() != head[12..] {
        Err("its first 16 bytes fail their checksum".to_owned())
    } else if format != FORMAT {
        Err(format!("has format {format}, this build reads {FORMAT}"))
    } else if head[10..12] != shard.to_le_bytes() {
        Err(format!("is the journal of shard {}, not {shard}", u16::from_le_bytes([head[10], head[11]])))
    } else {
        Ok(())
    }
}

pub fn put(out: &mut Vec<u8>, synced: u64, appended: Millis, lengths: &Lengths, entry: &[u8]) {
    let start = out.len();
    let body = BODY_HEAD + entry.len();
    out.extend_from_slice(&FRAME_MAGIC.to_le_bytes());
    out.extend_from_slice(&u32::try_from(body).expect("entries are at most ENTRY_BYTES_MAX").to_le_bytes());
    out.extend_from_slice(&synced.to_le_bytes());
    let head_crc = crc32c::crc32c(&out[start..]);
    out.extend_from_slice(&head_crc.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&appended.0.to_le_bytes());
    for length in lengths {
        out.extend_from_slice(&length.to_le_bytes());
    }
    out.extend_from_slice(entry);
    let body_crc = crc32c::crc32c(&out[start + FRAME_HEAD..]);
    out[start + FRAME_HEAD - 4..start + FRAME_HEAD].copy_from_slice(&body_crc.to_le_bytes());
}

struct Head {
    body: usize,
    synced: u64,
    body_crc: u32,
}

fn head(bytes: &[u8; FRAME_HEAD]) -> Option<Head> {
    let u32_at = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let good = u32_at(0) == FRAME_MAGIC && u32_at(16) == crc32c::crc32c(&bytes[..16]);
    let synced = u64::from(u32_at(8)) | u64::from(u32_at(12)) << 32;
    good.then(|| Head { body: u32_at(4) as usize, synced, body_crc: u32_at(20) })
}

/// What stands at a place of the journal.
#[derive(Debug)]
pub enum Step {
    Frame(Frame),
    /// The file ends here.
    End,
    /// Something stands here that isn't a whole frame: torn, being written, or broken.
    Damaged,
}

#[derive(Debug)]
pub struct Frame {
    pub start: u64,
    pub next: u64,
    pub appended: Millis,
    pub lengths: Lengths,
    pub entry: Vec<u8>,
}

/// Reads frame by frame; after `End` or `Damaged` it can be asked again.
#[derive(Debug)]
pub struct Frames {
    reader: BufReader<File>,
    at: u64,
    body: Vec<u8>,
}

impl Frames {
    pub fn new(mut file: File, at: u64) -> io::Result<Frames> {
        file.seek(SeekFrom::Start(at))?;
        Ok(Frames { reader: BufReader::with_capacity(READ_BYTES, file), at, body: Vec::new() })
    }

    /// Where the next frame begins.
    pub fn at(&self) -> u64 {
        self.at
    }

    pub fn next(&mut self) -> io::Result<Step> {
        let step = self.read()?;
        match &step {
            Step::Frame(frame) => self.at = frame.next,
            // What was buffered may be half a write: look at the file itself next time.
            Step::End | Step::Damaged => drop(self.reader.seek(SeekFrom::Start(self.at))?),
        }
        Ok(step)
    }

    fn read(&mut self) -> io::Result<Step> {
        let mut bytes = [0; FRAME_HEAD];
        match fill(&mut self.reader, &mut bytes)? {
            0 => return Ok(Step::End),
            FRAME_HEAD => {}
            _ => return Ok(Step::Damaged),
        }
        let Some(head) = head(&bytes) else { return Ok(Step::Damaged) };
        if head.body < BODY_HEAD || head.body > BODY_HEAD + ENTRY_BYTES_MAX {
            return Ok(Step::Damaged);
        }
        self.body.resize(head.body, 0);
        if fill(&mut self.reader, &mut self.body)? < head.body || crc32c::crc32c(&self.body) != head.body_crc {
            return Ok(Step::Damaged);
        }
        Ok(self.frame(head.body))
    }

    fn frame(&self, length: usize) -> Step {
        let u64_at = |at: usize| u64::from_le_bytes(self.body[at..at + 8].try_into().expect("eight bytes"));
        Step::Frame(Frame {
            start: self.at,
            next: self.at + (FRAME_HEAD + length) as u64,
            appended: Millis(u64_at(0) as i64),
            lengths: std::array::from_fn(|index| u64_at(8 + 8 * index)),
            entry: self.body[BODY_HEAD..].to_vec(),
        })
    }
}

/// Reads until the buffer is full or the file ends; returns how much.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Whether a frame behind `at` proves that what stood at `at` once lay on the disk whole: then damage there
/// is no torn write of a crash, and cutting it off would lose committed entries.
pub fn was_synced(file: &File, at: u64) -> io::Result<bool> {
    let mut bytes = vec![0; READ_BYTES];
    let mut from = at + 1;
    loop {
        let filled = file.read_at(&mut bytes, from)?;
        if filled < FRAME_HEAD {
            return Ok(false);
        }
        let heads = bytes[..filled].windows(FRAME_HEAD).filter_map(|window| head(window.try_into().ok()?));
        if heads.into_iter().any(|head| head.synced > at) {
            return Ok(true);
        }
        from += (filled - FRAME_HEAD + 1) as u64;
    }
}
