//! Dead letters: the original key, value and headers, with Kafka Connect's `__connect.errors.*` headers.

use crate::domain::{Code, OutRecord, Record};

/// `stage` is `decode` (turned away by `feed`) or `apply` (by the engine).
pub fn record(_original: &Record, _code: Code, _detail: &str, _stage: &str) -> OutRecord {
    unimplemented!()
}
