//! Every connection between two groups of nodes is reset, once.

use harness::plan::{Fault, PartitionDirection};
use harness::trace::EventKind;

use super::{Stage, had_no_effect, links_of};

pub(super) fn inject(fault: &Fault, stage: &mut Stage<'_>) {
    let mut all = 0;
    for (one, other) in links_of(fault, PartitionDirection::AToB, stage.nodes) {
        let count = stage.engine.reset_connections(&one, &other);
        if count > 0 {
            let mark = format!("{count} connections with {} were reset", other.name());
            one.record(EventKind::Mark { mark: mark.into() });
        }
        all += count;
    }
    if all == 0 {
        for name in fault.target.nodes() {
            had_no_effect(stage.nodes.host(&name), fault, "there was no connection".to_owned());
        }
    }
}
