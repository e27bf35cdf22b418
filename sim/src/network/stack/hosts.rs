//! The stacks of all hosts, and which of them have something to send.

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};

use turmoil_net::Packet;

use super::{Parcel, SocketId, Stack, Standing};
use crate::network::HostIndex;
use crate::network::failure::Failure;

/// The stacks of all hosts.
#[derive(Debug)]
pub(crate) struct Stacks {
    hosts: Vec<RefCell<Stack>>,
    /// The hosts whose stacks may have something to send.
    restless: RefCell<Vec<usize>>,
}

impl Stacks {
    pub(crate) fn new(addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        let hosts = addresses.into_iter().map(|address| RefCell::new(Stack::new(address))).collect();
        Self { hosts, restless: RefCell::default() }
    }

    /// Makes a call on a host's stack.
    pub(crate) fn on<T>(&self, host: HostIndex, call: impl FnOnce(&mut Stack) -> T) -> T {
        let mut stack = self.hosts[host.place()].borrow_mut();
        let result = call(&mut stack);
        if stack.is_restless() && !std::mem::replace(&mut stack.is_listed, true) {
            self.restless.borrow_mut().push(host.place());
        }
        result
    }

    /// See [`Stack::has_ended`].
    pub(in crate::network) fn has_ended(&self, host: HostIndex, id: SocketId) -> bool {
        self.hosts[host.place()].borrow().has_ended(id)
    }

    /// Whether there may be something to send.
    pub(crate) fn are_restless(&self) -> bool {
        !self.restless.borrow().is_empty()
    }

    /// Hands everything that can be sent now to `send`, with who sends it, in the order of the hosts.
    pub(crate) fn send_all(&self, mut send: impl FnMut(HostIndex, Parcel)) {
        let mut restless = self.restless.borrow_mut();
        restless.sort_unstable();
        for host in restless.drain(..) {
            let mut stack = self.hosts[host].borrow_mut();
            stack.is_listed = false;
            let packets = stack.send_all();
            // Nearly always it is one.
            if packets.len() == 1 {
                send(HostIndex::new(host), packets.pop().expect("there is one"));
                continue;
            }
            for packet in packets.drain(..) {
                send(HostIndex::new(host), packet);
            }
        }
    }

    /// A packet arrives at a host; see [`Stack::receive`].
    pub(crate) fn receive(&self, host: HostIndex, packet: &mut Packet, why: Failure) -> bool {
        self.on(host, |stack| stack.receive(packet, Some(why)))
    }

    /// How the end `local` of the connection with `peer` stands on its host.
    pub(in crate::network) fn standing(
        &self,
        host: HostIndex,
        local: SocketAddr,
        peer: SocketAddr,
    ) -> Option<Standing> {
        self.hosts[host.place()].borrow().standing(local, peer)
    }

    /// Whether the program of this end has closed it, or is gone; none when there is no such connection.
    pub(in crate::network) fn is_orphan(
        &self,
        host: HostIndex,
        local: SocketAddr,
        peer: SocketAddr,
    ) -> Option<bool> {
        self.hosts[host.place()].borrow().is_orphan(local, peer)
    }

    /// Both ends of every connection of a host, its own first.
    pub(crate) fn ends(&self, host: HostIndex) -> Vec<(SocketAddr, SocketAddr)> {
        self.hosts[host.place()].borrow().ends()
    }

    /// A new kernel: nothing is left of any socket.
    pub(crate) fn forget_all(&self, host: HostIndex) {
        self.hosts[host.place()].borrow_mut().forget_all();
    }

    /// See [`Stack::forget_orphan`].
    pub(crate) fn forget_orphan(&self, host: HostIndex, id: SocketId) {
        self.on(host, |stack| stack.forget_orphan(id));
    }
}
