//! Consumers call deployed APIs through the balancer. What they see is the capability `serve`.

use std::time::Duration;

use super::{Kind, Work, apis};

pub(super) const KIND: Kind = Kind {
    name: "calls",
    doc: "consumers call APIs in turn, through the balancer",
    keys: &[(
        "apis",
        "how many (they are called `api-1` and so on), or their names; all exist from the start",
    )],
    timeout: Duration::from_secs(30),
    ends_before_settling: false,
    read: |table| Some(Work::Calls(apis(table, "api")?)),
};
