//! What every checker needs to know of a run at any moment: who is who, which phase it is, what acts, what is
//! down, how the workers' files run behind the manager's, and when the conditions held that claims name. Put
//! together from the trace alone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::Stated;
use super::follow::Follow;
use crate::expectation::{Condition, Role, Who, Workers, understand};
use crate::time::SimTime;
use crate::trace::event::{OpKind, Phase, ProcessEnd};
use crate::trace::{Event, EventId, EventKind, NodeName};

/// The kind of fault under which a process can open nothing.
const NO_DESCRIPTORS: &str = "out-of-descriptors";
/// No more windows of one thing are kept: a run that flaps more often is told in counts.
const WINDOWS_MAX: usize = 10_000;

/// A time in which something was so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Its beginning.
    pub from: SimTime,
    /// Its end; none while it lasts.
    pub to: Option<SimTime>,
    /// The event that began it.
    pub began: EventId,
    /// The event that ended it.
    pub ended: Option<EventId>,
}

impl Window {
    /// Whether a moment lies in it.
    pub fn holds(&self, at: SimTime) -> bool {
        self.from <= at && self.to.is_none_or(|to| at < to)
    }
}

/// A time in which a fault acted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultWindow {
    /// The fault's name.
    pub name: Arc<str>,
    /// Its kind.
    pub kind: Arc<str>,
    /// The nodes that it acts on.
    pub nodes: Vec<NodeName>,
    /// When.
    pub window: Window,
}

impl FaultWindow {
    /// How outages call it: `manager-off (power-off on manager)`.
    pub fn told(&self) -> String {
        format!("{} ({} on {})", self.name, self.kind, self.nodes.join(", "))
    }
}

/// When a condition of a claim held.
#[derive(Debug)]
struct Watched {
    condition: Condition,
    windows: Vec<Window>,
}

/// What is known of a run at one moment.
#[derive(Debug, Default)]
pub struct Scene {
    /// Manager nodes.
    pub managers: Vec<NodeName>,
    /// Worker nodes.
    pub workers: Vec<NodeName>,
    /// Balancer nodes.
    pub balancers: Vec<NodeName>,
    /// The folder that the sync carries, and where it lands.
    pub roots: BTreeMap<NodeName, Arc<str>>,
    /// The moment of the last event.
    pub now: SimTime,
    /// The last event.
    pub last: EventId,
    /// The claims of the scenario that are understood.
    pub claims: Vec<Stated>,
    /// Sentences of the trace that are not understood.
    pub not_understood: Vec<String>,
    /// APIs that somebody has begun to delete in the run.
    deleted: BTreeSet<Arc<str>>,
    judged_from: Option<SimTime>,
    disturb_ended: Option<SimTime>,
    faults: Vec<FaultWindow>,
    /// Servers, and whether they run: whatever has ever said that it is ready.
    servers: BTreeMap<(NodeName, Arc<str>), bool>,
    /// Those that ended by themselves while they had no file descriptor, and were not started since.
    out_of_descriptors: BTreeSet<(NodeName, Arc<str>)>,
    /// When those that were started again were last starting: until they were ready, or ended.
    starts: BTreeMap<(NodeName, Arc<str>), Window>,
    machines_down: BTreeSet<NodeName>,
    downs: BTreeMap<NodeName, Vec<Window>>,
    watched: Vec<Watched>,
    /// Where the last event happened, and the file below a synced folder that it says has changed: most checkers ask.
    on_manager: bool,
    on_worker: bool,
    changed_file: Option<Arc<str>>,
    follow: Follow,
}

impl Scene {
    /// Sees one event.
    pub fn see(&mut self, event: &Event) {
        (self.now, self.last) = (event.at, event.id);
        // Operations, the most frequent events by far, happen at clients and balancers, and change neither files nor faults.
        let is_operation = matches!(
            event.kind,
            EventKind::OpStarted { .. } | EventKind::OpEnded { .. } | EventKind::UpstreamTried { .. }
        );
        if is_operation {
            (self.on_manager, self.on_worker, self.changed_file) = (false, false, None);
        } else {
            self.look_where(event);
        }
        self.look_what(event);
        if !is_operation {
            let mut follow = std::mem::take(&mut self.follow);
            follow.see(event, self);
            self.follow = follow;
        }
    }

    fn look_where(&mut self, event: &Event) {
        let is_among = |nodes: &[NodeName]| event.node.as_ref().is_some_and(|node| nodes.contains(node));
        (self.on_manager, self.on_worker) = (is_among(&self.managers), is_among(&self.workers));
        self.changed_file = match (&event.kind, &event.node) {
            (EventKind::FileChanged { path, .. }, Some(node)) => self.below_root(node, path).map(Arc::from),
            _ => None,
        };
    }

    fn look_what(&mut self, event: &Event) {
        match &event.kind {
            EventKind::RunStarted { managers, workers, balancers, synced_roots, .. } => {
                self.managers.clone_from(managers);
                self.workers.clone_from(workers);
                self.balancers.clone_from(balancers);
                self.roots.clone_from(synced_roots);
            }
            EventKind::RunPlanned { expectations, .. } => self.understand(expectations),
            EventKind::PhaseStarted { phase } => {
                if *phase >= Phase::Disturb {
                    self.judged_from.get_or_insert(event.at);
                }
                if *phase >= Phase::Heal {
                    self.disturb_ended.get_or_insert(event.at);
                }
            }
            EventKind::FaultBegan { fault, fault_kind, nodes } if self.faults.len() < WINDOWS_MAX => {
                let (name, kind, nodes) = (fault.clone(), fault_kind.clone(), nodes.clone());
                self.faults.push(FaultWindow { name, kind, nodes, window: opened(event) });
            }
            EventKind::FaultEnded { fault } => {
                for acting in self.faults.iter_mut().filter(|acting| acting.name == *fault) {
                    close(&mut acting.window, event);
                }
            }
            EventKind::FaultHadNoEffect { fault, .. } => self.had_no_effect(event, fault),
            EventKind::OpStarted { what: OpKind::Delete { api, .. }, .. } => {
                self.deleted.insert(api.clone());
            }
            EventKind::NodeUp { .. } => self.machine(event, true),
            EventKind::NodeDown => self.machine(event, false),
            EventKind::ProcessReady { process } => {
                self.starting(event, process, false);
                self.server(event, process, true, true);
            }
            EventKind::ProcessStarted { process } => {
                self.starting(event, process, true);
                self.server(event, process, true, false);
            }
            EventKind::ProcessEnded { process, why } => {
                self.starting(event, process, false);
                self.server(event, process, false, false);
                self.ended(event, process, *why);
            }
            _ => return,
        }
        self.watch(event);
    }

    /// Whether the last event happened on a manager.
    pub fn is_on_manager(&self) -> bool {
        self.on_manager
    }

    /// Whether the last event happened on a worker.
    pub fn is_on_worker(&self) -> bool {
        self.on_worker
    }

    /// The path, below its node's synced folder, of the file that the last event says has changed, if it says so.
    pub fn changed_file(&self) -> Option<&Arc<str>> {
        self.changed_file.as_ref()
    }

    /// How the workers' files run behind the manager's.
    pub(super) fn follow(&self) -> &Follow {
        &self.follow
    }

    /// Whether what begins at this moment is judged: a cluster's start is not.
    pub fn is_judged(&self, at: SimTime) -> bool {
        self.judged_from.is_some_and(|from| at >= from)
    }

    /// From when on it is judged; none until then.
    pub fn judged_from(&self) -> Option<SimTime> {
        self.judged_from
    }

    /// Whether this is the answer to a call, or to another deletion, of an API that somebody has deleted in the run: not
    /// found. It is no failure, even where the API's return is late: how late, convergence tells.
    pub fn is_gone(&self, what: &OpKind, status: Option<u16>) -> bool {
        let (OpKind::Call { api } | OpKind::Delete { api, .. }) = what else { return false };
        status == Some(404) && self.deleted.contains(api)
    }

    /// Whether a node's machine or one of its servers was down at a moment that is past.
    pub fn was_down(&self, node: &str, at: SimTime) -> bool {
        self.downs.get(node).is_some_and(|windows| windows.iter().rev().any(|window| window.holds(at)))
    }

    /// Whether a node's machine or one of its servers is down.
    pub fn is_down(&self, node: &str) -> bool {
        self.downs.get(node).and_then(|windows| windows.last()).is_some_and(|window| window.to.is_none())
    }

    /// The servers that do not serve: they have ended, or their machine has no power, or they were started more than
    /// `most` ago and are not ready. Each with why, and the last event that is known of it.
    pub fn not_serving(&self, most: Duration) -> Vec<(NodeName, &'static str, EventId)> {
        let mut found = Vec::new();
        for ((node, process), runs) in &self.servers {
            let began = self.downs.get(node).and_then(|windows| windows.last()).map(|window| window.began);
            let start = self.starts.get(&(node.clone(), process.clone()));
            match start.filter(|window| window.to.is_none()) {
                _ if self.machines_down.contains(node) => {
                    found.push((node.clone(), "its machine has no power", began.unwrap_or(self.last)));
                }
                _ if !runs => {
                    let why = match self.out_of_descriptors.contains(&(node.clone(), process.clone())) {
                        true => "it ended for want of a file descriptor",
                        false => "it does not run",
                    };
                    found.push((node.clone(), why, began.unwrap_or(self.last)));
                }
                Some(start) if self.now.since(start.from) > most => {
                    found.push((node.clone(), "it was started and is not ready", start.began));
                }
                _ => {}
            }
        }
        found
    }

    /// Whether a server of these nodes was starting at a moment that is past, and had not been for longer than `most`. Only
    /// its last start is known.
    pub fn was_starting(&self, nodes: &[NodeName], at: SimTime, most: Duration) -> bool {
        let starting = |window: &Window| window.holds(at) && at.since(window.from) <= most;
        self.starts.iter().any(|((node, _), window)| nodes.contains(node) && starting(window))
    }

    /// When the last fault ended, and the event, if none acts now. In a run without faults that have acted, the
    /// end of the disturb phase stands for it.
    pub fn calm_since(&self) -> Option<SimTime> {
        if self.faults.iter().any(|fault| fault.window.to.is_none()) {
            return None;
        }
        self.faults.iter().filter_map(|fault| fault.window.to).max().or(self.disturb_ended)
    }

    /// The faults that acted at some moment of this span of time.
    pub fn acted(&self, from: SimTime, to: SimTime) -> Vec<&FaultWindow> {
        let overlaps = |window: &Window| window.from <= to && window.to.is_none_or(|end| end > from);
        self.faults.iter().filter(|fault| overlaps(&fault.window)).collect()
    }

    /// The fault that ended last before a moment.
    pub fn ended_before(&self, at: SimTime) -> Option<&FaultWindow> {
        let ended = self.faults.iter().filter(|fault| fault.window.to.is_some_and(|to| to <= at));
        ended.max_by_key(|fault| fault.window.to)
    }

    /// The windows of a condition that one of the claims names.
    pub fn windows(&self, condition: &Condition) -> &[Window] {
        let watched = self.watched.iter().find(|watched| same(&watched.condition, condition));
        watched.map_or(&[], |watched| &watched.windows)
    }

    /// The windows, of all conditions that claims name, in which a moment lies: as places in lists that only
    /// grow.
    pub fn windows_at(&self, at: SimTime) -> impl Iterator<Item = WindowId> + '_ {
        self.all_windows().filter(move |(_, window)| window.holds(at)).map(|(id, _)| id)
    }

    /// All windows of all conditions that claims name.
    pub fn all_windows(&self) -> impl Iterator<Item = (WindowId, &Window)> {
        self.watched.iter().enumerate().flat_map(|(condition, watched)| {
            watched.windows.iter().enumerate().map(move |(number, window)| ((condition, number), window))
        })
    }

    /// The windows of a condition, with their places.
    pub fn windows_of(&self, condition: &Condition) -> Vec<(WindowId, Window)> {
        let watched = self.watched.iter().position(|watched| same(&watched.condition, condition));
        let Some(place) = watched else { return Vec::new() };
        let windows = self.watched[place].windows.iter().enumerate();
        windows.map(|(number, window)| ((place, number), *window)).collect()
    }

    /// The workers that a claim is about.
    pub fn chosen(&self, workers: &Workers) -> Vec<NodeName> {
        match workers {
            Workers::All => self.workers.clone(),
            Workers::Named(names) => names.iter().map(|named| named.name.as_str().into()).collect(),
        }
    }

    /// A path below its node's synced folder.
    fn below_root<'p>(&self, node: &str, path: &'p str) -> Option<&'p str> {
        let root = self.roots.get(node)?.trim_end_matches('/');
        path.strip_prefix(root)?.strip_prefix('/')
    }

    fn understand(&mut self, expectations: &[Arc<str>]) {
        for text in expectations {
            match understand(text) {
                Ok(claim) => {
                    if let Some(condition) = claim.condition()
                        && !self.watched.iter().any(|watched| same(&watched.condition, condition))
                    {
                        self.watched.push(Watched { condition: condition.clone(), windows: Vec::new() });
                    }
                    self.claims.push(Stated { text: text.to_string(), claim });
                }
                Err(_) => self.not_understood.push(text.to_string()),
            }
        }
    }

    /// Where a fault did nothing, nothing is its work; where it did nothing anywhere, it never acted.
    fn had_no_effect(&mut self, event: &Event, fault: &str) {
        self.faults.retain_mut(|acting| {
            if *acting.name != *fault || acting.window.to.is_some() {
                return true;
            }
            match &event.node {
                Some(node) => acting.nodes.retain(|other| other != node),
                None => acting.nodes.clear(),
            }
            !acting.nodes.is_empty()
        });
    }

    fn machine(&mut self, event: &Event, up: bool) {
        let Some(node) = &event.node else { return };
        if up {
            self.machines_down.remove(node);
        } else {
            self.machines_down.insert(node.clone());
            // Its servers are gone with it, whether their ends were recorded or not.
            for ((of, _), runs) in &mut self.servers {
                *runs &= of != node;
            }
        }
        self.note_down(event, node);
    }

    fn starting(&mut self, event: &Event, process: &Arc<str>, starts: bool) {
        let Some(node) = &event.node else { return };
        let key = (node.clone(), process.clone());
        // Only what was ready once will be ready again.
        if starts && self.servers.contains_key(&key) {
            self.starts.insert(key, opened(event));
        } else if let Some(start) = self.starts.get_mut(&key) {
            close(start, event);
        }
    }

    fn ended(&mut self, event: &Event, process: &Arc<str>, why: ProcessEnd) {
        let Some(node) = &event.node else { return };
        let lacks = |fault: &FaultWindow| {
            fault.window.to.is_none() && *fault.kind == *NO_DESCRIPTORS && fault.nodes.contains(node)
        };
        if why == ProcessEnd::Crashed && self.faults.iter().any(lacks) {
            self.out_of_descriptors.insert((node.clone(), process.clone()));
        }
    }

    fn server(&mut self, event: &Event, process: &Arc<str>, runs: bool, is_server: bool) {
        let Some(node) = &event.node else { return };
        let key = (node.clone(), process.clone());
        if runs {
            self.out_of_descriptors.remove(&key);
        }
        if is_server {
            self.servers.insert(key, runs);
        } else if let Some(known) = self.servers.get_mut(&key) {
            *known = runs;
        }
        self.note_down(event, node);
    }

    fn note_down(&mut self, event: &Event, node: &NodeName) {
        let dead_server = self.servers.iter().any(|((of, _), runs)| of == node && !runs);
        let down = self.machines_down.contains(node) || dead_server;
        toggle(self.downs.entry(node.clone()).or_default(), down, event);
    }

    fn watch(&mut self, event: &Event) {
        let mut watched = std::mem::take(&mut self.watched);
        for watched in &mut watched {
            let holds = self.is_judged(event.at) && self.holds(&watched.condition);
            toggle(&mut watched.windows, holds, event);
        }
        self.watched = watched;
    }

    fn holds(&self, condition: &Condition) -> bool {
        let acts = |fault: &FaultWindow| fault.window.to.is_none();
        match condition {
            Condition::AnyFault => self.faults.iter().any(acts),
            Condition::Fault(named) => {
                self.faults.iter().any(|fault| *fault.name == *named.name && acts(fault))
            }
            Condition::Down(Who::Any(role)) => self.of_role(*role).iter().any(|node| self.is_down(node)),
            Condition::Down(Who::All(role)) => self.all_down(self.of_role(*role)),
            Condition::Down(Who::Node(named)) => {
                let known = [&self.managers, &self.workers, &self.balancers];
                let is_node = known.into_iter().flatten().any(|node| **node == *named.name)
                    || self.downs.contains_key(named.name.as_str());
                match Role::of(&named.name) {
                    Some(role) if !is_node => self.all_down(self.of_role(role)),
                    _ => self.is_down(&named.name),
                }
            }
        }
    }

    fn of_role(&self, role: Role) -> &[NodeName] {
        match role {
            Role::Manager => &self.managers,
            Role::Worker => &self.workers,
            Role::Balancer => &self.balancers,
            Role::Client => &[],
        }
    }

    fn all_down(&self, nodes: &[NodeName]) -> bool {
        !nodes.is_empty() && nodes.iter().all(|node| self.is_down(node))
    }
}

/// The place of a window: of which condition, and which of its windows.
pub type WindowId = (usize, usize);

fn opened(event: &Event) -> Window {
    Window { from: event.at, to: None, began: event.id, ended: None }
}

fn close(window: &mut Window, event: &Event) {
    if window.to.is_none() {
        (window.to, window.ended) = (Some(event.at), Some(event.id));
    }
}

fn toggle(windows: &mut Vec<Window>, holds: bool, event: &Event) {
    let room = windows.len() < WINDOWS_MAX;
    let open = windows.last_mut().filter(|window| window.to.is_none());
    match (open, holds) {
        (Some(open), false) => close(open, event),
        (None, true) if room => windows.push(opened(event)),
        _ => {}
    }
}

/// Whether two conditions are the same, wherever their names stand in their sentences.
fn same(one: &Condition, other: &Condition) -> bool {
    match (one, other) {
        (Condition::Fault(one), Condition::Fault(other)) => one.name == other.name,
        (Condition::Down(Who::Node(one)), Condition::Down(Who::Node(other))) => one.name == other.name,
        _ => one == other,
    }
}
