//! A server is started again on other ports than those that others know. At the end it is on its own.

use super::Kind;
use crate::plan::{FaultKind, Target};
use crate::scenario::selector::{self, TargetSpec};
use crate::trace::NodeName;

pub(super) const KIND: Kind = Kind {
    name: "wrong-port",
    doc: "a server is started on other ports than others know; at the end it is on its own",
    keys: &[
        ("node", "where: a gateway's name, `any worker`, `all workers`, `the manager`, or a list"),
        ("process", "which: `wso2` or `sshd`"),
        ("offset", "added to each of its ports: a number, 1 if it is left out"),
    ],
    read: |table| {
        let nodes = selector::nodes(table);
        let process = table.require_text("process", "write `process = \"wso2\"` or `\"sshd\"`");
        if let Some(process) = &process
            && !["wso2", "sshd"].contains(&process.value.as_str())
        {
            let help = "write `wso2` or `sshd`: the ports of others are in their own files";
            table.reader.error(process.span.clone(), "this process has no port to be wrong about", help);
        }
        let offset = match table.number("offset") {
            None => 1,
            Some(number) => {
                u16::try_from(number.value).ok().filter(|offset| *offset > 0).unwrap_or_else(|| {
                    table.reader.error(number.span, "this cannot be added to a port", "write 1 to 50000");
                    1
                })
            }
        };
        let target = TargetSpec::Process { nodes: nodes?, process: process? };
        Some((FaultKind::WrongPort { offset }, target))
    },
    candidates: |topology| {
        let pairs =
            topology.processes.iter().flat_map(|(node, names)| names.iter().map(move |name| (node, name)));
        let servers = pairs.filter(|(_, process)| ["wso2", "sshd"].contains(&process.as_str()));
        let target = |(node, process): (&NodeName, &String)| Target::Process {
            nodes: vec![node.clone()],
            process: process.as_str().into(),
        };
        servers.map(|server| (FaultKind::WrongPort { offset: 1 }, target(server))).collect()
    },
};
