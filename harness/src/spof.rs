//! Single points of failure, and pairs of them: what a cluster cannot do while something is missing.
//!
//! Every component is taken away alone, then with every other, and so on, in the middle of a run that exercises
//! every capability all the time. A set of components whose absence takes a capability away entirely is a cut set of
//! it; one in whose absence some operations fail and others do not disturbs it. A set is minimal when none of its
//! parts does the same. Each is examined at several moments of a minute, and told as it was where it was worst.
//!
//! What this proves is as wide as what was run: these components, taken away in this way, at these moments, for this
//! long. `sweep` goes through all moments; this goes through all sets.

mod account;
mod compare;
mod examine;
mod exchange;
mod gate;
mod markdown;
mod probe;
mod terminal;
#[cfg(test)]
mod tests;
mod watch;

pub use compare::compare;
pub use examine::{Examination, Means, Question, examine};
pub use gate::{FORMS as GATE_FORMS, Gate};
pub use markdown::markdown;
pub use terminal::terminal;

use serde::{Deserialize, Serialize};

use crate::capability::Capability;

/// The version of the format of `spof.json`.
pub const SCHEMA_VERSION: u32 = 1;

/// What came out for one cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Analysis {
    /// [`SCHEMA_VERSION`] of the program that wrote it.
    pub schema_version: u32,
    /// The program that wrote it.
    pub made_by: String,
    /// The cluster's folder, as it was given.
    pub cluster: String,
    /// The seed of all runs.
    pub seed: u64,
    /// Up to so many components were away together.
    pub order: usize,
    /// For how long, in milliseconds.
    pub away_ms: u64,
    /// In how many moments of a minute an absence began.
    pub moments: u32,
    /// The components, in the order in which they were examined.
    pub components: Vec<Part>,
    /// Nodes that are alike, and how that is known.
    pub alike: Vec<Group>,
    /// Nodes that were compared and are not alike: the sentence says which and why.
    pub unlike: Vec<String>,
    /// Capabilities that are not there even when nothing is missing: nothing can be said of them.
    pub not_there: Vec<NotThere>,
    /// How many acknowledged publishes are lost even when nothing is missing: if any, nothing can be said of
    /// losses.
    pub lost_anyway: u64,
    /// The minimal sets that cut a capability or disturb it, by capability, first what cuts, smaller sets first.
    pub cuts: Vec<Cut>,
    /// The minimal sets whose absence loses acknowledged publishes for good.
    pub losses: Vec<Loss>,
    /// What was run, and what not.
    pub examined: Counts,
}

/// A component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// What it is: `machine`, `process`, `link`.
    pub what: String,
    /// The component that was examined in its place, if it is alike; else none.
    pub examined_as: Option<String>,
    /// Why its absence changed nothing that could be taken away: its faults found nothing to act on.
    pub no_effect: Option<String>,
}

/// Nodes that are alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The nodes.
    pub nodes: Vec<String>,
    /// How it is known.
    pub proof: String,
    /// What distinguishes them all the same.
    pub except: Vec<String>,
}

/// A capability that was not there, or not exercised, when nothing was missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotThere {
    /// The capability.
    pub capability: Capability,
    /// What was seen.
    pub why: String,
}

/// A minimal set that cuts a capability, or disturbs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// What it cuts.
    pub capability: Capability,
    /// What was away.
    pub components: Vec<String>,
    /// The sets that are the same with nodes exchanged that are alike; this one not among them.
    pub also: Vec<Vec<String>>,
    /// Whether nothing of it worked for a while (5 s at least): a cut. Else operations failed between good ones.
    pub entirely: bool,
    /// How long after the beginning of the absence the first operation that failed was started.
    pub from_ms: u64,
    /// For how long the capability was gone: rows of failures together.
    pub gone_ms: u64,
    /// How many operations failed from the first failure to the last, and of how many.
    pub failed: u64,
    /// Of how many.
    pub of: u64,
    /// Whether it worked again before what was away returned.
    pub back_by_itself: bool,
    /// How long after the beginning of the absence it worked again for good; none: not before the run's end.
    pub back_ms: Option<u64>,
    /// How long after the return all capabilities worked again; none: not before the run's end.
    pub recovery_ms: Option<u64>,
    /// Acknowledged publishes that were lost for good.
    pub publishes_lost: u64,
    /// The plan that shows it: a file in the folder of plans.
    pub plan: String,
}

/// A minimal set whose absence loses acknowledged publishes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// What was away.
    pub components: Vec<String>,
    /// The sets that are the same with nodes exchanged that are alike.
    pub also: Vec<Vec<String>>,
    /// How many were lost.
    pub publishes: u64,
    /// How long before the absence the oldest of them had been acknowledged; zero when it was during it or after.
    pub oldest_ms: u64,
    /// The plan that shows it.
    pub plan: String,
}

/// What was run, and what not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Sets that were examined.
    pub sets: u64,
    /// Runs that this took, the one without an absence among them.
    pub runs: u64,
    /// Sets that are the same as an examined one with nodes exchanged that are alike.
    pub alike: u64,
    /// Sets that hold a cut set of everything that could be cut: they cannot be minimal.
    pub implied: u64,
    /// Sets that were not examined because the examination was stopped.
    pub stopped: u64,
}

impl Analysis {
    /// What cuts a capability or disturbs it.
    pub fn cuts_of(&self, capability: Capability) -> impl Iterator<Item = &Cut> {
        self.cuts.iter().filter(move |cut| cut.capability == capability)
    }

    /// As JSON, with one line break at the end.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("an analysis is always JSON");
        text.push('\n');
        text
    }
}

/// A set of components in one line.
fn told(components: &[String]) -> String {
    components.join(" + ")
}
