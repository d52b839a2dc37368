//! Reading an output back, all of it: what recovery from the commands needs.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::context::Context;
use super::errors::{self, Polled};
use super::inputs::{ANSWER, left};
use super::options::Options;
use crate::log::LogError;

/// Without a record or the end for so long, reading has failed.
const NO_PROGRESS: Duration = Duration::from_secs(30);

/// Partition by partition, up to the end of what is committed. Returns how many offsets are gone from the beginnings.
pub fn read(options: &Options, name: &str, partitions: u32, each: &mut dyn FnMut(&[u8])) -> Result<u64, LogError> {
    let mut config = options.consumer();
    config.set("enable.partition.eof", "true");
    let consumer: BaseConsumer<Context> =
        config.create_with_context(Context::default()).map_err(|error| LogError::Fatal(error.to_string()))?;
    (0..partitions as i32).try_fold(0, |gone, partition| Ok(gone + read_one(&consumer, name, partition, each)?))
}

fn read_one(
    consumer: &BaseConsumer<Context>,
    name: &str,
    partition: i32,
    each: &mut dyn FnMut(&[u8]),
) -> Result<u64, LogError> {
    let found = consumer.fetch_watermarks(name, partition, ANSWER);
    let (begin, _) = found.map_err(|error| errors::question("asking where the commands begin", &error))?;
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(name, partition, Offset::Offset(begin)).expect("a watermark is an offset");
    consumer.assign(&list).map_err(|error| LogError::Fatal(format!("assigning {name}: {error}")))?;
    let mut patience = Instant::now() + NO_PROGRESS;
    loop {
        match consumer.poll(left(patience)) {
            Some(Ok(message)) => {
                message.payload().into_iter().for_each(&mut *each);
                patience = Instant::now() + NO_PROGRESS;
            }
            Some(Err(error)) => match errors::poll(&error) {
                // The end of what is committed. The caller leads: nobody adds to it, and nothing is left open.
                Polled::End => return Ok(begin as u64),
                Polled::Noise => {}
                Polled::OutOfRange(what) => return Err(LogError::Retry(what)),
                Polled::Failed(error) => return Err(error),
            },
            None => return Err(LogError::Retry(format!("{name}-{partition}: nothing comes, and no end"))),
        }
    }
}
