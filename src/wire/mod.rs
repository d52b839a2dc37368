//! Outputs, journal entries and snapshots to bytes, and back.

pub mod codec;
pub mod command;
pub mod dead_letter;
pub mod digest;
pub mod digits;
pub mod entry;
pub mod entry_json;
pub mod inputs;
pub mod instant;
pub mod json;
pub mod snapshot;
pub mod state;
pub mod text;

/// Bytes that aren't what they must be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    #[error("ends after {at} bytes")]
    Truncated { at: usize },
    #[error("byte {at}: {what}")]
    Invalid { at: usize, what: String },
    #[error("checksum differs: a flipped bit or a torn write")]
    Checksum,
    #[error("format {found}, this build reads {known}: written by a newer bookd")]
    Newer { found: u16, known: u16 },
    #[error("format {found}, this build reads {known}: written by an older bookd")]
    Older { found: u16, known: u16 },
    #[error("not a {what} of bookd")]
    Foreign { what: &'static str },
}
