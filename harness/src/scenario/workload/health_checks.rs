//! A monitor asks each gateway itself, past the balancer, whether it is up and has deployed everything.

use std::time::Duration;

use super::{Kind, Work};

pub(super) const KIND: Kind = Kind {
    name: "health-checks",
    doc: "a monitor asks the health endpoint of each gateway in turn directly, past the balancer",
    keys: &[("gateways", "their names; the manager and all workers, if it is left out")],
    timeout: Duration::from_secs(10),
    ends_before_settling: false,
    read: |table| Some(Work::HealthChecks(table.texts("gateways").unwrap_or_default())),
};
