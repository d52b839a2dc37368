//! The outputs' structs by way of serde, into [`Writer`].
//!
//! Texts, flags, whole numbers from zero, fractions, lists and structs are what they are made of; anything else is refused.

use std::fmt;

use serde::ser::{Impossible, Serialize, SerializeMap, SerializeSeq, SerializeStruct, Serializer};

use super::writer::Writer;

/// The value as JSON. `expected`: about how many bytes that takes.
pub fn bytes(value: &impl Serialize, expected: usize) -> Vec<u8> {
    let mut writer = Writer::new(expected);
    value.serialize(&mut writer).expect("texts, flags, numbers, lists and structs always serialise");
    writer.end()
}

/// Why something is refused nobody asks.
type Written = Result<(), fmt::Error>;

const REFUSED: Written = Err(fmt::Error);

/// A list or an object whose end is still to come.
pub struct Open<'a> {
    writer: &'a mut Writer,
    closing: u8,
}

impl Open<'_> {
    #[inline]
    fn item(&mut self, value: &(impl Serialize + ?Sized)) -> Written {
        value.serialize(&mut *self.writer)?;
        self.writer.raw(",");
        Ok(())
    }

    fn close(self) -> Written {
        self.writer.close(self.closing);
        Ok(())
    }
}

impl SerializeSeq for Open<'_> {
    type Ok = ();
    type Error = fmt::Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        self.item(value)
    }

    fn end(self) -> Written {
        self.close()
    }
}

impl SerializeStruct for Open<'_> {
    type Ok = ();
    type Error = fmt::Error;

    #[inline]
    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Written {
        self.writer.name(name);
        self.item(value)
    }

    fn end(self) -> Written {
        self.close()
    }
}

/// What a flattened struct becomes.
impl SerializeMap for Open<'_> {
    type Ok = ();
    type Error = fmt::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, name: &T) -> Written {
        name.serialize(&mut *self.writer)?;
        self.writer.raw(":");
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        self.item(value)
    }

    fn end(self) -> Written {
        self.close()
    }
}

impl<'a> Serializer for &'a mut Writer {
    type Ok = ();
    type Error = fmt::Error;
    type SerializeSeq = Open<'a>;
    type SerializeTuple = Impossible<(), fmt::Error>;
    type SerializeTupleStruct = Impossible<(), fmt::Error>;
    type SerializeTupleVariant = Impossible<(), fmt::Error>;
    type SerializeMap = Open<'a>;
    type SerializeStruct = Open<'a>;
    type SerializeStructVariant = Impossible<(), fmt::Error>;

    fn serialize_bool(self, flag: bool) -> Written {
        self.raw(if flag { "true" } else { "false" });
        Ok(())
    }

    fn serialize_u8(self, number: u8) -> Written {
        self.serialize_u64(number.into())
    }

    fn serialize_u16(self, number: u16) -> Written {
        self.serialize_u64(number.into())
    }

    fn serialize_u32(self, number: u32) -> Written {
        self.serialize_u64(number.into())
    }

    fn serialize_u64(self, number: u64) -> Written {
        self.number(number);
        Ok(())
    }

    fn serialize_f64(self, number: f64) -> Written {
        self.leave(&number);
        Ok(())
    }

    fn serialize_str(self, text: &str) -> Written {
        self.text(text);
        Ok(())
    }

    fn serialize_none(self) -> Written {
        self.raw("null");
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Written {
        value.serialize(self)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Open<'a>, fmt::Error> {
        self.raw("[");
        Ok(Open { writer: self, closing: b']' })
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Open<'a>, fmt::Error> {
        self.raw("{");
        Ok(Open { writer: self, closing: b'}' })
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Open<'a>, fmt::Error> {
        self.raw("{");
        Ok(Open { writer: self, closing: b'}' })
    }

    fn serialize_i8(self, _: i8) -> Written {
        REFUSED
    }

    fn serialize_i16(self, _: i16) -> Written {
        REFUSED
    }

    fn serialize_i32(self, _: i32) -> Written {
        REFUSED
    }

    fn serialize_i64(self, _: i64) -> Written {
        REFUSED
    }

    fn serialize_f32(self, _: f32) -> Written {
        REFUSED
    }

    fn serialize_char(self, _: char) -> Written {
        REFUSED
    }

    fn serialize_bytes(self, _: &[u8]) -> Written {
        REFUSED
    }

    fn serialize_unit(self) -> Written {
        REFUSED
    }

    fn serialize_unit_struct(self, _: &'static str) -> Written {
        REFUSED
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Written {
        REFUSED
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, _: &T) -> Written {
        REFUSED
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Written {
        REFUSED
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, fmt::Error> {
        Err(fmt::Error)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeTupleStruct, fmt::Error> {
        Err(fmt::Error)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, fmt::Error> {
        Err(fmt::Error)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, fmt::Error> {
        Err(fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::*;

    #[derive(Serialize, Default)]
    struct Whole<'a> {
        text: &'a str,
        none: Option<u8>,
        parts: Vec<Part<'a>>,
        numbers: Vec<u64>,
        fractions: Vec<f64>,
        nothing: Nothing,
        #[serde(flatten)]
        part: Part<'a>,
        #[serde(flatten)]
        either: Option<Either<'a>>,
    }

    #[derive(Serialize, Default)]
    struct Nothing {}

    #[derive(Clone, Serialize, Default)]
    struct Part<'a> {
        owner: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        shadow: Option<bool>,
    }

    #[derive(Serialize)]
    #[serde(rename_all = "snake_case")]
    enum Either<'a> {
        This(Part<'a>),
        That { by: &'a str, small: u8, sure: bool },
    }

    #[test]
    fn structs_are_serde_jsons() {
        let alike = |whole: &Whole<'_>| {
            let expected = serde_json::to_string(whole).unwrap();
            assert_eq!(String::from_utf8(bytes(whole, 0)).unwrap(), expected);
        };
        let part = Part { owner: Some("j\"ane,"), shadow: Some(true) };
        alike(&Whole::default());
        alike(&Whole { text: "a,", either: Some(Either::This(part.clone())), ..Whole::default() });
        alike(&Whole {
            parts: vec![part.clone(), Part::default()],
            numbers: vec![0, 9, 10, 99, 100, u64::MAX],
            fractions: vec![0.0, 78.4, 1e-6, 4294.967295, 1e300],
            part,
            either: Some(Either::That { by: "max\n", small: 255, sure: false }),
            ..Whole::default()
        });
    }

    #[test]
    #[should_panic = "always serialise"]
    fn what_no_output_holds_is_refused() {
        bytes(&('a', -1), 0);
    }
}
