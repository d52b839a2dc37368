//! A journal entry as Kafka records: cut below the broker's message limit, and put together again.
//!
//! Each record is 16 bytes and a piece of the entry: magic "BKc1", the piece's number, how many there are,
//! and the entry's length, as little-endian u32. All pieces of an entry are in one transaction, so a reader
//! of committed records finds them side by side.

const MAGIC: [u8; 4] = *b"BKc1";
const HEAD: usize = 16;
/// Brokers accept 1 MiB with everything around it by default.
const PIECE_BYTES_MAX: usize = 900 * 1024;
/// The longest entry; as many pieces fit into one transaction without hurting its broker.
pub const ENTRY_BYTES_MAX: usize = 256 * 1024 * 1024;

/// The values of an entry's records, in order. An empty entry is one record.
pub fn cut(entry: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let count = entry.len().div_ceil(PIECE_BYTES_MAX).max(1);
    (0..count).map(move |number| {
        let piece = &entry[number * PIECE_BYTES_MAX..entry.len().min((number + 1) * PIECE_BYTES_MAX)];
        let mut value = Vec::with_capacity(HEAD + piece.len());
        value.extend_from_slice(&MAGIC);
        for field in [number, count, entry.len()] {
            value.extend_from_slice(&u32::try_from(field).expect("entries are at most ENTRY_BYTES_MAX").to_le_bytes());
        }
        value.extend_from_slice(piece);
        value
    })
}

/// Puts entries together, record by record.
#[derive(Debug, Default)]
pub struct Pieces {
    entry: Vec<u8>,
    taken: u32,
    count: u32,
    length: u32,
}

impl Pieces {
    /// Whether the next record begins an entry.
    pub fn is_empty(&self) -> bool {
        self.taken == 0
    }

    /// Takes the next record's value; the entry, if that was its last piece. An error says what is wrong.
    pub fn take(&mut self, value: &[u8]) -> Result<Option<Vec<u8>>, String> {
        if value.len() < HEAD || value[..4] != MAGIC {
            return Err("is not a piece of a journal entry".to_owned());
        }
        let field = |at: usize| u32::from_le_bytes([value[at], value[at + 1], value[at + 2], value[at + 3]]);
        let (number, count, length) = (field(4), field(8), field(12));
        if self.taken == 0 {
            (self.count, self.length) = (count, length);
        }
        if number != self.taken || (count, length) != (self.count, self.length) || length as usize > ENTRY_BYTES_MAX {
            let Pieces { taken, count: of, .. } = self;
            return Err(format!("is piece {number} of {count} where piece {taken} of {of} should be"));
        }
        self.entry.extend_from_slice(&value[HEAD..]);
        self.taken += 1;
        if self.taken < self.count {
            return Ok(None);
        }
        let entry = std::mem::take(self).entry;
        if entry.len() == length as usize {
            Ok(Some(entry))
        } else {
            Err(format!("ends an entry of {} bytes that should have {length}", entry.len()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join(values: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, String> {
        let mut pieces = Pieces::default();
        values.iter().filter_map(|value| pieces.take(value).transpose()).collect()
    }

    #[test]
    fn entries_come_back_as_they_were() {
        for length in [0, 1, PIECE_BYTES_MAX, PIECE_BYTES_MAX + 1, 3 * PIECE_BYTES_MAX - 1] {
            let entry: Vec<u8> = (0..length).map(|index| (index % 251) as u8).collect();
            let values: Vec<Vec<u8>> = cut(&entry).collect();
            assert_eq!(values.len(), length.div_ceil(PIECE_BYTES_MAX).max(1));
            assert!(values.iter().all(|value| value.len() < 1_000_000), "below librdkafka's own limit");
            let twice = [values.clone(), values].concat();
            assert!(join(&twice).unwrap() == [entry.clone(), entry], "length {length}");
        }
    }

    #[test]
    fn a_missing_repeated_or_foreign_piece_is_noticed() {
        let values: Vec<Vec<u8>> = cut(&vec![7; 3 * PIECE_BYTES_MAX]).collect();
        let other: Vec<Vec<u8>> = cut(&vec![7; 3 * PIECE_BYTES_MAX - 1]).collect();
        let of = |indices: &[usize]| indices.iter().map(|index| values[*index].clone()).collect::<Vec<_>>();
        for broken in [of(&[0, 2]), of(&[1, 2]), of(&[0, 0]), of(&[0, 1, 0])] {
            assert!(join(&broken).is_err());
        }
        assert!(join(&[values[0].clone(), other[1].clone()]).is_err());
        assert!(join(&[b"{}".to_vec()]).is_err());
        let mut short = values.clone();
        short[2].pop();
        assert!(join(&short).is_err());
        assert_eq!(join(&of(&[0, 1])), Ok(vec![]), "an entry that isn't whole is not there");
    }
}
