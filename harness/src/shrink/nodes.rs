//! Nodes go: they are taken out of the cluster's files by who knows what these mean.

use super::{Aspect, Ended, Instead, Refusal, Shrinker, Step, Subject};
use crate::plan::{Plan, Target, WorkloadKind};
use crate::trace::NodeName;

pub(super) fn pass(shrinker: &mut Shrinker<'_>) -> Result<(), Ended> {
    // The first of each role is the one that a person expects: the last goes first.
    let nodes: Vec<NodeName> = shrinker.topology.nodes().cloned().collect();
    for node in nodes.iter().rev() {
        let step = Step::without(Subject::Node(node.clone()));
        let refuse = |why: String| Refusal { step: step.clone(), instead: Instead::CannotGo(why) };
        match shrinker.maker.without_node(&shrinker.plan.cluster, node) {
            Err(why) => shrinker.refusals.push(refuse(why)),
            Ok(files) => {
                let mut plan = Plan { cluster: files, ..shrinker.plan.clone() };
                match forget(&mut plan, node) {
                    Err(why) => shrinker.refusals.push(refuse(why)),
                    Ok(()) => drop(shrinker.attempt_plan(step, plan)?),
                }
            }
        }
    }
    to_the_first(shrinker)
}

/// Takes a node out of everything that names it.
fn forget(plan: &mut Plan, node: &NodeName) -> Result<(), String> {
    for fault in &mut plan.faults {
        while let Some(place) = fault.target.nodes().iter().position(|name| name == node) {
            if fault.target.remove(place).is_none() {
                return Err(format!("the fault {} acts on it alone", fault.name));
            }
        }
    }
    for workload in &mut plan.workloads {
        if let WorkloadKind::WriteAttempts { workers: nodes, .. }
        | WorkloadKind::HealthChecks { gateways: nodes } = &mut workload.kind
        {
            nodes.retain(|named| named != node);
        }
    }
    Ok(())
}

/// A fault acts on the first node of a role rather than on another.
fn to_the_first(shrinker: &mut Shrinker<'_>) -> Result<(), Ended> {
    for index in 0..shrinker.plan.faults.len() {
        for place in 0..shrinker.plan.faults[index].target.nodes().len() {
            let nodes = shrinker.plan.faults[index].target.nodes();
            let Some(node) = nodes.get(place) else { break };
            let topology = &shrinker.topology;
            let roles = [&topology.managers, &topology.workers, &topology.balancers, &topology.clients];
            let Some(role) = roles.into_iter().find(|role| role.contains(node)) else { continue };
            let earlier: Vec<NodeName> = role
                .iter()
                .take_while(|other| *other != node)
                .filter(|other| !nodes.contains(other))
                .cloned()
                .collect();
            for other in earlier {
                let subject = Subject::Fault(shrinker.plan.faults[index].name.clone());
                let step = Step::to_words(subject, Aspect::Target, &*other);
                if shrinker.attempt(step, |plan| plan.faults[index].target.replace(place, other))? {
                    break;
                }
            }
        }
    }
    Ok(())
}

impl Target {
    /// Takes out the node at this place of [`Target::nodes`]; none, and nothing is changed, when there is none or
    /// nothing would be left to act on.
    pub(super) fn remove(&mut self, place: usize) -> Option<NodeName> {
        let (list, place) = self.list_of(place)?;
        (list.len() > 1).then(|| list.remove(place))
    }

    /// Puts another node at this place of [`Target::nodes`].
    pub(super) fn replace(&mut self, place: usize, node: NodeName) {
        if let Some((list, place)) = self.list_of(place) {
            list[place] = node;
        }
    }

    fn list_of(&mut self, place: usize) -> Option<(&mut Vec<NodeName>, usize)> {
        let (list, place) = match self {
            Target::Nodes(nodes) | Target::Process { nodes, .. } => (nodes, place),
            Target::Between { a, b } => match place.checked_sub(a.len()) {
                None => (a, place),
                Some(place) => (b, place),
            },
        };
        (place < list.len()).then_some((list, place))
    }
}
