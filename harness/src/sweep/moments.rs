//! The moments of a run at which a fault can make a difference, and what the run shows of its processes and of what it
//! uses.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::rc::Rc;
use std::sync::Arc;

use crate::time::SimTime;
use crate::trace::event::{OpKind, Phase};
use crate::trace::uses::{Use, Uses};
use crate::trace::{Event, EventKind, NodeName, Sink};

/// A moment at which a fault begins: right after everything that happens then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// When.
    pub at: SimTime,
    /// What happens then, by class: several things may.
    pub what: Vec<Arc<str>>,
}

/// What happened, without what differs from one time to the next; and whether it is routine: something that happens
/// all the time and leaves nothing behind.
fn class(event: &Event) -> Option<(String, bool)> {
    let node = event.node.as_deref().unwrap_or("the run");
    let name = event.kind.name();
    let (what, routine) = match &event.kind {
        EventKind::OpStarted { what, .. } => (format!("{} begins", operation(what)), passing(what)),
        EventKind::OpEnded { what, outcome, .. } => {
            (format!("{} ends {outcome:?}", operation(what)), passing(what))
        }
        EventKind::UpstreamTried { peer, status, .. } => (format!("{name} {peer} {status:?}"), true),
        EventKind::Logged { .. } => (name.to_owned(), true),
        EventKind::FileChanged { path, change, writer, .. } => {
            (format!("{name} {change:?} by {writer}: {}", folder(path)), false)
        }
        EventKind::RsyncFile { worker, count, .. } => (format!("{name} {count} to {worker}"), false),
        EventKind::RsyncStarted { worker, .. } => (format!("{name} to {worker}"), false),
        EventKind::RsyncEnded { worker, exit_code, files, deleted, .. } => {
            let what = if files + deleted > 0 { "with changes" } else { "without changes" };
            (format!("{name} to {worker} with {exit_code}, {what}"), false)
        }
        EventKind::ProcessStarted { process } | EventKind::ProcessReady { process } => {
            (format!("{name} {process}"), false)
        }
        EventKind::ProcessEnded { process, why } => (format!("{name} {process} {why:?}"), false),
        EventKind::Mark { mark } => (format!("{name} {}", crate::signature::plain(mark)), false),
        EventKind::PhaseStarted { phase: Phase::Disturb } => ("the faults' phase begins".to_owned(), false),
        EventKind::RunStarted { .. }
        | EventKind::RunPlanned { .. }
        | EventKind::ReadingTaken { .. }
        | EventKind::PhaseStarted { .. }
        | EventKind::RunEnded
        | EventKind::DiskState { .. } => return None,
        _ => (name.to_owned(), false),
    };
    Some((format!("{node}: {what}"), routine))
}

fn operation(what: &OpKind) -> &'static str {
    match what {
        OpKind::Call { .. } => "call",
        OpKind::Publish { .. } => "publish",
        OpKind::Delete { .. } => "delete",
        OpKind::Administer => "console visit",
        OpKind::Write { .. } => "write attempt",
        OpKind::HealthCheck { .. } => "health check",
        #[allow(unreachable_patterns)]
        _ => "operation",
    }
}

/// Whether an operation leaves nothing behind.
fn passing(what: &OpKind) -> bool {
    !matches!(what, OpKind::Publish { .. } | OpKind::Delete { .. })
}

/// The last folder of a path, and whether the file is a temporary one.
fn folder(path: &str) -> String {
    let mut parts = path.rsplit('/');
    let name = parts.next().unwrap_or_default();
    let folder = parts.next().unwrap_or_default();
    format!("{folder}/{}", if name.starts_with('.') { ".temporary" } else { "file" })
}

/// How many there are from each moment on.
type Counts = Vec<(SimTime, i64)>;

/// What happened at one moment.
#[derive(Debug, Default)]
struct Happened {
    /// The classes of the events, each with whether it is routine.
    classes: BTreeSet<(String, bool)>,
    /// How many events they were.
    events: u64,
}

/// Watches the run without faults.
#[derive(Debug, Clone, Default)]
pub(super) struct Calendar(Rc<RefCell<Days>>);

#[derive(Debug, Default)]
pub(super) struct Days {
    disturbed: bool,
    /// What happened at each moment of the phase in which faults may act.
    moments: BTreeMap<SimTime, Happened>,
    /// How many processes of a name run on a node, from each moment on.
    processes: BTreeMap<(NodeName, Arc<str>), Counts>,
    uses: Uses,
}

impl Sink for Calendar {
    fn take(&mut self, event: &Event) -> io::Result<()> {
        self.0.borrow_mut().see(event);
        Ok(())
    }

    fn uses(&self) -> Option<Uses> {
        Some(self.0.borrow().uses.clone())
    }
}

impl Calendar {
    /// What was seen; the run is over.
    pub(super) fn days(self) -> Days {
        self.0.take()
    }
}

impl Days {
    fn see(&mut self, event: &Event) {
        if let EventKind::PhaseStarted { phase } = event.kind {
            self.disturbed = phase == Phase::Disturb;
            if !self.disturbed {
                // What happened at this very moment: no fault begins after it any more.
                self.moments.remove(&event.at);
            }
        }
        if let Some(node) = &event.node {
            match &event.kind {
                EventKind::ProcessStarted { process } => self.count(node, process, event.at, 1),
                EventKind::ProcessEnded { process, .. } => self.count(node, process, event.at, -1),
                _ => {}
            }
        }
        if self.disturbed
            && let Some(class) = class(event)
        {
            let happened = self.moments.entry(event.at).or_default();
            happened.events += 1;
            happened.classes.insert(class);
        }
    }

    fn count(&mut self, node: &NodeName, process: &Arc<str>, at: SimTime, change: i64) {
        let steps = self.processes.entry((node.clone(), process.clone())).or_default();
        let before = steps.last().map_or(0, |(_, count)| *count);
        steps.push((at, before + change));
    }

    /// Whether a process of this name runs on a node right after a moment.
    pub(super) fn runs(&self, node: &NodeName, process: &Arc<str>, at: SimTime) -> bool {
        let Some(steps) = self.processes.get(&(node.clone(), process.clone())) else { return false };
        let next = steps.partition_point(|(when, _)| *when <= at);
        next.checked_sub(1).is_some_and(|last| steps[last].1 > 0)
    }

    /// Whether something of these was used after faults of one moment began, and before those of another; yes where
    /// that is not known.
    pub(super) fn used(&self, which: impl Fn(&Use) -> bool, from: SimTime, to: SimTime) -> bool {
        !self.uses.is_told() || self.uses.any(which, from, to)
    }

    /// How many events, at how many moments, of how many classes there are.
    pub(super) fn size(&self) -> (u64, usize, usize) {
        let all = self.moments.values().flat_map(|happened| &happened.classes);
        let classes: BTreeSet<&str> = all.map(|(class, _)| class.as_str()).collect();
        let events = self.moments.values().map(|happened| happened.events).sum();
        (events, self.moments.len(), classes.len())
    }

    /// The moments at which something happens that has not happened `each` times before (no limit when none); of
    /// what is routine, that has not happened `routine` times before.
    pub(super) fn chosen(&self, each: Option<u32>, routine: u32) -> Vec<Moment> {
        let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
        let mut chosen = Vec::new();
        for (at, Happened { classes, .. }) in &self.moments {
            let mut wanted = false;
            for (class, is_routine) in classes {
                let times = seen.entry(class).or_default();
                *times += 1;
                let limit = if *is_routine { Some(each.unwrap_or(routine).min(routine)) } else { each };
                wanted |= limit.is_none_or(|limit| *times <= limit);
            }
            if wanted {
                let what = classes.iter().map(|(class, _)| class.as_str().into()).collect();
                chosen.push(Moment { at: *at, what });
            }
        }
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(kinds: &[(u64, EventKind)]) -> Days {
        let mut days = Days::default();
        let all = [(0, EventKind::PhaseStarted { phase: Phase::Disturb })];
        for (id, (second, kind)) in (0..).zip(all.iter().chain(kinds)) {
            let (at, kind) = (SimTime::from_secs(*second), kind.clone());
            days.see(&Event { id, at, node: Some("m".into()), kind });
        }
        days
    }

    fn seconds(moments: &[Moment]) -> Vec<u64> {
        moments.iter().map(|moment| moment.at.as_millis() / 1000).collect()
    }

    #[test]
    fn events_of_one_instant_are_one_moment_and_routine_is_taken_a_few_times_only() {
        let text: Arc<str> = "x".into();
        let scan = |second| (second, EventKind::Logged { process: text.clone(), line: text.clone() });
        let fired = |second| (second, EventKind::CronFired);
        let days = seen(&[scan(1), fired(2), scan(2), scan(3), scan(4), fired(5), fired(6)]);
        assert_eq!(seconds(&days.chosen(None, 2)), [0, 1, 2, 5, 6]);
        assert_eq!(seconds(&days.chosen(Some(1), 2)), [0, 1, 2]);
        assert_eq!(days.size(), (8, 7, 3));
    }

    #[test]
    fn what_happens_when_the_phase_of_faults_is_over_is_no_moment_for_one() {
        let heals = EventKind::PhaseStarted { phase: Phase::Heal };
        let days = seen(&[
            (2, EventKind::CronFired),
            (5, EventKind::CronFired),
            (5, heals),
            (6, EventKind::CronFired),
        ]);
        assert_eq!(seconds(&days.chosen(None, 2)), [0, 2]);
        assert_eq!(days.size().0, 2);
    }

    #[test]
    fn a_process_runs_from_its_start_to_its_end() {
        let process: Arc<str> = "rsync".into();
        let started = EventKind::ProcessStarted { process: process.clone() };
        let why = crate::trace::event::ProcessEnd::Exited;
        let ended = EventKind::ProcessEnded { process: process.clone(), why };
        let days = seen(&[(2, started), (4, ended)]);
        let runs = |second| days.runs(&"m".into(), &process, SimTime::from_secs(second));
        assert_eq!([1, 2, 3, 4, 5].map(runs), [false, true, true, false, false]);
    }
}
