//! Watches a probe: what became of every capability, from the events alone.
//!
//! `serve`, `publish` and `administer` are what clients see. `sync` is the runs of rsync to each worker; one that
//! was due and has not ended half an interval later failed. A worker that is down is not behind: it serves nobody,
//! so that a run to it counts only where no worker is up at all.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use super::account::{Entry, Gone, gone};
use super::probe::Absence;
use crate::capability::Capability;
use crate::checker::Scene;
use crate::time::SimTime;
use crate::trace::event::OpOutcome;
use crate::trace::{Event, EventId, EventKind, NodeName, Sink};

/// Sees the events of one probe. Clones are handles of the same one.
#[derive(Debug, Clone, Default)]
pub(super) struct Watch(Rc<RefCell<Seen>>);

/// What was seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    scene: Scene,
    clients: BTreeMap<Capability, Vec<Entry>>,
    /// For each worker: the run that goes on, and those that have ended.
    syncs: BTreeMap<NodeName, (Option<SimTime>, Vec<Entry>)>,
    fired: Vec<SimTime>,
    /// When each acknowledgement of a publish came.
    acknowledged: BTreeMap<EventId, SimTime>,
    /// Faults that found nothing to act on, and why.
    pub(super) no_effect: Vec<String>,
}

impl Sink for Watch {
    fn take(&mut self, event: &Event) -> io::Result<()> {
        self.0.borrow_mut().see(event);
        Ok(())
    }
}

impl Watch {
    /// What was seen; the run is over.
    pub(super) fn seen(self) -> Seen {
        self.0.take()
    }
}

impl Seen {
    fn see(&mut self, event: &Event) {
        self.scene.see(event);
        match &event.kind {
            EventKind::OpEnded { what, started, outcome, .. } => {
                let Some(capability) = what.capability() else { return };
                let good = *outcome == OpOutcome::Ok;
                if good && capability == Capability::Publish {
                    self.acknowledged.insert(event.id, event.at);
                }
                let entry = Entry { started: *started, ended: event.at, good };
                self.clients.entry(capability).or_default().push(entry);
            }
            EventKind::CronFired => self.fired.push(event.at),
            EventKind::RsyncStarted { worker, .. } => {
                self.syncs.entry(worker.clone()).or_default().0 = Some(event.at);
            }
            EventKind::RsyncEnded { worker, exit_code, .. } => {
                let (began, ended) = self.syncs.entry(worker.clone()).or_default();
                let (started, good) = (began.take().unwrap_or(event.at), *exit_code == 0);
                ended.push(Entry { started, ended: event.at, good });
            }
            EventKind::FaultHadNoEffect { why, .. } => self.no_effect.push(why.to_string()),
            _ => {}
        }
    }

    /// Whether the run exercised a capability at all, from the end of warm-up on.
    pub(super) fn exercised(&self, capability: Capability) -> bool {
        match capability {
            Capability::Sync => self.syncs.values().any(|(_, ended)| !ended.is_empty()),
            _ => self.clients.contains_key(&capability),
        }
    }

    /// The interval of cron: the shortest time between two starts.
    pub(super) fn interval(&self) -> Option<Duration> {
        self.fired.windows(2).map(|pair| pair[1].since(pair[0])).filter(|gap| !gap.is_zero()).min()
    }

    /// The workers that the sync has ever begun with.
    pub(super) fn synced(&self) -> impl Iterator<Item = &NodeName> {
        self.syncs.keys()
    }

    /// When these acknowledgements came.
    pub(super) fn moments_of(&self, acknowledgements: &[EventId]) -> Vec<SimTime> {
        acknowledgements.iter().filter_map(|event| self.acknowledged.get(event)).copied().collect()
    }

    /// How a capability was gone. `normal` is the run in which nothing was missing: it tells how often the sync is
    /// due, and to whom.
    pub(super) fn gone(&self, capability: Capability, absence: Absence, normal: &Seen) -> Option<Gone> {
        let end = self.scene.now;
        match capability {
            Capability::Sync => (normal.synced())
                .filter_map(|worker| gone(self.runs_to(worker, absence, normal), absence, end))
                .reduce(Gone::or),
            _ => gone(self.clients.get(&capability).cloned().unwrap_or_default(), absence, end),
        }
    }

    /// The runs of rsync to a worker that count, those among them that were due and did not end.
    fn runs_to(&self, worker: &NodeName, absence: Absence, normal: &Seen) -> Vec<Entry> {
        let ended = self.syncs.get(worker).map(|(_, ended)| ended.as_slice()).unwrap_or_default();
        let mut runs: Vec<Entry> = Vec::new();
        let judged = self.scene.judged_from().unwrap_or_default();
        let mut due = None;
        let over = Entry { started: self.scene.now, ended: self.scene.now, good: true };
        for run in ended.iter().chain([&over]) {
            if let (Some(interval), Some(mut missed)) = (normal.interval(), due) {
                while missed + interval / 2 < run.ended {
                    runs.push(Entry { started: missed, ended: missed, good: false });
                    missed += interval;
                }
            }
            due = normal.interval().map(|interval| run.ended + interval);
            // What a good run brings is there at its end.
            let started = if run.good { run.ended } else { run.started };
            runs.push(Entry { started, ..*run });
        }
        // The end of the run is no run of rsync.
        runs.pop();
        runs.retain(|run| run.started >= judged.max(SimTime::ZERO) && self.counts(worker, run, absence));
        runs
    }

    fn counts(&self, worker: &NodeName, run: &Entry, absence: Absence) -> bool {
        let down =
            |node: &NodeName| self.scene.was_down(node, run.started) || self.scene.was_down(node, run.ended);
        run.good || run.ended < absence.from || !down(worker) || self.scene.workers.iter().all(down)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Recorder;
    use crate::trace::event::Phase;

    const ABSENCE: Absence = Absence { from: SimTime::from_secs(190), to: SimTime::from_secs(400) };

    /// A run in which cron fires every minute and rsync reaches each worker with these exit statuses.
    fn run(status: impl Fn(u64, &str) -> Option<i32>, down: &[&str]) -> Seen {
        let recorder = Recorder::new();
        let watch = Watch::default();
        recorder.add_sink(watch.clone());
        let workers: Vec<NodeName> = vec!["w1".into(), "w2".into()];
        let started = EventKind::RunStarted {
            scenario: "s".into(),
            seed: 1,
            managers: vec!["m".into()],
            workers: workers.clone(),
            balancers: Vec::new(),
            synced_roots: BTreeMap::new(),
        };
        recorder.record(SimTime::ZERO, None, started);
        recorder.record(SimTime::ZERO, None, EventKind::PhaseStarted { phase: Phase::Disturb });
        let manager = || Some("m".into());
        for minute in 1..=10 {
            let at = SimTime::from_secs(minute * 60);
            if minute == 4 {
                for node in down {
                    recorder.record(at, Some((*node).into()), EventKind::NodeDown);
                }
            }
            recorder.record(at, manager(), EventKind::CronFired);
            for worker in &workers {
                let Some(exit_code) = status(minute, worker) else { continue };
                let (run, worker, target) = (minute, worker.clone(), "t".into());
                let began = EventKind::RsyncStarted { run, worker: worker.clone(), target };
                recorder.record(at, manager(), began);
                let (files, deleted, bytes, message) = (0, 0, 0, "".into());
                let ended = EventKind::RsyncEnded { run, worker, exit_code, files, deleted, bytes, message };
                recorder.record(at, manager(), ended);
            }
        }
        recorder.record(SimTime::from_secs(620), None, EventKind::RunEnded);
        recorder.close();
        watch.seen()
    }

    fn sync_gone(seen: &Seen) -> Option<Gone> {
        seen.gone(Capability::Sync, ABSENCE, &run(|_, _| Some(0), &[]))
    }

    #[test]
    fn a_sync_that_reaches_every_worker_is_not_gone() {
        assert_eq!(sync_gone(&run(|_, _| Some(0), &[])), None);
    }

    #[test]
    fn a_sync_that_fails_to_one_worker_is_gone_until_it_reaches_it_again() {
        let failing =
            |minute, worker: &str| Some(if (4..7).contains(&minute) && worker == "w2" { 12 } else { 0 });
        let gone = sync_gone(&run(failing, &[])).unwrap();
        assert_eq!((gone.failed, gone.back), (3, Some(SimTime::from_secs(420))));
    }

    #[test]
    fn a_run_that_was_due_and_never_began_failed() {
        let gone = sync_gone(&run(|minute, _| (!(4..7).contains(&minute)).then_some(0), &[])).unwrap();
        assert_eq!((gone.from, gone.back), (SimTime::from_secs(240), Some(SimTime::from_secs(420))));
        let never_again = sync_gone(&run(|minute, _| (minute < 4).then_some(0), &[])).unwrap();
        assert_eq!(never_again.back, None);
    }

    #[test]
    fn a_worker_that_is_down_is_not_behind_unless_all_are() {
        let failing = |worker_down: &'static str| {
            move |minute, worker: &str| Some(if minute >= 4 && worker == worker_down { 255 } else { 0 })
        };
        assert_eq!(sync_gone(&run(failing("w1"), &["w1"])), None);
        assert!(sync_gone(&run(failing("w1"), &["w2"])).is_some());
        let both = |minute, _: &str| Some(if minute >= 4 { 255 } else { 0 });
        assert!(sync_gone(&run(both, &["w1", "w2"])).is_some());
    }
}
