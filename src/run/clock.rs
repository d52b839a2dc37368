//! The wall clock, or one that a test sets.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::SystemTime;

use crate::domain::Millis;

#[derive(Clone, Debug)]
pub enum Clock {
    Wall,
    /// Stands still until it is set.
    Set(Arc<AtomicI64>),
}

impl Clock {
    pub fn set_to(now: Millis) -> Clock {
        Clock::Set(Arc::new(AtomicI64::new(now.0)))
    }

    /// Moves a set clock; the wall's can't be moved.
    pub fn advance(&self, millis: i64) {
        if let Clock::Set(now) = self {
            now.fetch_add(millis, Ordering::SeqCst);
        }
    }

    pub fn now(&self) -> Millis {
        match self {
            Clock::Set(now) => Millis(now.load(Ordering::SeqCst)),
            Clock::Wall => {
                let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
                Millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
            }
        }
    }
}
