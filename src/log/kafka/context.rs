//! What librdkafka calls back: deliveries are counted, everything else is for the operator's log.

use std::sync::{Arc, Mutex};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::ProducerContext;

/// Shared by a client and whoever made it.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// The first record of this transaction that wasn't delivered, and why.
    undelivered: Arc<Mutex<Option<String>>>,
}

impl Context {
    pub fn undelivered(&self) -> Option<String> {
        self.undelivered.lock().expect("nobody panics while holding it").clone()
    }
}

/// A line of librdkafka's log; levels are those of syslog.
pub fn log(level: i32, facility: &str, message: &str) {
    if level >= RDKafkaLogLevel::Info as i32 {
        tracing::debug!(target: "librdkafka", facility, message);
    } else {
        tracing::info!(target: "librdkafka", facility, message);
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level as i32, facility, message);
    }

    /// "Connection refused" and the like: the calls themselves say what matters.
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::info!(target: "librdkafka", %error, reason);
    }
}

impl ConsumerContext for Context {}

impl ProducerContext for Context {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, _: ()) {
        if let Err((error, message)) = result {
            let mut undelivered = self.undelivered.lock().expect("nobody panics while holding it");
            undelivered.get_or_insert_with(|| format!("a record for {}: {error}", message.topic()));
        }
    }
}
