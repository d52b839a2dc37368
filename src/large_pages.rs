//! A process's allocator that puts large arrays on large pages, and grows them without copying them.
//!
//! An event touches some fifteen rows in arrays of a few hundred megabytes: on pages of 4 KiB each of them costs a walk
//! through page tables that no cache holds, and each page a fault before it is there. And what grows to twice its size
//! is copied while the owner thread waits. So an array of [`LARGE`] bytes and more is a mapping of its own, moved page by
//! page by the kernel when it grows, and one of [`ADVISED`] bytes is to be of large pages. All else is the allocator's
//! inside. Advice is a hint: a kernel without such pages (`transparent_hugepage/enabled` says `never`) goes on with
//! small ones.
//!
//! A large page is zeroed as a whole when it is first touched: a tenth of a millisecond, and several on a virtual machine
//! whose host has yet to find the memory. An array that fills from its beginning pays that once in a while; a hash table
//! that has just grown, which is asked for zeroed, would pay for all of its pages at once, and stays on small ones.

use std::alloc::{GlobalAlloc, Layout};

/// Above what a batch or an entry takes for a moment, which would be given back to the kernel every time; below what takes
/// milliseconds to zero at once, as a hash table of a million ids did, or to give back.
const LARGE: usize = 4 << 20;
/// Rows of a million accounts, and no smaller array that grows with every event.
const ADVISED: usize = 64 << 20;

/// Another allocator, and large pages for what is large.
pub struct LargePages<A>(pub A);

fn is_large(layout: Layout) -> bool {
    cfg!(target_os = "linux") && layout.size() >= LARGE && layout.align() <= mapping::PAGE
}

fn advised(place: *mut u8, layout: Layout) -> *mut u8 {
    if layout.size() >= ADVISED && !place.is_null() {
        // SAFETY: the mapping is as long as the layout says.
        unsafe { mapping::advise(place, layout.size()) };
    }
    place
}

// SAFETY: a layout alone says who an allocation is of: the allocator inside, or a mapping that nobody else knows; it
// comes from there and goes back there. Mappings are aligned to a large page, as long as the layout says or longer, and
// zero where nobody wrote. The test below lives through some hundred allocations that grow and shrink over both
// bounds, and looks at every page of them. That it pays, `make bench` says at ten million accounts.
unsafe impl<A: GlobalAlloc> GlobalAlloc for LargePages<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if is_large(layout) { advised(mapping::map(layout.size()), layout) } else { unsafe { self.0.alloc(layout) } }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if !is_large(layout) {
            return unsafe { self.0.alloc_zeroed(layout) };
        }
        let place = mapping::map(layout.size());
        if !place.is_null() {
            unsafe { mapping::keep_small(place, layout.size()) };
        }
        place
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        if is_large(layout) {
            unsafe { mapping::unmap(place, layout.size()) }
        } else {
            unsafe { self.0.dealloc(place, layout) }
        }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        unsafe {
            let new = Layout::from_size_align_unchecked(size, layout.align());
            match (is_large(layout), is_large(new)) {
                (false, false) => self.0.realloc(place, layout, size),
                (true, true) => advised(mapping::resize(place, layout.size(), size), new),
                _ => {
                    let moved = self.alloc(new);
                    if !moved.is_null() {
                        std::ptr::copy_nonoverlapping(place, moved, layout.size().min(size));
                        self.dealloc(place, layout);
                    }
                    moved
                }
            }
        }
    }
}

#[cfg(target_os = "linux")]
mod mapping {
    use std::ptr;

    use libc::{
        MADV_HUGEPAGE, MADV_NOHUGEPAGE, MAP_ANONYMOUS, MAP_FAILED, MAP_NORESERVE, MAP_PRIVATE, MREMAP_FIXED,
        MREMAP_MAYMOVE, PROT_NONE, PROT_READ, PROT_WRITE,
    };

    /// A large page of x86-64 and of aarch64 with small pages of 4 KiB.
    pub const PAGE: usize = 2 << 20;

    /// The largest of any machine's small pages: the end of a mapping is of these.
    const SMALL_PAGE: usize = 64 << 10;

    /// In whole pages; no layout comes near the end of the address space.
    fn length(size: usize) -> usize {
        size.next_multiple_of(SMALL_PAGE)
    }

    /// Zeroed memory; null where there is none.
    pub fn map(size: usize) -> *mut u8 {
        reserve(length(size), PROT_READ | PROT_WRITE, 0)
    }

    /// What is touched for the first time from now on is of large pages; a kernel that has none refuses.
    ///
    /// # Safety
    /// `place` is of [`map`] or [`resize`] with this size.
    pub unsafe fn advise(place: *mut u8, size: usize) {
        unsafe { libc::madvise(place.cast(), length(size), MADV_HUGEPAGE) };
    }

    /// Addresses that begin at a large page.
    fn reserve(length: usize, protection: i32, flags: i32) -> *mut u8 {
        // SAFETY: a mapping anywhere takes no other's place; what is given back of it is before and behind what stays.
        unsafe {
            let kind = MAP_PRIVATE | MAP_ANONYMOUS | flags;
            let start = libc::mmap(ptr::null_mut(), length + PAGE, protection, kind, -1, 0);
            if start == MAP_FAILED {
                return ptr::null_mut();
            }
            let start: *mut u8 = start.cast();
            let before = start.align_offset(PAGE);
            let place = start.add(before);
            if before > 0 {
                libc::munmap(start.cast(), before);
            }
            libc::munmap(place.add(length).cast(), PAGE - before);
            place
        }
    }

    /// Small pages, on a system too that gives large ones unasked; until [`advise`] says otherwise.
    ///
    /// # Safety
    /// As for [`advise`].
    pub unsafe fn keep_small(place: *mut u8, size: usize) {
        unsafe { libc::madvise(place.cast(), length(size), MADV_NOHUGEPAGE) };
    }

    /// # Safety
    /// `place` is of [`map`] or [`resize`] with this size, and nobody uses it any more.
    pub unsafe fn unmap(place: *mut u8, size: usize) {
        unsafe { libc::munmap(place.cast(), length(size)) };
    }

    /// The same memory with another size; null, and everything as it was, where there is no room.
    ///
    /// # Safety
    /// As for [`unmap`], but for what is returned.
    pub unsafe fn resize(place: *mut u8, size: usize, new_size: usize) -> *mut u8 {
        let (before, after) = (length(size), length(new_size));
        unsafe {
            if after <= before {
                if after < before {
                    libc::munmap(place.add(after).cast(), before - after);
                }
                return place;
            }
            if libc::mremap(place.cast(), before, after, 0) != MAP_FAILED {
                return place;
            }
            // Where it goes begins at a large page, too: otherwise all of its pages would become small.
            let to = reserve(after, PROT_NONE, MAP_NORESERVE);
            if to.is_null() {
                return to;
            }
            let flags = MREMAP_MAYMOVE | MREMAP_FIXED;
            let moved = libc::mremap(place.cast(), before, after, flags, to.cast::<libc::c_void>());
            // Where that failed, `to` may be anybody's by now: it is not given back.
            if moved == MAP_FAILED { ptr::null_mut() } else { moved.cast() }
        }
    }
}

/// Elsewhere nothing is large.
#[cfg(not(target_os = "linux"))]
mod mapping {
    pub const PAGE: usize = 0;

    pub fn map(_: usize) -> *mut u8 {
        std::ptr::null_mut()
    }

    /// # Safety
    /// Never called.
    pub unsafe fn advise(_: *mut u8, _: usize) {}

    /// # Safety
    /// Never called.
    pub unsafe fn keep_small(_: *mut u8, _: usize) {}

    /// # Safety
    /// Never called.
    pub unsafe fn unmap(_: *mut u8, _: usize) {}

    /// # Safety
    /// Never called.
    pub unsafe fn resize(_: *mut u8, _: usize, _: usize) -> *mut u8 {
        std::ptr::null_mut()
    }
}

#[cfg(test)]
mod tests {
    use std::alloc::System;

    use super::*;

    const ALIGN: usize = 64;
    const STEP: usize = 4096;

    /// An allocation, and what its bytes began with.
    struct Block {
        place: *mut u8,
        size: usize,
        mark: u8,
    }

    impl Block {
        fn layout(&self) -> Layout {
            Layout::from_size_align(self.size, ALIGN).expect("a layout")
        }

        /// Every page of it, and its last byte, from `from` on.
        fn places(&self, from: usize) -> impl Iterator<Item = usize> + use<> {
            let last = self.size - 1;
            (from.next_multiple_of(STEP)..last).step_by(STEP).chain([last])
        }

        fn fill(&self, from: usize) {
            // SAFETY: all places are within the allocation.
            self.places(from).for_each(|at| unsafe { self.place.add(at).write(self.mark) });
        }

        fn check(&self) {
            assert_eq!(self.place.align_offset(ALIGN), 0);
            // SAFETY: as above, and written before.
            assert!(self.places(0).all(|at| unsafe { self.place.add(at).read() } == self.mark));
        }
    }

    #[test]
    fn what_grows_and_shrinks_over_the_bound_keeps_its_bytes() {
        let allocator = LargePages(System);
        let mut seed = 9u64;
        let mut draw = |below: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize % below
        };
        let sizes = [
            1,
            100,
            STEP,
            LARGE / 2,
            LARGE - 1,
            LARGE,
            LARGE + 1,
            LARGE + (1 << 16),
            LARGE + (2 << 20),
            2 * LARGE,
            3 * LARGE - 5,
            ADVISED + 1,
        ];
        let mut blocks: Vec<Block> = Vec::new();
        for mark in (1..=u8::MAX).cycle().take(600) {
            let size = sizes[draw(sizes.len())];
            match draw(3) {
                0 if blocks.len() < 8 => {
                    let mut block = Block { place: std::ptr::null_mut(), size, mark };
                    // SAFETY: no layout here is of no bytes.
                    block.place = unsafe { allocator.alloc(block.layout()) };
                    block.fill(0);
                    blocks.push(block);
                }
                1 if !blocks.is_empty() => {
                    let block = blocks.swap_remove(draw(blocks.len()));
                    block.check();
                    // SAFETY: it leaves the list, and goes back with its layout.
                    unsafe { allocator.dealloc(block.place, block.layout()) };
                }
                _ if !blocks.is_empty() => {
                    let number = draw(blocks.len());
                    let block = &mut blocks[number];
                    // SAFETY: the old place is forgotten.
                    block.place = unsafe { allocator.realloc(block.place, block.layout(), size) };
                    let before = std::mem::replace(&mut block.size, size);
                    block.fill(before.min(size).saturating_sub(1));
                    block.check();
                }
                _ => {}
            }
        }
        for block in blocks {
            block.check();
            // SAFETY: as above.
            unsafe { allocator.dealloc(block.place, block.layout()) };
        }
    }

    #[test]
    fn what_is_asked_for_zeroed_is() {
        let allocator = LargePages(System);
        for size in [LARGE - 1, LARGE] {
            let layout = Layout::from_size_align(size, ALIGN).expect("a layout");
            // SAFETY: within the allocation, which goes back with its layout.
            unsafe {
                let place = allocator.alloc_zeroed(layout);
                assert!((0..size).step_by(STEP).all(|at| place.add(at).read() == 0));
                place.write_bytes(1, size);
                allocator.dealloc(place, layout);
            }
        }
    }
}
