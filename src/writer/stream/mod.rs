//! Where commands come from and results go. Two holders: Kafka, and the directory of a bookd on files.

pub mod files;
#[cfg(feature = "kafka")]
pub mod kafka;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::config::writer::Source;
use crate::domain::{OutRecord, Record};
use crate::log::LogError;

/// Blocking; belongs to the writer's thread.
pub trait Stream: Send {
    /// Up to `max` committed commands behind those polled before, waiting up to `wait` for the first; in each partition
    /// in order.
    fn poll(&mut self, max: usize, wait: Duration) -> Result<Vec<Record>, LogError>;

    /// Sends results and dead letters, and notes where reading goes on in the partitions named. A writer that is killed
    /// before that begins with the same commands again. After any error the stream is to be opened anew.
    fn commit(&mut self, outputs: &[OutRecord], places: &BTreeMap<u32, u64>) -> Result<(), LogError>;

    /// What the topic of commands is called, for dead letters.
    fn commands(&self) -> &str;

    /// A record is one line and has no headers.
    fn has_lines(&self) -> bool;
}

/// Takes the place of whoever wrote by this name before.
pub fn open(source: &Source) -> Result<Box<dyn Stream>, LogError> {
    match source {
        Source::Files { dir } => Ok(Box::new(files::Files::open(dir)?)),
        #[cfg(feature = "kafka")]
        Source::Kafka { .. } => Ok(Box::new(kafka::Kafka::open(source)?)),
        #[cfg(not(feature = "kafka"))]
        Source::Kafka { .. } => Err(LogError::Fatal("this bookd was built without Kafka".to_owned())),
    }
}
