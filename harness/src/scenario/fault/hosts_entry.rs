//! The hosts file of some nodes has no entry of a name, or a wrong one. At the end it is as before. Who has looked the
//! name up before does not notice: nginx does so when it starts.

use std::net::{IpAddr, Ipv4Addr};

use super::Kind;
use crate::plan::{FaultKind, Target};
use crate::scenario::selector::{self, TargetSpec};

pub(super) const KIND: Kind = Kind {
    name: "hosts-entry",
    doc: "a node's hosts file lacks a name, or has a wrong address for it; at the end it is as before",
    keys: &[
        ("node", "where: a name, `any worker`, `all workers`, or a list"),
        ("host_name", "which name: `am.wso2.com`"),
        ("address", "the wrong address: `192.0.2.1`; if it is left out, the name is missing"),
    ],
    read: |table| {
        let nodes = selector::nodes(table);
        let name = table.require_text("host_name", "write `host_name = \"am.wso2.com\"`");
        let address = match table.text("address") {
            None => None,
            Some(text) => match text.value.parse::<IpAddr>() {
                Ok(address) => Some(address),
                Err(_) => {
                    table.reader.error(text.span, "this is no IP address", "write one such as `192.0.2.1`");
                    return None;
                }
            },
        };
        let name = name?;
        if name.value.trim().is_empty() || name.value.contains(char::is_whitespace) {
            table.reader.error(name.span, "no host can be called so", "write one name, without blanks");
            return None;
        }
        Some((FaultKind::HostsEntry { host_name: name.value, address }, TargetSpec::Nodes(nodes?)))
    },
    candidates: |topology| {
        // An address of TEST-NET-1 (RFC 5737): nobody has it.
        let nobody = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
        let names =
            topology.host_names.iter().flat_map(|(node, names)| names.iter().map(move |name| (node, name)));
        let of = |(node, name): (&crate::trace::NodeName, &String)| {
            [None, Some(nobody)].map(|address| {
                (
                    FaultKind::HostsEntry { host_name: name.clone(), address },
                    Target::Nodes(vec![node.clone()]),
                )
            })
        };
        names.flat_map(of).collect()
    },
};
