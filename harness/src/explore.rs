//! Exploration: random plans, guided by what they reach, and what of the cluster they break.
//!
//! The unit is the [`Batch`]: so many runs of one seed. The first run has no faults; it shows which events happen,
//! so that faults can begin right after them. The next ones are drawn on their own: a swarm (a random subset of
//! the kinds of faults), their instances, moments and lengths, the workload, the timing. From then on most runs
//! are neighbours of those that reached something new in this batch. What a batch does depends on its seed and
//! on nothing else: not on time, not on the number of threads, not on other batches. So the same seeds give the
//! same findings on one machine or on many, whatever was stopped and taken up again in between, and results can be
//! put together ([`Summary::add`]) in any order. The price is that batches do not learn from each other.
//!
//! What is judged: the expectations of a scenario are tied to its own faults, so they are left out, and what must
//! hold whatever fails is judged: the checkers' own invariants. Nothing is changed on a worker but by the sync; no
//! acknowledged publish is lost; marks of the balancer are heeded; and once everything is healed and has
//! settled, every capability works and workers have and serve what the manager has. Nothing is exempt because a
//! fault explains it: a power loss that takes acknowledged publishes along is a weakness of the cluster. Those that
//! somebody has written down ([`Known`]) are recognised, counted and shown apart.

mod batch;
mod coverage;
mod draw;
mod known;
mod merge;
mod mutate;
mod report;
mod roots;
mod store;
mod summary;
mod told;

pub use batch::{Batch, Found};
pub use coverage::{CELLS, Cells};
pub use draw::Draw;
pub use known::{Known, Weakness};
pub use merge::{MergeError, Merged, merge, write_report};
pub use report::{ExploreReport, ReportedFinding, json, markdown, terminal};
pub use roots::roots;
pub use store::{Contents, Store, StoreError};
pub use summary::{Finding, Summary};

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde::{Deserialize, Serialize};

use self::batch::Runner;
use crate::cluster::{ClusterMaker, Topology};
use crate::cluster_files::ClusterFiles;
use crate::finding::Findings;
use crate::plan::Plan;
use crate::scenario::Scenario;

/// The version of the format of results.
pub const SCHEMA_VERSION: u32 = 1;

/// How many runs a batch is: enough that they can learn from each other, few enough that stopping one loses little.
pub const RUNS_A_BATCH: u32 = 32;

/// What all runs of an exploration have in common: results can be put together when this is equal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// [`SCHEMA_VERSION`] of the program that wrote it.
    pub schema_version: u32,
    /// The program that ran it, such as `sim 0.1.0`.
    pub made_by: String,
    /// How many runs a batch is.
    pub runs_a_batch: u32,
    /// The weaknesses that were known when it began: no part of what makes results belong together.
    pub known: Known,
    /// The plan that draws are put into: the scenario's phases, workloads and cluster, no faults, no expectations.
    pub base: Plan,
}

/// An exploration of one scenario.
#[derive(Debug, Clone)]
pub struct Exploration {
    header: Header,
    topology: Topology,
}

impl Exploration {
    /// Explores a scenario: its cluster, phases and workloads.
    ///
    /// # Errors
    /// Everything that is wrong with the scenario or its cluster's files.
    pub fn of(scenario: &Scenario, maker: &dyn ClusterMaker) -> Result<Self, Findings> {
        let mut base = scenario.plan(0, maker)?;
        base.faults.clear();
        base.expectations.clear();
        // Where the folder stood is no part of the results: they are the same from wherever it is explored.
        let name = Path::new(&base.cluster.root).file_name().unwrap_or_default();
        base.cluster.root = name.to_string_lossy().into_owned();
        Self::of_plan(base, maker)
    }

    /// Explores around a plan, whose faults and expectations are left out: for tests that plant bugs.
    ///
    /// # Errors
    /// Everything that is wrong with the cluster's files.
    pub fn of_plan(mut base: Plan, maker: &dyn ClusterMaker) -> Result<Self, Findings> {
        base.faults.clear();
        base.expectations.clear();
        let (topology, _) = maker.topology(&base.cluster)?;
        let made_by = maker.version();
        let header = Header {
            schema_version: SCHEMA_VERSION,
            made_by,
            runs_a_batch: RUNS_A_BATCH,
            known: Known::default(),
            base,
        };
        Ok(Self { header, topology })
    }

    /// The same with another number of runs a batch, at least one.
    #[must_use]
    pub fn with_runs_a_batch(mut self, runs: u32) -> Self {
        self.header.runs_a_batch = runs.max(1);
        self
    }

    /// The same, with weaknesses that are known.
    #[must_use]
    pub fn with_known(mut self, known: Known) -> Self {
        self.header.known = known;
        self
    }

    /// The same for one thread, with a maker that is that thread's own and that `prepare` makes: neither shares a name with
    /// this one (see [`jobs::each_with`](crate::jobs::each_with)).
    ///
    /// # Errors
    /// Everything that is wrong with the cluster's files.
    pub fn own_copy<M: ClusterMaker>(
        &self,
        prepare: impl FnOnce(&ClusterFiles) -> Result<M, Findings>,
    ) -> Result<(Self, M), Findings> {
        let written = serde_json::to_vec(&self.header).expect("a header is always JSON");
        let header: Header = serde_json::from_slice(&written).expect("a header is what it was written as");
        let maker = prepare(&header.base.cluster)?;
        let (topology, _) = maker.topology(&header.base.cluster)?;
        Ok((Self { header, topology }, maker))
    }

    /// What results of this exploration begin with.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Runs the batch of a seed; none when `stop` was set before its end.
    pub fn batch(&self, seed: u64, maker: &dyn ClusterMaker, stop: &AtomicBool) -> Option<Batch> {
        Runner::new(&self.header.base, &self.topology, self.header.runs_a_batch).batch(seed, maker, stop)
    }
}

impl Header {
    /// Why results that begin with `other` cannot be put together with results that begin with this; none when
    /// they can.
    pub fn differs_from(&self, other: &Header) -> Option<String> {
        let of = |header: &Header| -> Arc<str> { header.base.scenario.clone() };
        if self.schema_version != other.schema_version {
            let (own, others) = (self.schema_version, other.schema_version);
            return Some(format!("one has schema version {own}, the other {others}"));
        }
        if self.made_by != other.made_by {
            return Some(format!("one was made by {}, the other by {}", self.made_by, other.made_by));
        }
        if of(self) != of(other) {
            return Some(format!("one explores {}, the other {}", of(self), of(other)));
        }
        if self.base.fingerprint() != other.base.fingerprint() || self.runs_a_batch != other.runs_a_batch {
            return Some(format!(
                "{} or the files of its cluster were changed between them",
                self.base.scenario
            ));
        }
        None
    }
}
