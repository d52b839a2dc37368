//! The fake CRM by real HTTP: it says what Salesforce and HubSpot say, refuses what they refuse, and fails when told to.

mod events;
mod faults;
mod fence;
mod hubspot;
#[cfg(feature = "kafka")]
mod kafka;
mod people;
mod salesforce;
#[path = "../support/mod.rs"]
mod support;
