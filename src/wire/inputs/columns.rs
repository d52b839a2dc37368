//! Events taken apart into columns, and put together again.

use super::dictionary::{Dictionary, Uses};
use super::known::Known;
use super::names::{self, Last};
use super::positions::Positions;
use super::shapes::{self, ActivityShape, ActorShape, CandidateShape, Named, Shape, SignalShape, Unit, WHOLE};
use crate::domain::ids::Actor;
use crate::domain::signal::{Activity, Signal};
use crate::domain::{Body, Candidate, Candidates, Input, Millis, Span, Text};
use crate::wire::WireError;
use crate::wire::codec::{Reader, Wire, put_varint};

#[derive(Debug, Default)]
pub struct Columns {
    shapes: Vec<u8>,
    numbers: Vec<u8>,
    hashes: Vec<u8>,
    names: Vec<u8>,
    pub rows: Vec<u8>,
}

impl Columns {
    pub fn all(&self) -> [&Vec<u8>; 5] {
        let Columns { shapes, numbers, hashes, names, rows } = self;
        [shapes, numbers, hashes, names, rows]
    }

    fn clear(&mut self) {
        let Columns { shapes, numbers, hashes, names, rows } = self;
        for column in [shapes, numbers, hashes, names, rows] {
            column.clear();
        }
    }

    fn number(&mut self, number: i64) {
        number.put(&mut self.numbers);
    }

    fn instant(&mut self, now: Millis, at: Millis) {
        self.number(match Unit::of_instant(at) {
            Unit::Thousandths => at.0.wrapping_sub(now.0),
            Unit::Wholes => at.0 / WHOLE - now.0 / WHOLE,
        });
    }
}

/// The names of one kind, one after the other: domains of addresses among the domains, as they are often the same.
#[derive(Debug, Default)]
struct ByKind<T> {
    crm: T,
    vendor: T,
    domain: T,
    rep: T,
}

/// Takes inputs apart.
struct Apart<'a, 'b> {
    now: Millis,
    terms: &'b mut Dictionary,
    subjects: &'b mut Dictionary,
    columns: &'b mut Columns,
    last: ByKind<&'a str>,
}

pub fn fill(
    now: Millis,
    inputs: &[Input],
    terms: &mut Dictionary,
    subjects: &mut Dictionary,
    shapes: &mut Dictionary,
    columns: &mut Columns,
) {
    columns.clear();
    let mut apart = Apart { now, terms, subjects, columns, last: ByKind::default() };
    let mut known = Known::default();
    let mut shape = Vec::new();
    for input in inputs {
        let number = known.number(&input.body, |body| {
            shape.clear();
            shapes::put(body, apart.terms, &mut shape);
            shapes.number(&shape)
        });
        put_varint(u64::from(number), &mut apart.columns.shapes);
        apart.body(&input.body);
    }
}

impl<'a> Apart<'a, '_> {
    fn body(&mut self, body: &'a Body) {
        match body {
            Body::Signal(event) => self.signal(event),
            Body::Activity(event) => self.activity(event),
            other => other.put(&mut self.columns.rows),
        }
    }

    fn signal(&mut self, event: &'a Signal) {
        self.columns.instant(self.now, event.at);
        if let Some(subject) = &event.subject {
            put_varint(u64::from(self.subjects.number(subject.as_bytes())), &mut self.columns.numbers);
        }
        if let Some(strength) = event.strength {
            let is_whole = Unit::of_strength(strength) == Unit::Wholes;
            let number = if is_whole { strength / WHOLE as u32 } else { strength };
            number.put(&mut self.columns.numbers);
        }
        if let Some(due) = event.due {
            self.columns.number(due.0.wrapping_sub(self.now.0));
        }
        self.columns.hashes.extend_from_slice(&event.dedup.to_le_bytes());
        self.candidates(&event.account);
    }

    fn activity(&mut self, event: &'a Activity) {
        self.columns.instant(self.now, event.at);
        if let Some(meeting) = event.meeting_at {
            self.columns.number(meeting.0.wrapping_sub(self.now.0));
        }
        self.columns.hashes.extend_from_slice(&event.dedup.to_le_bytes());
        if event.contact != 0 {
            self.columns.hashes.extend_from_slice(&event.contact.to_le_bytes());
        }
        match &event.actor {
            None => {}
            Some(Actor::Rep(id)) => put_name(&mut self.last.rep, id, self.columns),
            Some(Actor::Alias(hash)) => self.columns.hashes.extend_from_slice(&hash.to_le_bytes()),
        }
        self.candidates(&event.account);
    }

    fn candidates(&mut self, candidates: &'a [Candidate]) {
        for candidate in candidates {
            let (last, name) = match candidate {
                Candidate::CrmId(id) => (&mut self.last.crm, id),
                Candidate::VendorId { id, .. } => (&mut self.last.vendor, id),
                Candidate::Domain(name) | Candidate::EmailDomain(name) => (&mut self.last.domain, name),
            };
            put_name(last, name, self.columns);
        }
    }
}

fn put_name<'a>(last: &mut &'a str, name: &'a Text, columns: &mut Columns) {
    names::put(last.as_bytes(), name.as_bytes(), &mut columns.names);
    *last = name;
}

/// The memory of the names before.
#[derive(Debug, Default)]
pub struct LastNames(ByKind<Last>);

/// Columns being read, all at the same input.
pub struct Source<'a> {
    now: Millis,
    shapes: Reader<'a>,
    numbers: Reader<'a>,
    hashes: Reader<'a>,
    names: Reader<'a>,
    rows: Reader<'a>,
    positions: Positions<'a>,
    last: &'a mut ByKind<Last>,
}

impl<'a> Source<'a> {
    pub fn new<'from: 'a>(
        now: Millis,
        spans: &'a [Span],
        from: &mut Reader<'from>,
        last: &'a mut LastNames,
    ) -> Result<Source<'a>, WireError> {
        let ByKind { crm, vendor, domain, rep } = &mut last.0;
        for last in [crm, vendor, domain, rep] {
            last.clear();
        }
        Ok(Source {
            now,
            shapes: from.section()?,
            numbers: from.section()?,
            hashes: from.section()?,
            names: from.section()?,
            rows: from.section()?,
            positions: Positions::new(spans, from.section()?),
            last: &mut last.0,
        })
    }

    /// Bytes of all columns but that of positions.
    pub fn left(&self) -> usize {
        let Source { shapes, numbers, hashes, names, rows, .. } = self;
        [shapes, numbers, hashes, names, rows].iter().map(|column| column.left()).sum()
    }

    #[inline(always)]
    pub fn input(
        &mut self,
        shapes: &[Shape],
        shape_uses: &mut Uses,
        subjects: &[Text],
        subject_uses: &mut Uses,
    ) -> Result<Input, WireError> {
        let number = self.shapes.varint()? as usize;
        shape_uses.note(number, &self.shapes)?;
        let shape = shapes.get(number).ok_or_else(|| self.shapes.invalid("no such shape"))?;
        let body = match shape {
            Shape::Row => self.row()?,
            Shape::Signal(shape) => Body::Signal(self.signal(shape, subjects, subject_uses)?),
            Shape::Activity(shape) => Body::Activity(self.activity(shape)?),
        };
        Ok(Input { position: self.positions.next()?, body })
    }

    fn row(&mut self) -> Result<Body, WireError> {
        match Body::get(&mut self.rows)? {
            Body::Signal(_) | Body::Activity(_) => Err(self.rows.invalid("an event among the rows")),
            body => Ok(body),
        }
    }

    #[inline(always)]
    fn signal(&mut self, shape: &SignalShape, subjects: &[Text], uses: &mut Uses) -> Result<Signal, WireError> {
        let at = self.instant(shape.at)?;
        let subject = if shape.has_subject { Some(self.subject(subjects, uses)?) } else { None };
        let strength = shape.strength.map(|unit| self.strength(unit)).transpose()?;
        let due = if shape.has_due { Some(self.relative()?) } else { None };
        let dedup = self.hash()?;
        let account = self.candidates(&shape.named)?;
        let (kind, source) = (shape.named.kind.clone(), shape.named.source.clone());
        let (class, mode) = (shape.class, shape.mode);
        Ok(Signal { class, kind, account, source, subject, strength, mode, at, dedup, due })
    }

    #[inline(always)]
    fn activity(&mut self, shape: &ActivityShape) -> Result<Activity, WireError> {
        let at = self.instant(shape.at)?;
        let meeting_at = if shape.has_meeting { Some(self.relative()?) } else { None };
        let dedup = self.hash()?;
        let contact = if shape.has_contact { self.contact()? } else { 0 };
        let actor = match shape.actor {
            ActorShape::Nobody => None,
            ActorShape::Rep => Some(Actor::Rep(self.last.rep.get(&mut self.names)?)),
            ActorShape::Alias => Some(Actor::Alias(self.hash()?)),
        };
        let account = self.candidates(&shape.named)?;
        let (kind, source) = (shape.named.kind.clone(), shape.named.source.clone());
        Ok(Activity { kind, account, source, actor, contact, direction: shape.direction, at, dedup, meeting_at })
    }

    #[inline(always)]
    fn candidates(&mut self, named: &Named) -> Result<Candidates, WireError> {
        // A shape costs its bytes once and is named by many events: set aside no more than the names left.
        let most = self.names.left() / names::LEAST;
        let mut candidates = Candidates::with_capacity(named.candidates.len().min(most));
        for shape in &named.candidates {
            candidates.push(self.candidate(shape)?);
        }
        Ok(candidates)
    }

    #[inline(always)]
    fn candidate(&mut self, shape: &CandidateShape) -> Result<Candidate, WireError> {
        let Source { names, last, .. } = self;
        Ok(match shape {
            CandidateShape::CrmId => Candidate::CrmId(last.crm.get(names)?),
            CandidateShape::VendorId(vendor) => {
                Candidate::VendorId { vendor: vendor.clone(), id: last.vendor.get(names)? }
            }
            CandidateShape::Domain => Candidate::Domain(last.domain.get(names)?),
            CandidateShape::EmailDomain => Candidate::EmailDomain(last.domain.get(names)?),
        })
    }

    #[inline(always)]
    fn instant(&mut self, unit: Unit) -> Result<Millis, WireError> {
        if unit == Unit::Wholes {
            let seconds = i64::get(&mut self.numbers)?.checked_add(self.now.0 / WHOLE);
            let at = seconds.and_then(|seconds| seconds.checked_mul(WHOLE));
            return at.map(Millis).ok_or_else(|| self.numbers.invalid("an instant beyond all years"));
        }
        let at = self.relative()?;
        if Unit::of_instant(at) == unit { Ok(at) } else { Err(self.numbers.invalid("whole seconds in thousandths")) }
    }

    /// An instant in milliseconds against the entry's.
    #[inline(always)]
    fn relative(&mut self) -> Result<Millis, WireError> {
        i64::get(&mut self.numbers).map(|by| Millis(self.now.0.wrapping_add(by)))
    }

    #[inline(always)]
    fn strength(&mut self, unit: Unit) -> Result<u32, WireError> {
        let number = u32::get(&mut self.numbers)?;
        let strength = match unit {
            Unit::Wholes => number.checked_mul(WHOLE as u32),
            Unit::Thousandths => Some(number).filter(|strength| Unit::of_strength(*strength) == unit),
        };
        strength.ok_or_else(|| self.numbers.invalid("a strength in the wrong unit"))
    }

    #[inline(always)]
    fn subject(&mut self, subjects: &[Text], uses: &mut Uses) -> Result<Text, WireError> {
        let number = self.numbers.varint()? as usize;
        uses.note(number, &self.numbers)?;
        subjects.get(number).cloned().ok_or_else(|| self.numbers.invalid("no such subject"))
    }

    #[inline(always)]
    fn hash(&mut self) -> Result<u64, WireError> {
        self.hashes.array().map(u64::from_le_bytes)
    }

    #[inline(always)]
    fn contact(&mut self) -> Result<u32, WireError> {
        match self.hashes.array().map(u32::from_le_bytes)? {
            0 => Err(self.hashes.invalid("no contact where there is one")),
            contact => Ok(contact),
        }
    }

    /// All columns are read to their ends.
    pub fn finish(self) -> Result<(), WireError> {
        let Source { shapes, numbers, hashes, names, rows, positions, .. } = self;
        for column in [shapes, numbers, hashes, names, rows] {
            column.finish()?;
        }
        positions.finish()
    }
}
