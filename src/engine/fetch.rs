//! Asks the processor for memory that will be needed soon. A hint: right or wrong, nothing is decided by it.

/// Has the cache line where `row` begins fetched, without waiting for it.
#[inline(always)]
pub fn ahead<T>(row: &T) {
    line(std::ptr::from_ref(row).cast());
}

/// The line of an address, whatever stands there.
#[inline(always)]
pub fn at<T>(address: *const T) {
    line(address.cast());
}

/// The same for all lines of a larger row.
#[inline(always)]
pub fn whole<T>(row: &T) {
    let start: *const u8 = std::ptr::from_ref(row).cast();
    for offset in (0..size_of::<T>()).step_by(LINE) {
        line(start.wrapping_add(offset));
    }
    line(start.wrapping_add(size_of::<T>() - 1));
}

/// The lines of the first rows of a list, some hundred bytes: most lists are no longer.
#[inline(always)]
pub fn rows<T>(rows: &[T]) {
    let bytes = size_of_val(rows).min(LINES_OF_A_LIST * LINE);
    let start: *const u8 = rows.as_ptr().cast();
    for offset in (0..bytes).step_by(LINE) {
        line(start.wrapping_add(offset));
    }
    line(start.wrapping_add(bytes).wrapping_sub(1));
}

const LINE: usize = 64;
const LINES_OF_A_LIST: usize = 8;

#[inline(always)]
fn line(address: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing that the program can see and faults on no address. It pays: `benches/engine.rs` measures events with and without.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(address.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of one line, of less, of several, and of nothing; `tests/miri` follows each address.
    #[test]
    fn a_row_of_any_size_is_as_it_was() {
        let rows = vec![[7u8; 200]; 3];
        rows.iter().for_each(whole);
        rows.iter().for_each(ahead);
        assert!(rows.iter().flatten().all(|byte| *byte == 7));
        let (small, line, none) = (1u8, [2u64; 8], ());
        whole(&small);
        whole(&line);
        ahead(&none);
        super::rows(&rows);
        super::rows::<u64>(&[]);
        at(rows.as_ptr());
        at(std::ptr::null::<u64>());
        assert_eq!((small, line), (1, [2; 8]));
    }
}
