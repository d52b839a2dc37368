//! Processor time, the longest lap, and memory, as the kernel tells them.

use std::fmt;
use std::time::{Duration, Instant};

/// Time of a run of laps: in all by this thread's processor time, each by the clock.
pub struct Laps {
    events_a_lap: usize,
    cpu: Duration,
    longest: Duration,
    laps: usize,
}

impl Laps {
    pub fn new(events_a_lap: usize) -> Laps {
        Laps { events_a_lap, cpu: Duration::ZERO, longest: Duration::ZERO, laps: 0 }
    }

    /// Runs laps; what `work` does between them counts as processor time too, but not as a lap.
    pub fn time(&mut self, work: impl FnOnce(&mut dyn FnMut(&mut dyn FnMut()))) {
        let (mut longest, mut laps) = (self.longest, 0);
        let before = thread_cpu();
        work(&mut |lap| {
            let start = Instant::now();
            lap();
            longest = longest.max(start.elapsed());
            laps += 1;
        });
        self.cpu += thread_cpu() - before;
        self.longest = longest;
        self.laps += laps;
    }
}

impl fmt::Display for Laps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let events = (self.laps * self.events_a_lap) as f64;
        let each = self.cpu.as_nanos() as f64 / events;
        write!(f, "{each:.0} ns an event, longest entry {:.0} us", self.longest.as_nanos() as f64 / 1000.0)
    }
}

/// Measures one piece of work over so many items.
pub fn named<T>(name: &str, items: u32, work: impl FnOnce() -> T) -> T {
    let before = thread_cpu();
    let made = work();
    println!("{name}: {:.0}", (thread_cpu() - before).as_nanos() as f64 / f64::from(items));
    made
}

/// Processor time of this thread, as exact as the kernel's tick.
pub fn thread_cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells a thread's time");
    let nanos = text.split_whitespace().next().and_then(|first| first.parse().ok());
    Duration::from_nanos(nanos.expect("its first number is nanoseconds"))
}

pub fn resident_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").expect("Linux tells a process's size");
    let pages: Option<u64> = text.split_whitespace().nth(1).and_then(|pages| pages.parse().ok());
    pages.expect("its second number is resident pages") * 4096
}
