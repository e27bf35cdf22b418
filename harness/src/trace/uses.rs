//! Which links carried something, and when: beside the trace, for who asks which moments a fault of a link can tell
//! apart.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::NodeName;
use crate::time::SimTime;

/// The moments at which links carried something. Clones are handles of the same record.
#[derive(Debug, Clone, Default)]
pub struct LinkUses(Rc<RefCell<BTreeMap<[NodeName; 2], Vec<SimTime>>>>);

impl LinkUses {
    /// Something left one node for another at this moment, or arrived from it. Moments come in order.
    pub fn note(&self, from: &NodeName, to: &NodeName, at: SimTime) {
        let mut links = self.0.borrow_mut();
        let moments = links.entry(link(from, to)).or_default();
        if moments.last() != Some(&at) {
            moments.push(at);
        }
    }

    /// Whether nothing was noted at all: by a cluster that does not tell.
    pub fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// Whether anything was carried between two nodes, in either direction, after `from` and up to `to`.
    pub fn between(&self, one: &NodeName, other: &NodeName, from: SimTime, to: SimTime) -> bool {
        self.0.borrow().get(&link(one, other)).is_some_and(|moments| any(moments, from, to))
    }

    /// Whether any link of a node carried something after `from` and up to `to`.
    pub fn of_node(&self, node: &NodeName, from: SimTime, to: SimTime) -> bool {
        self.0.borrow().iter().any(|(ends, moments)| ends.contains(node) && any(moments, from, to))
    }
}

/// Whether one of these moments comes after `from` and not after `to`.
fn any(moments: &[SimTime], from: SimTime, to: SimTime) -> bool {
    let next = moments.partition_point(|&at| at <= from);
    moments.get(next).is_some_and(|&at| at <= to)
}

/// A link has no first end.
fn link(one: &NodeName, other: &NodeName) -> [NodeName; 2] {
    let mut ends = [one.clone(), other.clone()];
    ends.sort();
    ends
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_carried_is_found_in_both_directions_and_only_in_its_span() {
        let uses = LinkUses::default();
        let [a, b, c]: [NodeName; 3] = ["a", "b", "c"].map(Into::into);
        for second in [1, 1, 5] {
            uses.note(&b, &a, SimTime::from_secs(second));
        }
        let between = |from, to| uses.between(&a, &b, SimTime::from_secs(from), SimTime::from_secs(to));
        assert!(between(0, 1) && between(1, 5) && between(4, 9));
        assert!(!between(1, 4) && !between(5, 9));
        assert!(!uses.between(&a, &c, SimTime::ZERO, SimTime::MAX));
        let of_node = |node| uses.of_node(node, SimTime::ZERO, SimTime::MAX);
        assert!(of_node(&a) && of_node(&b) && !of_node(&c));
    }
}
