//! What the writer tells other threads about itself: a line, read by HTTP.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Debug)]
pub struct Status {
    stop: AtomicBool,
    /// Empty while commands are carried out.
    waits_for: Mutex<String>,
}

impl Status {
    pub fn starting() -> Status {
        Status { stop: AtomicBool::new(false), waits_for: Mutex::new("starting".to_owned()) }
    }

    /// Commands are carried out.
    pub fn applies(&self) {
        self.set(String::new());
    }

    pub fn waits_for(&self, what: &str) {
        self.set(what.to_owned());
    }

    fn set(&self, what: String) {
        *self.waits_for.lock().expect("nobody panics while holding it") = what;
    }

    fn what(&self) -> String {
        self.waits_for.lock().expect("nobody panics while holding it").clone()
    }

    pub fn is_applying(&self) -> bool {
        self.what().is_empty()
    }

    /// A line for people.
    pub fn told(&self) -> String {
        let what = self.what();
        if what.is_empty() { "applying commands".to_owned() } else { format!("not applying: {what}") }
    }

    /// Asks the writer to end after the commands at hand.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }

    pub fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_tells_what_it_waits_for() {
        let status = Status::starting();
        assert!(!status.is_applying() && !status.is_stopping());
        status.waits_for("Account.X isn't there");
        assert_eq!(status.told(), "not applying: Account.X isn't there");
        status.applies();
        assert!(status.is_applying());
        assert_eq!(status.told(), "applying commands");
        status.stop();
        assert!(status.is_stopping());
    }
}
