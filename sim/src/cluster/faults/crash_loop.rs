//! A process crashes, is started again as systemd does it, and crashes again. At the end it is started if it does not
//! run, and stays up.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use harness::plan::Fault;
use harness::time::SimTime;
use harness::trace::NodeName;

use super::{Stage, had_no_effect, process_of};
use crate::cluster::nodes::Nodes;
use crate::engine::Outside;

/// systemd gives up a service that was started so often ... (`StartLimitBurst`, systemd.unit(5))
const STARTS_MAX: usize = 5;
/// ... within so long (`StartLimitIntervalSec`).
const STARTS_INTERVAL: Duration = Duration::from_secs(10);

pub(super) fn inject(fault: &Fault, up: Duration, restart: Duration, stage: &mut Stage<'_>) {
    let (names, process) = process_of(fault);
    for name in names {
        let host = stage.nodes.host(name);
        if host.processes(process).is_empty() {
            had_no_effect(host, fault, format!("{process} does not run on {name}"));
        }
        let service = Service {
            nodes: Rc::clone(stage.nodes),
            node: name.clone(),
            process: process.clone(),
            killed: stage.held.killed.clone(),
        };
        let crashing =
            stage.engine.errand(move |outside| service.crash_again_and_again(outside, up, restart));
        stage.held.crashers.entry(fault.name.clone()).or_default().push(crashing);
    }
}

pub(super) fn heal(fault: &Fault, stage: &mut Stage<'_>) {
    // Dropping them ends them.
    stage.held.crashers.remove(&fault.name);
    let (names, process) = process_of(fault);
    for name in names {
        stage.start(name, process);
    }
}

/// A service and who looks after it.
struct Service {
    nodes: Rc<Nodes>,
    node: NodeName,
    process: Arc<str>,
    killed: super::held::Holds<(NodeName, Arc<str>)>,
}

impl Service {
    async fn crash_again_and_again(self, outside: Outside, up: Duration, restart: Duration) {
        let mut starts = VecDeque::new();
        loop {
            self.crash();
            outside.sleep(restart).await;
            if self.is_due() {
                if !may_start(&mut starts, outside.now()) {
                    let said = format!("{}.service: Start request repeated too quickly.", self.process);
                    self.nodes.host(&self.node).log("systemd", said);
                    return;
                }
                self.nodes.start_service(&self.node, &self.process);
            }
            outside.sleep(up).await;
        }
    }

    fn crash(&self) {
        let host = self.nodes.host(&self.node);
        if host.is_running() {
            host.processes(&self.process).iter().for_each(|process| process.crash());
        }
    }

    /// Whether the service is one that is to run and does not.
    fn is_due(&self) -> bool {
        let host = self.nodes.host(&self.node);
        let held = self.killed.contains(&(self.node.clone(), self.process.clone()));
        host.is_running() && !held && host.processes(&self.process).is_empty()
    }
}

/// Whether another start is within systemd's limit.
fn may_start(starts: &mut VecDeque<SimTime>, now: SimTime) -> bool {
    starts.retain(|&start| now.since(start) < STARTS_INTERVAL);
    starts.push_back(now);
    starts.len() <= STARTS_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_given_up_at_its_sixth_start_within_ten_seconds() {
        let may = |every_ms: u64| {
            let mut starts = VecDeque::new();
            (0..20)
                .map(|n| may_start(&mut starts, SimTime::from_millis(n * every_ms)))
                .filter(|&may| may)
                .count()
        };
        assert_eq!(may(100), 5);
        assert_eq!(may(1999), 5);
        assert_eq!(may(2000), 20);
    }
}
