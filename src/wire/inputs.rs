//! The inputs of a journal entry, by columns: what repeats is written once, and each value by what it differs from
//! what one would expect.
//!
//! ```text
//! count | terms | subjects | shapes | column of shapes | numbers | hashes | names | rows | positions
//! ```
//!
//! Every event has a shape ([`shapes`]): a number in its column. `terms` are the texts that shapes speak of (kinds,
//! sources, vendors). `numbers` are varints: instants against the entry's, subjects, strengths. `hashes` are
//! fixed-width: deduplication, contacts, aliases. `names` are ids and domains, each against the one before
//! ([`names`]). Bodies that aren't events (records, requests, policies) stand in `rows`, as `codec` writes them.
//! As everywhere, inputs have one encoding, and other bytes are refused.

mod columns;
mod dictionary;
mod known;
mod names;
mod positions;
mod shapes;

use self::columns::{Columns, Source};
use self::dictionary::{Dictionary, Uses};
use self::shapes::{Shape, Terms};
use super::WireError;
use super::codec::{Reader, put_varint};
use crate::domain::{Input, Millis, Span, Text};

/// Writes inputs; keeps its memory from entry to entry.
#[derive(Debug, Default)]
pub struct Writer {
    terms: Dictionary,
    subjects: Dictionary,
    shapes: Dictionary,
    columns: Columns,
    positions: Vec<u8>,
}

impl Writer {
    pub fn put(&mut self, now: Millis, spans: &[Span], inputs: &[Input], out: &mut Vec<u8>) {
        let Writer { terms, subjects, shapes, columns, positions } = self;
        for dictionary in [&mut *terms, subjects, shapes] {
            dictionary.clear();
        }
        columns::fill(now, inputs, terms, subjects, shapes, columns);
        positions.clear();
        positions::put(spans, inputs, positions);
        put_varint(inputs.len() as u64, out);
        for dictionary in [terms, subjects, shapes] {
            dictionary.put(out);
        }
        for column in columns.all().into_iter().chain([&*positions]) {
            put_varint(column.len() as u64, out);
            out.extend_from_slice(column);
        }
    }

    /// Bytes of what compresses: rows. Columns and dictionaries hold what can't be told from chance.
    pub fn compressible(&self) -> usize {
        self.columns.rows.len()
    }
}

/// Reads inputs; keeps its memory from entry to entry.
#[derive(Debug, Default)]
pub struct Inputs {
    dictionary: Dictionary,
    terms: Vec<Text>,
    subjects: Vec<Text>,
    shapes: Vec<Shape>,
    last: columns::LastNames,
}

impl Inputs {
    /// Appends the inputs.
    pub fn get(
        &mut self,
        now: Millis,
        spans: &[Span],
        from: &mut Reader<'_>,
        inputs: &mut Vec<Input>,
    ) -> Result<(), WireError> {
        // Every input has a byte in the column of shapes.
        let count = from.count()?;
        self.dictionaries(from)?;
        let mut source = Source::new(now, spans, from, &mut self.last)?;
        let (mut shape_uses, mut subject_uses) = (Uses::default(), Uses::default());
        // An input is far larger than its bytes: set aside no more than the bytes, and grow from there.
        inputs.reserve(count.min(source.left() / size_of::<Input>()));
        for _ in 0..count {
            inputs.push(source.input(&self.shapes, &mut shape_uses, &self.subjects, &mut subject_uses)?);
        }
        shape_uses.finish(self.shapes.len(), from)?;
        subject_uses.finish(self.subjects.len(), from)?;
        source.finish()
    }

    fn dictionaries(&mut self, from: &mut Reader<'_>) -> Result<(), WireError> {
        texts(&mut self.dictionary, from, &mut self.terms)?;
        texts(&mut self.dictionary, from, &mut self.subjects)?;
        self.dictionary.get(from)?;
        let mut terms = Terms { texts: &self.terms, uses: Uses::default() };
        self.shapes.clear();
        for number in 0..self.dictionary.len() {
            self.shapes.push(Shape::get(self.dictionary.string(number), &mut terms)?);
        }
        terms.uses.finish(self.terms.len(), from)
    }
}

fn texts(dictionary: &mut Dictionary, from: &mut Reader<'_>, into: &mut Vec<Text>) -> Result<(), WireError> {
    dictionary.get(from)?;
    into.clear();
    for number in 0..dictionary.len() {
        let text = std::str::from_utf8(dictionary.string(number));
        into.push(Text::new(text.map_err(|_| from.invalid("text that isn't UTF-8"))?));
    }
    Ok(())
}
