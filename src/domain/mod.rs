//! The words of the product as plain types: what comes in, what goes out, and the rules.
//!
//! Nothing here does anything: no I/O, no clock, no serialisation. Every other room knows these types;
//! they know no other room. Integers wherever a decision hangs on a comparison.

pub mod account;
pub mod alert;
pub mod calendar;
pub mod feeds;
pub mod filter;
pub mod ids;
pub mod input;
pub mod opportunity;
pub mod output;
pub mod policy;
pub mod reason;
pub mod record;
pub mod rep;
pub mod request;
pub mod result;
pub mod signal;
pub mod time;
pub mod undo;

pub use ids::{Candidate, Candidates, Position, Text, Topic};
pub use input::{Body, Entry, EntryKind, Gate, Input, Restored, Span};
pub use output::{Alert, AlertKind, Decision, DecisionKind, Disposition, Output};
pub use policy::Policy;
pub use reason::Code;
pub use record::{HeaderValue, OutRecord, Record};
pub use time::{Millis, Secs};
