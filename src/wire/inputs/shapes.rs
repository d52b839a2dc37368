//! What an event is but for its values: which fields it has, its kind and source, and in which ways it names its
//! account. A batch of a thousand events has some dozens of shapes.
//!
//! Only events have shapes of their own; every other body is a row, as `codec` writes it.

use super::dictionary::{Dictionary, Uses};
use crate::domain::ids::Actor;
use crate::domain::signal::{Activity, Class, Direction, Mode, Signal};
use crate::domain::{Body, Candidate, Millis, Text};
use crate::wire::WireError;
use crate::wire::codec::{Reader, Wire, put_varint};

const ROW: u8 = 0;
const SIGNAL: u8 = 1;
const ACTIVITY: u8 = 2;

/// Milliseconds and thousandths that are whole ones are written as such: most are.
pub const WHOLE: i64 = 1_000;

#[derive(Debug)]
pub enum Shape {
    Row,
    Signal(SignalShape),
    Activity(ActivityShape),
}

#[derive(Debug)]
pub struct SignalShape {
    pub class: Class,
    pub mode: Mode,
    pub has_subject: bool,
    pub strength: Option<Unit>,
    pub has_due: bool,
    pub at: Unit,
    pub named: Named,
}

#[derive(Debug)]
pub struct ActivityShape {
    pub direction: Direction,
    pub actor: ActorShape,
    pub has_contact: bool,
    pub has_meeting: bool,
    pub at: Unit,
    pub named: Named,
}

/// What signals and activities have alike.
#[derive(Debug)]
pub struct Named {
    pub kind: Text,
    pub source: Text,
    pub candidates: Vec<CandidateShape>,
}

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Thousandths,
    Wholes,
}

#[derive(Debug)]
pub enum ActorShape {
    Nobody,
    Rep,
    Alias,
}

#[derive(Debug)]
pub enum CandidateShape {
    CrmId,
    VendorId(Text),
    Domain,
    EmailDomain,
}

impl Unit {
    pub fn of_instant(at: Millis) -> Unit {
        Unit::of(at.0 % WHOLE == 0)
    }

    pub fn of_strength(strength: u32) -> Unit {
        Unit::of(strength.is_multiple_of(WHOLE as u32))
    }

    fn of(is_whole: bool) -> Unit {
        if is_whole { Unit::Wholes } else { Unit::Thousandths }
    }
}

/// The shape of a body, as bytes.
pub fn put(body: &Body, terms: &mut Dictionary, out: &mut Vec<u8>) {
    match body {
        Body::Signal(event) => {
            out.push(SIGNAL);
            event.class.put(out);
            event.mode.put(out);
            put_flags(signal_flags(event), out);
            put_named(&event.kind, &event.source, &event.account, terms, out);
        }
        Body::Activity(event) => {
            out.push(ACTIVITY);
            event.direction.put(out);
            put_flags(activity_flags(event), out);
            put_named(&event.kind, &event.source, &event.account, terms, out);
        }
        _ => out.push(ROW),
    }
}

pub fn signal_flags(event: &Signal) -> [bool; 5] {
    [
        event.subject.is_some(),
        event.strength.is_some(),
        event.strength.is_some_and(|strength| Unit::of_strength(strength) == Unit::Wholes),
        event.due.is_some(),
        Unit::of_instant(event.at) == Unit::Wholes,
    ]
}

pub fn activity_flags(event: &Activity) -> [bool; 5] {
    [
        matches!(event.actor, Some(Actor::Rep(_))),
        matches!(event.actor, Some(Actor::Alias(_))),
        event.contact != 0,
        event.meeting_at.is_some(),
        Unit::of_instant(event.at) == Unit::Wholes,
    ]
}

/// As bits, the first the lowest.
pub fn packed(flags: [bool; 5]) -> u8 {
    flags.iter().rev().fold(0, |byte, flag| byte << 1 | u8::from(*flag))
}

fn put_flags(flags: [bool; 5], out: &mut Vec<u8>) {
    out.push(packed(flags));
}

fn get_flags(from: &mut Reader<'_>) -> Result<[bool; 5], WireError> {
    let byte = from.byte()?;
    if byte >> 5 == 0 {
        Ok(std::array::from_fn(|bit| byte >> bit & 1 == 1))
    } else {
        Err(from.invalid("flags that nobody knows"))
    }
}

fn put_named(kind: &Text, source: &Text, candidates: &[Candidate], terms: &mut Dictionary, out: &mut Vec<u8>) {
    put_varint(u64::from(terms.number(kind.as_bytes())), out);
    put_varint(u64::from(terms.number(source.as_bytes())), out);
    for candidate in candidates {
        match candidate {
            Candidate::CrmId(_) => out.push(0),
            Candidate::VendorId { vendor, .. } => {
                out.push(1);
                put_varint(u64::from(terms.number(vendor.as_bytes())), out);
            }
            Candidate::Domain(_) => out.push(2),
            Candidate::EmailDomain(_) => out.push(3),
        }
    }
}

/// The dictionary's texts, and how many of them the shapes so far have named.
pub struct Terms<'a> {
    pub texts: &'a [Text],
    pub uses: Uses,
}

impl Terms<'_> {
    fn get(&mut self, from: &mut Reader<'_>) -> Result<Text, WireError> {
        let number = u32::get(from)? as usize;
        self.uses.note(number, from)?;
        self.texts.get(number).cloned().ok_or_else(|| from.invalid("no such term"))
    }
}

impl Shape {
    /// Reads what one of the functions above wrote: all of it.
    pub fn get(bytes: &[u8], terms: &mut Terms<'_>) -> Result<Shape, WireError> {
        let mut from = Reader::new(bytes);
        let shape = match from.byte()? {
            ROW => Shape::Row,
            SIGNAL => Shape::Signal(SignalShape::get(&mut from, terms)?),
            ACTIVITY => Shape::Activity(ActivityShape::get(&mut from, terms)?),
            _ => return Err(from.invalid("no such shape")),
        };
        from.finish()?;
        Ok(shape)
    }
}

impl SignalShape {
    fn get(from: &mut Reader<'_>, terms: &mut Terms<'_>) -> Result<SignalShape, WireError> {
        let (class, mode) = (Class::get(from)?, Mode::get(from)?);
        let [has_subject, has_strength, is_strength_whole, has_due, is_at_whole] = get_flags(from)?;
        if is_strength_whole && !has_strength {
            return Err(from.invalid("the unit of no strength"));
        }
        let strength = has_strength.then_some(Unit::of(is_strength_whole));
        let named = Named::get(from, terms)?;
        Ok(SignalShape { class, mode, has_subject, strength, has_due, at: Unit::of(is_at_whole), named })
    }
}

impl ActivityShape {
    fn get(from: &mut Reader<'_>, terms: &mut Terms<'_>) -> Result<ActivityShape, WireError> {
        let direction = Direction::get(from)?;
        let [has_rep, has_alias, has_contact, has_meeting, is_at_whole] = get_flags(from)?;
        let actor = match (has_rep, has_alias) {
            (false, false) => ActorShape::Nobody,
            (true, false) => ActorShape::Rep,
            (false, true) => ActorShape::Alias,
            (true, true) => return Err(from.invalid("two actors")),
        };
        let named = Named::get(from, terms)?;
        Ok(ActivityShape { direction, actor, has_contact, has_meeting, at: Unit::of(is_at_whole), named })
    }
}

impl Named {
    fn get(from: &mut Reader<'_>, terms: &mut Terms<'_>) -> Result<Named, WireError> {
        let (kind, source) = (terms.get(from)?, terms.get(from)?);
        let mut candidates = Vec::new();
        while from.left() > 0 {
            candidates.push(match from.byte()? {
                0 => CandidateShape::CrmId,
                1 => CandidateShape::VendorId(terms.get(from)?),
                2 => CandidateShape::Domain,
                3 => CandidateShape::EmailDomain,
                _ => return Err(from.invalid("no such candidate")),
            });
        }
        Ok(Named { kind, source, candidates })
    }
}
