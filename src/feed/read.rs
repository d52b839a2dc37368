//! Fields judged by name: type, range, length; and where personal data stops.
//!
//! Rules that hold for every field: a blank text is the same as null; white space around a text is dropped;
//! control characters are refused. A rejection names the field and what is wrong with it, never its content.

use std::ops::Range;

use smallvec::SmallVec;

use super::Rejection;
use super::instant::{self, LATEST};
use super::secret::{Secret, holds_address};
use super::slot::{List, Map, Scalar, Slot, USUAL_ENTRIES};
use super::words;
use crate::domain::account::Change;
use crate::domain::feeds::FeedLimits;
use crate::domain::time::EPOCH_MS;
use crate::domain::{Code, Millis, Text};

type Read<T> = Result<T, Rejection>;

/// Integers that are seconds, most likely: of the years 2020 to 2100.
const SECONDS: Range<i64> = EPOCH_MS / 1000..LATEST.0 / 1000;

pub struct Reader<'d> {
    pub limits: &'d FeedLimits,
    pub secret: &'d Secret,
}

/// Keys and values of an object whose keys are data.
type Entries<'s, T> = SmallVec<[(&'s str, &'s Slot<T>); USUAL_ENTRIES]>;

/// What a record does to what is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Upsert,
    Patch,
    Delete,
}

pub fn bad(name: &str, what: &str) -> Rejection {
    Rejection::new(Code::BadValue, format!("`{name}` {what}"))
}

fn wrong(name: &str, found: &str, wanted: &str) -> Rejection {
    Rejection::new(Code::WrongType, format!("`{name}` is {found}, not {wanted}"))
}

pub fn missing(name: &str) -> Rejection {
    Rejection::new(Code::MissingField, format!("`{name}` is missing"))
}

pub fn required<T>(name: &str, value: Option<T>) -> Read<T> {
    value.ok_or_else(|| missing(name))
}

/// What a field's absence, null or value does under `op`. An upsert clears what it doesn't name.
pub fn change<S, T>(op: Op, slot: &Slot<S>, value: Option<T>) -> Change<T> {
    match value {
        Some(value) => Change::Set(value),
        None if slot.is_absent() && op == Op::Patch => Change::Keep,
        None => Change::Clear,
    }
}

/// The content of a slot of any shape but a scalar.
pub fn content<'s, T>(name: &str, slot: &'s Slot<T>, wanted: &str) -> Read<Option<&'s T>> {
    match slot {
        Slot::Absent | Slot::Null => Ok(None),
        Slot::Wrong(found) => Err(wrong(name, found, wanted)),
        Slot::Is(content) => Ok(Some(content)),
    }
}

impl Reader<'_> {
    pub fn text<'s>(&self, name: &str, slot: &'s Slot<Scalar>) -> Read<Option<&'s str>> {
        match content(name, slot, "a text")? {
            None => Ok(None),
            Some(Scalar::Text(text)) => self.clean(name, text),
            Some(other) => Err(wrong(name, other.name(), "a text")),
        }
    }

    /// Trimmed and within limits; `None` if nothing is left.
    pub fn clean<'s>(&self, name: &str, text: &'s str) -> Read<Option<&'s str>> {
        let text = trimmed(text);
        if text.len() > self.limits.text_bytes {
            let detail = format!("`{name}` is longer than {} bytes", self.limits.text_bytes);
            return Err(Rejection::new(Code::TooLong, detail));
        }
        if has_control(text) {
            return Err(bad(name, "has control characters"));
        }
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    /// A name that a policy can list, such as a kind or a role. Nobody's address.
    pub fn name(&self, name: &str, slot: &Slot<Scalar>) -> Read<Option<Text>> {
        self.text(name, slot)?.map(|text| no_address(name, text)).transpose()
    }

    /// An external id: a text, or the integer that some systems send.
    pub fn id(&self, name: &str, slot: &Slot<Scalar>) -> Read<Option<Text>> {
        match content(name, slot, "a text or an integer")? {
            Some(Scalar::Text(text)) => self.id_text(name, text),
            None => Ok(None),
            Some(other) => match other.digits() {
                Some(digits) => Ok(Some(digits)),
                None => Err(wrong(name, other.name(), "a text or an integer")),
            },
        }
    }

    pub fn id_text(&self, name: &str, text: &str) -> Read<Option<Text>> {
        self.clean(name, text)?.map(|text| no_address(name, text)).transpose()
    }

    /// Free text: what holds an address is replaced by its keyed hash.
    pub fn free(&self, name: &str, slot: &Slot<Scalar>) -> Read<Option<Text>> {
        Ok(self.text(name, slot)?.map(|text| self.without_address(text)))
    }

    pub fn without_address(&self, text: &str) -> Text {
        if holds_address(text) { self.secret.pseudonym(text).into() } else { text.into() }
    }

    /// A number times `scale`, rounded, from 0 to `most` (both before scaling).
    pub fn scaled(&self, name: &str, slot: &Slot<Scalar>, scale: u32, most: f64) -> Read<Option<u32>> {
        let number = match content(name, slot, "a number")? {
            None => return Ok(None),
            Some(Scalar::Integer(number)) => *number as f64,
            Some(Scalar::Large(number)) => *number as f64,
            Some(Scalar::Float(number)) => *number,
            Some(other) => return Err(wrong(name, other.name(), "a number")),
        };
        if !(0.0..=most).contains(&number) {
            return Err(bad(name, &format!("must be from 0 to {most}")));
        }
        // Within u32: `most` times `scale` is for every caller.
        Ok(Some((number * f64::from(scale)).round() as u32))
    }

    pub fn whole(&self, name: &str, slot: &Slot<Scalar>, least: u64, most: u64) -> Read<Option<u64>> {
        let number = match content(name, slot, "a whole number")? {
            None => return Ok(None),
            Some(Scalar::Integer(number)) => i128::from(*number),
            Some(Scalar::Large(number)) => i128::from(*number),
            // 60.0 is a whole number in JSON.
            Some(Scalar::Float(number)) if number.fract() == 0.0 => *number as i128,
            Some(Scalar::Float(_)) => return Err(bad(name, "must be whole")),
            Some(other) => return Err(wrong(name, other.name(), "a whole number")),
        };
        let fits = u64::try_from(number).ok().filter(|number| (least..=most).contains(number));
        fits.map(Some).ok_or_else(|| bad(name, &format!("must be from {least} to {most}")))
    }

    /// One word of a closed set.
    pub fn choice<T: Copy>(&self, name: &str, slot: &Slot<Scalar>, words: &[(&str, T)]) -> Read<Option<T>> {
        let Some(text) = self.text(name, slot)? else { return Ok(None) };
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
        found.map(Some).ok_or_else(|| {
            let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            bad(name, &format!("must be one of {}", words.join(", ")))
        })
    }

    pub fn op(&self, slot: &Slot<Scalar>) -> Read<Op> {
        let words = [("upsert", Op::Upsert), ("patch", Op::Patch), ("delete", Op::Delete)];
        required("op", self.choice("op", slot, &words)?)
    }

    fn instant(&self, name: &str, slot: &Slot<Scalar>) -> Read<Option<Millis>> {
        let at = match content(name, slot, "an instant")? {
            None => return Ok(None),
            Some(Scalar::Integer(number)) => Some(Millis(*number)),
            Some(Scalar::Large(_)) => None,
            Some(Scalar::Text(text)) => match instant::parse(text) {
                None if text.trim().is_empty() => return Ok(None),
                at => at,
            },
            Some(other) => return Err(wrong(name, other.name(), "an instant (RFC 3339 or whole milliseconds)")),
        };
        at.map(Some).ok_or_else(|| bad(name, "is no instant: RFC 3339 with `T`, seconds and an offset"))
    }

    /// Any instant, as records carry it for people, or the date of something to come.
    pub fn stamp(&self, name: &str, slot: &Slot<Scalar>) -> Read<Option<Millis>> {
        let at = self.instant(name, slot)?;
        if at > Some(LATEST) { Err(bad(name, "is later than the year 2100")) } else { Ok(at) }
    }

    /// When an event happened: never before 2020, where the engine's clock begins, and not absurdly ahead.
    pub fn event_time(&self, name: &str, slot: &Slot<Scalar>) -> Read<Millis> {
        let at = required(name, self.instant(name, slot)?)?;
        if at > LATEST {
            return Err(Rejection::new(Code::TooFarAhead, format!("`{name}` is later than the year 2100")));
        }
        if at.0 >= EPOCH_MS {
            return Ok(at);
        }
        let seconds = matches!(slot, Slot::Is(Scalar::Integer(_))) && SECONDS.contains(&at.0);
        let hint = if seconds { "; it may be in seconds, milliseconds are meant" } else { "" };
        Err(Rejection::new(Code::TooOld, format!("`{name}` is before 2020{hint}")))
    }

    pub fn list<'s, T>(&self, name: &str, slot: &'s Slot<List<T>>) -> Read<Option<&'s [Slot<T>]>> {
        let Some(List(items)) = content(name, slot, "a list")? else { return Ok(None) };
        self.count(name, items.len(), self.limits.list_items)?;
        Ok(Some(items))
    }

    /// The entries of an object whose keys are data, sorted by key.
    pub fn entries<'s, T>(&self, name: &str, slot: &'s Slot<Map<'_, T>>, most: usize) -> Read<Entries<'s, T>> {
        let mut sorted = SmallVec::new();
        let Some(Map(entries)) = content(name, slot, "an object")? else { return Ok(sorted) };
        self.count(name, entries.len(), most)?;
        for (key, value) in entries {
            let key = self.clean(name, key)?.ok_or_else(|| bad(name, "has a blank key"))?;
            if holds_address(key) {
                return Err(bad(name, "has an e-mail address for a key"));
            }
            sorted.push((key, value));
        }
        sorted.sort_by_key(|(key, _)| *key);
        if sorted.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(bad(name, "has a key twice"));
        }
        Ok(sorted)
    }

    pub fn count(&self, name: &str, count: usize, most: usize) -> Read<()> {
        if count <= most {
            return Ok(());
        }
        Err(Rejection::new(Code::TooLong, format!("`{name}` has more than {most} entries")))
    }
}

/// Most texts begin and end with what is seen and ASCII: nothing to be trimmed, which Unicode's tables needn't say.
fn trimmed(text: &str) -> &str {
    match text.as_bytes() {
        [b'!'..=b'~', .., b'!'..=b'~'] => text,
        _ => text.trim(),
    }
}

fn has_control(text: &str) -> bool {
    // Space and DEL stand around what ASCII has of characters that are seen. Beyond ASCII there are more to ask for.
    let suspect = |word| words::below(word, b' ') | words::equal(word, 0x7f) | words::not_ascii(word);
    words::marks(text.as_bytes(), suspect) != 0 && text.chars().any(char::is_control)
}

/// Ids and names go into the journal as they are, so an address can't be one.
fn no_address(name: &str, text: &str) -> Read<Text> {
    if holds_address(text) {
        return Err(bad(name, "is an e-mail address, which is never kept; give the system's id"));
    }
    Ok(text.into())
}
