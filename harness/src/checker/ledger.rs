//! Keeps account of one stream of operations in the order of their starts: how many ended well, when none did,
//! and what happened in the windows that claims name.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::scene::{Scene, WindowId};
use crate::time::SimTime;
use crate::trace::EventId;

/// Losses with less than this between them are kept as one.
const PAUSE: Duration = Duration::from_secs(15);
/// No more losses than this are kept; more are only counted.
const LOSSES_MAX: usize = 1_000;
/// So many of the longest rows of failures are kept as proofs.
const LONGEST_MAX: usize = 5;

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

/// A time in which operations failed: one row of failures without a good operation between, or several that
/// follow close on each other.
#[derive(Debug, Clone)]
pub(super) struct Loss {
    /// The start of the first one that failed.
    pub(super) from: SimTime,
    /// The start of the first good one after the last one that failed.
    pub(super) to: Option<SimTime>,
    /// How many failed.
    pub(super) failed: u64,
    /// How many rows of failures it is made of.
    pub(super) rows: u64,
    /// The faults that acted when it began, or what was met when none did.
    pub(super) cause: String,
    /// What the first failure met.
    pub(super) met: Arc<str>,
    /// What the last failure met, and when it was started.
    pub(super) last: (Arc<str>, SimTime),
    /// The first failure, and the good one that ended it.
    pub(super) evidence: Vec<EventId>,
}

/// A row of failures without a good operation between, from the start of the first to that of the next good one.
#[derive(Debug, Clone)]
struct Row {
    from: SimTime,
    began: EventId,
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
    /// Losses in order.
    pub(super) losses: Vec<Loss>,
    /// How many losses were not kept.
    pub(super) dropped: u64,
    pub(super) windows: BTreeMap<WindowId, InWindow>,
    /// The first good operation since the faults of this moment ended: that moment, its start, its event.
    pub(super) calm: Option<(SimTime, SimTime, EventId)>,
    /// The last good operation.
    pub(super) last_good: Option<EventId>,
    /// The row of failures that goes on.
    row: Option<Row>,
    /// The longest rows that have ended, with their proofs.
    longest: Vec<(Duration, [EventId; 2])>,
    total: Duration,
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

    /// The longest row of failures; to the end of the run if it goes on.
    pub(super) fn longest(&self, end: SimTime) -> Duration {
        self.rows(end).map(|(span, _)| span).max().unwrap_or_default()
    }

    /// What the first failure of the longest loss met.
    pub(super) fn worst_met(&self, end: SimTime) -> Option<(Duration, &Arc<str>)> {
        let spans = self.losses.iter().map(|loss| (loss.to.unwrap_or(end).since(loss.from), &loss.met));
        spans.max_by_key(|(span, _)| *span)
    }

    /// The events that prove rows of failures longer than this.
    pub(super) fn longer_than(&self, most: Duration, end: SimTime) -> Vec<EventId> {
        self.rows(end).filter(|(span, _)| *span > most).flat_map(|(_, proof)| proof).collect()
    }

    /// All rows of failures together.
    pub(super) fn total(&self, end: SimTime) -> Duration {
        self.total + self.row.as_ref().map_or(Duration::ZERO, |row| end.since(row.from))
    }

    /// The loss that has not ended.
    pub(super) fn open_loss(&self) -> Option<&Loss> {
        self.losses.last().filter(|_| self.row.is_some())
    }

    fn rows(&self, end: SimTime) -> impl Iterator<Item = (Duration, Vec<EventId>)> + '_ {
        let ended = self.longest.iter().map(|(span, proof)| (*span, proof.to_vec()));
        ended.chain(self.row.iter().map(move |row| (end.since(row.from), vec![row.began])))
    }

    fn good(&mut self, entry: &Entry, scene: &Scene) {
        self.ok += 1;
        self.last_good = Some(entry.event);
        if let Some(row) = self.row.take() {
            let span = entry.started.since(row.from);
            self.total += span;
            self.longest.push((span, [row.began, entry.event]));
            self.longest.sort_by_key(|(span, _)| std::cmp::Reverse(*span));
            self.longest.truncate(LONGEST_MAX);
            if let Some(loss) = self.losses.last_mut() {
                loss.to = Some(entry.started);
                loss.evidence.truncate(1);
                loss.evidence.push(entry.event);
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
        let goes_on = self.row.is_some();
        if !goes_on {
            self.row = Some(Row { from: entry.started, began: entry.event });
        }
        match self.losses.last_mut() {
            Some(loss) if goes_on || loss.to.is_some_and(|to| entry.started.since(to) < PAUSE) => {
                loss.failed += 1;
                loss.rows += u64::from(!goes_on);
                loss.to = None;
                loss.last = (error.clone(), entry.started);
            }
            _ => {
                let cause = cause(entry, error, scene);
                let evidence = vec![entry.event];
                let met = error.clone();
                let last = (error.clone(), entry.started);
                self.losses.push(Loss {
                    from: entry.started,
                    to: None,
                    failed: 1,
                    rows: 1,
                    cause,
                    met,
                    last,
                    evidence,
                });
            }
        }
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
