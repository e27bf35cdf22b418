//! What a run reached: marks, and which events followed which on each kind of node.
//!
//! Coverage is a map of cells, as fuzzers keep it: a hash of (kind of node, event, the event before it there), and
//! one of (event, what acts at that moment), each sets a cell. Two things that meet in one cell count as one;
//! with a few thousand set of so many, that is rare.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::told::Told;
use crate::trace::event::{OpKind, Phase};
use crate::trace::{Event, EventKind, NodeName, Sink};

/// So many cells the map has.
pub const CELLS: usize = 1 << 14;

/// The map: which cells were reached.
#[derive(Clone, PartialEq, Eq)]
pub struct Cells(Box<[u64; CELLS / 64]>);

impl std::fmt::Debug for Cells {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cells({} of {CELLS})", self.count())
    }
}

impl Default for Cells {
    fn default() -> Self {
        Self(Box::new([0; CELLS / 64]))
    }
}

impl Cells {
    fn set(&mut self, hash: u64) {
        let cell = hash as usize % CELLS;
        self.0[cell / 64] |= 1 << (cell % 64);
    }

    /// Adds those of another map; gives how many were new.
    pub fn add(&mut self, other: &Cells) -> u32 {
        let mut new = 0;
        for (own, other) in self.0.iter_mut().zip(other.0.iter()) {
            new += (other & !*own).count_ones();
            *own |= other;
        }
        new
    }

    /// How many cells were reached.
    pub fn count(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }
}

/// As hexadecimal digits.
impl Serialize for Cells {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = String::with_capacity(CELLS / 4);
        for word in self.0.iter() {
            write!(text, "{word:016x}").expect("a string takes it");
        }
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Cells {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = || serde::de::Error::custom("this is no map of coverage");
        if text.len() != CELLS / 4 || !text.is_ascii() {
            return Err(wrong());
        }
        let mut cells = Self::default();
        for (place, word) in cells.0.iter_mut().enumerate() {
            *word = u64::from_str_radix(&text[place * 16..place * 16 + 16], 16).map_err(|_| wrong())?;
        }
        Ok(cells)
    }
}

/// An event that a fault can begin after: its kind, where it happens, how often in the disturb phase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) event: &'static str,
    pub(super) node: Option<NodeName>,
    pub(super) count: u64,
}

/// What one run reached.
#[derive(Debug, Default)]
pub(super) struct Reached {
    pub(super) cells: Cells,
    pub(super) marks: BTreeSet<Arc<str>>,
    /// The kinds of faults that acted.
    pub(super) faults: BTreeSet<Arc<str>>,
    pub(super) events: u64,
    /// What was seen of each node, and of what happens on none. Each event is looked up here: there are few, and most
    /// are found by comparing addresses.
    nodes: Vec<OnNode>,
    /// The kinds of what acts now, by name, and all of them as one number.
    acting: BTreeMap<Arc<str>, u64>,
    disturbed: bool,
    told: Told,
}

/// What was seen of a node.
#[derive(Debug, Default)]
struct OnNode {
    name: Option<NodeName>,
    role: u64,
    /// The last event.
    last: u64,
    /// How often each kind of event happened in the disturb phase.
    places: Vec<(&'static str, u64)>,
}

impl OnNode {
    /// Whether it has this very name, and not only an equal one.
    fn has(&self, name: Option<&NodeName>) -> bool {
        match (&self.name, name) {
            (Some(own), Some(name)) => Arc::ptr_eq(own, name),
            (None, None) => true,
            _ => false,
        }
    }

    fn count(&mut self, event: &'static str) {
        match self.places.iter_mut().find(|(known, _)| std::ptr::eq(*known, event) || *known == event) {
            Some((_, count)) => *count += 1,
            None => self.places.push((event, 1)),
        }
    }
}

impl Reached {
    /// A sink that feeds what the handle holds.
    pub(super) fn sink(reached: &Rc<RefCell<Self>>) -> impl Sink + 'static {
        struct Feed(Rc<RefCell<Reached>>);
        impl Sink for Feed {
            fn take(&mut self, event: &Event) -> io::Result<()> {
                self.0.borrow_mut().see(event);
                Ok(())
            }
        }
        Feed(reached.clone())
    }

    /// Where faults can begin.
    pub(super) fn places(&self) -> Vec<Place> {
        let of = |node: &OnNode| -> Vec<Place> {
            let place = |&(event, count): &_| Place { event, node: node.name.clone(), count };
            node.places.iter().map(place).collect()
        };
        let mut places: Vec<Place> = self.nodes.iter().flat_map(of).collect();
        places.sort_unstable_by(|one, other| (one.event, &one.node).cmp(&(other.event, &other.node)));
        places
    }

    fn on_node(&mut self, name: Option<&NodeName>) -> &mut OnNode {
        let found = self.nodes.iter().position(|node| node.has(name));
        let found = found.or_else(|| self.nodes.iter().position(|node| node.name.as_ref() == name));
        let place = found.unwrap_or_else(|| {
            self.nodes.push(OnNode { name: name.cloned(), ..OnNode::default() });
            self.nodes.len() - 1
        });
        &mut self.nodes[place]
    }

    fn see(&mut self, event: &Event) {
        self.events += 1;
        match &event.kind {
            EventKind::RunStarted { managers, workers, balancers, .. } => {
                for (role, nodes) in [managers, workers, balancers].into_iter().enumerate() {
                    nodes.iter().for_each(|node| self.on_node(Some(node)).role = role as u64 + 1);
                }
            }
            EventKind::PhaseStarted { phase } => self.disturbed = *phase == Phase::Disturb,
            EventKind::FaultBegan { fault, fault_kind, .. } => {
                self.acting.insert(fault.clone(), xxh3_64_with_seed(fault_kind.as_bytes(), 1));
                self.faults.insert(fault_kind.clone());
            }
            EventKind::FaultEnded { fault } => drop(self.acting.remove(fault)),
            EventKind::Mark { mark } => drop(self.marks.insert(mark.clone())),
            _ => {}
        }
        if let Some(mark) = self.told.mark(event)
            && !self.marks.contains(mark)
        {
            self.marks.insert(mark.into());
        }
        // What the runner itself records is no place: a fault would wait for itself.
        let is_place = self.disturbed && event.node.is_some();
        let node = self.on_node(event.node.as_ref());
        let name = event.kind.name();
        if is_place {
            node.count(name);
        }
        let now = xxh3_64_with_seed(name.as_bytes(), node.role ^ (detail(&event.kind) << 8));
        let before = std::mem::replace(&mut node.last, now);
        self.cells.set(mix(before, now));
        let acting = self.acting.values().fold(0, |all, kind| all ^ kind);
        if acting != 0 {
            self.cells.set(mix(acting, now));
        }
    }
}

fn mix(one: u64, other: u64) -> u64 {
    xxh3_64_with_seed(&one.to_le_bytes(), other)
}

/// What tells events of one kind apart, without names and figures that differ in every run.
fn detail(kind: &EventKind) -> u64 {
    let text = |text: &str| xxh3_64_with_seed(text.as_bytes(), 0);
    match kind {
        EventKind::OpStarted { what, .. } => operation(what),
        EventKind::OpEnded { what, outcome, status, .. } => {
            operation(what) + 8 * (*outcome as u64) + 32 * u64::from(status.unwrap_or_default())
        }
        EventKind::UpstreamTried { status, error, retried, .. } => {
            text(error) ^ (u64::from(status.unwrap_or_default()) << 1) ^ u64::from(*retried)
        }
        EventKind::ProcessStarted { process } | EventKind::ProcessReady { process } => text(process),
        EventKind::ProcessEnded { process, why } => text(process) ^ *why as u64,
        EventKind::ProcessPaused { process, paused } => text(process) ^ u64::from(*paused),
        EventKind::FileChanged { change, writer, .. } => text(writer) ^ *change as u64,
        EventKind::SyncEnded { exit_code, .. } => *exit_code as u64,
        EventKind::RsyncEnded { exit_code, files, deleted, .. } => {
            *exit_code as u64 ^ (u64::from(*files > 0) << 32) ^ (u64::from(*deleted > 0) << 33)
        }
        EventKind::Mark { mark } => text(mark),
        EventKind::FaultBegan { fault_kind, .. } => text(fault_kind),
        _ => 0,
    }
}

fn operation(what: &OpKind) -> u64 {
    match what {
        OpKind::Call { .. } => 0,
        OpKind::Publish { .. } => 1,
        OpKind::Delete { .. } => 2,
        OpKind::Administer => 3,
        OpKind::Write { .. } => 4,
        OpKind::HealthCheck { .. } => 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::SimTime;

    fn reached(marks: &[&str]) -> Reached {
        let mut reached = Reached::default();
        for (id, mark) in marks.iter().enumerate() {
            let kind = EventKind::Mark { mark: (*mark).into() };
            reached.see(&Event { id: id as u64, at: SimTime::ZERO, node: Some("worker1".into()), kind });
        }
        reached
    }

    #[test]
    fn what_follows_what_is_covered_and_again_is_nothing_new() {
        let mut all = Cells::default();
        assert_eq!(all.add(&reached(&["torn", "stolen"]).cells), 2);
        assert_eq!(all.add(&reached(&["torn", "stolen"]).cells), 0);
        assert_eq!(all.add(&reached(&["stolen", "torn"]).cells), 2, "another order is another edge");
    }

    #[test]
    fn the_map_is_written_and_read_back() {
        let cells = reached(&["a", "b", "c"]).cells;
        let text = serde_json::to_string(&cells).unwrap();
        assert_eq!(serde_json::from_str::<Cells>(&text).unwrap(), cells);
        assert!(serde_json::from_str::<Cells>("\"00\"").is_err());
        assert!(serde_json::from_str::<Cells>(&text.replace('0', "g")).is_err());
    }
}
