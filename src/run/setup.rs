//! All that a shard is run with.

use std::sync::Arc;

use super::clock::Clock;
use super::open::OpenLog;
use super::status::Status;
use crate::config::Settings;
use crate::domain::Policy;
use crate::feed::Decoder;

pub struct Setup {
    pub open: OpenLog,
    pub policy: Policy,
    pub decoder: Decoder,
    pub settings: Settings,
    pub clock: Clock,
    pub status: Arc<Status>,
}
