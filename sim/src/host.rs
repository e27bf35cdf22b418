//! A machine: an address, a disk, a wall clock, names of other machines, and the processes that run on it.

use std::cell::{Cell, Ref, RefCell, RefMut};
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use harness::time::SimTime;
use harness::trace::event::ProcessEnd;
use harness::trace::uses::Use;
use harness::trace::{EventKind, NodeName};

use crate::clock::WallClock;
use crate::config::HostsFile;
use crate::disk::Disk;
use crate::engine::{Core, StoodStill};
use crate::fs::Fs;
use crate::network::HostIndex;
use crate::process::Process;
use crate::processor::{Processor, Work};

/// What a host is made from.
#[derive(Debug)]
pub struct HostSpec {
    /// Its name.
    pub name: NodeName,
    /// Its only address, beside loopback.
    pub address: IpAddr,
    /// What it knows of names.
    pub names: HostsFile,
    /// Its disk.
    pub disk: Disk,
}

/// A machine. Clones are handles of the same one.
#[derive(Debug, Clone)]
pub struct Host(Rc<Inner>);

#[derive(Debug)]
struct Inner {
    core: Rc<Core>,
    index: HostIndex,
    name: NodeName,
    address: IpAddr,
    names: RefCell<HostsFile>,
    disk: RefCell<Disk>,
    clock: Cell<WallClock>,
    /// How long it has stood still altogether.
    stood_still: StoodStill,
    /// Since when it stands still.
    frozen_since: Cell<Option<SimTime>>,
    processor: Rc<Processor>,
    /// How much longer than nothing each access to the disk takes.
    disk_delay: Cell<Duration>,
    processes: RefCell<Vec<Process>>,
}

impl Host {
    pub(crate) fn new(core: &Rc<Core>, index: usize, spec: HostSpec) -> Self {
        let mut disk = spec.disk;
        disk.record_changes(true);
        Self(Rc::new(Inner {
            core: Rc::clone(core),
            index: HostIndex::new(index),
            name: spec.name,
            address: spec.address,
            names: RefCell::new(spec.names),
            disk: RefCell::new(disk),
            clock: Cell::default(),
            stood_still: StoodStill::default(),
            frozen_since: Cell::default(),
            processor: Rc::default(),
            disk_delay: Cell::default(),
            processes: RefCell::default(),
        }))
    }

    /// Its name.
    pub fn name(&self) -> &NodeName {
        &self.0.name
    }

    /// Its address.
    pub fn address(&self) -> IpAddr {
        self.0.address
    }

    /// One of its programs uses something: told where somebody wants to know.
    pub(crate) fn note(&self, what: impl FnOnce(NodeName) -> Use) {
        let core = &self.0.core;
        if let Some(uses) = &core.uses {
            uses.note(what(self.0.name.clone()), core.now());
        }
    }

    /// What its hosts file says of `name`: the first address, if any.
    pub fn resolve(&self, name: &str) -> Option<IpAddr> {
        self.note(Use::Names);
        self.0.names.borrow().resolve_first(name)
    }

    /// What it knows of names.
    pub fn names(&self) -> HostsFile {
        self.note(Use::Names);
        self.0.names.borrow().clone()
    }

    /// How often it has been booted.
    pub(crate) fn boot(&self) -> u32 {
        self.0.core.network.borrow().boot(self.0.index)
    }

    /// A line in the log of one of its programs that is not modelled as a process.
    pub(crate) fn log(&self, process: &str, line: String) {
        self.record(EventKind::Logged { process: process.into(), line: line.into() });
    }

    /// Changes what it knows of names.
    pub fn set_names(&self, names: HostsFile) {
        self.0.names.replace(names);
    }

    /// Its wall clock.
    pub fn clock(&self) -> WallClock {
        self.note(Use::WallClock);
        self.0.clock.get()
    }

    /// Sets its wall clock. The kernel's own time, by which the disk's caches grow old, does not jump with it.
    pub fn set_clock(&self, clock: WallClock) {
        let before = self.unix_ns();
        self.0.clock.set(clock);
        self.0.disk.borrow_mut().clock_was_set(self.unix_ns().saturating_sub(before));
    }

    /// Sets its wall clock forward by so many nanoseconds, or back.
    pub fn set_clock_by(&self, by_ns: i64) {
        let mut clock = self.clock();
        clock.jump(by_ns);
        self.set_clock(clock);
    }

    /// How much longer than nothing each access to its disk takes.
    pub fn disk_delay(&self) -> Duration {
        self.0.disk_delay.get()
    }

    /// Makes its disk slow, or as quick as a model's: programs wait for it at their next step.
    pub fn set_disk_delay(&self, delay: Duration) {
        self.0.disk_delay.set(delay);
    }

    /// What its wall clock shows now, in nanoseconds since 1970.
    pub fn unix_ns(&self) -> i64 {
        self.clock().unix_ns(self.0.core.now())
    }

    /// Its files, as `writer` changes them: each change goes into the trace under that name.
    pub fn fs(&self, writer: &str) -> Fs {
        Fs::new(self.clone(), writer, Rc::default())
    }

    /// Its disk, to look at.
    pub fn disk(&self) -> Ref<'_, Disk> {
        self.0.disk.borrow()
    }

    /// Its disk, for what is no program's doing (a fault).
    pub fn disk_mut(&self) -> RefMut<'_, Disk> {
        self.0.disk.borrow_mut()
    }

    /// Whether the run has gone on since its beginning, in which everything is started for the first time.
    pub fn has_run(&self) -> bool {
        self.0.core.now() > SimTime::ZERO
    }

    /// Whether it has power.
    pub fn is_powered(&self) -> bool {
        self.0.core.network.borrow().is_powered(self.0.index)
    }

    /// Whether it has power and does not stand still.
    pub fn is_running(&self) -> bool {
        self.is_powered() && self.0.frozen_since.get().is_none()
    }

    /// How many hundredths of its usual time work takes here: 100 unless the processor is slow.
    pub fn work_percent(&self) -> u32 {
        self.0.processor.percent()
    }

    /// Makes its processor slower or faster, for work under way too.
    pub fn set_work_percent(&self, percent: u32) {
        self.0.processor.set_percent(percent);
    }

    /// Work that takes `span` on a processor that is as fast as it should be.
    pub(crate) fn work(&self, span: Duration) -> Work {
        Work::new(&self.0.processor, &self.0.core, &self.0.stood_still, span)
    }

    pub(crate) fn stood_still(&self) -> &StoodStill {
        &self.0.stood_still
    }

    /// Records that something happened here.
    pub fn record(&self, kind: EventKind) {
        self.0.core.record(Some(self.0.name.clone()), kind);
    }

    /// Starts a process whose first task is `main`; it ends when `main` returns. On a machine that stands still it begins
    /// when that goes on.
    ///
    /// # Panics
    /// When the host has no power.
    pub fn spawn<F, M>(&self, name: &str, main: M) -> Process
    where
        M: FnOnce(Process) -> F,
        F: Future<Output = ()> + 'static,
    {
        assert!(self.is_powered(), "{} has no power: nothing can be started on it", self.name());
        let process = Process::new(self.clone(), name);
        // What there is of its kind from now on has file descriptors of its own.
        self.note(|node| Use::Descriptor(node, process.name().clone()));
        self.0.processes.borrow_mut().push(process.clone());
        if self.0.frozen_since.get().is_some() {
            process.hold();
        }
        self.record(EventKind::ProcessStarted { process: process.name().clone() });
        process.begin(main(process.clone()));
        process
    }

    /// The processes of this name that run.
    pub fn processes(&self, name: &str) -> Vec<Process> {
        self.0.processes.borrow().iter().filter(|process| &**process.name() == name).cloned().collect()
    }

    /// All processes that run, in the order in which they were started.
    pub fn all_processes(&self) -> Vec<Process> {
        self.0.processes.borrow().clone()
    }

    /// Cuts the power: every process is gone at once and nothing more is sent. What was not synced to the disk is
    /// lost as [`Disk::power_loss`] says. Nothing happens when there is none.
    pub fn power_off(&self) {
        if !self.is_powered() {
            return;
        }
        let core = &self.0.core;
        self.note(Use::PowerLoss);
        // What its processes had sent is on the wire already; what their ends would send is not.
        core.collect_packets();
        core.network.borrow_mut().power_off(self.0.index);
        self.0.frozen_since.set(None);
        for process in self.all_processes() {
            process.end(ProcessEnd::PowerLost);
        }
        core.collect_packets();
        core.stacks.forget_all(self.0.index);
        let now_ns = self.unix_ns();
        let mut disk = self.0.disk.borrow_mut();
        disk.power_loss(now_ns);
        drop(disk);
        self.fs("power loss").tell_changes();
        self.record(EventKind::NodeDown);
    }

    /// Halts it in its own order: what still runs is killed, its kernel says goodbye to its peers, the disk is synced,
    /// then the power goes off. Nothing happens when there is none.
    pub fn halt(&self) {
        if !self.is_powered() {
            return;
        }
        for process in self.all_processes() {
            process.kill();
        }
        self.0.disk.borrow_mut().sync();
        self.power_off();
    }

    /// Stands still from now on, as a virtual machine that its hypervisor does not run: no program and no timer
    /// goes on, nothing that arrives is heard, and nothing is forgotten. Nothing happens when it does already, or has
    /// no power.
    pub fn freeze(&self) {
        if !self.is_running() {
            return;
        }
        let core = &self.0.core;
        core.collect_packets();
        self.0.frozen_since.set(Some(core.now()));
        core.network.borrow_mut().freeze(self.0.index, core.now());
        self.all_processes().iter().for_each(Process::hold);
        self.record(EventKind::NodeFrozen { frozen: true });
    }

    /// Goes on where it stood: every timer has the time left that it had. Its wall clock has stood still too, unless
    /// `clock_is_set`: then the hypervisor's agent sets it at once. Nothing happens when it does not stand still.
    pub fn thaw(&self, clock_is_set: bool) {
        let Some(since) = self.0.frozen_since.take() else { return };
        let core = &self.0.core;
        let span = core.now() - since;
        self.0.stood_still.set(self.0.stood_still.get() + span);
        core.network.borrow_mut().thaw(self.0.index, core.now());
        if !clock_is_set {
            let mut clock = self.clock();
            clock.jump(-i64::try_from(span.as_nanos()).unwrap_or(i64::MAX));
            self.set_clock(clock);
        }
        self.record(EventKind::NodeFrozen { frozen: false });
        self.all_processes().iter().for_each(Process::unhold);
    }

    /// Gives it power again, with a new kernel and no process. Nothing happens when there is power.
    pub fn power_on(&self) {
        if self.is_powered() {
            return;
        }
        let mut network = self.0.core.network.borrow_mut();
        network.power_on(self.0.index);
        let boot = network.boot(self.0.index);
        drop(network);
        self.record(EventKind::NodeUp { boot });
    }

    /// The world is over: the handles that keep this machine and its processes alive are dropped.
    pub(crate) fn forget_all_processes(&self) {
        drop(self.0.processes.take());
    }

    pub(crate) fn forget_process(&self, process: &Process) {
        self.0.processes.borrow_mut().retain(|known| !known.is(process));
    }

    pub(crate) fn core(&self) -> &Rc<Core> {
        &self.0.core
    }

    pub(crate) fn index(&self) -> HostIndex {
        self.0.index
    }
}
