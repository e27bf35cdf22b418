//! Numbers, stamps and fingerprints events, and hands them on.

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

use super::uses::Uses;
use super::{Event, EventId, EventKind, NodeName, Sink};
use crate::time::SimTime;

/// The rolling fingerprint of a trace: equal fingerprints stand for equal bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fingerprint(pub u128);

impl Fingerprint {
    /// The fingerprint of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(xxhash_rust::xxh3::xxh3_128(bytes))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        u128::from_str_radix(&text, 16).map(Fingerprint).map_err(serde::de::Error::custom)
    }
}

/// A moment to stop at: the `nth` event (from 1) that satisfies a condition.
pub struct Trigger {
    /// A name for it, given back when it fires.
    pub name: Arc<str>,
    /// Which occurrence.
    pub nth: u64,
    /// The condition.
    pub condition: Box<dyn FnMut(&Event) -> bool>,
}

impl fmt::Debug for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trigger").field("name", &self.name).field("nth", &self.nth).finish_non_exhaustive()
    }
}

struct Inner {
    next_id: EventId,
    /// None where nobody asks for the fingerprint.
    hash: Option<Xxh3>,
    line: Vec<u8>,
    sinks: Vec<Box<dyn Sink>>,
    uses: Option<Uses>,
    failed: Vec<io::Error>,
    triggers: Vec<Trigger>,
    fired: Vec<Arc<str>>,
}

/// The one way into a trace. Clones are handles of the same recorder.
#[derive(Clone)]
pub struct Recorder(Rc<RefCell<Inner>>);

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("events", &self.events()).finish_non_exhaustive()
    }
}

impl Default for Recorder {
    fn default() -> Self {
        Self::new()
    }
}

impl Recorder {
    /// A recorder that only numbers and fingerprints.
    pub fn new() -> Self {
        Self::hashing(Some(Xxh3::new()))
    }

    /// A recorder that only numbers: for runs of which only the verdicts are wanted, since writing every event out
    /// for its fingerprint takes a good part of a run's time.
    pub fn without_fingerprint() -> Self {
        Self::hashing(None)
    }

    fn hashing(hash: Option<Xxh3>) -> Self {
        Self(Rc::new(RefCell::new(Inner {
            next_id: 0,
            hash,
            line: Vec::new(),
            sinks: Vec::new(),
            uses: None,
            failed: Vec::new(),
            triggers: Vec::new(),
            fired: Vec::new(),
        })))
    }

    /// Hands every later event to `sink` too.
    pub fn add_sink(&self, sink: impl Sink + 'static) {
        let inner = &mut *self.0.borrow_mut();
        if let Some(uses) = sink.uses() {
            inner.uses = Some(uses);
        }
        inner.sinks.push(Box::new(sink));
    }

    /// Where a cluster that knows it says what it uses, if somebody wants to be told.
    pub fn uses(&self) -> Option<Uses> {
        self.0.borrow().uses.clone()
    }

    /// Records that this happened; gives the event's id.
    pub fn record(&self, at: SimTime, node: Option<NodeName>, kind: EventKind) -> EventId {
        let inner = &mut *self.0.borrow_mut();
        let event = Event { id: inner.next_id, at, node, kind };
        inner.next_id += 1;
        if let Some(hash) = &mut inner.hash {
            inner.line.clear();
            serde_json::to_writer(&mut inner.line, &event).expect("an event is always JSON");
            hash.update(&inner.line);
            hash.update(b"\n");
        }
        let failed = &mut inner.failed;
        inner.sinks.retain_mut(|sink| match sink.take(&event) {
            Ok(()) => true,
            Err(error) => {
                failed.push(error);
                false
            }
        });
        let fired = &mut inner.fired;
        inner.triggers.retain_mut(|trigger| {
            if !(trigger.condition)(&event) {
                return true;
            }
            trigger.nth = trigger.nth.saturating_sub(1);
            if trigger.nth == 0 {
                fired.push(trigger.name.clone());
            }
            trigger.nth > 0
        });
        event.id
    }

    /// Waits for a moment: once it is there, [`Recorder::take_fired`] gives its name.
    pub fn watch(&self, trigger: Trigger) {
        self.0.borrow_mut().triggers.push(trigger);
    }

    /// Whether a trigger has fired since the last [`Recorder::take_fired`]. A cluster stops advancing then.
    pub fn has_fired(&self) -> bool {
        !self.0.borrow().fired.is_empty()
    }

    /// The names of the triggers that have fired, in order, once.
    pub fn take_fired(&self) -> Vec<Arc<str>> {
        std::mem::take(&mut self.0.borrow_mut().fired)
    }

    /// How many events there are.
    pub fn events(&self) -> u64 {
        self.0.borrow().next_id
    }

    /// The fingerprint of the trace so far; zero where none is kept.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(self.0.borrow().hash.as_ref().map_or(0, Xxh3::digest128))
    }

    /// What went wrong with sinks; each was dropped at its first error.
    pub fn take_errors(&self) -> Vec<io::Error> {
        std::mem::take(&mut self.0.borrow_mut().failed)
    }

    /// Drops the sinks, so that files are closed.
    pub fn close(&self) {
        self.0.borrow_mut().sinks.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::super::Memory;
    use super::*;

    #[test]
    fn a_trigger_fires_at_the_nth_event_that_satisfies_it() {
        let recorder = Recorder::new();
        recorder.watch(Trigger {
            name: "third cron".into(),
            nth: 3,
            condition: Box::new(|event| matches!(event.kind, EventKind::CronFired)),
        });
        for _ in 0..2 {
            recorder.record(SimTime::ZERO, None, EventKind::CronFired);
            recorder.record(SimTime::ZERO, None, EventKind::ScanStarted);
        }
        assert!(!recorder.has_fired());
        recorder.record(SimTime::ZERO, None, EventKind::CronFired);
        assert_eq!(recorder.take_fired(), vec![Arc::from("third cron")]);
        assert!(!recorder.has_fired());
    }

    #[test]
    fn the_fingerprint_is_that_of_the_events() {
        let (one, two) = (Recorder::new(), Recorder::new());
        let memory = Memory::default();
        one.add_sink(memory.clone());
        for recorder in [&one, &two] {
            recorder.record(SimTime::ZERO, None, EventKind::CronFired);
        }
        assert_eq!(one.fingerprint(), two.fingerprint());
        two.record(SimTime::ZERO, None, EventKind::CronFired);
        assert_ne!(one.fingerprint(), two.fingerprint());
        assert_eq!(memory.into_events().len(), 1);
    }
}
