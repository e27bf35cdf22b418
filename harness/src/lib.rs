//! Scenario to plan to run to trace to verdicts to report, for any implementation of a gateway cluster.
//!
//! The route of the data is the order of the modules. This crate knows no simulator: it drives the trait
//! [`Cluster`](cluster::Cluster), which the crate `sim` implements.

pub mod capability;
pub mod checker;
pub mod cluster;
pub mod cluster_files;
pub mod component;
pub mod expectation;
pub mod explore;
#[cfg(test)]
mod fake;
pub mod finding;
pub mod jobs;
pub mod metrics;
pub mod plan;
pub mod report;
pub mod rng;
pub mod run;
pub mod scenario;
mod sentence;
pub mod shrink;
pub mod signature;
pub mod spof;
#[cfg(any(test, feature = "proptest"))]
pub mod strategies;
pub mod sweep;
pub mod table;
pub mod time;
pub mod trace;
pub mod verdict;
