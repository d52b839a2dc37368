//! What leaves the process and comes back: journal entries, in processor time, and a snapshot's restore, by the clock
//! too.
//!
//! `cargo bench --bench wire`, with `-- entries` or `-- restore` for one of them; `BOOKD_BENCH_ACCOUNTS` says how many
//! accounts the snapshot holds.

#[path = "../workload/chance.rs"]
#[allow(dead_code)] // the workload uses more of it
mod chance;
mod entries;
mod restore;

use std::time::Duration;

use bookd::large_pages::LargePages;
use chance::Chance;
use cpu_time::ThreadTime;

/// As the program has it.
#[global_allocator]
static ALLOCATOR: LargePages<mimalloc::MiMalloc> = LargePages(mimalloc::MiMalloc);

fn main() {
    let asked: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let parts: [(&str, fn()); 2] = [("entries", entries::measure), ("restore", restore::measure)];
    for (name, measure) in parts {
        if asked.is_empty() || asked.iter().any(|word| word == name) {
            measure();
        }
    }
}

/// Processor time of this thread.
fn clock() -> Duration {
    ThreadTime::now().as_duration()
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// An id as a CRM gives them: the number of the record in base 62.
fn crm_id(prefix: &str, mut number: u64) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut digits = [b'0'; 9];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(number % 62) as usize];
        number /= 62;
    }
    format!("{prefix}Qx0{}", String::from_utf8_lossy(&digits))
}

/// Syllables that make no company, but are as long as the names of some.
fn domain(account: u64) -> String {
    const PARTS: [&str; 16] =
        ["ka", "ron", "tel", "mi", "vex", "lo", "san", "tri", "go", "ber", "nu", "pol", "di", "mar", "ze", "fin"];
    let mut chance = Chance::new(account);
    let name: String = (0..3 + chance.below(2)).map(|_| chance.pick(&PARTS)).collect();
    format!("{name}.{}", chance.pick(&["com", "com", "com", "de", "io", "co.uk"]))
}
