//! The log on simulated.
