//! A short list that stands in its row: no allocation, a length that its type bounds.

use std::fmt;
use std::ops::Deref;

#[derive(Clone, Copy)]
pub struct Few<T, const N: usize> {
    items: [T; N],
    len: u8,
}

impl<T: Copy + Default, const N: usize> Default for Few<T, N> {
    fn default() -> Few<T, N> {
        Few { items: [T::default(); N], len: 0 }
    }
}

impl<T, const N: usize> Deref for Few<T, N> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.items[..usize::from(self.len)]
    }
}

impl<T: Copy, const N: usize> Few<T, N> {
    /// A list of nothing, for what is known before the program runs; `unused` stands where items may come.
    pub const fn none(unused: T) -> Few<T, N> {
        Few { items: [unused; N], len: 0 }
    }

    /// Enters an item before the one at `place`; the last one of a full list leaves. Behind the end of a full
    /// list there is no place: nothing happens.
    pub fn insert(&mut self, place: usize, item: T) {
        if place >= N {
            return;
        }
        let last = usize::from(self.len).min(N - 1);
        self.items.copy_within(place..last, place + 1);
        self.items[place] = item;
        self.len = (last + 1) as u8;
    }

    pub fn remove(&mut self, place: usize) {
        self.items.copy_within(place + 1..usize::from(self.len), place);
        self.len -= 1;
    }

    pub fn set(&mut self, place: usize, item: T) {
        self.items[place] = item;
    }
}

impl<T: Copy + Default, const N: usize> TryFrom<&[T]> for Few<T, N> {
    type Error = TooMany;

    fn try_from(items: &[T]) -> Result<Few<T, N>, TooMany> {
        let mut few = Few::default();
        few.items.get_mut(..items.len()).ok_or(TooMany)?.copy_from_slice(items);
        few.len = items.len() as u8;
        Ok(few)
    }
}

/// More items than the list can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany;

impl<T: PartialEq, const N: usize> PartialEq for Few<T, N> {
    fn eq(&self, other: &Few<T, N>) -> bool {
        **self == **other
    }
}

impl<T: Eq, const N: usize> Eq for Few<T, N> {}

impl<T: fmt::Debug, const N: usize> fmt::Debug for Few<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_list_loses_its_last() {
        let mut few: Few<u32, 3> = Few::default();
        [5, 7, 9].iter().for_each(|item| few.insert(0, *item));
        assert_eq!(*few, [9, 7, 5]);
        few.insert(1, 8);
        assert_eq!(*few, [9, 8, 7]);
        few.insert(3, 1);
        assert_eq!(*few, [9, 8, 7]);
        few.remove(0);
        few.set(1, 6);
        assert_eq!(*few, [8, 6]);
        few.insert(2, 2);
        assert_eq!(*few, [8, 6, 2]);
        assert_eq!(Few::<u32, 3>::try_from(&[1, 2, 3, 4][..]), Err(TooMany));
    }
}
