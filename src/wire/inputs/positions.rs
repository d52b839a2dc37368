//! Where the inputs stand in their topics, as runs of offsets without a gap.
//!
//! A batch is ordered by topic, partition and offset, and its spans say where each partition begins: where nothing
//! was turned away a run is a span, and positions cost a few bytes a partition.

use crate::domain::{Input, Position, Span, Topic};
use crate::wire::WireError;
use crate::wire::codec::{Reader, Wire, put_varint};

/// Inputs without a position.
const NOWHERE: u8 = 0;
/// Further on in the same partition.
const ONWARD: u8 = 1;
/// Another partition: its topic and number follow.
const ELSEWHERE: u8 = 2;

/// As many inputs, one offset after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    first: Option<Position>,
    count: usize,
}

impl Run {
    /// Of the input behind it, if that belongs to the run.
    fn next(&self) -> Option<Position> {
        self.first.map(|first| Position { offset: first.offset.wrapping_add(self.count as u64), ..first })
    }
}

fn is_elsewhere(before: Option<Position>, position: Position) -> bool {
    before.is_none_or(|before| (before.topic, before.partition) != (position.topic, position.partition))
}

/// Where an offset is counted from: where the last run stopped, or where the entry began to read the partition.
fn expected(spans: &[Span], next: Option<Position>, position: Position) -> u64 {
    match next {
        Some(next) if !is_elsewhere(Some(next), position) => next.offset,
        _ => {
            let of_it = |span: &&Span| (span.topic, span.partition) == (position.topic, position.partition);
            spans.iter().find(of_it).map_or(0, |span| span.from)
        }
    }
}

pub fn put(spans: &[Span], inputs: &[Input], out: &mut Vec<u8>) {
    let mut next = None;
    let mut rest = inputs;
    while let Some(run) = first_run(rest) {
        put_run(spans, next, run, out);
        next = run.next();
        rest = &rest[run.count..];
    }
}

/// As long as it gets.
fn first_run(inputs: &[Input]) -> Option<Run> {
    let mut run = Run { first: inputs.first()?.position, count: 1 };
    for input in &inputs[1..] {
        if input.position != run.next() {
            break;
        }
        run.count += 1;
    }
    Some(run)
}

fn put_run(spans: &[Span], next: Option<Position>, run: Run, out: &mut Vec<u8>) {
    let Some(first) = run.first else {
        out.push(NOWHERE);
        return put_varint(run.count as u64, out);
    };
    if is_elsewhere(next, first) {
        out.push(ELSEWHERE);
        first.topic.put(out);
        first.partition.put(out);
    } else {
        out.push(ONWARD);
    }
    (first.offset.wrapping_sub(expected(spans, next, first)) as i64).put(out);
    put_varint(run.count as u64, out);
}

/// The positions of an entry's inputs, one by one.
pub struct Positions<'a> {
    spans: &'a [Span],
    from: Reader<'a>,
    /// The run that is being read: what comes next in it, and how many are left.
    next: Option<Position>,
    left: u64,
    /// No run was read yet.
    is_first: bool,
}

impl<'a> Positions<'a> {
    pub fn new(spans: &'a [Span], from: Reader<'a>) -> Positions<'a> {
        Positions { spans, from, next: None, left: 0, is_first: true }
    }

    pub fn next(&mut self) -> Result<Option<Position>, WireError> {
        if self.left == 0 {
            self.run()?;
        }
        let position = self.next;
        self.left -= 1;
        // Behind a run this is what would continue it.
        if let Some(next) = &mut self.next {
            next.offset = next.offset.wrapping_add(1);
        }
        Ok(position)
    }

    fn run(&mut self) -> Result<(), WireError> {
        let before = self.next;
        let next = match (self.from.byte()?, before) {
            (NOWHERE, _) => None,
            (ONWARD, Some(before)) => Some(self.moved(before)?),
            (ELSEWHERE, _) => Some(self.elsewhere(before)?),
            _ => return Err(self.from.invalid("no such run of positions")),
        };
        let count = self.from.varint()?;
        if count == 0 || (next == before && !self.is_first) {
            return Err(self.from.invalid("runs of positions that are one, or none"));
        }
        (self.next, self.left, self.is_first) = (next, count, false);
        Ok(())
    }

    fn elsewhere(&mut self, before: Option<Position>) -> Result<Position, WireError> {
        let (topic, partition) = (Topic::get(&mut self.from)?, u32::get(&mut self.from)?);
        let start = Position { topic, partition, offset: 0 };
        if !is_elsewhere(before, start) {
            return Err(self.from.invalid("the same partition again"));
        }
        self.moved(Position { offset: expected(self.spans, None, start), ..start })
    }

    fn moved(&mut self, from: Position) -> Result<Position, WireError> {
        let by = i64::get(&mut self.from)?;
        Ok(Position { offset: from.offset.wrapping_add(by as u64), ..from })
    }

    /// All positions were asked for.
    pub fn finish(self) -> Result<(), WireError> {
        if self.left == 0 { self.from.finish() } else { Err(self.from.invalid("positions behind the end")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Body, Gate};

    fn inputs(positions: &[Option<Position>]) -> Vec<Input> {
        positions.iter().map(|position| Input { position: *position, body: Body::Gate(Gate::Open) }).collect()
    }

    fn read(spans: &[Span], bytes: &[u8], count: usize) -> Result<Vec<Option<Position>>, WireError> {
        let mut positions = Positions::new(spans, Reader::new(bytes));
        let read = (0..count).map(|_| positions.next()).collect::<Result<_, _>>()?;
        positions.finish()?;
        Ok(read)
    }

    #[test]
    fn what_the_spans_imply_costs_a_run() {
        let span =
            Span { topic: Topic::Intent, partition: 7, from: 1 << 40, next: (1 << 40) + 1_000, read: 0, rejected: 0 };
        let at = |offset| Some(Position { topic: Topic::Intent, partition: 7, offset });
        let dense: Vec<_> = (0..1_000).map(|index| at(span.from + index)).collect();
        let gaps = [None, None, at(span.from), at(span.from + 2), at(0), at(u64::MAX), at(0), None];
        for (positions, length) in [(&dense[..], 6), (&gaps, 23)] {
            let mut bytes = Vec::new();
            put(&[span], &inputs(positions), &mut bytes);
            assert_eq!(bytes.len(), length);
            assert_eq!(read(&[span], &bytes, positions.len()).as_deref(), Ok(positions));
            assert!(read(&[span], &bytes, positions.len() - 1).is_err());
            assert!(read(&[span], &bytes, positions.len() + 1).is_err());
        }
    }

    #[test]
    fn runs_that_are_one_are_refused() {
        assert_eq!(read(&[], &[0, 2], 2), Ok(vec![None; 2]));
        assert!(read(&[], &[0, 1, 0, 1], 2).is_err(), "nowhere twice");
        assert!(read(&[], &[0, 0, 0, 2], 2).is_err(), "a run of none");
        assert!(read(&[], &[1, 2, 1], 1).is_err(), "onward from nowhere");
        assert!(read(&[], &[2, 6, 0, 0, 1, 1, 0, 1], 2).is_err(), "onward by nothing");
        assert!(read(&[], &[2, 6, 0, 0, 1, 2, 6, 0, 4, 1], 2).is_err(), "the same partition again");
        assert!(read(&[], &[2, 6, 0, 0, 1, 1, 2, 1], 2).is_ok());
    }
}
