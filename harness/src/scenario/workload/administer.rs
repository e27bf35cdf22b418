//! Somebody opens the management console. What they see is the capability `administer`.

use std::time::Duration;

use super::{Kind, Work};

pub(super) const KIND: Kind = Kind {
    name: "administer",
    doc: "somebody opens the management console through its host name",
    keys: &[],
    timeout: Duration::from_secs(60),
    ends_before_settling: false,
    read: |_| Some(Work::Administer),
};
