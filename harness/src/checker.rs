//! Checkers: each reads the events of a run, one by one, and says at its end which claims held.
//!
//! A checker knows nothing but the trace: the [`Scene`] that it is given with each event is put together from
//! the trace too. It keeps what it must (windows, sets of paths, counters), never events: its memory does not
//! grow with the length of a run. One that panics loses only its own verdicts.

mod atomicity;
mod availability;
mod balancer;
mod convergence;
mod durability;
mod follow;
mod health;
mod ledger;
mod panel;
mod read_only;
mod scene;
#[cfg(test)]
mod script;
#[cfg(test)]
mod tests;

pub use panel::Panel;
pub use scene::{FaultWindow, Scene, Window};

use std::sync::Arc;

use crate::capability::Capability;
use crate::expectation::Claim;
use crate::report::Judgement;
use crate::trace::{Event, EventId};
use crate::verdict::{Status, Verdict};

/// Reads a run and judges it.
pub trait Checker {
    /// Sees one event. The scene has seen it already.
    fn observe(&mut self, event: &Event, scene: &Scene);

    /// Says what came out: a verdict for each of these claims, and one for each of its own that the scenario
    /// says nothing about, as far as the run gave occasion to it.
    fn judge(&mut self, scene: &Scene, claims: &[Stated]) -> Judgement;
}

/// A claim, and the sentence that stated it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stated {
    /// The sentence.
    pub text: String,
    /// What it claims.
    pub claim: Claim,
}

/// A checker that there is.
pub struct Entry {
    /// Its name in verdicts.
    pub name: &'static str,
    /// What it judges, in one line.
    pub doc: &'static str,
    /// Whether it judges this claim. Each claim is judged by one checker.
    pub(crate) judges: fn(&Claim) -> bool,
    pub(crate) make: fn() -> Box<dyn Checker>,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry").field("name", &self.name).finish_non_exhaustive()
    }
}

/// All checkers, in the order in which their verdicts are shown.
pub const CHECKERS: &[Entry] = &[
    availability::ENTRY,
    convergence::ENTRY,
    atomicity::ENTRY,
    read_only::ENTRY,
    durability::ENTRY,
    balancer::ENTRY,
    health::ENTRY,
];

/// Verdicts of one checker.
#[derive(Debug)]
struct Verdicts {
    checker: &'static str,
    list: Vec<Verdict>,
}

impl Verdicts {
    fn of(checker: &'static str) -> Self {
        Self { checker, list: Vec::new() }
    }

    fn add(
        &mut self,
        claim: &str,
        capability: Option<Capability>,
        status: Status,
        summary: String,
        evidence: impl IntoIterator<Item = EventId>,
    ) {
        let mut evidence: Vec<EventId> = evidence.into_iter().collect();
        evidence.truncate(Verdict::EVIDENCE_MAX);
        self.list.push(Verdict {
            checker: self.checker.into(),
            capability,
            claim: claim.to_owned(),
            status,
            summary,
            cause: "".into(),
            evidence,
        });
    }

    /// Says why the verdict that was added last failed, if it did.
    fn because(&mut self, cause: impl Into<Arc<str>>) {
        if let Some(last) = self.list.last_mut().filter(|last| last.status == Status::Fail) {
            last.cause = cause.into();
        }
    }
}

/// `Pass` when it held, else `Fail`.
fn held(yes: bool) -> Status {
    if yes { Status::Pass } else { Status::Fail }
}

/// `1 call`, `2 calls`.
fn count(number: u64, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ if what.ends_with("sh") => format!("{number} {what}es"),
        _ => format!("{number} {what}s"),
    }
}

/// What an operation that failed met, in words.
fn met(error: &Arc<str>, status: Option<u16>) -> Arc<str> {
    match status {
        _ if !error.is_empty() => error.clone(),
        Some(status) => format!("HTTP {status}").into(),
        None => "no answer".into(),
    }
}

/// The first few ids of something that may happen without end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Evidence(Vec<EventId>);

impl Evidence {
    fn add(&mut self, event: EventId) {
        if self.0.len() < Verdict::EVIDENCE_MAX {
            self.0.push(event);
        }
    }
}
