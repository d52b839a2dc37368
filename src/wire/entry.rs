//! Journal entries: a versioned, checksummed, compressed binary form.
//!
//! ```text
//! magic "bkdj" | format u16 | packing u8 | plain length u32 | body, plain or LZ4 | crc32c u32 of all before it
//! ```
//!
//! Integers little-endian. Magic, format and the checksum at the end are the same in every format, so that a
//! flipped bit is never taken for another format.
//!
//! Inputs stand by columns ([`super::inputs`]): events are too dense for a compressor then, and a body of events goes as
//! it is. Where rows (records, policies) are a good part of a body, LZ4 packs all of it: `cargo bench --bench wire`
//! compares the two.

use super::codec::{Reader, Wire};
use super::{WireError, inputs};
use crate::domain::ids::Id128;
use crate::domain::{Entry, EntryKind, Input, Millis, Span};

const MAGIC: [u8; 4] = *b"bkdj";
/// The format this build writes, and the only one it reads. In format 1 inputs stood in rows, in
/// format 2 policies didn't say how commands are confirmed, in format 3 requests named no rate, policies no
/// mode, and nobody asked for an undo.
pub const FORMAT: u16 = 4;
/// Bytes before the body.
const HEAD: usize = 11;
const CHECKSUM: usize = 4;
/// Body bytes before compression. Far above what the loop's bounds on a batch allow; keeps a forged length from
/// taking the memory.
pub const MAX_BODY: usize = 256 << 20;
/// Below this, of what compresses, compressing isn't worth it: heartbeats, gates, most frontiers.
const MIN_PACKED: usize = 256;
/// Nor where what compresses is less than one in so many bytes.
const MIN_SHARE: usize = 4;

/// One byte of LZ4 stands for 255 at most: a short forgery can't claim much memory.
const LZ4_BEST_RATIO: usize = 255;

const PLAIN: u8 = 0;
const LZ4: u8 = 1;

/// An entry that could be committed but never read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its body would have {length} bytes, and {most} are read at most")]
pub struct TooLong {
    pub length: usize,
    pub most: usize,
}

/// Encodes entries; keeps its memory from one to the next.
#[derive(Debug, Default)]
pub struct Encoder {
    inputs: inputs::Writer,
    body: Vec<u8>,
    packed: Vec<u8>,
}

impl Encoder {
    /// The bytes of an entry, unless its body is over [`MAX_BODY`].
    pub fn encode(&mut self, entry: &Entry) -> Result<Vec<u8>, TooLong> {
        self.encode_within(MAX_BODY, entry)
    }

    fn encode_within(&mut self, most: usize, entry: &Entry) -> Result<Vec<u8>, TooLong> {
        self.fill_body(entry);
        let length = self.body.len();
        if length > most {
            return Err(TooLong { length, most });
        }
        let (packing, stored) = self.packed();
        let mut out = Vec::with_capacity(HEAD + stored.len() + CHECKSUM);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&FORMAT.to_le_bytes());
        out.push(packing);
        out.extend_from_slice(&(length as u32).to_le_bytes());
        out.extend_from_slice(stored);
        let checksum = crc32c::crc32c(&out);
        out.extend_from_slice(&checksum.to_le_bytes());
        Ok(out)
    }

    fn fill_body(&mut self, entry: &Entry) {
        let Entry { journal, shard, sequence, previous, now, rules, kind, spans, inputs, outputs, state } = entry;
        let out = &mut self.body;
        out.clear();
        journal.put(out);
        shard.put(out);
        sequence.put(out);
        previous.put(out);
        now.put(out);
        rules.put(out);
        kind.put(out);
        spans.put(out);
        outputs.put(out);
        state.put(out);
        self.inputs.put(*now, spans, inputs, out);
    }

    /// The body as it is stored, and how.
    fn packed(&mut self) -> (u8, &[u8]) {
        let body = &self.body;
        if self.inputs.compressible() < MIN_PACKED.max(body.len() / MIN_SHARE) {
            return (PLAIN, body);
        }
        self.packed.resize(lz4_flex::block::get_maximum_output_size(body.len()), 0);
        let length = lz4_flex::block::compress_into(body, &mut self.packed);
        let length = length.expect("there is room for the worst case");
        if length < body.len() { (LZ4, &self.packed[..length]) } else { (PLAIN, body) }
    }
}

/// Encodes one entry; whoever encodes many keeps an [`Encoder`].
pub fn encode(entry: &Entry) -> Result<Vec<u8>, TooLong> {
    Encoder::default().encode(entry)
}

/// Decodes entries; keeps its memory from one to the next.
#[derive(Debug, Default)]
pub struct Decoder {
    inputs: inputs::Inputs,
    body: Vec<u8>,
    spare: Vec<Input>,
}

impl Decoder {
    /// The entry of these bytes; the inverse of [`Encoder::encode`].
    pub fn decode(&mut self, bytes: &[u8]) -> Result<Entry, WireError> {
        let frame = checked(bytes)?;
        let (head, stored) = frame.split_at(HEAD);
        let length = u32::from_le_bytes([head[7], head[8], head[9], head[10]]) as usize;
        if length > MAX_BODY.min(stored.len().saturating_mul(LZ4_BEST_RATIO)) {
            return Err(WireError::Invalid { at: 7, what: format!("a body of {length} bytes") });
        }
        let Decoder { inputs, body, spare } = self;
        let body = match head[6] {
            PLAIN if stored.len() == length => stored,
            LZ4 => {
                unpack(stored, length, body)?;
                body
            }
            packing => return Err(WireError::Invalid { at: 6, what: format!("no packing {packing} of this length") }),
        };
        let mut from = Reader::new(body);
        let entry = read_body(&mut from, inputs, std::mem::take(spare))?;
        from.finish()?;
        Ok(entry)
    }

    /// Takes the memory of inputs that are done with, for the next entry.
    pub fn recycle(&mut self, mut inputs: Vec<Input>) {
        inputs.clear();
        self.spare = inputs;
    }
}

/// Decodes one entry; whoever decodes many keeps a [`Decoder`].
pub fn decode(bytes: &[u8]) -> Result<Entry, WireError> {
    Decoder::default().decode(bytes)
}

/// What the next entry carries as `previous`: over the encoded bytes.
pub fn digest(bytes: &[u8]) -> Id128 {
    Id128(xxhash_rust::xxh3::xxh3_128(bytes))
}

/// Everything before the checksum, once magic, checksum and format are right.
fn checked(bytes: &[u8]) -> Result<&[u8], WireError> {
    if !bytes.starts_with(&MAGIC[..bytes.len().min(MAGIC.len())]) {
        return Err(WireError::Foreign { what: "journal entry" });
    }
    if bytes.len() < HEAD + CHECKSUM {
        return Err(WireError::Truncated { at: bytes.len() });
    }
    let (frame, checksum) = bytes.split_at(bytes.len() - CHECKSUM);
    if crc32c::crc32c(frame).to_le_bytes() != checksum {
        return Err(WireError::Checksum);
    }
    match u16::from_le_bytes([frame[4], frame[5]]) {
        FORMAT => Ok(frame),
        found if found > FORMAT => Err(WireError::Newer { found, known: FORMAT }),
        0 => Err(WireError::Invalid { at: 4, what: "there never was a format 0".into() }),
        found => Err(WireError::Older { found, known: FORMAT }),
    }
}

fn unpack(stored: &[u8], length: usize, body: &mut Vec<u8>) -> Result<(), WireError> {
    body.clear();
    body.resize(length, 0);
    match lz4_flex::block::decompress_into(stored, body) {
        Ok(unpacked) if unpacked == length => Ok(()),
        Ok(_) => Err(WireError::Invalid { at: HEAD, what: "a body shorter than it says".into() }),
        Err(error) => Err(WireError::Invalid { at: HEAD, what: error.to_string() }),
    }
}

fn read_body(from: &mut Reader<'_>, columns: &mut inputs::Inputs, mut inputs: Vec<Input>) -> Result<Entry, WireError> {
    let journal = Id128::get(from)?;
    let shard = u16::get(from)?;
    let sequence = u64::get(from)?;
    let previous = Id128::get(from)?;
    let now = Millis::get(from)?;
    let rules = u16::get(from)?;
    let kind = EntryKind::get(from)?;
    let spans = Vec::<Span>::get(from)?;
    let outputs = Id128::get(from)?;
    let state = Option::<Id128>::get(from)?;
    columns.get(now, &spans, from, &mut inputs)?;
    Ok(Entry { journal, shard, sequence, previous, now, rules, kind, spans, inputs, outputs, state })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Body, Gate};

    #[test]
    fn what_could_not_be_read_again_is_not_written() {
        let input = Input { position: None, body: Body::Gate(Gate::Open) };
        let entry = Entry {
            journal: Id128(1),
            shard: 0,
            sequence: 1,
            previous: Id128(0),
            now: Millis(0),
            rules: 1,
            kind: EntryKind::Gate,
            spans: Vec::new(),
            inputs: vec![input],
            outputs: Id128(0),
            state: None,
        };
        let mut encoder = Encoder::default();
        let bytes = encoder.encode(&entry).unwrap();
        let length = bytes.len() - HEAD - CHECKSUM;
        assert_eq!(encoder.encode_within(length, &entry), Ok(bytes));
        assert_eq!(encoder.encode_within(length - 1, &entry), Err(TooLong { length, most: length - 1 }));
    }
}
