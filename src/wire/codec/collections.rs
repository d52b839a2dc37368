//! The encoding of ordered collections: a count, then the items in their order. What isn't in order isn't read,
//! as it would be a second encoding of the same collection.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{Reader, Wire, put_varint};
use crate::wire::WireError;

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
