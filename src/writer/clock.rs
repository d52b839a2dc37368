//! The wall clock: the writer's answers to *is it still time* hang on it, as bookd's do.

use std::time::SystemTime;

use crate::domain::Millis;

pub fn now() -> Millis {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
