//! What clients do in a run: open-loop schedules without randomness of their own.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::fault::nanos;
use crate::time::SimTime;
use crate::trace::{NodeName, event::WriteRoute};

/// An API that exists from the start: deployed on the manager and on every worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiSpec {
    /// Its name, such as `pizza-0`.
    pub name: Arc<str>,
    /// Its version, such as `1.0.0`.
    pub version: Arc<str>,
}

/// One stream of operations: the first at `first`, then one every `every`, none at or after `until`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Workload {
    /// What is done.
    pub kind: WorkloadKind,
    /// The first operation's moment, in nanoseconds.
    #[serde(rename = "first_ns")]
    pub first: SimTime,
    /// The span between two operations, in nanoseconds; never zero.
    #[serde(rename = "every_ns", with = "nanos")]
    pub every: Duration,
    /// No operation starts at or after this moment, in nanoseconds.
    #[serde(rename = "until_ns")]
    pub until: SimTime,
    /// A client gives up on an operation after this long, in nanoseconds.
    #[serde(rename = "timeout_ns", with = "nanos")]
    pub timeout: Duration,
}

/// What a stream of operations does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "workload", rename_all = "kebab-case")]
pub enum WorkloadKind {
    /// Consumers call these APIs in turn, through the balancer.
    Calls {
        /// The APIs, which exist from the start.
        apis: Vec<ApiSpec>,
    },
    /// These APIs are updated in turn through the management host name. The nth operation of the workload
    /// publishes revision `n + 1` (a run begins with revision 1 of every API); every `delete_every`th one
    /// deletes instead, and the next of that API creates it anew (what is deleted already is not deleted
    /// again). 0: never.
    Publish {
        /// The APIs.
        apis: Vec<ApiSpec>,
        /// Every how many operations one is a deletion; 0 for never.
        delete_every: u64,
    },
    /// The management console is opened.
    Administer,
    /// Each worker in turn is tried by each route in turn.
    WriteAttempts {
        /// The workers.
        workers: Vec<NodeName>,
        /// The routes.
        routes: Vec<WriteRoute>,
    },
    /// The health endpoint of each gateway in turn is asked directly.
    HealthChecks {
        /// The gateways.
        gateways: Vec<NodeName>,
    },
}
