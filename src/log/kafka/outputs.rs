//! Reading an output back, all of it: what recovery from the commands needs.

use std::time::Duration;

use rdkafka::message::Message;

use super::options::Options;
use super::partition::{Ends, Partition};
use crate::log::{LogError, Stored};

/// Partition by partition, up to the end of what is committed. Returns how many offsets are gone from the beginnings.
pub fn read(options: &Options, name: &str, partitions: u32, each: &mut dyn FnMut(Stored<'_>)) -> Result<u64, LogError> {
    let ends = Ends::new(options)?;
    (0..partitions).try_fold(0, |gone, number| {
        let partition = Partition::find(options, &ends, name, number as i32)?;
        Ok(gone + read_one(partition, number, each)?)
    })
}

/// The caller leads: nobody adds to what is its own, so the end that was found is the end of it.
fn read_one(mut partition: Partition, number: u32, each: &mut dyn FnMut(Stored<'_>)) -> Result<u64, LogError> {
    partition.read_from(partition.begin)?;
    while !partition.is_reached() {
        partition.next(Duration::ZERO, |message| {
            if let Some(value) = message.payload() {
                each(Stored { partition: number, offset: message.offset() as u64, value });
            }
            Ok(Some(()))
        })?;
    }
    Ok(partition.begin)
}
