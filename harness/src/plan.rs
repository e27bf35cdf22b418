//! A run is a function of a plan.
//!
//! A [`Plan`] is a scenario with every choice resolved: times, targets, the cluster's files themselves. What
//! is drawn while it runs (a link's jitter) comes from streams that are named and seeded here. So a stored
//! plan reproduces a run even when the same scenario and seed would no longer resolve to it.

mod check;
mod content;
mod fault;
mod lengths;
mod store;
mod timing;
mod workload;

pub use check::{OPERATIONS_MAX, RUN_MAX};
pub use content::{APIS_MAX, Content, TENANTS_MAX};
pub use fault::{
    ComesBack, DamagedFiles, Fault, FaultKind, FirewallAction, FrozenClock, HandChange, JitterShape, KillAt,
    KillSignal, LinkChange, ListMistake, MtimeOfDamage, PERCENT_MAX, PartitionDirection, Repeats, Start,
    TIMES_MAX, Target, TransferSide, UnsyncedWrites,
};
pub use timing::Timing;
pub use workload::{ApiSpec, Workload, WorkloadKind};

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::cluster_files::ClusterFiles;
use crate::expectation::Expectation;
use crate::time::SimTime;
use crate::trace::Fingerprint;

/// The version of the plan format.
pub const SCHEMA_VERSION: u32 = 1;

/// When the phases of a run end. Faults act in the disturb phase; what still acts at its end is healed in the
/// heal phase's first moment; the run ends with the settle phase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phases {
    /// The cluster has started; workloads begin and judging begins.
    pub warmup_ends: SimTime,
    /// No fault acts after this.
    pub disturb_ends: SimTime,
    /// From here on, everything must become whole again.
    pub heal_ends: SimTime,
    /// The run ends; workloads that publish end at `heal_ends`, so that the cluster can settle.
    pub settle_ends: SimTime,
}

/// Everything that a run depends on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// [`SCHEMA_VERSION`] of the program that wrote it.
    pub schema_version: u32,
    /// The program that wrote it, such as `sim 0.1.0`.
    pub made_by: String,
    /// The scenario's name: its file's name without the ending.
    pub scenario: Arc<str>,
    /// The sentence that says what must hold.
    pub title: String,
    /// What the random streams are derived from.
    pub seed: u64,
    /// The phases.
    pub phases: Phases,
    /// What stands on every gateway before the run, beside the APIs that workloads speak of.
    #[serde(default, skip_serializing_if = "Content::is_none")]
    pub content: Content,
    /// What clients do.
    pub workloads: Vec<Workload>,
    /// What goes wrong.
    pub faults: Vec<Fault>,
    /// How far the timing departs from the cluster's files.
    #[serde(default, skip_serializing_if = "Timing::is_default")]
    pub timing: Timing,
    /// What must hold.
    pub expectations: Vec<Expectation>,
    /// A planted bug, by name, for tests of the checkers; none in a real run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planted_bug: Option<String>,
    /// The cluster's files, as its operator has them.
    pub cluster: ClusterFiles,
}

impl Plan {
    /// The fingerprint of the plan: of its JSON form. Where the cluster's folder stood and which program made the plan
    /// are no part of it: they change nothing of what is asked for.
    pub fn fingerprint(&self) -> Fingerprint {
        let mut anywhere = self.clone();
        anywhere.cluster.root.clear();
        anywhere.made_by.clear();
        Fingerprint::of(&serde_json::to_vec(&anywhere).expect("a plan is always JSON"))
    }
}
