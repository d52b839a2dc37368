//! The short way to a body: one walk over the bytes of an event as ordinary writers write it.
//!
//! It takes objects with their keys in any order, white space anywhere, unknown fields, and plain values: texts
//! without escapes, numbers without exponent. Anything else is a *surprise*, which is no error: `None`, and serde_json
//! reads the record from its beginning. It alone turns records away. So whatever is taken here must be filled in just as
//! serde_json does; `tests/decode_fuzz` compares the two.

use std::borrow::Cow;

use super::slot::{Map, Object, Scalar, Slot};
use super::stops::{is_stop, stops};

/// Deepest nesting that is taken. Our own fields need three levels; unknown ones may have some more.
pub const DEPTH: usize = 8;

/// Digits that a 64-bit integer surely holds.
const INTEGER_DIGITS: usize = 18;

/// Digits that a float surely holds: with no more than these, an integer divided by a power of ten is the nearest float.
const FLOAT_DIGITS: usize = 15;

const POWERS_OF_TEN: [f64; FLOAT_DIGITS + 1] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// An object: what to do with the value of each of its keys.
pub trait Fields<'a> {
    /// The value is next; it must be read, or skipped.
    fn field(&mut self, key: &'a str, scan: &mut Scan<'a>) -> Option<()>;

    /// Members whose keys come in the order of the list, as writers of our schemas put them: a key that is expected
    /// costs one comparison. Stops where another one comes; whether the object has ended.
    fn usual(&mut self, _: &mut Scan<'a>) -> Option<bool> {
        Some(false)
    }
}

/// What a known field may hold.
pub trait Scanned<'a>: Sized {
    /// Reads the value that is next into its slot.
    fn scan(slot: &mut Slot<Self>, scan: &mut Scan<'a>) -> Option<()>;
}

impl<'a> Scanned<'a> for Scalar<'a> {
    #[inline]
    fn scan(slot: &mut Slot<Scalar<'a>>, scan: &mut Scan<'a>) -> Option<()> {
        scan.scalar(slot)
    }
}

impl<'a, T: Fields<'a> + Default> Scanned<'a> for Object<T> {
    #[inline]
    fn scan(slot: &mut Slot<Object<T>>, scan: &mut Scan<'a>) -> Option<()> {
        scan.object(slot)
    }
}

impl<'a> Scanned<'a> for Map<'a, Scalar<'a>> {
    #[inline]
    fn scan(slot: &mut Slot<Map<'a, Scalar<'a>>>, scan: &mut Scan<'a>) -> Option<()> {
        scan.map(slot)
    }
}

/// An object of known fields, for serde and for the scanner from one list: neither knows a field that the other
/// doesn't.
macro_rules! body {
    (pub struct $name:ident<$life:lifetime> { $($field:ident: $value:ty,)* }) => {
        #[derive(Debug, Default, serde::Deserialize)]
        #[serde(default)]
        pub struct $name<$life> {
            $(#[serde(borrow)] $field: $crate::feed::slot::Slot<$value>,)*
        }

        impl<$life> $crate::feed::scan::Fields<$life> for $name<$life> {
            fn field(&mut self, key: &$life str, scan: &mut $crate::feed::scan::Scan<$life>) -> Option<()> {
                match key {
                    $(stringify!($field) => $crate::feed::scan::Scanned::scan(&mut self.$field, scan),)*
                    _ => scan.skip(),
                }
            }

            fn usual(&mut self, scan: &mut $crate::feed::scan::Scan<$life>) -> Option<bool> {
                $(
                    if scan.is_next(concat!("\"", stringify!($field), "\":")) {
                        $crate::feed::scan::Scanned::scan(&mut self.$field, scan)?;
                        if scan.ends()? {
                            return Some(true);
                        }
                    }
                )*
                Some(false)
            }
        }
    };
}

pub(super) use body;

pub struct Scan<'a> {
    json: &'a str,
    /// Everything before is read.
    at: usize,
    /// Objects and lists around this place.
    depth: usize,
}

/// Fills the body from a record that is one object. What has been filled in before a surprise is worthless.
pub fn object<'a>(json: &'a str, body: &mut impl Fields<'a>) -> Option<()> {
    let mut scan = Scan { json, at: 0, depth: 0 };
    if scan.token()? != b'{' {
        return None;
    }
    scan.members(body)?;
    // Nothing but white space may follow.
    let rest = &json.as_bytes()[scan.at..];
    rest.iter().all(|byte| is_space(*byte)).then_some(())
}

impl<'a> Scan<'a> {
    /// The value of a known field. One that is filled already is named twice.
    fn scalar(&mut self, slot: &mut Slot<Scalar<'a>>) -> Option<()> {
        if !slot.is_absent() {
            return None;
        }
        *slot = match self.token()? {
            b'"' => Slot::Is(Scalar::Text(Cow::Borrowed(self.text()?))),
            digit @ b'0'..=b'9' => Slot::Is(self.number(digit)?),
            b'n' => self.null()?,
            _ => return None,
        };
        Some(())
    }

    fn object<T: Fields<'a> + Default>(&mut self, slot: &mut Slot<Object<T>>) -> Option<()> {
        if !slot.is_absent() {
            return None;
        }
        match self.token()? {
            b'{' => self.members(&mut slot.fill(Object(T::default())).0),
            b'n' => {
                *slot = self.null()?;
                Some(())
            }
            _ => None,
        }
    }

    fn map(&mut self, slot: &mut Slot<Map<'a, Scalar<'a>>>) -> Option<()> {
        if !slot.is_absent() {
            return None;
        }
        match self.token()? {
            b'{' => self.members(slot.fill(Map::default())),
            b'n' => {
                *slot = self.null()?;
                Some(())
            }
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
            b'n' => self.word("ull"),
            b'{' => self.members(&mut Unknown),
            b'[' => self.items(),
            _ => None,
        }
    }

    /// What stands behind an opened brace, to its end.
    fn members(&mut self, fields: &mut impl Fields<'a>) -> Option<()> {
        self.enter()?;
        let start = self.at;
        if fields.usual(self)? {
            return self.leave();
        }
        // A comma must be followed by another member.
        let may_end = self.at == start;
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
        let rest = &self.json.as_bytes()[self.at..];
        let space = usize::from(rest.first() == Some(&b' '));
        let found = rest[space..].starts_with(key.as_bytes());
        if found {
            self.at += space + key.len();
        }
        found
    }

    /// What stands behind an opened bracket, to its end.
    fn items(&mut self) -> Option<()> {
        self.enter()?;
        let start = self.at;
        if self.token()? == b']' {
            return self.leave();
        }
        self.at = start;
        loop {
            self.skip()?;
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
    fn token(&mut self) -> Option<u8> {
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

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.json.as_bytes().get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    /// What stands behind a quote, to the next one. An escape is a surprise; a control character is no JSON.
    fn text(&mut self) -> Option<&'a str> {
        let start = self.at;
        let end = start + stop(&self.json.as_bytes()[start..])?;
        if self.json.as_bytes()[end] != b'"' {
            return None;
        }
        self.at = end + 1;
        self.json.get(start..end)
    }

    fn null<T>(&mut self) -> Option<Slot<T>> {
        self.word("ull").map(|()| Slot::Null)
    }

    fn word(&mut self, rest: &str) -> Option<()> {
        let found = self.json.as_bytes()[self.at..].starts_with(rest.as_bytes());
        self.at += rest.len();
        found.then_some(())
    }

    /// Behind its first digit.
    fn number(&mut self, digit: u8) -> Option<Scalar<'a>> {
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
            _ => Some(Scalar::Integer(number)),
        }
    }

    fn fraction(&mut self, whole: i64, digits: usize) -> Option<Scalar<'a>> {
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
        Some(Scalar::Float(number as f64 / POWERS_OF_TEN[places]))
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

/// The place of the first byte that a text can't go on with.
fn stop(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(chunk) = bytes[at..].first_chunk() {
        let found = stops(chunk);
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize);
        }
        at += chunk.len();
    }
    bytes[at..].iter().position(|byte| is_stop(*byte)).map(|place| at + place)
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

struct Unknown;

impl<'a> Fields<'a> for Unknown {
    fn field(&mut self, _: &'a str, scan: &mut Scan<'a>) -> Option<()> {
        scan.skip()
    }
}

impl<'a> Fields<'a> for Map<'a, Scalar<'a>> {
    fn field(&mut self, key: &'a str, scan: &mut Scan<'a>) -> Option<()> {
        let mut value = Slot::Absent;
        scan.scalar(&mut value)?;
        self.0.push((Cow::Borrowed(key), value));
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Over whole chunks, their ends, and what is left behind them.
        #[test]
        fn the_first_stop_is_found(
            plain in prop::collection::vec(prop_oneof![b' '..=b'!', b'#'..=b'[', b']'..=255u8], 0..40),
            place in any::<prop::sample::Index>(),
            ending in prop_oneof![Just(b'"'), Just(b'\\'), 0u8..b' '],
        ) {
            prop_assert_eq!(stop(&plain), None);
            let mut ended = plain.clone();
            ended.insert(place.index(plain.len() + 1), ending);
            ended.push(b'"');
            let naive = ended.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f));
            prop_assert_eq!(stop(&ended), naive);
        }
    }
}
