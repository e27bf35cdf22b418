//! A host's packet filter: rules for what arrives at a port, in front of everything else, with no memory of
//! connections (`iptables -I INPUT -p tcp --dport PORT -j ...`).
//!
//! What the sender's kernel makes of each answer was tried with nftables in network namespaces; see
//! `tests/tests/kernel_fidelity.rs`.

use super::failure::Failure;

/// What a rule does with a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FirewallAction {
    /// Nothing is said: the sender repeats until it gives up.
    Drop,
    /// `REJECT --reject-with tcp-reset`: a connect gets ECONNREFUSED, a connection ECONNRESET.
    Reset,
    /// `REJECT`, with its default ICMP port unreachable: a connect gets ECONNREFUSED; a connection goes on
    /// repeating, and gets it instead of ETIMEDOUT when it gives up.
    PortUnreachable,
    /// `REJECT --reject-with icmp-admin-prohibited`, firewalld's default: as above, with EHOSTUNREACH.
    AdminProhibited,
}

impl FirewallAction {
    /// What the sender gets from the ICMP message, if there is one.
    pub(super) fn message(self) -> Option<Failure> {
        match self {
            FirewallAction::Drop | FirewallAction::Reset => None,
            FirewallAction::PortUnreachable => Some(Failure::Refused),
            FirewallAction::AdminProhibited => Some(Failure::HostUnreachable),
        }
    }
}

/// One rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FirewallRule {
    /// The destination port.
    pub port: u16,
    /// What is done.
    pub action: FirewallAction,
}

/// The rules of a host; the last one put in is looked at first.
#[derive(Debug, Default)]
pub(crate) struct Firewall(Vec<FirewallRule>);

impl Firewall {
    pub(crate) fn insert(&mut self, rule: FirewallRule) {
        self.0.push(rule);
    }

    /// Takes one such rule out.
    ///
    /// # Panics
    /// When there is none.
    pub(crate) fn remove(&mut self, rule: FirewallRule) {
        let place = self.0.iter().rposition(|known| *known == rule);
        self.0.remove(place.expect("a rule is taken out as often as it was put in"));
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// What is done with a packet for a port; none when it passes.
    pub(super) fn action(&self, port: u16) -> Option<FirewallAction> {
        self.0.iter().rev().find(|rule| rule.port == port).map(|rule| rule.action)
    }
}
