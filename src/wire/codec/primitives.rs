//! The encoding of numbers, truth and text.

use super::{Reader, Wire, put_varint};
use crate::domain::Text;
use crate::wire::WireError;

impl Wire for u8 {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(*self);
    }

    fn get(from: &mut Reader<'_>) -> Result<u8, WireError> {
        from.byte()
    }
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
}

impl Wire for i32 {
    fn put(&self, out: &mut Vec<u8>) {
        i64::from(*self).put(out);
    }

    fn get(from: &mut Reader<'_>) -> Result<i32, WireError> {
        let value = i64::get(from)?;
        i32::try_from(value).map_err(|_| from.invalid("too large for i32"))
    }
}

impl Wire for u128 {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }

    fn get(from: &mut Reader<'_>) -> Result<u128, WireError> {
        from.array().map(u128::from_le_bytes)
    }
}

impl Wire for f64 {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_bits().to_le_bytes());
    }

    fn get(from: &mut Reader<'_>) -> Result<f64, WireError> {
        from.array().map(|bits| f64::from_bits(u64::from_le_bytes(bits)))
    }
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
}
