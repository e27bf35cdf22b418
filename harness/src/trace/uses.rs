//! What a cluster used and when, of what faults can change without anybody noticing before it is used: beside the
//! trace, for who asks which moments a fault can tell apart.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use super::NodeName;
use crate::time::SimTime;

/// Something of a cluster that a fault can change, and that is as it was for everybody who does not use it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Use {
    /// Something left one end of a link for the other, or arrived from it. See [`Use::link`].
    Link([NodeName; 2]),
    /// Something arrived at a node for a TCP port.
    Arrival(NodeName, u16),
    /// A program of a node looked something up in its hosts file.
    Names(NodeName),
    /// A program or the kernel of a node read its wall clock.
    WallClock(NodeName),
    /// A program of a node read its disk.
    DiskRead(NodeName),
    /// A program of a node wrote to its disk.
    DiskWrite(NodeName),
    /// A node lost its power.
    PowerLoss(NodeName),
    /// The sshd of a node came to where its keys matter, or whether it answers.
    Login(NodeName),
    /// The sync script of some node read its list of workers.
    WorkersList,
    /// The sync script of a node began with a line of its list.
    SyncLine(NodeName),
    /// An rsync that receives on a node went on by some bytes or a file.
    Receiving(NodeName),
    /// A process of a node made a file descriptor.
    Descriptor(NodeName, Arc<str>),
    /// A process of a node did anything at all, or something was done to it.
    Step(NodeName, Arc<str>),
}

impl Use {
    /// The link between two nodes. It has no first end.
    pub fn link(one: &NodeName, other: &NodeName) -> Self {
        let mut ends = [one.clone(), other.clone()];
        ends.sort();
        Use::Link(ends)
    }
}

/// A moment, and whether it is after the runner's turn at that moment, in which faults begin.
type Place = (SimTime, bool);

/// When what was used. Clones are handles of the same record.
#[derive(Debug, Clone, Default)]
pub struct Uses(Rc<RefCell<Record>>);

#[derive(Debug, Default)]
struct Record {
    places: BTreeMap<Use, Vec<Place>>,
    is_told: bool,
    turn: Option<SimTime>,
}

impl Uses {
    /// A cluster says that it will note every use of every kind.
    pub fn will_be_told(&self) {
        self.0.borrow_mut().is_told = true;
    }

    /// Whether a cluster said so; of one that did not, nothing is known.
    pub fn is_told(&self) -> bool {
        self.0.borrow().is_told
    }

    /// The runner has its turn: faults that begin at this moment begin now. What is used at it from now on is used after
    /// they began.
    pub(crate) fn turn(&self, at: SimTime) {
        self.0.borrow_mut().turn = Some(at);
    }

    /// This was used at this moment. Moments come in order.
    pub fn note(&self, what: Use, at: SimTime) {
        let record = &mut *self.0.borrow_mut();
        let place = (at, record.turn == Some(at));
        let places = record.places.entry(what).or_default();
        if places.last() != Some(&place) {
            places.push(place);
        }
    }

    /// Whether something of these was used after faults of one moment began, and before those of another.
    pub fn any(&self, which: impl Fn(&Use) -> bool, from: SimTime, to: SimTime) -> bool {
        let places = &self.0.borrow().places;
        places.iter().filter(|(used, _)| which(used)).any(|(_, places)| {
            let next = places.partition_point(|&place| place <= (from, false));
            places.get(next).is_some_and(|&place| place <= (to, false))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names<const N: usize>(names: [&str; N]) -> [NodeName; N] {
        names.map(Into::into)
    }

    #[test]
    fn what_a_link_carried_is_found_in_both_directions_and_only_in_its_span() {
        let uses = Uses::default();
        let [a, b, c] = names(["a", "b", "c"]);
        for second in [1, 1, 5] {
            uses.note(Use::link(&b, &a), SimTime::from_secs(second));
        }
        let used = |link: Use, from, to| {
            uses.any(|used| *used == link, SimTime::from_secs(from), SimTime::from_secs(to))
        };
        let between = |from, to| used(Use::link(&a, &b), from, to);
        assert!(between(0, 1) && between(1, 5) && between(4, 9));
        assert!(!between(1, 4) && !between(5, 9));
        assert!(!used(Use::link(&a, &c), 0, 100));
    }

    #[test]
    fn what_is_used_at_the_moment_of_a_fault_is_used_before_it_unless_the_runner_had_its_turn() {
        let uses = Uses::default();
        let [a] = names(["a"]);
        let used = |from, to| uses.any(|_| true, SimTime::from_secs(from), SimTime::from_secs(to));
        uses.note(Use::Names(a.clone()), SimTime::from_secs(2));
        assert!(used(1, 2) && !used(2, 3));
        uses.turn(SimTime::from_secs(4));
        uses.note(Use::Names(a), SimTime::from_secs(4));
        assert!(!used(3, 4) && used(4, 5));
    }
}
