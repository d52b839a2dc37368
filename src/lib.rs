//! bookd: the matching engine of dynamic books.
//!
//! Data passes through five rooms, one way: `log` polls bytes, `feed` decodes them, `engine` decides, `wire`
//! encodes what was decided, and `log` commits it. See `ARCHITECTURE.md`.

pub mod cli;
pub mod config;
pub mod domain;
pub mod engine;
pub mod fake_crm;
pub mod feed;
pub mod http;
pub mod large_pages;
pub mod log;
pub mod metrics;
pub mod run;
pub mod wire;
#[cfg(feature = "writer")]
pub mod writer;
