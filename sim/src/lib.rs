//! The simulated cluster of gateway nodes.

pub mod balancer;
pub mod cli;
pub mod clock;
pub mod cluster;
pub mod config;
pub mod cron;
pub mod disk;
pub mod engine;
pub mod fs;
pub mod gateway;
pub mod host;
pub mod http;
pub mod log;
pub mod network;
pub mod planted;
pub mod process;
pub mod processor;
pub mod rsync;
pub mod ssh;
pub mod sync;

/// The program's version, and a fingerprint of the sources that it was built from: two builds of one version may run a plan
/// differently.
pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (sources ", env!("SIM_SOURCES"), ")");
