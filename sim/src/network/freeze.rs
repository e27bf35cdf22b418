//! Machines that stand still: a virtual machine whose hypervisor does not run it.
//!
//! Nothing that arrives is heard, nothing is sent, and no timer of its kernel goes on; everything is as it was when
//! it runs again. What arrives meanwhile is lost (a hypervisor keeps the first few hundred packets; that is left
//! out), so that its peers repeat it.

use harness::time::SimTime;

use super::recovery::Timer;
use super::{HostIndex, Network};

impl Network {
    /// A machine stands still from now on.
    pub(crate) fn freeze(&mut self, host: HostIndex, now: SimTime) {
        self.wires[host.place()].frozen_since.get_or_insert(now);
    }

    /// A machine runs again: its kernel's timers have the time left that they had.
    pub(crate) fn thaw(&mut self, host: HostIndex, now: SimTime) {
        let Some(since) = self.wires[host.place()].frozen_since.take() else { return };
        let address = self.wires[host.place()].address;
        for (flow, token, due) in self.recovery.restart_timers(address, now - since) {
            let left = due.max(since) - since;
            self.set_timer(now + left, flow, Timer::Timeout(token));
            self.recovery.note_due(flow, now + left);
        }
    }

    pub(crate) fn is_frozen(&self, host: HostIndex) -> bool {
        self.wires[host.place()].frozen_since.is_some()
    }
}
