//! Dead letters: the original key, value and headers, with Kafka Connect's `__connect.errors.*` headers.
//!
//! Kafka's tools know those names. Connect also gives its dead letters the originals' timestamps; then the topic's
//! retention would delete the letter of an old record at once. So here the original's stands in a header of ours. In
//! Kafka the record is written as it is; where a record is one line of JSON and has no headers, as in a Files log,
//! [`envelope`] puts everything into the line.

use serde::{Serialize, Serializer};

use crate::domain::{Code, HeaderValue, OutRecord, Record, Text, Topic};

/// Longest `exception.message`, in bytes: it is for people, and the original is beside it.
pub const MAX_MESSAGE: usize = 256;

/// Milliseconds since 1970, as text.
const TIMESTAMP_HEADER: &str = "bookd.original.timestamp";

/// Where a record was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// By `feed`: it couldn't be understood.
    Decode,
    /// By the engine: the policy in force has no place for it.
    Apply,
    /// By the CRM's writer: it is no command.
    Write,
}

impl Stage {
    fn name(self) -> &'static str {
        match self {
            Stage::Decode => "decode",
            Stage::Apply => "apply",
            Stage::Write => "write",
        }
    }

    fn class(self) -> &'static str {
        match self {
            Stage::Decode => "bookd::feed::Decoder",
            Stage::Apply => "bookd::engine::Engine",
            Stage::Write => "bookd::writer::Command",
        }
    }
}

/// The dead letter of a record, from the topic that the log calls `topic`. Its own headers stay in front, also those of
/// these names: a record that was replayed and died again tells both stories, the newest last, as Connect does it.
pub fn record(original: &Record, topic: &str, code: Code, detail: &str, stage: Stage, shard: u16) -> OutRecord {
    let bytes = |value: &Vec<u8>| HeaderValue::Bytes(value.clone());
    let mut headers: Vec<_> = original.headers.iter().map(|(name, value)| (name.clone(), bytes(value))).collect();
    // Old events of a backlog die by the thousand: their headers' names are made of nothing.
    let errors = [
        ("__connect.errors.topic", topic.to_owned()),
        ("__connect.errors.partition", original.partition.to_string()),
        ("__connect.errors.offset", original.offset.to_string()),
        ("__connect.errors.connector.name", "bookd".to_owned()),
        ("__connect.errors.task.id", shard.to_string()),
        ("__connect.errors.stage", stage.name().to_owned()),
        ("__connect.errors.class.name", stage.class().to_owned()),
        ("__connect.errors.exception.class.name", code.text().to_owned()),
        ("__connect.errors.exception.message", bounded(detail).to_owned()),
        (TIMESTAMP_HEADER, original.timestamp.0.to_string()),
    ];
    headers.reserve_exact(errors.len());
    headers.extend(errors.map(|(name, value)| (Text::new_static(name), HeaderValue::Bytes(value.into_bytes()))));
    OutRecord { topic: Topic::DeadLetters, key: original.key.clone(), value: original.value.clone(), headers }
}

/// At most [`MAX_MESSAGE`] bytes of it, cut between characters.
fn bounded(detail: &str) -> &str {
    let end = (0..=detail.len().min(MAX_MESSAGE)).rev().find(|end| detail.is_char_boundary(*end));
    &detail[..end.unwrap_or(0)]
}

/// A record with key and headers as one line of JSON, without the line's end: see `schemas/dead-letters`. Bytes
/// are a string where they are UTF-8, else `{"base64": …}`, so that nothing is lost.
pub fn envelope(record: &OutRecord) -> Vec<u8> {
    let envelope = Envelope {
        key: record.key.as_deref().map(Bytes),
        value: record.value.as_deref().map(Bytes),
        headers: record.headers.iter().map(|(name, value)| Header { name, value: Bytes(value) }).collect(),
    };
    serde_json::to_vec(&envelope).expect("texts always serialise")
}

#[derive(Serialize)]
struct Envelope<'a> {
    key: Option<Bytes<'a>>,
    value: Option<Bytes<'a>>,
    headers: Vec<Header<'a>>,
}

#[derive(Serialize)]
struct Header<'a> {
    name: &'a str,
    value: Bytes<'a>,
}

struct Bytes<'a>(&'a [u8]);

#[derive(Serialize)]
struct Base64 {
    base64: String,
}

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(self.0) {
            Ok(text) => serializer.serialize_str(text),
            Err(_) => Base64 { base64: base64(self.0) }.serialize(serializer),
        }
    }
}

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let group = byte(0) << 16 | byte(1) << 8 | byte(2);
        for letter in 0..4 {
            let sextet = group >> (18 - 6 * letter) & 63;
            let padding = letter > chunk.len();
            text.push(if padding { '=' } else { char::from(LETTERS[sextet as usize]) });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Millis;

    fn original() -> Record {
        Record {
            topic: Topic::Intent,
            partition: 2,
            offset: 91_834,
            next: 91_835,
            key: Some(b"acme".to_vec()),
            value: Some(vec![0xff, 0x00, b'{']),
            headers: vec![
                ("traceparent".into(), b"00-a-b-01".to_vec()),
                ("__connect.errors.stage".into(), b"VALUE_CONVERTER".to_vec()),
            ],
            timestamp: Millis(1),
        }
    }

    #[test]
    fn the_original_is_untouched_and_the_errors_stand_behind_its_headers() {
        let letter = record(&original(), "sales.intent", Code::NotUtf8, "byte 0", Stage::Decode, 3);
        assert_eq!((&letter.key, &letter.value), (&original().key, &original().value));
        assert_eq!(letter.topic, Topic::DeadLetters);
        let kept: Vec<_> = letter.headers[..2].iter().map(|(name, value)| (name.clone(), value.to_vec())).collect();
        assert_eq!(kept, original().headers);
        let added: Vec<(&str, &str)> = letter.headers[2..]
            .iter()
            .map(|(name, value)| (name.as_str(), std::str::from_utf8(value).unwrap()))
            .collect();
        assert_eq!(
            added,
            [
                ("__connect.errors.topic", "sales.intent"),
                ("__connect.errors.partition", "2"),
                ("__connect.errors.offset", "91834"),
                ("__connect.errors.connector.name", "bookd"),
                ("__connect.errors.task.id", "3"),
                ("__connect.errors.stage", "decode"),
                ("__connect.errors.class.name", "bookd::feed::Decoder"),
                ("__connect.errors.exception.class.name", "not_utf8"),
                ("__connect.errors.exception.message", "byte 0"),
                ("bookd.original.timestamp", "1"),
            ]
        );
    }

    #[test]
    fn a_message_is_bounded_between_characters() {
        assert_eq!(bounded(&"x".repeat(MAX_MESSAGE)).len(), MAX_MESSAGE);
        let long = format!("{}ü{}", "x".repeat(MAX_MESSAGE - 1), "y".repeat(9));
        assert_eq!(bounded(&long), "x".repeat(MAX_MESSAGE - 1));
    }

    #[test]
    fn an_envelope_keeps_bytes_that_are_no_text() {
        let mut letter = record(&original(), "sales.intent", Code::NotUtf8, "byte 0", Stage::Apply, 0);
        letter.headers.truncate(1);
        let line = String::from_utf8(envelope(&letter)).unwrap();
        let expected =
            r#"{"key":"acme","value":{"base64":"/wB7"},"headers":[{"name":"traceparent","value":"00-a-b-01"}]}"#;
        assert_eq!(line, expected);
        letter.value = Some(b"{\n}".to_vec());
        letter.key = None;
        let line = String::from_utf8(envelope(&letter)).unwrap();
        assert!(line.starts_with(r#"{"key":null,"value":"{\n}","#), "{line}");
    }

    /// The vectors of RFC 4648, section 10.
    #[test]
    fn base64_is_the_standards() {
        let vectors = ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"];
        for (length, expected) in vectors.into_iter().enumerate() {
            assert_eq!(base64(&b"foobar"[..length]), expected);
        }
        assert_eq!(base64(&[0xfb, 0xff]), "+/8=");
    }
}
