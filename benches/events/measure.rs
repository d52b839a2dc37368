//! Clocks, medians and what this machine is.

use std::fs;

use cpu_time::ThreadTime;

/// What this thread alone has used of a processor: other programs on the machine don't count.
#[derive(Clone, Copy)]
pub struct Cpu(ThreadTime);

impl Cpu {
    pub fn now() -> Cpu {
        Cpu(ThreadTime::now())
    }

    pub fn ns(self) -> u64 {
        Cpu::now().since(self)
    }

    pub fn since(self, earlier: Cpu) -> u64 {
        self.0.duration_since(earlier.0).as_nanos() as u64
    }
}

/// Of an empty list 0.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => sorted[odd / 2],
        even => (sorted[even / 2 - 1] + sorted[even / 2]) / 2.0,
    }
}

/// How long single events took: p50, p99, p99.9 in ns.
pub fn percentiles(ns: &[u64]) -> [u64; 3] {
    let mut ns = ns.to_vec();
    ns.sort_unstable();
    [500, 990, 999].map(|permille| ns.get(ns.len() * permille / 1000).copied().unwrap_or(0))
}

const PAGE: u64 = 4096;

/// Bytes of this process that stand in memory.
pub fn resident() -> u64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * PAGE
}

pub fn available_memory() -> u64 {
    field("/proc/meminfo", "MemAvailable:").and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) * 1024
}

fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_whitespace().nth(1).map(str::to_owned)
}
