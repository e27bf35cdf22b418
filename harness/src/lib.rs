//! Scenario to plan to run to trace to verdicts to report, for any implementation of a gateway cluster.
//!
//! The route of the data is the order of the modules. This crate knows no simulator: it drives the trait
//! `Cluster`, which the crate `sim` implements.

pub mod finding;
pub mod time;
