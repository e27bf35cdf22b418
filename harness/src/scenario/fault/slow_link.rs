//! The links between two groups of nodes become slow: late, unsteady, or narrow. At the end they are as before.

use std::time::Duration;

use super::{Kind, each_link};
use crate::finding::did_you_mean;
use crate::plan::{FaultKind, JitterShape, LinkChange, Target};
use crate::scenario::amount::{parse_bandwidth, parse_bytes};
use crate::scenario::selector;
use crate::table::Placed;

const SHAPES: [(&str, JitterShape); 3] =
    [("even", JitterShape::Even), ("normal", JitterShape::Normal), ("exponential", JitterShape::Exponential)];

pub(super) const KIND: Kind = Kind {
    name: "slow-link",
    doc: "latency, jitter or bandwidth between two groups of nodes change; at the end they are as before",
    keys: &[
        ("between", "one group: names or roles"),
        ("and", "the other group; all other nodes, if it is left out"),
        ("latency", "one way: `200ms`"),
        ("jitter", "how much the latency varies: `50ms`"),
        (
            "jitter_shape",
            "`even` (if it is left out): up to `jitter` more; `normal`: `jitter` is the deviation; `exponential`: the mean",
        ),
        ("bandwidth", "each way: `512kbit/s`, `64KiB/s`"),
        (
            "queue",
            "how much waits where the bandwidth is short: `32KiB`; more is lost. Without it, all waits",
        ),
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
        let queue_bytes = table.text("queue").and_then(|text| {
            let parsed = parse_bytes(&text.value);
            parsed.map_err(|why| table.reader.error(text.span, "`queue` is not an amount of data", why)).ok()
        });
        let jitter_shape = table.text("jitter_shape").and_then(|text| {
            let shape = SHAPES.iter().find(|(name, _)| *name == text.value).map(|(_, shape)| *shape);
            if shape.is_none() {
                let help = did_you_mean(&text.value, &SHAPES.map(|(name, _)| name));
                table.reader.error(text.span, format!("unknown shape `{}`", text.value), help);
            }
            shape
        });
        for (key, needs) in [("jitter_shape", "jitter"), ("queue", "bandwidth")] {
            if let Some(span) = table.key_span(key).filter(|_| !table.has(needs)) {
                table.reader.error(
                    span,
                    format!("`{key}` says nothing without `{needs}`"),
                    format!("add `{needs}`"),
                );
            }
        }
        if !["latency", "jitter", "bandwidth"].into_iter().any(|key| table.has(key)) {
            table.missing("latency", "say what becomes slow: `latency`, `jitter` or `bandwidth`");
        }
        let change = LinkChange { latency_ns, jitter_ns, jitter_shape, bandwidth_bytes_per_s, queue_bytes };
        Some((FaultKind::SlowLink { change }, target?))
    },
    candidates: |topology| {
        let late = LinkChange {
            latency_ns: Some(200_000_000),
            jitter_ns: Some(50_000_000),
            ..LinkChange::default()
        };
        let narrow = LinkChange {
            bandwidth_bytes_per_s: Some(16 << 10),
            queue_bytes: Some(32 << 10),
            ..LinkChange::default()
        };
        let of = |target: Target| {
            [&late, &narrow].map(|change| (FaultKind::SlowLink { change: change.clone() }, target.clone()))
        };
        each_link(topology).into_iter().flat_map(of).collect()
    },
};
