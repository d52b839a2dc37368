//! A queue in blocks. What stands in it is never moved: one that doubled would copy megabytes in one entry.

use std::collections::VecDeque;
use std::fmt::{Debug, Formatter};
use std::ops::{Index, IndexMut};

/// Items of a block.
const BLOCK: usize = 1024;

#[derive(Clone)]
pub struct Queue<T> {
    /// All full, but for the first, from which items go, and the last.
    blocks: VecDeque<VecDeque<T>>,
    len: usize,
    /// The block that was emptied last: the next that is needed.
    spare: Option<VecDeque<T>>,
}

impl<T> Default for Queue<T> {
    fn default() -> Queue<T> {
        Queue { blocks: VecDeque::new(), len: 0, spare: None }
    }
}

impl<T> Queue<T> {
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub fn push_back(&mut self, item: T) {
        self.len += 1;
        match self.blocks.back_mut() {
            Some(block) if block.len() < BLOCK => block.push_back(item),
            _ => self.begin_block(item),
        }
    }

    #[cold]
    fn begin_block(&mut self, item: T) {
        let mut block = self.spare.take().unwrap_or_else(|| VecDeque::with_capacity(BLOCK));
        block.push_back(item);
        self.blocks.push_back(block);
    }

    pub fn pop_front(&mut self) -> Option<T> {
        let item = self.blocks.front_mut()?.pop_front()?;
        if self.blocks.len() > 1 && self.blocks[0].is_empty() {
            self.spare = self.blocks.pop_front();
        }
        self.len -= 1;
        Some(item)
    }

    pub fn front(&self) -> Option<&T> {
        self.blocks.front()?.front()
    }

    /// In which block an item stands, and where.
    fn place(&self, item: usize) -> (usize, usize) {
        let first = self.blocks.front().map_or(0, VecDeque::len);
        match item.checked_sub(first) {
            None => (0, item),
            Some(behind) => (1 + behind / BLOCK, behind % BLOCK),
        }
    }

    pub fn get(&self, item: usize) -> Option<&T> {
        let (block, place) = self.place(item);
        self.blocks.get(block)?.get(place)
    }

    pub fn get_mut(&mut self, item: usize) -> Option<&mut T> {
        let (block, place) = self.place(item);
        self.blocks.get_mut(block)?.get_mut(place)
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = &T> + Clone {
        (0..self.len).map(|item| &self[item])
    }

    /// All of it, in pieces.
    pub fn slices(&self) -> impl Iterator<Item = &[T]> {
        self.blocks.iter().flat_map(|block| <[&[T]; 2]>::from(block.as_slices()))
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.blocks.iter_mut().flatten()
    }

    /// How many of the first `is` is true of; of the others it's true of none.
    pub fn partition_point(&self, is: impl Fn(&T) -> bool) -> usize {
        let (mut least, mut most) = (0, self.len);
        while least < most {
            let middle = usize::midpoint(least, most);
            if is(&self[middle]) { least = middle + 1 } else { most = middle }
        }
        least
    }
}

impl<T> Index<usize> for Queue<T> {
    type Output = T;

    fn index(&self, item: usize) -> &T {
        self.get(item).expect("fewer are asked for than there are")
    }
}

impl<T> IndexMut<usize> for Queue<T> {
    fn index_mut(&mut self, item: usize) -> &mut T {
        self.get_mut(item).expect("fewer are asked for than there are")
    }
}

impl<T> FromIterator<T> for Queue<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Queue<T> {
        let mut queue = Queue::default();
        items.into_iter().for_each(|item| queue.push_back(item));
        queue
    }
}

impl<T: PartialEq> PartialEq for Queue<T> {
    fn eq(&self, other: &Queue<T>) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
    }
}

impl<T: Eq> Eq for Queue<T> {}

impl<T: Debug> Debug for Queue<T> {
    fn fmt(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
        out.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_what_a_queue_of_one_block_holds() {
        let (mut queue, mut naive) = (Queue::default(), VecDeque::new());
        let mut next = 0;
        for step in 0..40usize {
            let (more, fewer) = (step * 577 % 3_000, step * 1_409 % 3_000);
            for _ in 0..more {
                next += 1;
                queue.push_back(next);
                naive.push_back(next);
            }
            for _ in 0..fewer {
                assert_eq!(queue.pop_front(), naive.pop_front());
            }
            assert_eq!((queue.len(), queue.is_empty(), queue.front()), (naive.len(), naive.is_empty(), naive.front()));
            assert!(queue.iter().eq(&naive) && queue.iter_mut().eq(&mut naive));
            assert_eq!(queue, naive.iter().copied().collect());
            for item in [0, 1, 1_023, 1_024, naive.len().saturating_sub(1), naive.len()] {
                assert_eq!(queue.get(item), naive.get(item));
            }
            let is = |item: &u32| *item < next - 700;
            assert_eq!(queue.partition_point(is), naive.partition_point(is));
        }
        assert!(next > 10_000);
    }
}
