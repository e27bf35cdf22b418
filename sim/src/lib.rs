//! The simulated cluster of gateway nodes.

pub mod config;
pub mod disk;
