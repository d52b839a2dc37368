//! Configuration: a raw mirror of the file, then validated types whose names carry units.
