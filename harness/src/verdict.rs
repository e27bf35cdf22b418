//! What a checker says of a run: pass, fail, or unknown, with the events that prove it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::capability::Capability;
use crate::time::SimTime;
use crate::trace::{EventId, NodeName};

/// Pass, fail, or unknown. Ordered so that the worst is the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It was seen to hold.
    Pass,
    /// Nothing was seen that could decide it.
    Unknown,
    /// It was seen not to hold.
    Fail,
}

/// One claim, judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The checker that judged.
    pub checker: Arc<str>,
    /// The capability that it is about, if it is about one.
    pub capability: Option<Capability>,
    /// The claim: the expectation in the user's words, or the checker's own invariant.
    pub claim: String,
    /// What came out.
    pub status: Status,
    /// What was seen, in a sentence with its figures.
    pub summary: String,
    /// Why it failed, in words that name no moment, no figure and no single node or API, so that runs that fail
    /// for the same reason say the same; empty where the checker saw no reason, or nothing failed.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub cause: Arc<str>,
    /// The events that prove it, at most [`Verdict::EVIDENCE_MAX`].
    pub evidence: Vec<EventId>,
}

impl Verdict {
    /// More events than this are not cited: nobody reads them.
    pub const EVIDENCE_MAX: usize = 10;
}

/// A time in which a capability was gone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outage {
    /// The capability.
    pub capability: Capability,
    /// From the start of the first operation that failed...
    #[serde(rename = "from_ms", with = "crate::verdict::millis")]
    pub from: SimTime,
    /// ...to the start of the first that succeeded again; the end of the run when none did.
    #[serde(rename = "to_ms", with = "crate::verdict::millis")]
    pub to: SimTime,
    /// Whether it was over before the run was.
    pub ended: bool,
    /// The faults that acted when it began, or what the failed operations met when none did.
    pub cause: String,
    /// The first failed operation's event, and the first good one's.
    pub evidence: Vec<EventId>,
}

/// How a worker followed the manager.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Convergence {
    /// The worker.
    pub worker: NodeName,
    /// The longest time for which a content of the manager had not reached the worker.
    pub staleness_ms_max: u64,
    /// When its files last became equal to the manager's; none when they differ at the end.
    pub converged_at_ms: Option<u64>,
    /// Paths below the synced root that differ at the end.
    pub divergent: Vec<Arc<str>>,
}

pub(crate) mod millis {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::time::SimTime;

    pub(crate) fn serialize<S: Serializer>(at: &SimTime, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(at.as_millis())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SimTime, D::Error> {
        u64::deserialize(deserializer).map(SimTime::from_millis)
    }
}
