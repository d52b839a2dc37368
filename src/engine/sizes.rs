//! How many accounts the reps of each book own together, and shares of such numbers.

use super::Engine;
use super::state::RepId;

const MILLION: u64 = 1_000_000;

/// So many millionths, rounded down.
pub fn share(of: u64, ppm: u32) -> u64 {
    of * u64::from(ppm) / MILLION
}

/// Whether it is more than so many millionths of the whole, exactly.
pub fn exceeds(part: u64, ppm: u32, whole: u64) -> bool {
    part * MILLION > u64::from(ppm) * whole
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// By the policy's books.
    books: Vec<u64>,
    /// By rep: in which book their accounts are counted, and how many.
    reps: Vec<(Option<u16>, u32)>,
}

impl Sizes {
    /// Of so many books: all reps are to be counted anew.
    pub fn restart(&mut self, books: usize) {
        self.reps.clear();
        self.books = vec![0; books];
    }

    pub fn of_book(&self, book: u16) -> u64 {
        self.books[usize::from(book)]
    }

    fn count(&mut self, rep: RepId, book: Option<u16>, size: u32) {
        if self.reps.len() <= rep.index() {
            self.reps.resize(rep.index() + 1, (None, 0));
        }
        let (before, counted) = std::mem::replace(&mut self.reps[rep.index()], (book, size));
        if let Some(before) = before {
            self.books[usize::from(before)] -= u64::from(counted);
        }
        if let Some(book) = book {
            self.books[usize::from(book)] += u64::from(size);
        }
    }
}

impl Engine {
    /// After any change of a rep's book or of how many accounts they own.
    pub(super) fn count_size(&mut self, rep: RepId) {
        let row = &self.state.reps[rep.index()];
        self.index.sizes.count(rep, row.book.filter(|_| row.known), row.size());
    }

    /// For `audit`.
    pub(super) fn size_of_book(&self, book: u16) -> u64 {
        let of_book = self.state.reps.iter().filter(|rep| rep.known && rep.book == Some(book));
        of_book.map(|rep| u64::from(rep.size())).sum()
    }
}
