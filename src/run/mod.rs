//! The loops: lead, follow, recover, replay.
