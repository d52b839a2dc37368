//! Sending one record to an input, as any other program might: outside of transactions, and acknowledged by all.

use std::time::Duration;

use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};

use super::context::Context;
use super::inputs::Inputs;
use super::options::Options;
use crate::domain::Topic;
use crate::log::LogError;

/// For a broker that isn't there: somebody waits for the answer.
const DELIVERY: Duration = Duration::from_secs(30);

/// Sends it and says where to, once every replica has it.
pub fn send(options: &Options, topic: Topic, key: &[u8], value: &[u8]) -> Result<String, LogError> {
    options.check()?;
    let fatal = |error: rdkafka::error::KafkaError| LogError::Fatal(format!("sending: {error}"));
    let name = options.name(topic).ok_or_else(|| LogError::Fatal(format!("{} has no topic", topic.name())))?;
    // A producer would create a missing topic, with settings of the broker's.
    if Inputs::new(options)?.partitions(name)? == 0 {
        return Err(LogError::Fatal(format!("there is no topic {name}")));
    }
    let context = Context::default();
    let producer: BaseProducer<Context> = options.sender().create_with_context(context.clone()).map_err(fatal)?;
    let record = BaseRecord::to(name).payload(value);
    let record = if key.is_empty() { record } else { record.key(key) };
    producer.send(record).map_err(|(error, _)| fatal(error))?;
    let flushed = producer.flush(DELIVERY);
    match context.undelivered() {
        Some(why) => Err(LogError::Fatal(why)),
        None => flushed.map(|()| name.to_owned()).map_err(fatal),
    }
}
