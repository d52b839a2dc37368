//! Reading an output back, all of it: what recovery from the commands needs.

use std::time::Duration;

use rdkafka::message::Message;

use super::options::Options;
use super::partition::{Ends, Partition};
use crate::log::LogError;

/// Partition by partition, up to the end of what is committed. Returns how many offsets are gone from the beginnings.
pub fn read(options: &Options, name: &str, partitions: u32, each: &mut dyn FnMut(&[u8])) -> Result<u64, LogError> {
    let ends = Ends::new(options)?;
    (0..partitions as i32).try_fold(0, |gone, number| {
        let partition = Partition::find(options, &ends, name, number)?;
        Ok(gone + read_one(partition, each)?)
    })
}

/// The caller leads: nobody adds to what is its own, so the end that was found is the end of it.
fn read_one(mut partition: Partition, each: &mut dyn FnMut(&[u8])) -> Result<u64, LogError> {
    partition.read_from(partition.begin)?;
    while !partition.is_reached() {
        partition.next(Duration::ZERO, |message| {
            message.payload().into_iter().for_each(&mut *each);
            Ok(Some(()))
        })?;
    }
    Ok(partition.begin)
}
