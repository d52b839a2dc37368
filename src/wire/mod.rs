//! Outputs, journal entries and snapshots to bytes, and back.
