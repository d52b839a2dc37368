//! Fields judged as they are scanned. What is usual is taken at one look; the rest is asked of `Reader`, which says what it
//! says on the long way.

use smol_str::ToSmolStr;

use crate::domain::{Millis, Text};
use crate::feed::domains::Domains;
use crate::feed::instant;
use crate::feed::read::Reader;
use crate::feed::scan::{Found, NOTHING, Number, Scan};
use crate::feed::secret::holds_address;

pub struct Judge<'d> {
    pub reader: Reader<'d>,
    pub domains: &'d Domains,
}

/// A text or an integer.
pub enum IdText<'a> {
    Text(Found<'a>),
    Number(i64),
}

impl Judge<'_> {
    /// Trimmed and within limits; nothing where it is blank or null.
    #[inline(always)]
    pub fn text<'a>(&self, scan: &mut Scan<'a>) -> Option<Found<'a>> {
        match scan.token()? {
            b'"' => self.clean(scan.text()?),
            b'n' => scan.null().map(|()| NOTHING),
            _ => None,
        }
    }

    /// An external id, not yet judged for addresses.
    #[inline(always)]
    pub fn id_text<'a>(&self, scan: &mut Scan<'a>) -> Option<IdText<'a>> {
        match scan.token()? {
            b'"' => self.clean(scan.text()?).map(IdText::Text),
            digit @ b'0'..=b'9' => match scan.number(digit)? {
                Number::Integer(number) => Some(IdText::Number(number)),
                Number::Float(_) => None,
            },
            b'n' => scan.null().map(|()| IdText::Text(NOTHING)),
            _ => None,
        }
    }

    #[inline(always)]
    pub fn clean<'a>(&self, found: Found<'a>) -> Option<Found<'a>> {
        let is_trimmed = matches!(found.text.as_bytes(), [first, .., last] if *first != b' ' && *last != b' ');
        if is_trimmed && found.is_seen && found.text.len() <= self.reader.limits.text_bytes {
            return Some(found);
        }
        self.look_closer(found)
    }

    #[inline(never)]
    fn look_closer<'a>(&self, found: Found<'a>) -> Option<Found<'a>> {
        let text = self.reader.clean("", found.text).ok()?;
        Some(Found { text: text.unwrap_or(""), ..found })
    }

    /// A name, or nothing. Nobody's address.
    #[inline(always)]
    pub fn name(&self, scan: &mut Scan) -> Option<Text> {
        let found = self.text(scan)?;
        self.kept(found)
    }

    /// What was cleaned, as the journal may have it.
    #[inline(always)]
    pub fn kept(&self, found: Found) -> Option<Text> {
        let is_address = found.has_at && holds_address(found.text);
        if is_address { None } else { Some(Text::new(found.text)) }
    }

    /// An external id; the empty one where there is none.
    #[inline(always)]
    pub fn id(&self, scan: &mut Scan) -> Option<Text> {
        self.owned(self.id_text(scan)?)
    }

    /// One that was read, as the journal may have it.
    #[inline(always)]
    pub fn owned(&self, id: IdText) -> Option<Text> {
        match id {
            IdText::Text(found) => self.kept(found),
            IdText::Number(number) => Some(number.to_smolstr()),
        }
    }

    /// Free text: what holds an address is replaced by its keyed hash.
    #[inline]
    pub fn free(&self, scan: &mut Scan) -> Option<Option<Text>> {
        Some(self.without_address(self.text(scan)?))
    }

    /// What was cleaned, the same way.
    #[inline]
    pub fn without_address(&self, found: Found) -> Option<Text> {
        let text = if found.has_at { self.reader.without_address(found.text) } else { Text::new(found.text) };
        Some(text).filter(|text| !text.is_empty())
    }

    /// Any instant; `None` inside where there is none. Whether it is within bounds is for its field to say.
    #[inline]
    pub fn instant(&self, scan: &mut Scan) -> Option<Option<Millis>> {
        match scan.token()? {
            b'"' => {
                let text = scan.text()?.text;
                match instant::parse(text) {
                    None if !text.trim().is_empty() => None,
                    at => Some(at),
                }
            }
            digit @ b'0'..=b'9' => match scan.number(digit)? {
                Number::Integer(number) => Some(Some(Millis(number))),
                Number::Float(_) => None,
            },
            b'n' => scan.null().map(|()| None),
            _ => None,
        }
    }

    /// A number in thousandths, up to `most`; `None` inside where there is none.
    pub fn thousandths(&self, scan: &mut Scan, most: u32) -> Option<Option<u32>> {
        let number = match scan.token()? {
            b'n' => return scan.null().map(|()| None),
            digit @ b'0'..=b'9' => scan.number(digit)?,
            _ => return None,
        };
        let thousandths = match number {
            Number::Integer(number) => u32::try_from(number).ok().filter(|number| *number <= most)? * 1000,
            Number::Float(number) if number <= f64::from(most) => (number * 1000.0).round() as u32,
            Number::Float(_) => return None,
        };
        Some(Some(thousandths))
    }
}
