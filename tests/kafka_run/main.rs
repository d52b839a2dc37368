//! bookd end to end on a real broker: killed, without its inputs, with a wrong clock, with a published history.
//!
//! Needs Java and, once, Maven; see `tests/kafka/broker`. `BOOKD_KILLS=20` kills more often.
#![cfg(feature = "kafka")]

#[path = "../../examples/crm_opportunities"]
mod crm {
    pub mod csv;
    pub mod export;
}
mod asks;
mod expiry;
mod hasty;
mod history;
mod kill;
mod recover;
// The twin's own tests ask it more than these do.
#[allow(dead_code)]
#[path = "../twin/naive/mod.rs"]
mod naive;
#[path = "../support/mod.rs"]
mod support;
mod twin;
