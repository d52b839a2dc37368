//! The write side: one transaction a commit, and a producer that is thrown away after any doubt.
//!
//! librdkafka can repeat an EndTxn in silence, and without Kafka's newer transaction protocol a late one may
//! end a later transaction. So after an abort or an unclear commit the producer is dropped; the next one has
//! a new epoch, and the journal's end says what became of the commit.

use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _, ThreadedProducer};

use super::chunks::{self, ENTRY_BYTES_MAX};
use super::context::Context;
use super::errors;
use super::ffi;
use super::options::Options;
use crate::domain::{OutRecord, Topic};
use crate::log::LogError;

/// For the first answer of a broker.
const CONNECT: Duration = Duration::from_secs(10);
/// Taking over from a leader with an open transaction takes about a second.
const INIT: Duration = Duration::from_secs(30);
/// Deliveries end earlier, by the transaction's timeout; this only bounds the loop.
const DRAIN: Duration = Duration::from_secs(120);
/// Short against a round trip, long enough to leave the processor to librdkafka's threads.
const QUEUE_SLEEP: Duration = Duration::from_micros(200);
/// A producer that is about to be given up ends its transaction if it can: that spares its successor a wait.
const ABORT: Duration = Duration::from_secs(1);
/// The longest value of an output. Above the broker's limit a record would abort its transaction, again and
/// again: dead letters, whose size others decide, are cut.
const OUTPUT_BYTES_MAX: usize = 900 * 1024;
/// Says of a dead letter that was cut how long it was.
const CUT_HEADER: &str = "bookd.original.bytes";

pub struct Producer {
    producer: ThreadedProducer<Context>,
    context: Context,
    journal: String,
    shard: u16,
    /// After this the brokers end a transaction on their own.
    transaction_timeout: Duration,
}

impl Producer {
    /// Fences whoever wrote with this shard's id before.
    pub fn lead(options: &Options) -> Result<Producer, LogError> {
        let context = Context::default();
        let created = options.producer().create_with_context(context.clone());
        let producer: ThreadedProducer<Context> = created.map_err(|error| LogError::Fatal(error.to_string()))?;
        let journal = options.output(Topic::Journal).to_owned();
        // Without a connection `init_transactions` would first sleep for 500 ms.
        let metadata = producer.client().fetch_metadata(Some(&journal), CONNECT);
        metadata.map_err(|error| errors::question("connecting", &error))?;
        producer.init_transactions(INIT).map_err(|error| match errors::transaction("taking the lead", &error) {
            LogError::Rebuild(what) => LogError::Retry(what),
            other => other,
        })?;
        let transaction_timeout = options.transaction_timeout()?;
        Ok(Producer { producer, context, journal, shard: options.shard, transaction_timeout })
    }

    /// After any error the producer is to be given up.
    ///
    /// The brokers end a transaction that takes too long by raising the epoch, just as a new leader does. So
    /// only one that was refused sooner proves that somebody else leads.
    pub fn commit(&self, options: &Options, outputs: &[OutRecord], entry: &[u8]) -> Result<(), LogError> {
        let begun = Instant::now();
        match self.transact(options, outputs, entry) {
            Err(LogError::Fenced(what)) if begun.elapsed() >= self.transaction_timeout => Err(LogError::Rebuild(
                format!("{what}; it took {:?}, and the brokers end what takes too long", begun.elapsed()),
            )),
            committed => committed,
        }
    }

    fn transact(&self, options: &Options, outputs: &[OutRecord], entry: &[u8]) -> Result<(), LogError> {
        if entry.len() > ENTRY_BYTES_MAX {
            return Err(LogError::Fatal(format!("an entry of {} bytes; {ENTRY_BYTES_MAX} are possible", entry.len())));
        }
        self.producer.begin_transaction().map_err(|error| errors::transaction("beginning a commit", &error))?;
        for output in outputs {
            self.send_output(options, output)?;
        }
        let key = self.shard.to_string();
        for value in chunks::cut(entry) {
            let record =
                BaseRecord::to(&self.journal).partition(i32::from(self.shard)).key(key.as_bytes()).payload(&value[..]);
            self.send(record)?;
        }
        self.drain()?;
        // After this the brokers end it on their own. Without a bound librdkafka would ask a coordinator that never
        // answers for ever, and a leader would neither lead nor end.
        match self.producer.commit_transaction(self.transaction_timeout) {
            Ok(()) => Ok(()),
            Err(KafkaError::Transaction(error)) if error.txn_requires_abort() => Err(self.doubt(&error.string())),
            Err(error) => Err(errors::transaction("committing", &error)),
        }
    }

    fn send_output(&self, options: &Options, output: &OutRecord) -> Result<(), LogError> {
        // One more, for what a dead letter may get below.
        let mut headers = OwnedHeaders::new_with_capacity(output.headers.len() + 1);
        for (name, value) in &output.headers {
            headers = headers.insert(Header { key: name, value: Some(&**value) });
        }
        let mut value = output.value.as_deref();
        if let Some(whole) = value.filter(|value| value.len() > OUTPUT_BYTES_MAX) {
            if output.topic != Topic::DeadLetters {
                let (topic, length) = (output.topic.name(), whole.len());
                return Err(LogError::Fatal(format!("a record of {length} bytes for {topic}")));
            }
            value = Some(&whole[..OUTPUT_BYTES_MAX]);
            headers = headers.insert(Header { key: CUT_HEADER, value: Some(&whole.len().to_string()) });
        }
        let mut record = BaseRecord::to(options.output(output.topic)).headers(headers);
        if let Some(key) = &output.key {
            record = record.key(&key[..]);
        }
        if let Some(value) = value {
            record = record.payload(value);
        }
        self.send(record)
    }

    /// Puts a record into the producer's queue, waiting while that is full.
    fn send(&self, mut record: BaseRecord<'_, [u8], [u8]>) -> Result<(), LogError> {
        let deadline = Instant::now() + DRAIN;
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back))
                    if Instant::now() < deadline =>
                {
                    record = back;
                    std::thread::sleep(QUEUE_SLEEP);
                }
                Err((error, _)) => return Err(self.doubt(&format!("sending: {error}"))),
            }
        }
    }

    /// Waits until every record was delivered. `commit_transaction` would do it too, in steps of 100 ms.
    fn drain(&self) -> Result<(), LogError> {
        if !ffi::drain(&self.producer, DRAIN) {
            return Err(self.doubt("records were not delivered in time"));
        }
        match self.context.undelivered() {
            Some(what) => Err(self.doubt(&what)),
            None => Ok(()),
        }
    }

    /// A transaction that can't be committed: aborts it, which also tells whether somebody else leads.
    fn doubt(&self, what: &str) -> LogError {
        let aborted = self.producer.abort_transaction(ABORT);
        let fenced = |code| errors::is_fenced(code);
        if self.producer.client().fatal_error().is_some_and(|(code, _)| fenced(code))
            || aborted.is_err_and(|error| error.rdkafka_error_code().is_some_and(fenced))
        {
            return LogError::Fenced(what.to_owned());
        }
        LogError::Rebuild(what.to_owned())
    }

    /// Drops the producer without waiting for it: that can take a tenth of a second, and more without brokers.
    pub fn give_up(self) {
        std::thread::spawn(move || drop(self));
    }
}
