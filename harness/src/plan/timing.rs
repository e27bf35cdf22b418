//! How far a run's timing departs from what the cluster's files say. It changes no file and is no fault: it is
//! there for the whole run, and what must hold must hold with it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::fault::nanos;

/// The timing of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Timing {
    /// The one-way latency of every link, in nanoseconds; none for that of the cluster's files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ns: Option<u64>,
    /// Each packet takes up to this much longer, in nanoseconds, beside the jitter of the cluster's files.
    #[serde(rename = "packet_jitter_ns", with = "nanos")]
    pub packet_jitter: Duration,
    /// Whenever a program waits for a time, it may go on up to this much later, in nanoseconds: what a busy
    /// processor does to it.
    #[serde(rename = "wake_up_jitter_ns", with = "nanos")]
    pub wake_up_jitter: Duration,
}

impl Timing {
    /// Whether everything is as the cluster's files say.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
