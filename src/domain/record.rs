//! A record of a topic as bytes: what `log` polls and commits, before `feed` and after `wire`.

use std::ops::Deref;

use super::{Millis, Text, Topic};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub topic: Topic,
    pub partition: u32,
    /// Kafka's offset; in a Files log the byte at which the line starts.
    pub offset: u64,
    /// Where reading goes on after this record: Kafka's offset + 1, or the byte after the line.
    pub next: u64,
    pub key: Option<Vec<u8>>,
    /// `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(Text, Vec<u8>)>,
    pub timestamp: Millis,
}

impl Record {
    /// Where it stands among all records; batches are in this order.
    pub fn place(&self) -> (Topic, u32, u64) {
        (self.topic, self.partition, self.offset)
    }
}

/// Bits of a number that hold a record's index in its batch, below its lane's.
const INDEX_BITS: u32 = 24;

/// Sorts by topic, partition, offset. What is polled is mixed of partitions, each in its own order most often: then
/// nothing but numbers of one word is compared. A record is large: one swap for each puts them in their places.
pub fn order_records(records: &mut [Record]) {
    if records.len() <= 1 << INDEX_BITS {
        order_lanes(records);
    }
    if !records.is_sorted_by_key(Record::place) {
        records.sort_by_cached_key(Record::place);
    }
}

/// By topic and partition, in each as they came.
fn order_lanes(records: &mut [Record]) {
    let lane = |record: &Record| (record.topic as u64) << 32 | u64::from(record.partition);
    let mut lanes: Vec<u64> = (0..).zip(&*records).map(|(index, record)| lane(record) << INDEX_BITS | index).collect();
    lanes.sort_unstable();
    for place in 0..lanes.len() {
        let mut from = (lanes[place] & ((1 << INDEX_BITS) - 1)) as usize;
        // What stood before this place was moved to where its place's record came from.
        while from < place {
            from = lanes[from] as usize;
        }
        lanes[place] = from as u64;
        records.swap(place, from);
    }
}

/// A record to be committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutRecord {
    pub topic: Topic,
    pub key: Option<Vec<u8>>,
    /// `None` is a tombstone.
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(Text, HeaderValue)>,
}

/// A header's bytes. Ours are texts: those that an entry's records have in common, or that are short, cost no allocation. A
/// dead letter bears what its original bore.
#[derive(Clone, Debug)]
pub enum HeaderValue {
    Text(Text),
    Bytes(Vec<u8>),
}

impl Deref for HeaderValue {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            HeaderValue::Text(text) => text.as_bytes(),
            HeaderValue::Bytes(bytes) => bytes,
        }
    }
}

/// What is committed is the same.
impl PartialEq for HeaderValue {
    fn eq(&self, other: &HeaderValue) -> bool {
        **self == **other
    }
}

impl Eq for HeaderValue {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(number: usize, (topic, partition, offset): (usize, u32, u64)) -> Record {
        Record {
            topic: Topic::INPUTS[topic],
            partition,
            offset,
            next: offset + 1,
            key: None,
            value: None,
            headers: Vec::new(),
            // Tells it from another one of its place.
            timestamp: Millis(number as i64),
        }
    }

    fn records() -> impl Strategy<Value = Vec<Record>> {
        let place = (0..Topic::INPUTS.len(), prop_oneof![0..4u32, Just(u32::MAX)], 0..9u64);
        prop::collection::vec(place, 0..40)
            .prop_map(|places| places.into_iter().enumerate().map(|(number, place)| record(number, place)).collect())
    }

    proptest! {
        #[test]
        fn records_stand_in_their_places(mut records in records(), polled in any::<bool>()) {
            if polled {
                // Each partition in its own order.
                records.sort_by_key(|record| record.offset);
            }
            let mut naive = records.clone();
            naive.sort_by_key(|record| (record.topic, record.partition, record.offset));
            order_records(&mut records);
            prop_assert_eq!(records, naive);
        }

        #[test]
        fn in_its_lane_each_stands_as_it_came(mut records in records()) {
            let mut naive = records.clone();
            naive.sort_by_key(|record| (record.topic, record.partition));
            order_lanes(&mut records);
            prop_assert_eq!(records, naive);
        }
    }
}
