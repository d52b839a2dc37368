//! `bookd write-crm` as a process, against the fake CRM: on a real broker, and on files.
//!
//! Needs Java and, once, Maven; see `tests/kafka/broker`. `BOOKD_KILLS=40` kills more often.
#![cfg(all(feature = "kafka", feature = "writer"))]

mod answers;
mod desk;
mod faults;
mod files;
mod hubspot;
mod kill;
mod lacks;
#[path = "../support/mod.rs"]
mod support;
