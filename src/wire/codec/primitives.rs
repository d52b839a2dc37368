//! The encoding of numbers, truth and text.

use super::{FEW, Reader, Wire, get_each, put_varint};
use crate::domain::Text;
use crate::wire::WireError;

impl Wire for u8 {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(*self);
    }

    fn get(from: &mut Reader<'_>) -> Result<u8, WireError> {
        from.byte()
    }

    fn get_group(count: usize, from: &mut Reader<'_>, into: &mut Vec<u8>) -> Result<(), WireError> {
        into.extend_from_slice(from.take(count)?);
        Ok(())
    }
}

/// In groups numbers stand at their full width, but where they are few.
macro_rules! full_width {
    ($number:ty) => {
        fn put_group(items: &[&$number], out: &mut Vec<u8>) {
            if items.len() < FEW {
                return items.iter().for_each(|item| item.put(out));
            }
            out.reserve(items.len() * size_of::<$number>());
            items.iter().for_each(|item| out.extend_from_slice(&item.to_le_bytes()));
        }

        fn get_group(count: usize, from: &mut Reader<'_>, into: &mut Vec<$number>) -> Result<(), WireError> {
            if count < FEW {
                return get_each(count, from, into);
            }
            let (numbers, _) = from.take(count * size_of::<$number>())?.as_chunks();
            into.extend(numbers.iter().map(|bytes| <$number>::from_le_bytes(*bytes)));
            Ok(())
        }
    };
}

macro_rules! unsigned {
    ($($name:ident)*) => {$(
        impl Wire for $name {
            fn put(&self, out: &mut Vec<u8>) {
                put_varint(u64::from(*self), out);
            }

            fn get(from: &mut Reader<'_>) -> Result<$name, WireError> {
                let value = from.varint()?;
                $name::try_from(value).map_err(|_| from.invalid(concat!("too large for ", stringify!($name))))
            }

            full_width!($name);
        }
    )*};
}

unsigned!(u16 u32 u64);

impl Wire for i64 {
    fn put(&self, out: &mut Vec<u8>) {
        put_varint(((self << 1) ^ (self >> 63)) as u64, out);
    }

    fn get(from: &mut Reader<'_>) -> Result<i64, WireError> {
        let value = from.varint()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    full_width!(i64);
}

impl Wire for i32 {
    fn put(&self, out: &mut Vec<u8>) {
        i64::from(*self).put(out);
    }

    fn get(from: &mut Reader<'_>) -> Result<i32, WireError> {
        let value = i64::get(from)?;
        i32::try_from(value).map_err(|_| from.invalid("too large for i32"))
    }

    full_width!(i32);
}

impl Wire for u128 {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }

    fn get(from: &mut Reader<'_>) -> Result<u128, WireError> {
        from.array().map(u128::from_le_bytes)
    }

    full_width!(u128);
}

impl Wire for f64 {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_bits().to_le_bytes());
    }

    fn get(from: &mut Reader<'_>) -> Result<f64, WireError> {
        from.array().map(|bits| f64::from_bits(u64::from_le_bytes(bits)))
    }

    full_width!(f64);
}

impl Wire for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn get(from: &mut Reader<'_>) -> Result<bool, WireError> {
        match from.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(from.invalid("neither true nor false")),
        }
    }

    fn get_group(count: usize, from: &mut Reader<'_>, into: &mut Vec<bool>) -> Result<(), WireError> {
        let bytes = from.take(count)?;
        into.extend(bytes.iter().map(|byte| *byte != 0));
        if bytes.iter().all(|byte| *byte <= 1) { Ok(()) } else { Err(from.invalid("neither true nor false")) }
    }
}

impl Wire for Text {
    fn put(&self, out: &mut Vec<u8>) {
        put_varint(self.len() as u64, out);
        out.extend_from_slice(self.as_bytes());
    }

    fn get(from: &mut Reader<'_>) -> Result<Text, WireError> {
        let count = from.count()?;
        let bytes = from.take(count)?;
        std::str::from_utf8(bytes).map(Text::from).map_err(|_| from.invalid("text that isn't UTF-8"))
    }

    /// All lengths, then all bytes.
    fn put_group(items: &[&Text], out: &mut Vec<u8>) {
        items.iter().for_each(|item| put_varint(item.len() as u64, out));
        items.iter().for_each(|item| out.extend_from_slice(item.as_bytes()));
    }

    fn get_group(count: usize, from: &mut Reader<'_>, into: &mut Vec<Text>) -> Result<(), WireError> {
        let (lengths, total) = from.lengths(count)?;
        let bytes = from.take(total)?;
        let mut rest = std::str::from_utf8(bytes).map_err(|_| from.invalid("text that isn't UTF-8"))?;
        for length in lengths {
            let (text, behind) =
                rest.split_at_checked(length).ok_or_else(|| from.invalid("text that ends inside a character"))?;
            into.push(Text::new(text));
            rest = behind;
        }
        Ok(())
    }
}
