//! Every single fault at every moment of a run at which it can make a difference.
//!
//! The scenario is run once without faults. Each moment of its disturb phase at which something happened is a moment
//! for every fault that makes sense on the cluster: it begins right after everything that happened then, and is
//! healed some time later. Each such run must hold what holds whatever fails: nothing but the sync changes a worker,
//! no acknowledged publish is lost, and when all is healed and has settled, every capability works and every worker has
//! and serves what the manager has. Those are the checkers' own invariants; a scenario's expectations are tied to its
//! own faults and are left out. Sentences that are to hold under every fault can be given beside them.
//!
//! So a sweep ends with a statement that is true or false: no single fault of so many, at any of so many moments,
//! breaks it; or it says what does, grouped by [signature](crate::signature::Signature). What somebody has written down
//! as a weakness of the cluster ([`Known`](crate::explore::Known)) is told apart from what is new.
//!
//! # Runs that need not be made
//!
//! Three kinds of runs are known without running them, and counted:
//! - events at one instant are one moment: a fault that begins after one of them begins after all;
//! - a process that does not run cannot be killed: the run is the one without faults;
//! - a fault of a link that acts only on what the link carries (see `repeats`) makes the same run from two moments
//!   between which the link carried nothing, when it is healed at the same moment. To let that happen often, healing
//!   is put on a grid: a fault lasts until the first [`GRID`] after it has lasted as long as was asked for.
//!
//! The last two are proved in `repeats`, and a test runs what they leave out and compares.

mod cases;
mod findings;
mod go;
mod moments;
mod pairs;
mod repeats;
mod report;
mod store;
#[cfg(test)]
mod tests;

pub use cases::{Case, Instance, Settings, Sweep, SweepError};
pub use findings::{Finding, Findings, PairCounts, Swept};
pub use go::{Course, Ended, go, shrink_findings};
pub use moments::Moment;
pub use pairs::Pairs;
pub use repeats::Repeat;
pub use report::{Places, json, markdown, statement, terminal};
pub use store::{Header, Line, Store, StoreError};

use std::time::Duration;

/// The version of the format of results.
pub const SCHEMA_VERSION: u32 = 2;

/// Healing happens at multiples of this, counted from the beginning of the disturb phase.
pub const GRID: Duration = Duration::from_secs(30);

/// How long a brief fault lasts: what ends a server and starts it again is there as one, too.
pub const BRIEF: Duration = Duration::from_secs(1);
