//! What happens in the market and what reps do meanwhile. Accounts and reps come from the CRM alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use bookd::domain::Topic;
use bookd::run::clock::Clock;

use crate::support::generated::Line;
use crate::support::kafka::Site;

/// Events a second.
pub const RATE: u64 = 40;

pub struct Feed {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<usize>,
}

impl Feed {
    /// Sends events at a steady rate until it is told to stop.
    pub fn start(site: Arc<Site>, events: Vec<Line>) -> Feed {
        let stop = Arc::new(AtomicBool::new(false));
        let told = stop.clone();
        let thread = std::thread::spawn(move || {
            let feeder = site.feeder();
            let mut sent = 0;
            for line in events.iter().filter(|line| !matches!(line.topic, Topic::Accounts | Topic::Reps)) {
                if told.load(Ordering::SeqCst) {
                    break;
                }
                site.send(&feeder, line.topic, &line.key(), &line.happening(Clock::Wall.now()));
                sent += 1;
                std::thread::sleep(Duration::from_millis(1_000 / RATE));
            }
            site.flush(&feeder);
            sent
        });
        Feed { stop, thread }
    }

    pub fn stop(self) -> usize {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().unwrap()
    }
}
