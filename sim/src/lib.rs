//! The simulated cluster of gateway nodes.

pub mod disk;
