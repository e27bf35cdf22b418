//! Keeps account of one stream of operations in the order of their starts: how many ended well, when none did,
//! and what happened in the windows that claims name.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::scene::{Scene, WindowId};
use crate::time::SimTime;
use crate::trace::EventId;

/// No more losses than this are kept one by one.
pub(super) const LOSSES_MAX: usize = 2_000;

/// One operation, ended.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// When it was started.
    pub(super) started: SimTime,
    /// When its end was known.
    pub(super) ended: SimTime,
    /// Its last event.
    pub(super) event: EventId,
    /// What went wrong; none when it ended well.
    pub(super) error: Option<Arc<str>>,
}

/// A row of operations without a good one between.
#[derive(Debug, Clone)]
pub(super) struct Loss {
    /// The start of the first one that failed.
    pub(super) from: SimTime,
    /// The start of the first good one after it.
    pub(super) to: Option<SimTime>,
    /// How many failed.
    pub(super) failed: u64,
    /// The faults that acted when it began, or what was met when none did.
    pub(super) cause: String,
    /// The first failure, and the first good one.
    pub(super) evidence: Vec<EventId>,
}

impl Loss {
    /// How long it lasted; to the end of the run when it has not ended.
    pub(super) fn span(&self, end: SimTime) -> Duration {
        self.to.unwrap_or(end).since(self.from)
    }
}

/// What happened in one window.
#[derive(Debug, Clone, Default)]
pub(super) struct InWindow {
    pub(super) ok: u64,
    pub(super) failed: u64,
    /// The first that ended well in it, against what a claim of loss says.
    pub(super) first_ok: Option<EventId>,
    pub(super) first_failed: Option<EventId>,
    /// The first that ended well after it.
    pub(super) back: Option<(SimTime, EventId)>,
}

/// The account of one stream of operations.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) ok: u64,
    pub(super) failed: u64,
    /// Losses that have ended, and the one that has not, in order.
    pub(super) losses: Vec<Loss>,
    /// How many losses were not kept.
    pub(super) dropped: u64,
    /// The longest loss that has ended, in case it was not kept.
    longest: Duration,
    total: Duration,
    pub(super) windows: BTreeMap<WindowId, InWindow>,
    /// The first good operation since the faults of this moment ended.
    pub(super) calm: Option<(SimTime, SimTime, EventId)>,
    /// The last good operation.
    pub(super) last_good: Option<EventId>,
    open: bool,
}

impl Ledger {
    /// Adds the next operation, in the order of starts.
    pub(super) fn add(&mut self, entry: &Entry, scene: &Scene) {
        let good = entry.error.is_none();
        for (id, window) in scene.all_windows() {
            // What ended well only after the window was waiting for its end: it says nothing of the time within.
            if !window.holds(entry.started) || (good && !window.holds(entry.ended)) {
                continue;
            }
            let window = self.windows.entry(id).or_default();
            let (number, first) = match good {
                true => (&mut window.ok, &mut window.first_ok),
                false => (&mut window.failed, &mut window.first_failed),
            };
            *number += 1;
            first.get_or_insert(entry.event);
        }
        match &entry.error {
            None => self.good(entry, scene),
            Some(error) => self.bad(entry, error, scene),
        }
    }

    /// The longest loss.
    pub(super) fn longest(&self, end: SimTime) -> Duration {
        self.open_loss().map_or(self.longest, |loss| loss.span(end).max(self.longest))
    }

    /// All losses together.
    pub(super) fn total(&self, end: SimTime) -> Duration {
        self.open_loss().map_or(self.total, |loss| loss.span(end) + self.total)
    }

    /// The loss that has not ended.
    pub(super) fn open_loss(&self) -> Option<&Loss> {
        self.losses.last().filter(|_| self.open)
    }

    fn good(&mut self, entry: &Entry, scene: &Scene) {
        self.ok += 1;
        self.last_good = Some(entry.event);
        if self.open {
            self.open = false;
            if let Some(loss) = self.losses.last_mut() {
                loss.to = Some(entry.started);
                loss.evidence.push(entry.event);
                let span = loss.span(entry.started);
                self.longest = self.longest.max(span);
                self.total += span;
            }
            if self.losses.len() > LOSSES_MAX {
                self.losses.pop();
                self.dropped += 1;
            }
        }
        for (id, window) in scene.all_windows() {
            if window.to.is_some_and(|to| to <= entry.started) {
                self.windows.entry(id).or_default().back.get_or_insert((entry.started, entry.event));
            }
        }
        if let Some(calm) = scene.calm_since()
            && entry.started >= calm
            && self.calm.is_none_or(|(since, ..)| since != calm)
        {
            self.calm = Some((calm, entry.started, entry.event));
        }
    }

    fn bad(&mut self, entry: &Entry, error: &Arc<str>, scene: &Scene) {
        self.failed += 1;
        if self.open {
            if let Some(loss) = self.losses.last_mut() {
                loss.failed += 1;
            }
            return;
        }
        self.open = true;
        let cause = cause(entry, error, scene);
        let evidence = vec![entry.event];
        self.losses.push(Loss { from: entry.started, to: None, failed: 1, cause, evidence });
    }
}

/// Why a loss began: the faults that acted then; failing that, the last one that had, and what was met.
fn cause(entry: &Entry, error: &str, scene: &Scene) -> String {
    let acted = scene.acted(entry.started, entry.ended);
    if !acted.is_empty() {
        let told: Vec<String> = acted.into_iter().map(|fault| fault.told()).collect();
        return told.join(" and ");
    }
    match scene.ended_before(entry.started) {
        Some(fault) => format!("after {}: {error}", fault.told()),
        None => error.to_owned(),
    }
}
