//! The links between hosts: the `[network]` table of `cluster.toml`.

use std::time::Duration;

/// What every link between two hosts is like until a fault changes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetworkSettings {
    /// From one host to another, one way.
    pub latency: Duration,
    /// Each packet takes up to this much longer.
    pub jitter: Duration,
    /// What a host's link carries in each direction, in bytes a second.
    pub bandwidth_bytes_per_s: u64,
}

impl Default for NetworkSettings {
    /// A switched network in one data centre: 1 ms, no jitter, 1 Gbit/s.
    fn default() -> Self {
        Self { latency: Duration::from_millis(1), jitter: Duration::ZERO, bandwidth_bytes_per_s: 125_000_000 }
    }
}
