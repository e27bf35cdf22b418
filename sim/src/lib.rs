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
