//! A firewall on some nodes drops or rejects what arrives for one port, on connections that stand as on new ones. At
//! the end the rule is gone.

use super::Kind;
use crate::finding::did_you_mean;
use crate::plan::{FaultKind, FirewallAction, Target};
use crate::scenario::selector::{self, TargetSpec};

const ACTIONS: [(&str, FirewallAction); 4] = [
    ("drop", FirewallAction::Drop),
    ("reset", FirewallAction::Reset),
    ("port-unreachable", FirewallAction::PortUnreachable),
    ("admin-prohibited", FirewallAction::AdminProhibited),
];

pub(super) const KIND: Kind = Kind {
    name: "firewall",
    doc: "a firewall on a node drops or rejects what arrives for one port; at the end the rule is gone",
    keys: &[
        ("node", "where: a name, `any worker`, `all workers`, or a list"),
        ("port", "which: `8243`"),
        (
            "action",
            "`drop`: silence, connect times out; `reset` (tcp-reset) or `port-unreachable` (ICMP): connect is refused; \
             `admin-prohibited` (ICMP): no route to host",
        ),
    ],
    read: |table| {
        let nodes = selector::nodes(table);
        if !table.has("port") {
            table.missing("port", "write `port = 8243`");
        }
        let port = table.number("port").and_then(|number| {
            let port = u16::try_from(number.value).ok().filter(|port| *port > 0);
            if port.is_none() {
                table.reader.error(number.span, "this is no port", "a port is a number from 1 to 65535");
            }
            port
        });
        let names = ACTIONS.map(|(name, _)| name);
        let text = table.require_text("action", &format!("one of: {}", names.join(", ")))?;
        let Some((_, action)) = ACTIONS.iter().find(|(name, _)| *name == text.value) else {
            let help = did_you_mean(&text.value, &names);
            table.reader.error(text.span, format!("a firewall does not `{}`", text.value), help);
            return None;
        };
        Some((FaultKind::Firewall { port: port?, action: *action }, TargetSpec::Nodes(nodes?)))
    },
    candidates: |topology| {
        let ports =
            topology.ports.iter().flat_map(|(node, ports)| ports.iter().map(move |port| (node, *port)));
        let of = |(node, port): (&crate::trace::NodeName, u16)| {
            [FirewallAction::Drop, FirewallAction::Reset]
                .map(|action| (FaultKind::Firewall { port, action }, Target::Nodes(vec![node.clone()])))
        };
        ports.flat_map(of).collect()
    },
};
