//! A small binary codec of our own: what is written, and nothing else, decides the bytes.
//!
//! No self-description, no alignment, no library whose upgrade could change a byte. Unsigned integers are LEB128
//! varints in their shortest form, signed ones zigzag before that, floats their bits, enums an explicit tag. Lists
//! are a count and their items, in groups ([`GROUP`]) that stand column by column: all first fields, all second
//! ones, numbers at their full width unless they are few, texts behind their lengths. That way millions of rows are
//! read at the speed of memory. One value has exactly one encoding, and any other bytes are an error, so bytes
//! can be compared, hashed and chained. Reading is total: no bytes whatever make it panic or allocate beyond
//! what they can hold.

use smallvec::SmallVec;

use super::WireError;

/// How deep values may nest through boxes and lists. Policies hold filters, which are trees; `config` must not
/// let a deeper one through. Well below what a thread's stack bears.
pub const MAX_DEPTH: u16 = 256;

/// Items of a list that stand together, column by column: few enough that all columns stay in the cache.
pub const GROUP: usize = 512;
/// Numbers in smaller groups are varints: what a record lists is small, and so are its numbers.
const FEW: usize = 16;

/// A value with exactly one encoding.
pub trait Wire: Sized {
    fn put(&self, out: &mut Vec<u8>);
    fn get(from: &mut Reader<'_>) -> Result<Self, WireError>;

    /// Items of a list: at most [`GROUP`], or what so many have together.
    fn put_group(items: &[&Self], out: &mut Vec<u8>) {
        items.iter().for_each(|item| item.put(out));
    }

    /// Appends so many items of a list; or fails.
    fn get_group(count: usize, from: &mut Reader<'_>, into: &mut Vec<Self>) -> Result<(), WireError> {
        get_each(count, from, into)
    }
}

/// Items one after the other.
fn get_each<T: Wire>(count: usize, from: &mut Reader<'_>, into: &mut Vec<T>) -> Result<(), WireError> {
    for _ in 0..count {
        into.push(T::get(from)?);
    }
    Ok(())
}

/// A column of a group, to be written; where it has few items it takes no memory.
pub(super) type Group<'a, T> = SmallVec<[&'a T; FEW]>;

/// A column of a group, read.
pub(super) fn column<T: Wire>(count: usize, from: &mut Reader<'_>) -> Result<std::vec::IntoIter<T>, WireError> {
    // What a group has together may be forged: no more is set aside than there are bytes.
    let mut items = Vec::with_capacity(count.min(from.left()));
    T::get_group(count, from, &mut items)?;
    assert_eq!(items.len(), count, "a group is read whole or not at all");
    Ok(items.into_iter())
}

/// The next item of a column that is as long as its group.
pub(super) fn next<T>(column: &mut std::vec::IntoIter<T>) -> T {
    column.next().expect("the columns of a group are of one length")
}

/// The bytes of one value.
pub fn to_bytes(value: &impl Wire) -> Vec<u8> {
    let mut out = Vec::new();
    value.put(&mut out);
    out
}

/// The value of these bytes, all of them.
pub fn from_bytes<T: Wire>(bytes: &[u8]) -> Result<T, WireError> {
    let mut from = Reader::new(bytes);
    let value = T::get(&mut from)?;
    from.finish()?;
    Ok(value)
}

/// Bytes being read, and how far.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: u16,
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { bytes, at: 0, depth: 0 }
    }

    pub fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    #[inline]
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], WireError> {
        let rest = &self.bytes[self.at..];
        let taken = rest.get(..count).ok_or(WireError::Truncated { at: self.bytes.len() })?;
        self.at += count;
        Ok(taken)
    }

    #[inline]
    pub fn byte(&mut self) -> Result<u8, WireError> {
        let byte = *self.bytes.get(self.at).ok_or(WireError::Truncated { at: self.at })?;
        self.at += 1;
        Ok(byte)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    /// A varint in its shortest form; a longer one of the same value is an error.
    #[inline]
    pub(super) fn varint(&mut self) -> Result<u64, WireError> {
        match self.bytes.get(self.at) {
            Some(byte) if *byte < 0x80 => {
                self.at += 1;
                Ok(u64::from(*byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64, WireError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let part = u64::from(byte & 0x7f);
            if part << shift >> shift != part {
                return Err(self.invalid("a varint over 64 bits"));
            }
            value |= part << shift;
            if byte & 0x80 == 0 {
                let shortest = byte != 0 || shift == 0;
                return if shortest { Ok(value) } else { Err(self.invalid("a varint with needless zeros")) };
            }
        }
        Err(self.invalid("a varint over ten bytes"))
    }

    /// The count of a list whose items take a byte each at least: never more than the bytes left.
    pub fn count(&mut self) -> Result<usize, WireError> {
        let count = self.varint()?;
        match usize::try_from(count) {
            Ok(count) if count <= self.left() => Ok(count),
            _ => Err(self.invalid("a list longer than the bytes left")),
        }
    }

    /// So many lengths, and their sum: of what takes a byte each at least.
    fn lengths(&mut self, count: usize) -> Result<(Vec<usize>, usize), WireError> {
        let mut total = 0;
        let mut lengths = Vec::with_capacity(count);
        // Most often a byte each.
        let bytes = self.bytes[self.at..].get(..count).filter(|bytes| bytes.iter().all(|byte| *byte < 0x80));
        if let Some(bytes) = bytes {
            self.at += count;
            lengths.extend(bytes.iter().map(|byte| usize::from(*byte)));
            total = lengths.iter().sum();
        }
        for _ in lengths.len()..count {
            let length = self.count()?;
            total += length;
            lengths.push(length);
        }
        if total <= self.left() { Ok((lengths, total)) } else { Err(self.invalid("lists longer than the bytes left")) }
    }

    /// A part of its own, its length before it. What is wrong in it is told by its place in the whole.
    pub(super) fn section(&mut self) -> Result<Reader<'a>, WireError> {
        let length = self.count()?;
        self.part(length as u64)
    }

    /// A part of this length.
    pub(super) fn part(&mut self, length: u64) -> Result<Reader<'a>, WireError> {
        let start = self.at;
        self.take(usize::try_from(length).map_err(|_| self.invalid("a part longer than memory"))?)?;
        Ok(Reader { bytes: &self.bytes[..self.at], at: start, depth: self.depth })
    }

    /// Reads one level further down.
    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, WireError>) -> Result<T, WireError> {
        if self.depth == MAX_DEPTH {
            return Err(self.invalid("nested too deep"));
        }
        self.depth += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    /// An error about what was read last.
    pub fn invalid(&self, what: impl Into<String>) -> WireError {
        WireError::Invalid { at: self.at, what: what.into() }
    }

    pub fn finish(self) -> Result<(), WireError> {
        if self.left() == 0 { Ok(()) } else { Err(self.invalid("bytes behind the end")) }
    }
}

/// Implements [`Wire`] for structs, field after field in the order given here. A field that isn't named doesn't
/// compile; reordering the struct's own declaration changes nothing.
macro_rules! wire_struct {
    ($($name:ident { $($field:ident),* $(,)? })*) => {$(
        impl $crate::wire::codec::Wire for $name {
            fn put(&self, out: &mut Vec<u8>) {
                let $name { $($field),* } = self;
                $($crate::wire::codec::Wire::put($field, out);)*
            }

            fn get(from: &mut $crate::wire::codec::Reader<'_>) -> Result<Self, $crate::wire::WireError> {
                Ok($name { $($field: $crate::wire::codec::Wire::get(from)?),* })
            }

            fn put_group(items: &[&Self], out: &mut Vec<u8>) {
                $({
                    let column: $crate::wire::codec::Group<'_, _> = items.iter().map(|item| &item.$field).collect();
                    $crate::wire::codec::Wire::put_group(&column, out);
                })*
            }

            fn get_group(
                count: usize,
                from: &mut $crate::wire::codec::Reader<'_>,
                into: &mut Vec<Self>,
            ) -> Result<(), $crate::wire::WireError> {
                $(let mut $field = $crate::wire::codec::column(count, from)?;)*
                into.extend((0..count).map(|_| $name { $($field: $crate::wire::codec::next(&mut $field)),* }));
                Ok(())
            }
        }
    )*};
}

/// Implements [`Wire`] for an enum: a tag byte, then the fields. Tags are written out, so reordering variants
/// changes nothing; a tag once used is never given to another variant.
macro_rules! wire_enum {
    ($name:ident { $($tag:literal = $variant:ident $(($item:ident))? $({ $($field:ident),* $(,)? })?),* $(,)? }) => {
        impl $crate::wire::codec::Wire for $name {
            fn put(&self, out: &mut Vec<u8>) {
                match self {
                    $($name::$variant $(($item))? $({ $($field),* })? => {
                        out.push($tag);
                        $($crate::wire::codec::Wire::put($item, out);)?
                        $($($crate::wire::codec::Wire::put($field, out);)*)?
                    })*
                }
            }

            fn get(from: &mut $crate::wire::codec::Reader<'_>) -> Result<Self, $crate::wire::WireError> {
                match from.byte()? {
                    $($tag => {
                        $(let $item = $crate::wire::codec::Wire::get(from)?;)?
                        $($(let $field = $crate::wire::codec::Wire::get(from)?;)*)?
                        Ok($name::$variant $(($item))? $({ $($field),* })?)
                    })*
                    tag => Err(from.invalid(format!("no {} has the tag {tag}", stringify!($name)))),
                }
            }
        }
    };
}

/// As `wire_enum`, where no variant has fields: a group of them is read as the bytes that it is.
macro_rules! wire_tags {
    ($name:ident { $($tag:literal = $variant:ident),* $(,)? }) => {
        impl $crate::wire::codec::Wire for $name {
            fn put(&self, out: &mut Vec<u8>) {
                out.push(match self { $($name::$variant => $tag,)* });
            }

            fn get(from: &mut $crate::wire::codec::Reader<'_>) -> Result<Self, $crate::wire::WireError> {
                match from.byte()? {
                    $($tag => Ok($name::$variant),)*
                    tag => Err(from.invalid(format!("no {} has the tag {tag}", stringify!($name)))),
                }
            }

            fn get_group(
                count: usize,
                from: &mut $crate::wire::codec::Reader<'_>,
                into: &mut Vec<Self>,
            ) -> Result<(), $crate::wire::WireError> {
                for tag in from.take(count)? {
                    into.push(match tag {
                        $($tag => $name::$variant,)*
                        tag => return Err(from.invalid(format!("no {} has the tag {tag}", stringify!($name)))),
                    });
                }
                Ok(())
            }
        }
    };
}

/// Implements [`Wire`] for a number with a name of its own: as that number.
macro_rules! wire_number {
    ($($name:ident($number:ty))*) => {$(
        impl $crate::wire::codec::Wire for $name {
            fn put(&self, out: &mut Vec<u8>) {
                self.0.put(out);
            }

            fn get(from: &mut $crate::wire::codec::Reader<'_>) -> Result<Self, $crate::wire::WireError> {
                <$number>::get(from).map($name)
            }

            fn put_group(items: &[&Self], out: &mut Vec<u8>) {
                let numbers: $crate::wire::codec::Group<'_, $number> = items.iter().map(|item| &item.0).collect();
                $crate::wire::codec::Wire::put_group(&numbers, out);
            }

            fn get_group(
                count: usize,
                from: &mut $crate::wire::codec::Reader<'_>,
                into: &mut Vec<Self>,
            ) -> Result<(), $crate::wire::WireError> {
                into.extend($crate::wire::codec::column::<$number>(count, from)?.map($name));
                Ok(())
            }
        }
    )*};
}

pub(crate) use {wire_enum, wire_number, wire_struct, wire_tags};

// Behind the macros, which they use.
mod collections;
pub(super) use collections::{get_lists, one, put_lists};
mod domain;
mod output;
mod policy;
mod primitives;
mod view;

/// Appends a varint in its shortest form.
#[inline]
pub fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Text;

    #[test]
    fn integers_take_their_shortest_form_and_come_back() {
        for (value, bytes) in [(0u64, 1), (127, 1), (128, 2), (16_383, 2), (16_384, 3), (u64::MAX, 10)] {
            assert_eq!(to_bytes(&value).len(), bytes, "{value}");
            assert_eq!(from_bytes::<u64>(&to_bytes(&value)), Ok(value));
        }
        for value in [0, -1, 1, -64, 64, i64::MIN, i64::MAX] {
            assert_eq!(from_bytes::<i64>(&to_bytes(&value)), Ok(value));
        }
        assert_eq!(to_bytes(&-64i64).len(), 1);
    }

    #[test]
    fn a_second_encoding_of_the_same_value_is_refused() {
        assert!(from_bytes::<u64>(&[0x80, 0x00]).is_err(), "needless zeros");
        assert!(from_bytes::<u64>(&[0xff; 10]).is_err(), "over 64 bits");
        assert!(from_bytes::<u64>(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x03]).is_err());
        assert!(from_bytes::<u16>(&to_bytes(&65_536u32)).is_err());
        assert!(from_bytes::<bool>(&[2]).is_err());
        assert!(from_bytes::<u8>(&[1, 2]).is_err(), "bytes behind the end");
    }

    #[test]
    fn groups_come_back_whole_and_in_one_encoding() {
        let rows: Vec<(Text, Option<u32>, bool, Vec<u16>)> = (0..GROUP as u32 * 2 + 3)
            .map(|row| {
                (format!("row {row}").into(), (row % 3 > 0).then_some(row), row % 2 == 0, vec![7; row as usize % 4])
            })
            .collect();
        let bytes = to_bytes(&rows);
        assert_eq!(from_bytes(&bytes), Ok(rows.clone()));
        for at in (0..bytes.len()).step_by(97) {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            match from_bytes::<Vec<(Text, Option<u32>, bool, Vec<u16>)>>(&changed) {
                Ok(other) => assert_eq!(to_bytes(&other), changed),
                Err(error) => assert!(matches!(error, WireError::Invalid { .. } | WireError::Truncated { .. })),
            }
            assert!(from_bytes::<Vec<(Text, Option<u32>, bool, Vec<u16>)>>(&bytes[..at]).is_err());
        }
    }

    #[test]
    fn a_list_can_claim_no_more_items_than_there_are_bytes() {
        let mut bytes = Vec::new();
        put_varint(u64::from(u32::MAX), &mut bytes);
        bytes.extend([0; 100]);
        assert!(matches!(from_bytes::<Vec<u128>>(&bytes), Err(WireError::Invalid { .. })));
        assert_eq!(
            from_bytes::<Vec<u64>>(&[3, 1, 2]),
            Err(WireError::Invalid { at: 1, what: "a list longer than the bytes left".into() })
        );
    }

    #[test]
    fn a_section_ends_where_it_says_and_counts_from_the_beginning() {
        let mut from = Reader::new(&[7, 2, 5, 2, 9]);
        assert_eq!(from.byte(), Ok(7));
        let mut section = from.section().unwrap();
        assert_eq!((section.left(), section.byte()), (2, Ok(5)));
        assert_eq!(bool::get(&mut section), Err(WireError::Invalid { at: 4, what: "neither true nor false".into() }));
        assert_eq!(section.byte(), Err(WireError::Truncated { at: 4 }));
        assert_eq!(section.take(1), Err(WireError::Truncated { at: 4 }));
        assert_eq!((section.finish(), from.byte(), from.finish()), (Ok(()), Ok(9), Ok(())));
    }

    #[test]
    fn nesting_ends_before_the_stack_does() {
        use crate::domain::filter::Filter;
        let nested = |depth: u16| (0..depth).fold(Filter::Always, |inner, _| Filter::Not(Box::new(inner)));
        assert_eq!(from_bytes::<Filter>(&to_bytes(&nested(MAX_DEPTH))), Ok(nested(MAX_DEPTH)));
        assert!(from_bytes::<Filter>(&to_bytes(&nested(MAX_DEPTH + 1))).is_err());
        // The configuration lets no deeper filter into a policy, whose own lists take a few levels.
        let (deepest, policys) = (crate::domain::filter::DEPTH_MAX, 32);
        assert!(deepest + policys <= usize::from(MAX_DEPTH));
        // Endless nesting in few bytes.
        assert!(from_bytes::<Filter>(&[4; 1_000_000]).is_err());
    }
}
