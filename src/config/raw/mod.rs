//! The file as it is written: a mirror for serde, unknown keys fail, every default stands here.
//!
//! Values carry their place in the file, so that whatever is found wrong with them later can be shown there.

pub mod books;
pub mod local;
pub mod policy;
pub mod writer;

use serde::{Deserialize, Serialize};
pub use toml::Spanned;

/// The whole file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawConfig {
    pub policy: policy::RawPolicy,
    #[serde(default)]
    pub feeds: local::RawFeeds,
    #[serde(default)]
    pub log: local::RawLog,
    #[serde(default)]
    pub kafka: local::RawKafka,
    #[serde(default)]
    pub snapshots: local::RawSnapshots,
    #[serde(default)]
    pub http: local::RawHttp,
    #[serde(default, rename = "loop")]
    pub turn: local::RawLoop,
}

/// A default: a value that stands nowhere in the file.
pub fn unwritten<T>(value: T) -> Spanned<T> {
    Spanned::new(0..0, value)
}
