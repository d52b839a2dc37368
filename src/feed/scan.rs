//! One walk over the bytes of an event or an account's record, as ordinary writers write it.
//!
//! It takes objects with their keys in any order, white space anywhere, unknown fields, and plain values: texts
//! without escapes, numbers without exponent. Anything else is a *surprise*, which is no error: `None`, and serde_json
//! reads the record from its beginning. What a field's value means is for `short_way` to say.

use super::stops::{Marks, marks};

/// Deepest nesting that is taken. Our own fields need three levels; unknown ones may have some more.
pub const DEPTH: usize = 8;

/// Digits that a 64-bit integer surely holds.
const INTEGER_DIGITS: usize = 18;

/// Digits that a float surely holds: with no more than these, an integer divided by a power of ten is the nearest float.
const FLOAT_DIGITS: usize = 15;

const POWERS_OF_TEN: [f64; FLOAT_DIGITS + 1] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// Bytes that are looked at together.
const CHUNK: usize = 16;

/// An object: what to do with the value of each of its keys.
pub trait Fields<'a> {
    /// The value is next; it must be read, or skipped.
    fn field(&mut self, key: Found<'a>, scan: &mut Scan<'a>) -> Option<()>;

    /// Members whose keys come in the order of the list, as writers of our schemas put them: a key that is expected
    /// costs one comparison. Stops where another one comes; whether the object has ended.
    fn usual(&mut self, _: &mut Scan<'a>) -> Option<bool> {
        Some(false)
    }
}

/// A text as it stands between its quotes, and what was seen on the way over it.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    pub text: &'a str,
    /// Nothing but spaces and what is seen in ASCII.
    pub is_seen: bool,
    /// There is something in it that could be an address's `@`.
    pub has_at: bool,
}

/// What stands for a text where there is none; a blank text means the same.
pub const NOTHING: Found<'static> = Found { text: "", is_seen: true, has_at: false };

#[derive(Clone, Copy, Debug)]
pub enum Number {
    Integer(i64),
    Float(f64),
}

pub struct Scan<'a> {
    json: &'a str,
    /// Everything before is read.
    at: usize,
    /// Objects and lists around this place.
    depth: usize,
}

/// Walks over a record that is one object. What has been filled in before a surprise is worthless.
pub fn object<'a>(json: &'a str, fields: &mut impl Fields<'a>) -> Option<()> {
    let mut scan = Scan { json, at: 0, depth: 0 };
    if scan.token()? != b'{' {
        return None;
    }
    scan.members(fields)?;
    // Nothing but white space may follow.
    let rest = &json.as_bytes()[scan.at..];
    rest.iter().all(|byte| is_space(*byte)).then_some(())
}

impl<'a> Scan<'a> {
    /// An object, or null: whether there was one.
    #[inline]
    pub fn object(&mut self, fields: &mut impl Fields<'a>) -> Option<bool> {
        match self.token()? {
            b'{' => self.members(fields).map(|()| true),
            b'n' => self.null().map(|()| false),
            _ => None,
        }
    }

    /// An unknown field's value, of any kind.
    pub fn skip(&mut self) -> Option<()> {
        match self.token()? {
            b'"' => self.text().map(|_| ()),
            digit @ b'0'..=b'9' => self.skip_number(digit),
            b'-' => {
                let digit = self.byte()?;
                self.skip_number(digit)
            }
            b't' => self.word("rue"),
            b'f' => self.word("alse"),
            b'n' => self.null(),
            b'{' => self.members(&mut Unknown),
            b'[' => self.items(Scan::skip),
            _ => None,
        }
    }

    /// What stands behind an opened brace, to its end.
    #[inline]
    fn members(&mut self, fields: &mut impl Fields<'a>) -> Option<()> {
        self.enter()?;
        let start = self.at;
        if fields.usual(self)? {
            return self.leave();
        }
        // A comma must be followed by another member.
        let may_end = self.at == start;
        self.other_members(fields, may_end)
    }

    #[inline(never)]
    fn other_members(&mut self, fields: &mut impl Fields<'a>, may_end: bool) -> Option<()> {
        let mut next = self.token()?;
        if next == b'}' && may_end {
            return self.leave();
        }
        while next == b'"' {
            let key = self.text()?;
            if self.token()? != b':' {
                return None;
            }
            fields.field(key, self)?;
            if self.ends()? {
                return self.leave();
            }
            next = self.token()?;
        }
        None
    }

    /// Whether the object ends behind a member, or there comes another one.
    #[inline(always)]
    pub fn ends(&mut self) -> Option<bool> {
        match self.token()? {
            b',' => Some(false),
            b'}' => Some(true),
            _ => None,
        }
    }

    /// Reads over these bytes if they are next, perhaps behind a space.
    #[inline]
    pub fn is_next(&mut self, key: &str) -> bool {
        let rest = self.json.as_bytes().get(self.at..).unwrap_or_default();
        if rest.starts_with(key.as_bytes()) {
            self.at = self.at.wrapping_add(key.len());
            return true;
        }
        let found = rest.strip_prefix(b" ").is_some_and(|rest| rest.starts_with(key.as_bytes()));
        if found {
            self.at = self.at.wrapping_add(key.len() + 1);
        }
        found
    }

    /// What stands behind an opened bracket, to its end.
    pub fn items(&mut self, mut item: impl FnMut(&mut Scan<'a>) -> Option<()>) -> Option<()> {
        self.enter()?;
        let start = self.at;
        if self.token()? == b']' {
            return self.leave();
        }
        self.at = start;
        loop {
            item(self)?;
            match self.token()? {
                b',' => {}
                b']' => return self.leave(),
                _ => return None,
            }
        }
    }

    fn enter(&mut self) -> Option<()> {
        self.depth += 1;
        (self.depth <= DEPTH).then_some(())
    }

    fn leave(&mut self) -> Option<()> {
        self.depth -= 1;
        Some(())
    }

    /// The next byte that isn't white space.
    #[inline]
    pub fn token(&mut self) -> Option<u8> {
        match self.json.as_bytes().get(self.at) {
            Some(byte) if *byte > b' ' => {
                self.at = self.at.wrapping_add(1);
                Some(*byte)
            }
            _ => self.token_behind_space(),
        }
    }

    #[inline(never)]
    fn token_behind_space(&mut self) -> Option<u8> {
        loop {
            let byte = self.byte()?;
            if byte > b' ' {
                return Some(byte);
            }
            if !is_space(byte) {
                return None;
            }
        }
    }

    #[inline]
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.json.as_bytes().get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    /// What stands behind a quote, to the next one. An escape is a surprise; a control character is no JSON.
    #[inline(always)]
    pub fn text(&mut self) -> Option<Found<'a>> {
        let rest = self.json.get(self.at..)?;
        let (mut length, mut ats) = (0usize, 0);
        for chunk in rest.as_bytes().as_chunks::<CHUNK>().0 {
            let marks = marks(chunk);
            if marks.stops != 0 {
                return self.text_to(rest, length, marks, ats);
            }
            length = length.wrapping_add(CHUNK);
            ats |= marks.ats;
        }
        self.last_text(rest, length, ats)
    }

    /// One that ends among the last bytes of a record. Records that are shorter than these are the long way's.
    #[inline(never)]
    fn last_text(&mut self, rest: &'a str, length: usize, ats: u32) -> Option<Found<'a>> {
        // Those that stand before are known; without any other, nothing is left.
        let known = CHUNK - (rest.len() - length);
        let marks = marks(self.json.as_bytes().last_chunk()?);
        let marks = if known < CHUNK { marks.after(known) } else { return None };
        if marks.stops == 0 { None } else { self.text_to(rest, length, marks, ats) }
    }

    /// To the first stop behind `length`, with the marks from there on and those of the text before.
    #[inline(always)]
    fn text_to(&mut self, rest: &'a str, length: usize, marks: Marks, ats: u32) -> Option<Found<'a>> {
        let inside = marks.stops.wrapping_sub(1) & !marks.stops;
        let length = length.wrapping_add(marks.stops.trailing_zeros() as usize);
        let end = self.at.wrapping_add(length);
        if rest.as_bytes().get(length) != Some(&b'"') {
            return self.odd_text(end);
        }
        self.at = end.wrapping_add(1);
        Some(Found { text: rest.get(..length)?, is_seen: true, has_at: (marks.ats & inside) | ats != 0 })
    }

    /// Where more is in it than what is seen in ASCII, looked at byte by byte.
    #[inline(never)]
    fn odd_text(&mut self, from: usize) -> Option<Found<'a>> {
        let rest = self.json.as_bytes().get(from..)?;
        let end = from + rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..b' '))?;
        let text = self.json.get(self.at..end)?;
        self.at = end;
        (self.byte()? == b'"').then(|| Found { text, is_seen: false, has_at: text.contains(['@', '%']) })
    }

    /// Behind its first letter.
    #[inline(never)]
    pub fn null(&mut self) -> Option<()> {
        self.word("ull")
    }

    /// The rest of a word behind its first letter.
    pub fn word(&mut self, rest: &str) -> Option<()> {
        let found = self.json.as_bytes()[self.at..].starts_with(rest.as_bytes());
        self.at += rest.len();
        found.then_some(())
    }

    /// Behind its first digit.
    pub fn number(&mut self, digit: u8) -> Option<Number> {
        let start = self.at;
        let mut number = i64::from(digit - b'0');
        while let Some(next) = self.digit() {
            number = number.wrapping_mul(10).wrapping_add(next);
        }
        let digits = self.at - start + 1;
        if digits > INTEGER_DIGITS || (digit == b'0' && digits > 1) {
            return None;
        }
        match self.json.as_bytes().get(self.at)? {
            b'.' => self.fraction(number, digits),
            b'e' | b'E' => None,
            _ => Some(Number::Integer(number)),
        }
    }

    fn fraction(&mut self, whole: i64, digits: usize) -> Option<Number> {
        self.at += 1;
        let start = self.at;
        let mut number = whole;
        while let Some(next) = self.digit() {
            number = number.wrapping_mul(10).wrapping_add(next);
        }
        let places = self.at - start;
        if places == 0 || digits + places > FLOAT_DIGITS || self.at_exponent() {
            return None;
        }
        Some(Number::Float(number as f64 / POWERS_OF_TEN[places]))
    }

    fn skip_number(&mut self, digit: u8) -> Option<()> {
        let start = self.at;
        while self.digit().is_some() {}
        if !digit.is_ascii_digit() || (digit == b'0' && self.at > start) {
            return None;
        }
        if self.json.as_bytes().get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digit()?;
            while self.digit().is_some() {}
        }
        (!self.at_exponent()).then_some(())
    }

    fn at_exponent(&self) -> bool {
        matches!(self.json.as_bytes().get(self.at), Some(b'e' | b'E'))
    }

    fn digit(&mut self) -> Option<i64> {
        let digit = self.json.as_bytes().get(self.at)?.wrapping_sub(b'0');
        (digit < 10).then(|| {
            self.at += 1;
            i64::from(digit)
        })
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

struct Unknown;

impl<'a> Fields<'a> for Unknown {
    fn field(&mut self, _: Found<'a>, scan: &mut Scan<'a>) -> Option<()> {
        scan.skip()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Over whole chunks, their ends, and what is left behind them.
        #[test]
        fn a_text_ends_at_its_first_stop(
            text in "([ !#-$&-?A-~]{0,40}|[ !#-~]{0,24}|[ !#-~é\u{7f}]{0,24})[\"\\\\\t]?",
            before in "[ -~]{0,40}",
            behind in "[ -~]{0,40}",
        ) {
            let json = format!("{before}{text}{behind}");
            let mut scan = Scan { json: &json, at: before.len(), depth: 0 };
            let stop = json[before.len()..].find(|c| matches!(c, '"' | '\\' | '\0'..='\u{1f}'));
            let naive = stop.map(|length| &json[before.len()..][..length]);
            let naive = naive.filter(|text| json.len() >= CHUNK && json[before.len() + text.len()..].starts_with('"'));
            let found = scan.text();
            prop_assert_eq!(found.map(|found| found.text), naive);
            if let Some(found) = found {
                prop_assert_eq!(found.is_seen, found.text.chars().all(|c| matches!(c, ' '..='~')));
                prop_assert_eq!(found.has_at, found.text.contains(['@', '%']));
                prop_assert_eq!(scan.at, before.len() + found.text.len() + 1);
            }
        }
    }
}
