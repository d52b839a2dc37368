//! The encoding of what holds other values: options, lists, tuples, and ordered collections. What should be in
//! order and isn't is not read, as it would be a second encoding of the same collection.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::vec::IntoIter;

use smallvec::{Array, SmallVec};

use super::{FEW, GROUP, Group, Reader, Wire, column, next, put_varint};
use crate::engine::queue::Queue;
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

    /// Which ones there are, then those.
    fn put_group(items: &[&Option<T>], out: &mut Vec<u8>) {
        items.iter().for_each(|item| item.is_some().put(out));
        let there: Group<'_, T> = items.iter().filter_map(|item| item.as_ref()).collect();
        T::put_group(&there, out);
    }

    fn get_group(count: usize, from: &mut Reader<'_>, into: &mut Vec<Option<T>>) -> Result<(), WireError> {
        let is_there = column::<bool>(count, from)?;
        let mut there = column(is_there.as_slice().iter().filter(|is_there| **is_there).count(), from)?;
        into.extend(is_there.map(|is_there| is_there.then(|| next(&mut there))));
        Ok(())
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

/// Items of a list, group by group.
fn put_items<'a, T: Wire + 'a>(items: impl Iterator<Item = &'a T>, out: &mut Vec<u8>) {
    put_groups(items, T::put_group, out);
}

/// What is listed, by groups of [`GROUP`]; `put` writes one.
fn put_groups<I>(items: impl Iterator<Item = I>, put: impl Fn(&[I], &mut Vec<u8>), out: &mut Vec<u8>) {
    let mut group: SmallVec<[I; FEW]> = SmallVec::new();
    for item in items {
        group.push(item);
        if group.len() == GROUP {
            put(&group, out);
            group.clear();
        }
    }
    if !group.is_empty() {
        put(&group, out);
    }
}

fn get_items<T: Wire>(count: usize, from: &mut Reader<'_>) -> Result<Vec<T>, WireError> {
    // An item may be far larger than its bytes: set aside no more than the bytes left, and grow from there.
    let mut items = Vec::with_capacity(count.min(from.left() / size_of::<T>().max(1)));
    from.deeper(|from| {
        while items.len() < count {
            T::get_group(GROUP.min(count - items.len()), from, &mut items)?;
        }
        Ok(items)
    })
}

fn put_list<T: Wire>(items: &[T], out: &mut Vec<u8>) {
    put_varint(items.len() as u64, out);
    put_items(items.iter(), out);
}

impl<A: Array> Wire for SmallVec<A>
where
    A::Item: Wire,
{
    fn put(&self, out: &mut Vec<u8>) {
        put_list(self, out);
    }

    fn get(from: &mut Reader<'_>) -> Result<SmallVec<A>, WireError> {
        Vec::get(from).map(SmallVec::from_vec)
    }

    fn put_group(items: &[&SmallVec<A>], out: &mut Vec<u8>) {
        put_lists(items.iter().map(|item| item.iter()), out);
    }

    fn get_group(count: usize, from: &mut Reader<'_>, into: &mut Vec<SmallVec<A>>) -> Result<(), WireError> {
        let (counts, mut items) = get_lists(count, from)?;
        into.extend(counts.into_iter().map(|count| items.by_ref().take(count).collect()));
        Ok(())
    }
}

impl<T: Wire> Wire for Box<[T]> {
    fn put(&self, out: &mut Vec<u8>) {
        put_list(self, out);
    }

    fn get(from: &mut Reader<'_>) -> Result<Box<[T]>, WireError> {
        Vec::get(from).map(Vec::into_boxed_slice)
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        put_list(self, out);
    }

    fn get(from: &mut Reader<'_>) -> Result<Vec<T>, WireError> {
        let count = from.count()?;
        get_items(count, from)
    }

    fn put_group(items: &[&Vec<T>], out: &mut Vec<u8>) {
        put_lists(items.iter().map(|item| item.iter()), out);
    }

    fn get_group(count: usize, from: &mut Reader<'_>, into: &mut Vec<Vec<T>>) -> Result<(), WireError> {
        let (counts, mut items) = get_lists(count, from)?;
        if count == 1 {
            // Not to be moved: it may be very long.
            into.push(items.collect());
        } else {
            into.extend(counts.into_iter().map(|count| items.by_ref().take(count).collect()));
        }
        Ok(())
    }
}

/// A group of lists: all counts, then the items of all of them as of one.
pub fn put_lists<'a, T: Wire + 'a, L>(lists: impl Iterator<Item = L> + Clone, out: &mut Vec<u8>)
where
    L: ExactSizeIterator<Item = &'a T>,
{
    lists.clone().for_each(|list| put_varint(list.len() as u64, out));
    put_items(lists.flatten(), out);
}

/// The counts of a group of lists, and the items of all of them.
pub fn get_lists<T: Wire>(count: usize, from: &mut Reader<'_>) -> Result<(Vec<usize>, IntoIter<T>), WireError> {
    let (counts, total) = from.lengths(count)?;
    Ok((counts, get_items(total, from)?.into_iter()))
}

/// One of what is read in groups.
pub fn one<T: Wire>(from: &mut Reader<'_>) -> Result<T, WireError> {
    column(1, from).map(|mut column| next(&mut column))
}

impl<T: Wire + Copy, const N: usize> Wire for [T; N] {
    fn put(&self, out: &mut Vec<u8>) {
        put_items(self.iter(), out);
    }

    fn get(from: &mut Reader<'_>) -> Result<[T; N], WireError> {
        let items = get_items(N, from)?;
        Ok(items.try_into().unwrap_or_else(|_| unreachable!("so many were read")))
    }

    fn put_group(items: &[&[T; N]], out: &mut Vec<u8>) {
        put_items(items.iter().copied().flatten(), out);
    }

    fn get_group(count: usize, from: &mut Reader<'_>, into: &mut Vec<[T; N]>) -> Result<(), WireError> {
        let items = get_items(count * N, from)?;
        into.extend_from_slice(items.as_chunks().0);
        Ok(())
    }
}

macro_rules! tuples {
    ($(($($name:ident $item:tt),*))*) => {$(
        impl<$($name: Wire),*> Wire for ($($name,)*) {
            fn put(&self, out: &mut Vec<u8>) {
                $(self.$item.put(out);)*
            }

            fn get(from: &mut Reader<'_>) -> Result<Self, WireError> {
                Ok(($($name::get(from)?,)*))
            }

            fn put_group(items: &[&Self], out: &mut Vec<u8>) {
                $($name::put_group(&items.iter().map(|item| &item.$item).collect::<Group<'_, _>>(), out);)*
            }

            fn get_group(count: usize, from: &mut Reader<'_>, into: &mut Vec<Self>) -> Result<(), WireError> {
                let mut columns = ($(column::<$name>(count, from)?,)*);
                into.extend((0..count).map(|_| ($(next(&mut columns.$item),)*)));
                Ok(())
            }
        }
    )*};
}

tuples! {
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
}

impl<T: Wire> Wire for VecDeque<T> {
    fn put(&self, out: &mut Vec<u8>) {
        put_varint(self.len() as u64, out);
        put_items(self.iter(), out);
    }

    fn get(from: &mut Reader<'_>) -> Result<VecDeque<T>, WireError> {
        Vec::get(from).map(VecDeque::from)
    }
}

impl<T: Wire> Wire for Queue<T> {
    fn put(&self, out: &mut Vec<u8>) {
        put_varint(self.len() as u64, out);
        put_items(self.iter(), out);
    }

    fn get(from: &mut Reader<'_>) -> Result<Queue<T>, WireError> {
        Ok(Vec::get(from)?.into_iter().collect())
    }
}

impl<T: Wire + Ord> Wire for BTreeSet<T> {
    fn put(&self, out: &mut Vec<u8>) {
        put_varint(self.len() as u64, out);
        put_items(self.iter(), out);
    }

    fn get(from: &mut Reader<'_>) -> Result<BTreeSet<T>, WireError> {
        let items = Vec::<T>::get(from)?;
        let ordered = items.is_sorted_by(|one, next| one < next);
        if ordered { Ok(items.into_iter().collect()) } else { Err(from.invalid("a set out of order")) }
    }
}

/// As a list of pairs.
impl<K: Wire + Ord, V: Wire> Wire for BTreeMap<K, V> {
    fn put(&self, out: &mut Vec<u8>) {
        put_varint(self.len() as u64, out);
        let put_pairs = |pairs: &[(&K, &V)], out: &mut Vec<u8>| {
            K::put_group(&pairs.iter().map(|pair| pair.0).collect::<Group<'_, _>>(), out);
            V::put_group(&pairs.iter().map(|pair| pair.1).collect::<Group<'_, _>>(), out);
        };
        put_groups(self.iter(), put_pairs, out);
    }

    fn get(from: &mut Reader<'_>) -> Result<BTreeMap<K, V>, WireError> {
        let rows = Vec::<(K, V)>::get(from)?;
        let ordered = rows.is_sorted_by(|one, next| one.0 < next.0);
        if ordered { Ok(rows.into_iter().collect()) } else { Err(from.invalid("a map out of order")) }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use super::*;
    use crate::domain::Text;
    use crate::wire::codec::{from_bytes, to_bytes};

    #[test]
    fn collections_come_back_and_only_in_their_order() {
        let set: BTreeSet<u8> = [3, 1, 2].into();
        assert_eq!(to_bytes(&set), [3, 1, 2, 3]);
        assert_eq!(from_bytes::<BTreeSet<u8>>(&[3, 1, 2, 3]), Ok(set));
        assert!(from_bytes::<BTreeSet<u8>>(&[2, 2, 1]).is_err());
        assert!(from_bytes::<BTreeSet<u8>>(&[2, 1, 1]).is_err());
        let map: BTreeMap<u8, bool> = [(2, true), (1, false)].into();
        assert_eq!(from_bytes::<BTreeMap<u8, bool>>(&to_bytes(&map)), Ok(map));
        assert!(from_bytes::<BTreeMap<u8, bool>>(&[2, 1, 1, 0, 1]).is_err());
        let queue: VecDeque<u64> = [2, 1, 2].into();
        assert_eq!(from_bytes::<VecDeque<u64>>(&to_bytes(&queue)), Ok(queue));
    }

    /// Around the lengths at which the layout changes, and over several groups.
    const COUNTS: [usize; 7] = [0, 1, FEW - 1, FEW, GROUP, GROUP + 1, GROUP * 2 + 3];

    fn each_count_comes_back<T: Wire + PartialEq + Debug>(item: impl Fn(usize) -> T) {
        for count in COUNTS {
            let items: Vec<T> = (0..count).map(&item).collect();
            let bytes = to_bytes(&items);
            assert!(from_bytes::<Vec<T>>(&bytes[..bytes.len() - 1]).is_err(), "{count} cut short");
            assert_eq!(from_bytes(&bytes), Ok(items), "{count}");
        }
    }

    /// Of either sign, and of every width.
    fn number(at: usize) -> i64 {
        let magnitude = i64::MAX >> (at % 63);
        if at.is_multiple_of(2) { magnitude } else { -1 - magnitude }
    }

    #[test]
    fn lists_of_any_length_come_back() {
        each_count_comes_back(number);
        each_count_comes_back(|at| number(at) as i32);
        each_count_comes_back(|at| u128::MAX >> (at % 128));
        each_count_comes_back(|at| number(at) as f64 / 3.0);
        each_count_comes_back(|at| [number(at), at as i64, 7]);
        each_count_comes_back(|at| Text::from(number(at).to_string()));
        each_count_comes_back(|at| (at % 3 > 0).then_some(number(at)));
        each_count_comes_back(|at| vec![number(at); at % 4]);
    }

    #[test]
    fn a_map_and_a_queue_are_written_as_lists() {
        for count in COUNTS {
            let pairs: Vec<(u32, Option<u128>)> =
                (0..count).map(|at| (at as u32, (at % 3 > 0).then_some(at as u128))).collect();
            let bytes = to_bytes(&pairs);
            let map: BTreeMap<u32, Option<u128>> = pairs.iter().copied().collect();
            assert_eq!(to_bytes(&map), bytes, "{count}");
            assert_eq!(from_bytes(&bytes), Ok(map), "{count}");
            let mut queue: VecDeque<_> = pairs.into();
            // Its beginning in the middle of its memory.
            queue.rotate_left(count / 2);
            let bytes = to_bytes(&queue);
            assert_eq!(to_bytes(&Vec::from(queue.clone())), bytes, "{count}");
            assert_eq!(from_bytes(&bytes), Ok(queue), "{count}");
        }
    }
}
