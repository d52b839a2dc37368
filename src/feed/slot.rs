//! JSON as it is found, field by field: absent, null, of the wrong type, or a value.
//!
//! A patch must tell absent from null, and a dead letter must name the field without quoting it, which serde's
//! own messages do. So the bodies deserialise into slots, which never fail, and `read` judges them by name.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use smallvec::SmallVec;
use smol_str::ToSmolStr;

use crate::domain::Text;

/// Entries of a [`Map`] that cost no allocation: most events name one vendor's id, few more than two.
pub const USUAL_ENTRIES: usize = 2;

/// One field. `Wrong` carries what was found instead, in words.
#[derive(Debug, Default)]
pub enum Slot<T> {
    #[default]
    Absent,
    Null,
    Wrong(&'static str),
    Is(T),
}

impl<T> Slot<T> {
    pub fn is_absent(&self) -> bool {
        matches!(self, Slot::Absent)
    }
}

/// An object of known fields: what isn't there is absent, what isn't known is read over.
macro_rules! body {
    (pub struct $name:ident<$life:lifetime> { $($field:ident: $value:ty,)* }) => {
        #[derive(Debug, Default, serde::Deserialize)]
        #[serde(default)]
        pub struct $name<$life> {
            $(#[serde(borrow)] $field: $crate::feed::slot::Slot<$value>,)*
        }
    };
}

pub(super) use body;

#[derive(Debug)]
pub enum Scalar<'a> {
    Bool(bool),
    Integer(i64),
    /// An integer above all of those.
    Large(u64),
    Float(f64),
    Text(Cow<'a, str>),
}

impl Scalar<'_> {
    /// What it is, in words.
    pub fn name(&self) -> &'static str {
        match self {
            Scalar::Bool(_) => "true or false",
            Scalar::Integer(_) | Scalar::Large(_) | Scalar::Float(_) => "a number",
            Scalar::Text(_) => "a text",
        }
    }

    /// An integer's digits.
    pub fn digits(&self) -> Option<Text> {
        match self {
            Scalar::Integer(number) => Some(number.to_smolstr()),
            Scalar::Large(number) => Some(number.to_smolstr()),
            Scalar::Bool(_) | Scalar::Float(_) | Scalar::Text(_) => None,
        }
    }
}

/// An object whose fields are known.
#[derive(Debug)]
pub struct Object<T>(pub T);

#[derive(Debug)]
pub struct List<T>(pub Vec<Slot<T>>);

/// An object whose keys are data: fields of an account, owners by role.
#[derive(Debug)]
pub struct Map<'a, T>(pub SmallVec<[(Cow<'a, str>, Slot<T>); USUAL_ENTRIES]>);

impl<T> Default for Map<'_, T> {
    fn default() -> Self {
        Map(SmallVec::new())
    }
}

/// The value of an account's or rep's own field.
#[derive(Debug)]
pub enum FieldValue<'a> {
    One(Scalar<'a>),
    Many(Vec<Slot<Scalar<'a>>>),
}

/// What a type makes of each JSON shape; by default it is wrong, and is read over.
pub trait Shape<'de>: Sized {
    fn scalar(found: Scalar<'de>) -> Slot<Self> {
        Slot::Wrong(found.name())
    }

    fn list<A: SeqAccess<'de>>(mut list: A) -> Result<Slot<Self>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Slot::Wrong("a list"))
    }

    fn object<A: MapAccess<'de>>(mut map: A) -> Result<Slot<Self>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Slot::Wrong("an object"))
    }
}

impl<'de: 'a, 'a> Shape<'de> for Scalar<'a> {
    fn scalar(found: Scalar<'de>) -> Slot<Self> {
        Slot::Is(found)
    }
}

impl<'de, T: Deserialize<'de>> Shape<'de> for Object<T> {
    fn object<A: MapAccess<'de>>(map: A) -> Result<Slot<Self>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(|inner| Slot::Is(Object(inner)))
    }
}

impl<'de, T: Shape<'de>> Shape<'de> for List<T> {
    fn list<A: SeqAccess<'de>>(list: A) -> Result<Slot<Self>, A::Error> {
        Ok(Slot::Is(List(items(list)?)))
    }
}

impl<'de: 'a, 'a, T: Shape<'de>> Shape<'de> for Map<'a, T> {
    fn object<A: MapAccess<'de>>(mut map: A) -> Result<Slot<Self>, A::Error> {
        let mut entries = SmallVec::new();
        while let Some((Key(key), value)) = map.next_entry()? {
            entries.push((key, value));
        }
        Ok(Slot::Is(Map(entries)))
    }
}

impl<'de: 'a, 'a> Shape<'de> for FieldValue<'a> {
    fn scalar(found: Scalar<'de>) -> Slot<Self> {
        Slot::Is(FieldValue::One(found))
    }

    fn list<A: SeqAccess<'de>>(list: A) -> Result<Slot<Self>, A::Error> {
        Ok(Slot::Is(FieldValue::Many(items(list)?)))
    }
}

fn items<'de, T: Shape<'de>, A: SeqAccess<'de>>(mut list: A) -> Result<Vec<Slot<T>>, A::Error> {
    let mut items = Vec::new();
    while let Some(item) = list.next_element()? {
        items.push(item);
    }
    Ok(items)
}

impl<'de, T: Shape<'de>> Deserialize<'de> for Slot<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Slot<T>, D::Error> {
        deserializer.deserialize_any(SlotVisitor(PhantomData))
    }
}

struct SlotVisitor<T>(PhantomData<T>);

impl<'de, T: Shape<'de>> Visitor<'de> for SlotVisitor<T> {
    type Value = Slot<T>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_unit<E>(self) -> Result<Slot<T>, E> {
        Ok(Slot::Null)
    }

    fn visit_bool<E>(self, found: bool) -> Result<Slot<T>, E> {
        Ok(T::scalar(Scalar::Bool(found)))
    }

    fn visit_i64<E>(self, found: i64) -> Result<Slot<T>, E> {
        Ok(T::scalar(Scalar::Integer(found)))
    }

    fn visit_u64<E>(self, found: u64) -> Result<Slot<T>, E> {
        Ok(T::scalar(i64::try_from(found).map_or(Scalar::Large(found), Scalar::Integer)))
    }

    fn visit_f64<E>(self, found: f64) -> Result<Slot<T>, E> {
        Ok(T::scalar(Scalar::Float(found)))
    }

    fn visit_borrowed_str<E>(self, found: &'de str) -> Result<Slot<T>, E> {
        Ok(T::scalar(Scalar::Text(Cow::Borrowed(found))))
    }

    fn visit_str<E>(self, found: &str) -> Result<Slot<T>, E> {
        Ok(T::scalar(Scalar::Text(Cow::Owned(found.to_owned()))))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Slot<T>, A::Error> {
        T::list(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Slot<T>, A::Error> {
        T::object(map)
    }
}

/// A key of a [`Map`], borrowed where it has no escapes.
struct Key<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Key<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Key<'a>, D::Error> {
        deserializer.deserialize_str(KeyVisitor).map(Key)
    }
}

struct KeyVisitor;

impl<'de> Visitor<'de> for KeyVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, found: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(found))
    }

    fn visit_str<E>(self, found: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(found.to_owned()))
    }
}
