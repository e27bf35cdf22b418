//! The links between two groups of nodes become slow: late, unsteady, or narrow. At the end they are as before.

use std::time::Duration;

use super::{Kind, each_link};
use crate::plan::{FaultKind, LinkChange, Target};
use crate::scenario::amount::parse_bandwidth;
use crate::scenario::selector;
use crate::table::Placed;

pub(super) const KIND: Kind = Kind {
    name: "slow-link",
    doc: "latency, jitter or bandwidth between two groups of nodes change; at the end they are as before",
    keys: &[
        ("between", "one group: names or roles"),
        ("and", "the other group; all other nodes, if it is left out"),
        ("latency", "one way: `200ms`"),
        ("jitter", "the latency varies by up to this much more: `50ms`"),
        ("bandwidth", "each way: `512kbit/s`, `64KiB/s`"),
    ],
    read: |table| {
        let target = selector::between(table);
        let nanos = |span: Placed<Duration>| u64::try_from(span.value.as_nanos()).unwrap_or(u64::MAX);
        let latency_ns = table.span_of_time("latency").map(nanos);
        let jitter_ns = table.span_of_time("jitter").map(nanos);
        let bandwidth_bytes_per_s = table.text("bandwidth").and_then(|text| {
            let parsed = parse_bandwidth(&text.value);
            parsed.map_err(|why| table.reader.error(text.span, "`bandwidth` is not a bandwidth", why)).ok()
        });
        if !["latency", "jitter", "bandwidth"].into_iter().any(|key| table.has(key)) {
            table.missing("latency", "say what becomes slow: `latency`, `jitter` or `bandwidth`");
        }
        let change = LinkChange { latency_ns, jitter_ns, bandwidth_bytes_per_s };
        Some((FaultKind::SlowLink { change }, target?))
    },
    candidates: |topology| {
        let late = LinkChange {
            latency_ns: Some(200_000_000),
            jitter_ns: Some(50_000_000),
            ..LinkChange::default()
        };
        let narrow = LinkChange { bandwidth_bytes_per_s: Some(16 << 10), ..LinkChange::default() };
        let of = |target: Target| {
            [&late, &narrow].map(|change| (FaultKind::SlowLink { change: change.clone() }, target.clone()))
        };
        each_link(topology).into_iter().flat_map(of).collect()
    },
};
