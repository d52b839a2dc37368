//! Shared by the tests that need a log.

pub mod log_contract;
