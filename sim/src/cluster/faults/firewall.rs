//! A firewall refuses what arrives for a port.

use harness::plan::{Fault, FirewallAction};

use super::Stage;
use crate::network::{self, FirewallRule};

pub(super) fn inject(fault: &Fault, port: u16, action: FirewallAction, stage: &mut Stage<'_>) {
    for name in fault.target.nodes() {
        stage.engine.block(stage.nodes.host(&name), rule(port, action));
    }
}

pub(super) fn heal(fault: &Fault, port: u16, action: FirewallAction, stage: &mut Stage<'_>) {
    for name in fault.target.nodes() {
        stage.engine.unblock(stage.nodes.host(&name), rule(port, action));
    }
}

fn rule(port: u16, action: FirewallAction) -> FirewallRule {
    let action = match action {
        FirewallAction::Drop => network::FirewallAction::Drop,
        FirewallAction::Reset => network::FirewallAction::Reset,
        FirewallAction::PortUnreachable => network::FirewallAction::PortUnreachable,
        FirewallAction::AdminProhibited => network::FirewallAction::AdminProhibited,
    };
    FirewallRule { port, action }
}
