//! The encoding of what holds other values: options, lists, tuples, and ordered collections. What should be in
//! order and isn't is not read, as it would be a second encoding of the same collection.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use smallvec::{Array, SmallVec};

use super::{Reader, Wire, put_varint};
use crate::wire::WireError;

impl<T: Wire> Wire for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }

    fn get(from: &mut Reader<'_>) -> Result<Option<T>, WireError> {
        if bool::get(from)? { T::get(from).map(Some) } else { Ok(None) }
    }
}

impl<T: Wire> Wire for Box<T> {
    fn put(&self, out: &mut Vec<u8>) {
        (**self).put(out);
    }

    fn get(from: &mut Reader<'_>) -> Result<Box<T>, WireError> {
        from.deeper(|from| T::get(from).map(Box::new))
    }
}

fn put_list<T: Wire>(items: &[T], out: &mut Vec<u8>) {
    put_varint(items.len() as u64, out);
    for item in items {
        item.put(out);
    }
}

impl<A: Array> Wire for SmallVec<A>
where
    A::Item: Wire,
{
    fn put(&self, out: &mut Vec<u8>) {
        put_list(self, out);
    }

    fn get(from: &mut Reader<'_>) -> Result<SmallVec<A>, WireError> {
        let count = from.count()?;
        from.deeper(|from| (0..count).map(|_| A::Item::get(from)).collect())
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        put_list(self, out);
    }

    fn get(from: &mut Reader<'_>) -> Result<Vec<T>, WireError> {
        let count = from.count()?;
        // An item may be far larger than its bytes: set aside no more than the bytes left, and grow from there.
        let mut items = Vec::with_capacity(count.min(from.left() / size_of::<T>().max(1)));
        from.deeper(|from| {
            for _ in 0..count {
                items.push(T::get(from)?);
            }
            Ok(items)
        })
    }
}

impl<T: Wire + Copy + Default, const N: usize> Wire for [T; N] {
    fn put(&self, out: &mut Vec<u8>) {
        for item in self {
            item.put(out);
        }
    }

    fn get(from: &mut Reader<'_>) -> Result<[T; N], WireError> {
        let mut items = [T::default(); N];
        for item in &mut items {
            *item = T::get(from)?;
        }
        Ok(items)
    }
}

impl<A: Wire, B: Wire> Wire for (A, B) {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
        self.1.put(out);
    }

    fn get(from: &mut Reader<'_>) -> Result<(A, B), WireError> {
        Ok((A::get(from)?, B::get(from)?))
    }
}

impl<A: Wire, B: Wire, C: Wire> Wire for (A, B, C) {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
        self.1.put(out);
        self.2.put(out);
    }

    fn get(from: &mut Reader<'_>) -> Result<(A, B, C), WireError> {
        Ok((A::get(from)?, B::get(from)?, C::get(from)?))
    }
}

impl<A: Wire, B: Wire, C: Wire, D: Wire> Wire for (A, B, C, D) {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
        self.1.put(out);
        self.2.put(out);
        self.3.put(out);
    }

    fn get(from: &mut Reader<'_>) -> Result<(A, B, C, D), WireError> {
        Ok((A::get(from)?, B::get(from)?, C::get(from)?, D::get(from)?))
    }
}

impl<T: Wire> Wire for VecDeque<T> {
    fn put(&self, out: &mut Vec<u8>) {
        put_varint(self.len() as u64, out);
        for item in self {
            item.put(out);
        }
    }

    fn get(from: &mut Reader<'_>) -> Result<VecDeque<T>, WireError> {
        Vec::get(from).map(VecDeque::from)
    }
}

impl<T: Wire + Ord> Wire for BTreeSet<T> {
    fn put(&self, out: &mut Vec<u8>) {
        put_varint(self.len() as u64, out);
        for item in self {
            item.put(out);
        }
    }

    fn get(from: &mut Reader<'_>) -> Result<BTreeSet<T>, WireError> {
        let items = Vec::<T>::get(from)?;
        let ordered = items.is_sorted_by(|one, next| one < next);
        if ordered { Ok(items.into_iter().collect()) } else { Err(from.invalid("a set out of order")) }
    }
}

impl<K: Wire + Ord, V: Wire> Wire for BTreeMap<K, V> {
    fn put(&self, out: &mut Vec<u8>) {
        put_varint(self.len() as u64, out);
        for (key, value) in self {
            key.put(out);
            value.put(out);
        }
    }

    fn get(from: &mut Reader<'_>) -> Result<BTreeMap<K, V>, WireError> {
        let rows = Vec::<(K, V)>::get(from)?;
        let ordered = rows.is_sorted_by(|one, next| one.0 < next.0);
        if ordered { Ok(rows.into_iter().collect()) } else { Err(from.invalid("a map out of order")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::codec::{from_bytes, to_bytes};

    #[test]
    fn collections_come_back_and_only_in_their_order() {
        let set: BTreeSet<u64> = [3, 1, 2].into();
        assert_eq!(to_bytes(&set), [3, 1, 2, 3]);
        assert_eq!(from_bytes::<BTreeSet<u64>>(&[3, 1, 2, 3]), Ok(set));
        assert!(from_bytes::<BTreeSet<u64>>(&[2, 2, 1]).is_err());
        assert!(from_bytes::<BTreeSet<u64>>(&[2, 1, 1]).is_err());
        let map: BTreeMap<u64, bool> = [(2, true), (1, false)].into();
        assert_eq!(from_bytes::<BTreeMap<u64, bool>>(&to_bytes(&map)), Ok(map));
        assert!(from_bytes::<BTreeMap<u64, bool>>(&[2, 1, 0, 1, 1]).is_err());
        let queue: VecDeque<u64> = [2, 1, 2].into();
        assert_eq!(from_bytes::<VecDeque<u64>>(&to_bytes(&queue)), Ok(queue));
    }
}
