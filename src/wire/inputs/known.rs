//! Shapes that were numbered before in this entry, found again by looking at the event alone: a batch of thousands has
//! some dozens, and making a shape's bytes, with its terms looked up, costs as much as all else of an event.

use super::shapes::{self, activity_flags, signal_flags};
use crate::domain::signal::{Activity, Signal};
use crate::domain::{Body, Candidate, Text};

/// A power of two, several times the shapes of a batch. Two shapes of one place take turns, and are made each time.
const PLACES: usize = 256;

/// The last event of each place, and the number of its shape.
pub struct Known<'a> {
    places: [Option<(&'a Body, u32)>; PLACES],
}

impl Default for Known<'_> {
    fn default() -> Self {
        Known { places: [None; PLACES] }
    }
}

impl<'a> Known<'a> {
    /// The number of a body's shape, which `find` tells where it isn't known.
    #[inline]
    pub fn number(&mut self, body: &'a Body, find: impl FnOnce(&Body) -> u32) -> u32 {
        let place = &mut self.places[place(body)];
        match place {
            Some((known, number)) if are_alike(known, body) => *number,
            _ => {
                let number = find(body);
                *place = Some((body, number));
                number
            }
        }
    }
}

/// By what is cheap to look at, and differs among most shapes.
#[inline]
fn place(body: &Body) -> usize {
    let (flags, kind, source) = match body {
        Body::Signal(event) => (signal_flags(event), &event.kind, &event.source),
        Body::Activity(event) => (activity_flags(event), &event.kind, &event.source),
        _ => return 0,
    };
    let glance = |text: &Text| text.len() as u64 * 31 + u64::from(text.as_bytes().first().copied().unwrap_or(0));
    let mixed = glance(kind) << 32 ^ glance(source) << 8 ^ u64::from(shapes::packed(flags));
    (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize % PLACES
}

/// Whether two bodies have the same shape: all that [`shapes::put`] writes, field by field.
#[inline]
fn are_alike(one: &Body, other: &Body) -> bool {
    match (one, other) {
        (Body::Signal(one), Body::Signal(other)) => are_signals_alike(one, other),
        (Body::Activity(one), Body::Activity(other)) => are_activities_alike(one, other),
        (Body::Signal(_) | Body::Activity(_), _) | (_, Body::Signal(_) | Body::Activity(_)) => false,
        _ => true,
    }
}

#[inline]
fn are_signals_alike(one: &Signal, other: &Signal) -> bool {
    one.class == other.class
        && one.mode == other.mode
        && signal_flags(one) == signal_flags(other)
        && one.kind == other.kind
        && one.source == other.source
        && are_named_alike(&one.account, &other.account)
}

#[inline]
fn are_activities_alike(one: &Activity, other: &Activity) -> bool {
    one.direction == other.direction
        && activity_flags(one) == activity_flags(other)
        && one.kind == other.kind
        && one.source == other.source
        && are_named_alike(&one.account, &other.account)
}

#[inline]
fn are_named_alike(one: &[Candidate], other: &[Candidate]) -> bool {
    one.len() == other.len()
        && one.iter().zip(other).all(|pair| match pair {
            (Candidate::CrmId(_), Candidate::CrmId(_)) => true,
            (Candidate::VendorId { vendor: one, .. }, Candidate::VendorId { vendor: other, .. }) => one == other,
            (Candidate::Domain(_), Candidate::Domain(_)) => true,
            (Candidate::EmailDomain(_), Candidate::EmailDomain(_)) => true,
            _ => false,
        })
}

#[cfg(test)]
mod tests {
    use super::super::dictionary::Dictionary;
    use super::*;
    use crate::domain::Gate;
    use crate::domain::Millis;
    use crate::domain::ids::Actor;
    use crate::domain::signal::{Class, Direction, Mode};

    fn signal(change: impl FnOnce(&mut Signal)) -> Body {
        let mut event = Signal {
            class: Class::Intent,
            kind: "surge".into(),
            account: vec![Candidate::VendorId { vendor: "v".into(), id: "1".into() }].into(),
            source: "v".into(),
            subject: None,
            strength: None,
            mode: Mode::Delta,
            at: Millis(5_000),
            dedup: 1,
            due: None,
        };
        change(&mut event);
        Body::Signal(event)
    }

    fn activity(change: impl FnOnce(&mut Activity)) -> Body {
        let mut event = Activity {
            kind: "surge".into(),
            account: vec![Candidate::CrmId("1".into())].into(),
            source: "v".into(),
            actor: None,
            contact: 0,
            direction: Direction::Outbound,
            at: Millis(5_000),
            dedup: 1,
            meeting_at: None,
        };
        change(&mut event);
        Body::Activity(event)
    }

    /// Each differs from the first in one thing, and some in nothing that a shape speaks of.
    fn bodies() -> Vec<Body> {
        let vendor = |vendor: &str| Candidate::VendorId { vendor: vendor.into(), id: "2".into() };
        vec![
            signal(|_| {}),
            signal(|event| (event.dedup, event.at) = (2, Millis(9_000))),
            signal(|event| event.account = vec![vendor("v")].into()),
            signal(|event| event.account = vec![vendor("w")].into()),
            signal(|event| event.account = vec![vendor("v"), vendor("v")].into()),
            signal(|event| event.account = vec![Candidate::CrmId("1".into())].into()),
            signal(|event| event.account = vec![Candidate::Domain("a.com".into())].into()),
            signal(|event| event.account = vec![Candidate::EmailDomain("a.com".into())].into()),
            signal(|event| event.account.clear()),
            signal(|event| event.class = Class::Engagement),
            signal(|event| event.mode = Mode::Snapshot),
            signal(|event| event.kind = "surgf".into()),
            signal(|event| event.source = "w".into()),
            signal(|event| event.subject = Some("x".into())),
            signal(|event| event.strength = Some(1)),
            signal(|event| event.strength = Some(1_000)),
            signal(|event| event.due = Some(Millis(1))),
            signal(|event| event.at = Millis(5_001)),
            activity(|_| {}),
            activity(|event| event.dedup = 2),
            activity(|event| event.kind = "surgf".into()),
            activity(|event| event.source = "w".into()),
            activity(|event| event.actor = Some(Actor::Rep("r".into()))),
            activity(|event| event.actor = Some(Actor::Alias(1))),
            activity(|event| event.contact = 1),
            activity(|event| event.direction = Direction::Inbound),
            activity(|event| event.at = Millis(5_001)),
            activity(|event| event.meeting_at = Some(Millis(1))),
            activity(|event| event.account = vec![Candidate::Domain("a.com".into())].into()),
            Body::Gate(Gate::Open),
            Body::Gate(Gate::Closed),
        ]
    }

    #[test]
    fn alike_are_those_whose_shapes_have_the_same_bytes() {
        let (bodies, mut terms) = (bodies(), Dictionary::default());
        terms.clear();
        let shapes: Vec<Vec<u8>> = bodies
            .iter()
            .map(|body| {
                let mut bytes = Vec::new();
                shapes::put(body, &mut terms, &mut bytes);
                bytes
            })
            .collect();
        for (one, shape) in bodies.iter().zip(&shapes) {
            for (other, other_shape) in bodies.iter().zip(&shapes) {
                assert_eq!(are_alike(one, other), shape == other_shape, "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn a_shape_is_made_once_however_many_events_have_it() {
        let bodies = [bodies(), bodies()].concat();
        let (mut known, mut made) = (Known::default(), 0);
        let same: Vec<&Body> = bodies.iter().filter(|body| are_alike(body, &bodies[0])).collect();
        for body in &same {
            let number = known.number(body, |_| {
                made += 1;
                7
            });
            assert_eq!(number, 7);
        }
        assert_eq!((same.len(), made), (6, 1));
    }
}
