//! The reference writer: reads commands, carries them out in a CRM, and says what became of each.
//!
//! It is no part of bookd's own pass, but a reader of its topic like any other: it knows the formats of commands and
//! results and nothing else of bookd. One thread does everything, a batch of commands at a time:
//!
//! - `intake`, `batch`, `judge`, `meaning`, `pace` decide, without I/O and without a clock;
//! - `crm` asks and writes over HTTP: the CRM is read before every write, so that after a crash, an answer that never
//!   came, or a lock, the record itself tells what was carried out;
//! - `stream` commits results together with the place in the commands; a writer that is killed begins with the same
//!   commands again, and finds by their stamps those that are done.

pub mod batch;
pub mod clock;
pub mod command;
pub mod crm;
pub mod intake;
pub mod judge;
pub mod meaning;
pub mod meters;
pub mod pace;
pub mod result;
pub mod run;
pub mod status;
pub mod stream;
