//! Availability: was each capability there, how much of the time, and when not.
//!
//! Verifies, of every capability that the run exercised from the end of warm-up on: the share of its operations
//! that ended well, its outages (from the start of the first operation that failed to the start of the first
//! good one), and what claims say of times when something is down or a fault acts.
//!
//! The operations of `serve`, `publish` and `administer` are those of clients; one that ended unknown did not
//! end well. Those of `sync` are the runs of rsync to each worker: one that ended with another exit status than
//! 0 failed, and so did one that was due and had not ended half an interval later, the interval being the
//! usual one between two starts by cron on one node (where there is no cron, no run is ever due). Sync is lost while it is lost to one worker: from the
//! beginning of a bad run, or the moment when one was due, to the end of the next good one.
//!
//! Where no fault acts any more, a server that is still gone or not ready long after is told, too.
//!
//! Does not verify that an answer was the right one (convergence does), nor how long it took. A 404 for an API
//! that somebody has deleted in the run is no failure: whether its return was late is a matter of convergence.

mod at_the_end;
mod unlike;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use self::at_the_end::{every_server_serves, works_at_the_end};
use self::unlike::Unlike;
use super::ledger::{self, Ledger};
use super::{Checker, Scene, Stated, Verdicts, count, held, met};
use crate::capability::Capability;
use crate::expectation::{Claim, Condition, Share};
use crate::report::Judgement;
use crate::signature::plain;
use crate::time::{SimTime, show_span};
use crate::trace::event::OpOutcome;
use crate::trace::{Event, EventId, EventKind, NodeName};
use crate::verdict::{Outage, Status};

const NAME: &str = "availability";

pub(super) const ENTRY: super::Entry = super::Entry {
    name: NAME,
    doc: "was each capability there, how much of the time, and when not",
    judges: |claim| {
        matches!(
            claim,
            Claim::AvailableAtLeast { .. }
                | Claim::OutageAtMost { .. }
                | Claim::LostWhile { .. }
                | Claim::BackAfterLastFault { .. }
        )
    },
    make: || Box::<Availability>::default(),
};

#[derive(Default)]
struct Availability {
    clients: BTreeMap<Capability, Stream>,
    /// Calls of deleted APIs that were answered with 404.
    not_judged: u64,
    syncs: BTreeMap<NodeName, Sync>,
    cron: Cron,
    unlike: Unlike,
}

/// The operations of one capability, put back into the order of their starts.
#[derive(Default)]
struct Stream {
    waiting: VecDeque<(u64, SimTime, Option<Ended>)>,
    ledger: Ledger,
}

/// An operation that has ended; none when it is not judged.
type Ended = Option<ledger::Entry>;

/// How often the sync is started.
#[derive(Default)]
struct Cron {
    /// When it last started something, a node.
    last: BTreeMap<NodeName, SimTime>,
    /// How often each distance between two starts on one node was seen, in whole seconds.
    distances: BTreeMap<u64, u64>,
}

/// The runs of rsync to one worker.
#[derive(Default)]
struct Sync {
    /// The script's run whose rsync began last, and when it did.
    began: Option<(u64, SimTime)>,
    /// When the next run should have ended.
    due: Option<SimTime>,
    ledger: Ledger,
}

impl Checker for Availability {
    fn observe(&mut self, event: &Event, scene: &Scene) {
        self.unlike.observe(event, scene);
        match &event.kind {
            EventKind::OpStarted { op, what } => {
                if let Some(capability) = what.capability() {
                    let stream = self.clients.entry(capability).or_default();
                    stream.waiting.push_back((*op, event.at, None));
                }
            }
            EventKind::OpEnded { op, what, started, outcome, status, error, .. } => {
                let Some(capability) = what.capability() else { return };
                let judged = if scene.is_gone(what, *status) {
                    self.not_judged += 1;
                    None
                } else {
                    let error = (*outcome != OpOutcome::Ok).then(|| met(error, *status));
                    Some(ledger::Entry { started: *started, ended: event.at, event: event.id, error })
                };
                self.clients.entry(capability).or_default().end(*op, judged, scene);
            }
            EventKind::CronFired => self.cron.fired(event.node.as_ref(), event.at),
            EventKind::RsyncStarted { run, worker, .. } => {
                let sync = self.syncs.entry(worker.clone()).or_default();
                sync.note_missed(event.at, event.id, self.cron.interval(), scene);
                sync.began = Some((*run, event.at));
            }
            EventKind::RsyncEnded { run, worker, exit_code, message, .. } => {
                let sync = self.syncs.entry(worker.clone()).or_default();
                sync.note_missed(event.at, event.id, self.cron.interval(), scene);
                sync.due = self.cron.interval().map(|interval| event.at + interval);
                sync.end(*run, event, *exit_code, message, scene);
            }
            _ => {}
        }
    }

    fn judge(&mut self, scene: &Scene, claims: &[Stated]) -> Judgement {
        for sync in self.syncs.values_mut() {
            // One that never ended is due, and late, at the end of the run too.
            sync.note_missed(scene.now, scene.last, self.cron.interval(), scene);
        }
        let mut judgement = Judgement::default();
        let mut verdicts = Verdicts::of(NAME);
        for stated in claims {
            self.judge_claim(stated, scene, &mut verdicts);
        }
        for capability in Capability::ALL {
            let streams = self.streams(capability);
            if streams.iter().all(|(_, ledger)| ledger.ok + ledger.failed == 0) {
                continue;
            }
            if !claims.iter().any(|stated| capability_of(&stated.claim) == Some(capability)) {
                works_at_the_end(capability, &streams, scene, &self.unlike, &mut verdicts);
            }
            outages(capability, &streams, scene, &mut judgement);
            metrics(capability, &streams, scene, &mut judgement);
        }
        every_server_serves(scene, &mut verdicts);
        if self.not_judged > 0 {
            judgement.metrics.insert("calls_of_deleted_apis_not_found".into(), self.not_judged);
        }
        judgement.outages.sort_by_key(|outage| (outage.from, outage.capability));
        judgement.verdicts = verdicts.list;
        judgement
    }
}

impl Availability {
    /// The ledgers of a capability, each with the worker that it is about.
    fn streams(&self, capability: Capability) -> Vec<(Option<&NodeName>, &Ledger)> {
        match capability {
            Capability::Sync => {
                self.syncs.iter().map(|(worker, sync)| (Some(worker), &sync.ledger)).collect()
            }
            _ => self.clients.get(&capability).map(|stream| (None, &stream.ledger)).into_iter().collect(),
        }
    }

    fn judge_claim(&self, stated: &Stated, scene: &Scene, verdicts: &mut Verdicts) {
        let Some(capability) = capability_of(&stated.claim) else { return };
        let streams = self.streams(capability);
        let (text, some) = (stated.text.as_str(), Some(capability));
        let (ok, failed) = totals(&streams);
        if ok + failed == 0 {
            let summary = format!("the run has no {} from the end of warm-up on", plural(capability));
            verdicts.add(text, some, Status::Unknown, summary, []);
            return;
        }
        let longest = streams.iter().map(|(_, ledger)| ledger.longest(scene.now)).max().unwrap_or_default();
        let first_losses = || streams.iter().flat_map(|(_, ledger)| ledger.losses.iter());
        // What was never lost is proved by the last that ended well.
        let or_last_good = |evidence: Vec<EventId>| match evidence.is_empty() {
            true => streams.iter().filter_map(|(_, ledger)| ledger.last_good).collect(),
            false => evidence,
        };
        match &stated.claim {
            Claim::AvailableAtLeast { share, .. } => {
                let reached = Share::of(ok, ok + failed).unwrap_or(Share(0));
                let summary = format!("{reached} of {} ended well", of(capability, ok + failed));
                let evidence = first_losses().flat_map(|loss| loss.evidence.first().copied());
                let evidence = or_last_good(evidence.collect());
                verdicts.add(text, some, held(reached >= *share), summary, evidence);
                verdicts.because(worst_met(&streams, scene));
            }
            Claim::OutageAtMost { span, .. } => {
                let longer = streams.iter().flat_map(|(_, ledger)| ledger.longer_than(*span, scene.now));
                let evidence: Vec<EventId> = longer.collect();
                let good = failed == 0 || (!span.is_zero() && longest <= *span);
                let summary = match failed {
                    0 => format!("all {} ended well", of(capability, ok)),
                    _ => format!(
                        "{failed} of {} failed; the longest outage lasted {}",
                        of(capability, ok + failed),
                        show_span(longest)
                    ),
                };
                verdicts.add(text, some, held(good), summary, or_last_good(evidence));
                verdicts.because(worst_met(&streams, scene));
            }
            Claim::LostWhile { condition, back_within, .. } => {
                let (status, summary, evidence) =
                    lost_while(capability, &streams, scene, condition, *back_within);
                verdicts.add(text, some, status, summary, evidence);
                verdicts.because(match streams.iter().find_map(|(_, ledger)| ledger.open_loss()) {
                    Some(loss) => format!("not back: {}", plain(&loss.met)),
                    None => "it works in that time, or is back too late".to_owned(),
                });
            }
            Claim::BackAfterLastFault { within, .. } => {
                let (status, summary, evidence) = back_after_calm(&streams, scene, *within);
                verdicts.add(text, some, status, summary, evidence);
                verdicts.because(match streams.iter().find_map(|(_, ledger)| ledger.open_loss()) {
                    Some(loss) => format!("not back: {}", plain(&loss.met)),
                    None => "back too late".to_owned(),
                });
            }
            _ => {}
        }
    }
}

impl Stream {
    fn end(&mut self, op: u64, ended: Ended, scene: &Scene) {
        match self.waiting.binary_search_by_key(&op, |(op, ..)| *op) {
            Ok(place) => self.waiting[place].2 = Some(ended),
            // Its start is not in the trace: it is taken as it comes.
            Err(_) => self.add(ended, scene),
        }
        while let Some((_, _, Some(_))) = self.waiting.front() {
            let Some((_, _, Some(ended))) = self.waiting.pop_front() else { break };
            self.add(ended, scene);
        }
    }

    fn add(&mut self, ended: Ended, scene: &Scene) {
        if let Some(entry) = ended
            && scene.is_judged(entry.started)
        {
            self.ledger.add(&entry, scene);
        }
    }
}

/// How many seconds early or late, against the time before, cron may start what is due.
const WAKES_WITHIN: u64 = 3;

impl Cron {
    fn fired(&mut self, node: Option<&NodeName>, at: SimTime) {
        let Some(node) = node else { return };
        if let Some(last) = self.last.insert(node.clone(), at) {
            let seconds = (at.since(last) + Duration::from_millis(500)).as_secs();
            *self.distances.entry(seconds).or_default() += 1;
        }
    }

    /// The time between two starts that was seen most often, the shorter one of two: a clock that jumps, an outage
    /// and a second node with a cron of its own make others. Programs that wake up late spread it by some seconds.
    fn interval(&self) -> Option<Duration> {
        let seen = self.distances.keys().copied().filter(|seconds| *seconds > 0);
        let near = |seconds: u64| seconds.saturating_sub(WAKES_WITHIN)..=seconds + WAKES_WITHIN;
        let like = |seconds: u64| self.distances.range(near(seconds)).map(|(_, count)| *count).sum::<u64>();
        let exactly = |seconds: u64| self.distances[&seconds];
        let usual = seen.max_by_key(|&seconds| (like(seconds), exactly(seconds), std::cmp::Reverse(seconds)));
        usual.map(Duration::from_secs)
    }
}

impl Sync {
    fn end(&mut self, run: u64, event: &Event, exit_code: i32, message: &str, scene: &Scene) {
        // The first line says what happened; what follows says it of more files, or what rsync made of it.
        let error = (exit_code != 0).then(|| match message.lines().next() {
            None => Arc::from(format!("rsync ended with {exit_code}")),
            Some(line) => Arc::from(format!("rsync ended with {exit_code}: {line}")),
        });
        // What a good run brings is there at its end; a bad one is bad from its beginning.
        let began = self.began.filter(|(last, _)| *last == run).map_or(event.at, |(_, at)| at);
        let started = if error.is_none() { event.at } else { began };
        if scene.is_judged(started) {
            let entry = ledger::Entry { started, ended: event.at, event: event.id, error };
            self.ledger.add(&entry, scene);
        }
    }

    /// Adds a failure for each run that should have ended half an interval before `now`, and had not.
    fn note_missed(&mut self, now: SimTime, event: EventId, interval: Option<Duration>, scene: &Scene) {
        let (Some(interval), Some(mut due)) = (interval, self.due) else { return };
        while due + interval / 2 < now {
            if scene.is_judged(due) {
                let error = Some("no run of rsync had ended when one was due".into());
                self.ledger.add(&ledger::Entry { started: due, ended: due, event, error }, scene);
            }
            due += interval;
        }
        self.due = Some(due);
    }
}

fn lost_while(
    capability: Capability,
    streams: &[(Option<&NodeName>, &Ledger)],
    scene: &Scene,
    condition: &Condition,
    back_within: Option<Duration>,
) -> (Status, String, Vec<EventId>) {
    let windows = scene.windows_of(condition);
    if windows.is_empty() {
        return (Status::Unknown, "this never was so in the run".to_owned(), Vec::new());
    }
    let what = plural(capability);
    let (mut status, mut evidence, mut said) = (Status::Pass, Vec::new(), Vec::new());
    let mut worst = |new: Status| status = status.max(new);
    for (id, window) in windows {
        let mut seen: Vec<(Option<&NodeName>, ledger::InWindow)> = streams
            .iter()
            .map(|(worker, ledger)| (*worker, ledger.windows.get(&id).cloned().unwrap_or_default()))
            .collect();
        // Sync is lost as soon as it is lost to one worker: the others' runs say nothing.
        if capability == Capability::Sync && seen.iter().any(|(_, seen)| seen.ok == 0 && seen.failed > 0) {
            seen.retain(|(_, seen)| seen.ok == 0 && seen.failed > 0);
        }
        let ok: u64 = seen.iter().map(|(_, seen)| seen.ok).sum();
        let failed: u64 = seen.iter().map(|(_, seen)| seen.failed).sum();
        let from = show_span(window.from.since(SimTime::ZERO));
        if ok > 0 {
            worst(Status::Fail);
            said.push(format!("from {from} on, {ok} of {} {what} ended well", ok + failed));
            evidence.extend(seen.iter().filter_map(|(_, seen)| seen.first_ok));
            continue;
        }
        if failed == 0 {
            worst(Status::Unknown);
            said.push(format!("no {} fell into the time from {from} on", singular(capability)));
            continue;
        }
        said.push(format!("all {failed} {what} from {from} on failed"));
        evidence.extend(seen.iter().filter_map(|(_, seen)| seen.first_failed));
        let Some(within) = back_within else { continue };
        let Some(to) = window.to else {
            worst(Status::Unknown);
            said.push("it was so until the run ended".to_owned());
            continue;
        };
        for (_, seen) in seen {
            match seen.back {
                Some((at, event)) => {
                    worst(held(at.since(to) <= within));
                    said.push(format!("back {} after", show_span(at.since(to))));
                    evidence.push(event);
                }
                None => {
                    worst(held(false));
                    said.push("not back before the run ended".to_owned());
                }
            }
        }
    }
    said.dedup();
    (status, said.join("; "), evidence)
}

fn back_after_calm(
    streams: &[(Option<&NodeName>, &Ledger)],
    scene: &Scene,
    within: Duration,
) -> (Status, String, Vec<EventId>) {
    let Some(calm) = scene.calm_since() else {
        return (Status::Unknown, "a fault acted until the run ended".to_owned(), Vec::new());
    };
    let (mut status, mut evidence, mut latest) = (Status::Pass, Vec::new(), Duration::ZERO);
    for (_, ledger) in streams {
        match ledger.calm {
            Some((since, at, event)) if since == calm => {
                latest = latest.max(at.since(calm));
                evidence.push(event);
            }
            _ => status = Status::Fail,
        }
    }
    if status == Status::Fail {
        return (status, "not back before the run ended".to_owned(), evidence);
    }
    let summary = format!("back {} after the last fault ended", show_span(latest));
    (held(latest <= within), summary, evidence)
}

fn outages(
    capability: Capability,
    streams: &[(Option<&NodeName>, &Ledger)],
    scene: &Scene,
    judgement: &mut Judgement,
) {
    for (worker, ledger) in streams {
        let prefix = worker.map(|worker| format!("{worker}: ")).unwrap_or_default();
        for loss in &ledger.losses {
            let again = match loss.rows {
                1 => String::new(),
                _ => format!("; {} failed between good ones", count(loss.failed, singular(capability))),
            };
            judgement.outages.push(Outage {
                capability,
                from: loss.from,
                to: loss.to.unwrap_or(scene.now),
                ended: loss.to.is_some(),
                cause: format!("{prefix}{}{again}", loss.cause),
                evidence: loss.evidence.clone(),
            });
        }
    }
}

fn metrics(
    capability: Capability,
    streams: &[(Option<&NodeName>, &Ledger)],
    scene: &Scene,
    judgement: &mut Judgement,
) {
    let (ok, failed) = totals(streams);
    let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    let longest = streams.iter().map(|(_, ledger)| millis(ledger.longest(scene.now))).max().unwrap_or(0);
    let total: u64 = streams.iter().map(|(_, ledger)| millis(ledger.total(scene.now))).sum();
    let share = Share::of(ok, ok + failed).unwrap_or(Share(0));
    for (what, value) in [
        ("operations", ok + failed),
        ("failed", failed),
        ("available_ppm", u64::from(share.0)),
        ("outage_ms_max", longest),
        ("outage_ms_total", total),
    ] {
        judgement.metrics.insert(format!("{capability}_{what}").into(), value);
    }
    let dropped: u64 = streams.iter().map(|(_, ledger)| ledger.dropped).sum();
    if dropped > 0 {
        judgement.metrics.insert(format!("{capability}_outages_not_listed").into(), dropped);
    }
}

/// What the longest loss of all streams met first, without names and figures.
fn worst_met(streams: &[(Option<&NodeName>, &Ledger)], scene: &Scene) -> String {
    let worst = streams.iter().filter_map(|(_, ledger)| ledger.worst_met(scene.now));
    worst.max_by_key(|(span, _)| *span).map_or_else(String::new, |(_, met)| plain(met))
}

fn totals(streams: &[(Option<&NodeName>, &Ledger)]) -> (u64, u64) {
    streams.iter().fold((0, 0), |(ok, failed), (_, ledger)| (ok + ledger.ok, failed + ledger.failed))
}

fn capability_of(claim: &Claim) -> Option<Capability> {
    match claim {
        Claim::AvailableAtLeast { capability, .. }
        | Claim::OutageAtMost { capability, .. }
        | Claim::LostWhile { capability, .. }
        | Claim::BackAfterLastFault { capability, .. } => Some(*capability),
        _ => None,
    }
}

fn of(capability: Capability, number: u64) -> String {
    count(number, singular(capability))
}

fn singular(capability: Capability) -> &'static str {
    match capability {
        Capability::Serve => "call",
        Capability::Publish => "publish",
        Capability::Sync => "sync run",
        Capability::Administer => "console visit",
    }
}

fn plural(capability: Capability) -> &'static str {
    match capability {
        Capability::Serve => "calls",
        Capability::Publish => "publishes",
        Capability::Sync => "sync runs",
        Capability::Administer => "console visits",
    }
}

fn name(capability: Capability) -> &'static str {
    match capability {
        Capability::Serve => "traffic",
        Capability::Publish => "publishing",
        Capability::Sync => "sync",
        Capability::Administer => "administration",
    }
}
