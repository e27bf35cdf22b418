//! Somebody publishes APIs through the management host name. What they see is the capability `publish`; what
//! was acknowledged to them must not be lost.

use std::time::Duration;

use super::{Kind, Work, apis};

pub(super) const KIND: Kind = Kind {
    name: "publish",
    doc: "somebody updates APIs in turn, through the management host name; ends with the heal phase",
    keys: &[
        (
            "apis",
            "how many (they are called `published-1` and so on), or their names; all exist from the start",
        ),
        ("delete_every", "every how many operations one is a deletion; never, if it is left out"),
    ],
    timeout: Duration::from_secs(60),
    ends_before_settling: true,
    read: |table| {
        let delete_every = table.number("delete_every").map_or(0, |number| number.value);
        Some(Work::Publish { apis: apis(table, "published")?, delete_every })
    },
};
