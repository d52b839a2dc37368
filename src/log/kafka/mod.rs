//! The log on Kafka: transactions of a producer whose epoch is the fence, inputs by plain assignment.
//!
//! - A commit is one transaction: outputs keyed by account, then the journal entry in pieces, on the
//!   partition that is the shard's. So no transaction is ever empty, and each asks the broker whether this
//!   producer still leads.
//! - `lead` is `init_transactions`, which fences the former leader and ends its transaction. The journal is
//!   to be read after that, never before.
//! - Places live in the journal alone; no group's offsets are read or written.

mod chunks;
pub(crate) mod context;
pub(crate) mod errors;
pub mod ffi;
pub(crate) mod inputs;
mod journal;
mod options;
mod outputs;
mod partition;
mod producer;
mod send;
mod topics;

use std::time::Duration;

use self::inputs::Inputs;
pub use self::options::{Options, RESERVED};
use self::producer::Producer;
pub use self::send::send;
pub use self::topics::ensure_topics;
use crate::domain::{OutRecord, Record, Topic};
use crate::log::{JournalReader, Log, LogError, Place, Stored, check_outputs};

pub struct Kafka {
    options: Options,
    inputs: Inputs,
    /// `None` until it leads, and after any doubt.
    producer: Option<Producer>,
}

impl Kafka {
    /// Connects to nothing yet.
    pub fn new(options: Options) -> Result<Kafka, LogError> {
        options.check()?;
        let inputs = Inputs::new(&options)?;
        Ok(Kafka { options, inputs, producer: None })
    }

    /// A producer would create a missing topic, with settings that lose the journal.
    fn check_outputs_exist(&self) -> Result<(), LogError> {
        for topic in Topic::OUTPUTS {
            let name = self.options.output(topic);
            let needed = if topic == Topic::Journal { u32::from(self.options.shard) + 1 } else { 1 };
            let found = self.inputs.partitions(name)?;
            if found < needed {
                return Err(LogError::Fatal(format!("the topic {name} needs {needed} partition(s) and has {found}")));
            }
        }
        Ok(())
    }
}

impl Log for Kafka {
    fn lead(&mut self) -> Result<(), LogError> {
        if let Some(former) = self.producer.take() {
            former.give_up();
        }
        self.check_outputs_exist()?;
        self.producer = Some(Producer::lead(&self.options)?);
        Ok(())
    }

    fn partitions(&mut self) -> Result<Vec<(Topic, u32)>, LogError> {
        let count = |topic| self.options.name(topic).map_or(Ok(0), |name| self.inputs.partitions(name));
        Topic::INPUTS.into_iter().map(|topic| Ok((topic, count(topic)?))).collect()
    }

    fn assign(&mut self, places: &[Place]) -> Result<(), LogError> {
        self.inputs.assign(&self.options, places)
    }

    fn poll(&mut self, max: usize, wait: Duration, into: &mut Vec<Record>) -> Result<usize, LogError> {
        self.inputs.poll(&self.options, max, wait, into)
    }

    fn recycle(&mut self, done: Vec<Record>) {
        self.inputs.recycle(done);
    }

    fn ends(&mut self) -> Result<Vec<Place>, LogError> {
        self.inputs.ends(&self.options)
    }

    fn commit(&mut self, outputs: &[OutRecord], entry: &[u8]) -> Result<(), LogError> {
        check_outputs(outputs)?;
        let Some(producer) = &self.producer else {
            return Err(LogError::Rebuild("this instance does not lead".to_owned()));
        };
        let committed = producer.commit(&self.options, outputs, entry);
        if committed.is_err()
            && let Some(doubtful) = self.producer.take()
        {
            doubtful.give_up();
        }
        committed
    }

    fn read_output(&mut self, topic: Topic, each: &mut dyn FnMut(Stored<'_>)) -> Result<u64, LogError> {
        let name = self.options.output(topic);
        outputs::read(&self.options, name, self.inputs.partitions(name)?, each)
    }

    fn open_journal(&mut self, at: u64) -> Result<Box<dyn JournalReader>, LogError> {
        Ok(Box::new(journal::Reader::open(&self.options, at)?))
    }
}
