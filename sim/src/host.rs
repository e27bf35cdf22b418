//! A machine: an address, a disk, a wall clock, names of other machines, and the processes that run on it.

use std::cell::{Cell, Ref, RefCell, RefMut};
use std::net::IpAddr;
use std::rc::Rc;

use harness::trace::event::ProcessEnd;
use harness::trace::{EventKind, NodeName};

use crate::clock::WallClock;
use crate::config::HostsFile;
use crate::disk::Disk;
use crate::engine::Core;
use crate::fs::Fs;
use crate::network::HostIndex;
use crate::process::Process;

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
    processes: RefCell<Vec<Process>>,
}

impl Host {
    pub(crate) fn new(core: &Rc<Core>, index: usize, spec: HostSpec) -> Self {
        let mut disk = spec.disk;
        disk.record_changes(true);
        Self(Rc::new(Inner {
            core: Rc::clone(core),
            index: HostIndex(index),
            name: spec.name,
            address: spec.address,
            names: RefCell::new(spec.names),
            disk: RefCell::new(disk),
            clock: Cell::default(),
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

    /// What its hosts file says of `name`: the first address, if any.
    pub fn resolve(&self, name: &str) -> Option<IpAddr> {
        self.0.names.borrow().resolve(name).first().copied()
    }

    /// Changes what it knows of names.
    pub fn set_names(&self, names: HostsFile) {
        self.0.names.replace(names);
    }

    /// Its wall clock.
    pub fn clock(&self) -> WallClock {
        self.0.clock.get()
    }

    /// Sets its wall clock.
    pub fn set_clock(&self, clock: WallClock) {
        self.0.clock.set(clock);
    }

    /// What its wall clock shows now, in nanoseconds since 1970.
    pub fn unix_ns(&self) -> i64 {
        self.0.clock.get().unix_ns(self.0.core.now())
    }

    /// Its files, as `writer` changes them: each change goes into the trace under that name.
    pub fn fs(&self, writer: &str) -> Fs {
        Fs::new(self.clone(), writer)
    }

    /// Its disk, to look at.
    pub fn disk(&self) -> Ref<'_, Disk> {
        self.0.disk.borrow()
    }

    /// Its disk, for what is no program's doing (a fault).
    pub fn disk_mut(&self) -> RefMut<'_, Disk> {
        self.0.disk.borrow_mut()
    }

    /// Whether it has power.
    pub fn is_powered(&self) -> bool {
        self.0.core.network.borrow().is_powered(self.0.index)
    }

    /// Records that something happened here.
    pub fn record(&self, kind: EventKind) {
        self.0.core.record(Some(self.0.name.clone()), kind);
    }

    /// Starts a process whose first task is `main`; it ends when `main` returns.
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
        self.0.processes.borrow_mut().push(process.clone());
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
        // What its processes had sent is on the wire already; what their ends would send is not.
        core.collect_packets();
        core.network.borrow_mut().power_off(self.0.index);
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
