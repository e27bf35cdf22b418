//! The planted bug of a failover without an end: see [`PlantedBug::PromotedWorkerStaysWriter`].
//!
//! [`PlantedBug::PromotedWorkerStaysWriter`]: crate::planted::PlantedBug::PromotedWorkerStaysWriter

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use harness::trace::NodeName;

use super::nodes::Shared;
use super::transfer;
use crate::config::{NodeKind, WorkerTarget};
use crate::gateway;
use crate::host::Host;
use crate::ssh;

/// How often the manager is asked whether it is there.
const ASKED_EVERY: Duration = Duration::from_secs(10);
/// So many times without an answer, and the worker takes over.
const MISSED_MAX: u32 = 3;
/// How often it pushes its files from then on.
const PUSHED_EVERY: Duration = Duration::from_secs(60);

/// Lets the first worker watch the manager.
pub(super) fn watch(shared: &Rc<Shared>, hosts: &BTreeMap<NodeName, Host>) {
    let manager = shared.config.sync.node.clone();
    let worker = shared.config.nodes.iter().find(|node| matches!(node.kind, NodeKind::Worker(_)));
    let Some(worker) = worker.map(|worker| worker.name.clone()) else { return };
    let (shared, address) = (Rc::clone(shared), hosts[&manager].address());
    let of_manager = shared.config.nodes.iter().find(|node| node.name == manager).map(|node| &node.kind);
    let Some(NodeKind::Manager(config)) = of_manager else { return };
    let path = format!("{}/", gateway::deployment_root(&config.home));
    let host = manager.to_string();
    let text = format!("root@{host}:{path}");
    let target = WorkerTarget { line: 1, text, user: Some("root".to_owned()), host, path, node: manager };
    hosts[&worker].spawn("failover", move |process| async move {
        let mut missed = 0;
        while missed < MISSED_MAX {
            process.sleep(ASKED_EVERY).await;
            let asked = process.connect(SocketAddr::new(address, ssh::PORT));
            let answered = process.timeout(ASKED_EVERY, asked).await.is_ok_and(|answer| answer.is_ok());
            missed = if answered { 0 } else { missed + 1 };
        }
        loop {
            transfer::start(process.host(), &shared, 0, &target).wait().await;
            process.sleep(PUSHED_EVERY).await;
        }
    });
}
