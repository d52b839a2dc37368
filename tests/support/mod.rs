//! Shared by the tests that need a log. Not every test binary needs all of it.
#![allow(dead_code)]

pub mod broker;
#[macro_use]
pub mod log_contract;
pub mod company;
pub mod crm;
pub mod feeder;
pub mod generated;
pub mod instance;
#[cfg(feature = "kafka")]
pub mod kafka;
pub mod oracle;
pub mod process;
pub mod promtool;
pub mod proxy;
