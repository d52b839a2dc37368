//! Kafka's errors, sorted by what the caller does.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::log::LogError;

/// The producer's epoch is over: somebody else has led since.
pub fn is_fenced(code: RDKafkaErrorCode) -> bool {
    matches!(code, RDKafkaErrorCode::Fenced | RDKafkaErrorCode::ProducerFenced | RDKafkaErrorCode::InvalidProducerEpoch)
}

/// An error of a call that belongs to a transaction. What isn't final leaves the outcome to the journal.
pub fn transaction(doing: &str, error: &KafkaError) -> LogError {
    let code = error.rdkafka_error_code();
    let fatal = matches!(error, KafkaError::Transaction(inner) if inner.is_fatal());
    match code {
        Some(code) if is_fenced(code) => LogError::Fenced(describe(doing, error)),
        Some(code) if fatal || is_refused(code) => LogError::Fatal(describe(doing, error)),
        _ => LogError::Rebuild(describe(doing, error)),
    }
}

/// An error of a question: nothing happened, it may be asked again.
pub fn question(doing: &str, error: &KafkaError) -> LogError {
    match error.rdkafka_error_code() {
        Some(code) if is_refused(code) => LogError::Fatal(describe(doing, error)),
        _ => LogError::Retry(describe(doing, error)),
    }
}

/// An error that `poll` of a consumer returned. Most are noise about connections, which come and go and are
/// restored without us.
pub fn poll(error: &KafkaError) -> Polled {
    let what = describe("reading", error);
    match (error, error.rdkafka_error_code()) {
        (KafkaError::PartitionEOF(_), _) => Polled::End,
        (_, Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange)) => Polled::OutOfRange(what),
        (KafkaError::MessageConsumptionFatal(_), _) => Polled::Failed(LogError::Fatal(what)),
        (_, Some(code)) if is_refused(code) => Polled::Failed(LogError::Fatal(what)),
        (_, Some(RDKafkaErrorCode::BadMessage | RDKafkaErrorCode::InvalidMessage)) => {
            Polled::Failed(LogError::Corrupt { place: "a record in Kafka".to_owned(), what })
        }
        _ => {
            tracing::debug!(%error, "reading from Kafka");
            Polled::Noise
        }
    }
}

/// What an error of `poll` means.
pub enum Polled {
    Noise,
    /// The partition has been read to where it ended then.
    End,
    /// The place isn't there, or not any more.
    OutOfRange(String),
    Failed(LogError),
}

/// Asking again changes nothing: access, or a broker that can't do what is needed.
fn is_refused(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::TopicAuthorizationFailed
            | RDKafkaErrorCode::GroupAuthorizationFailed
            | RDKafkaErrorCode::ClusterAuthorizationFailed
            | RDKafkaErrorCode::TransactionalIdAuthorizationFailed
            | RDKafkaErrorCode::SaslAuthenticationFailed
            | RDKafkaErrorCode::Authentication
            | RDKafkaErrorCode::UnsupportedFeature
            | RDKafkaErrorCode::InvalidTransactionTimeout
    )
}

fn describe(doing: &str, error: &KafkaError) -> String {
    match error {
        KafkaError::Transaction(inner) => format!("{doing}: {}", inner.string()),
        _ => format!("{doing}: {error}"),
    }
}
