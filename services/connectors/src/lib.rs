//! Vendors without I/O: source presets and destination platforms.

pub mod destinations;
pub mod sources;
