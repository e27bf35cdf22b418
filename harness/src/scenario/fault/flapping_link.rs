//! The links between two groups of nodes go down and come up by turns. At the end they stay up.

use std::time::Duration;

use super::{Kind, each_link};
use crate::plan::FaultKind;
use crate::scenario::selector;

pub(super) const KIND: Kind = Kind {
    name: "flapping-link",
    doc: "the links between two groups of nodes go down and come up by turns; at the end they stay up",
    keys: &[
        ("between", "one group: names or roles"),
        ("and", "the other group; all other nodes, if it is left out"),
        ("down", "how long they are down each time, at first at once: `5s`"),
        ("up", "how long they are up in between: `20s`"),
    ],
    read: |table| {
        let target = selector::between(table);
        let spans = ["down", "up"].map(|key| {
            if !table.has(key) {
                table.missing(key, format!("write `{key} = \"5s\"`"));
            }
            let span = table.span_of_time(key)?;
            if span.value < Duration::from_millis(1) {
                table.reader.error(span.span, "this span is too short", "write at least `1ms`");
                return None;
            }
            Some(span.value)
        });
        let [down, up] = spans;
        Some((FaultKind::FlappingLink { down: down?, up: up? }, target?))
    },
    candidates: |topology| {
        let kind = FaultKind::FlappingLink { down: Duration::from_secs(5), up: Duration::from_secs(10) };
        each_link(topology).into_iter().map(|target| (kind.clone(), target)).collect()
    },
};
