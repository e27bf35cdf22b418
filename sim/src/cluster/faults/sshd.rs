//! sshd does its work wrongly on a gateway: `ssh-hangs`, `ssh-host-key-changed`, `ssh-key-rejected`.

use harness::plan::Fault;
use harness::trace::NodeName;

use super::held::Held;
use super::{Holds, Stage, gateways_of};
use crate::ssh::Daemon;

/// A way in which it does, for as long as some fault holds it.
pub(super) struct Wrong {
    holds: fn(&Held) -> &Holds<NodeName>,
    set: fn(&Daemon, bool),
}

/// It accepts connections and says nothing on them.
pub(super) const HANGS: Wrong = Wrong { holds: |held| &held.hanging, set: Daemon::set_hangs };
/// It shows another host key than it did.
pub(super) const HOST_KEY_CHANGED: Wrong =
    Wrong { holds: |held| &held.host_key, set: Daemon::set_host_key_changed };
/// It refuses every user's key.
pub(super) const REJECTS_KEYS: Wrong = Wrong { holds: |held| &held.rejected, set: Daemon::set_rejects_keys };

impl Wrong {
    pub(super) fn inject(&self, fault: &Fault, stage: &Stage<'_>) {
        for name in gateways_of(fault, stage) {
            (self.holds)(stage.held).take(name.clone());
            (self.set)(&stage.nodes.live().sshd(&name), true);
        }
    }

    pub(super) fn heal(&self, fault: &Fault, stage: &Stage<'_>) {
        for name in fault.target.nodes() {
            if (self.holds)(stage.held).release(&name) {
                (self.set)(&stage.nodes.live().sshd(&name), false);
            }
        }
    }
}
