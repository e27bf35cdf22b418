//! Which nodes a fault acts on, as a scenario says it: by name, or by role.

use crate::expectation::Role;
use crate::finding::did_you_mean;
use crate::plan::PartitionDirection;
use crate::table::{Placed, Table};

/// A node or some nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// The node of this name; if there is none, all nodes of the role that it names (`the manager`).
    Node(String),
    /// One node of this role, drawn by the seed.
    Any(Role),
    /// All nodes of this role.
    All(Role),
}

/// What a fault acts on, as the scenario says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TargetSpec {
    /// Whole nodes.
    Nodes(Vec<Placed<Selector>>),
    /// A process on each of some nodes.
    Process {
        /// The nodes.
        nodes: Vec<Placed<Selector>>,
        /// The process.
        process: Placed<String>,
    },
    /// Everything between two groups.
    Between {
        /// One group.
        a: Vec<Placed<Selector>>,
        /// The other group; empty for all other nodes.
        b: Vec<Placed<Selector>>,
    },
}

impl TargetSpec {
    /// All selectors.
    pub fn selectors(&self) -> impl Iterator<Item = &Placed<Selector>> {
        let (one, other): (&[_], &[_]) = match self {
            TargetSpec::Nodes(nodes) | TargetSpec::Process { nodes, .. } => (nodes, &[]),
            TargetSpec::Between { a, b } => (a, b),
        };
        one.iter().chain(other)
    }
}

impl Selector {
    /// Reads `worker1`, `the manager`, `any worker`, `all workers`, `every worker`.
    pub fn parse(text: &str) -> Selector {
        let words: Vec<&str> = text.split_whitespace().collect();
        match words[..] {
            ["the", name] => Selector::Node(name.to_owned()),
            ["any" | "a" | "one", role] if Role::of(role).is_some() => Selector::Any(role_of(role)),
            ["all" | "every" | "each", role] if Role::of(role).is_some() => Selector::All(role_of(role)),
            [role @ ("workers" | "managers" | "balancers" | "clients")] => Selector::All(role_of(role)),
            _ => Selector::Node(text.trim().to_owned()),
        }
    }
}

/// The nodes of `node` or `nodes`, which mean the same.
pub(super) fn nodes(table: &Table<'_>) -> Option<Vec<Placed<Selector>>> {
    let (one, many) = (table.texts("node"), table.texts("nodes"));
    if let (Some(_), Some(_)) = (&one, &many) {
        let span = table.key_span("nodes").unwrap_or_default();
        table.reader.error(span, "both `node` and `nodes` say where the fault acts", "leave one out");
    }
    if !table.has("node") && !table.has("nodes") {
        table.missing("node", "write `node = \"worker1\"`, or a role: `any worker`, `all workers`");
    }
    let nodes = one.or(many)?;
    if nodes.is_empty() {
        table.missing("a node", "name at least one");
    }
    Some(selectors(nodes))
}

/// Paths below the synced folder; what is none is reported.
pub(super) fn paths_below(table: &Table<'_>, paths: Vec<Placed<String>>) -> Vec<String> {
    for path in &paths {
        let parts = || path.value.split('/');
        if path.value.len() > 1000 || parts().any(|part| part.is_empty() || part == "." || part == "..") {
            let help = "such as `synapse-configs/default/api/admin--orders_v1.0.0.xml`";
            table.reader.error(path.span.clone(), "this is no path of a file below the synced folder", help);
        }
    }
    paths.into_iter().map(|path| path.value).collect()
}

/// The two groups of `between` and `and`.
pub(super) fn between(table: &Table<'_>) -> Option<TargetSpec> {
    let (a, b) = (table.texts("between"), table.texts("and"));
    if !table.has("between") {
        table.missing("between", "write `between = [\"manager\"]` and `and = [\"worker1\", \"worker2\"]`");
    }
    if a.as_ref().is_some_and(Vec::is_empty) || b.as_ref().is_some_and(Vec::is_empty) {
        table.missing("a node", "name at least one on each side");
    }
    Some(TargetSpec::Between { a: selectors(a?), b: b.map(selectors).unwrap_or_default() })
}

/// The value of `direction`; both where it is left out.
pub(super) fn direction(table: &Table<'_>) -> PartitionDirection {
    let Some(text) = table.text("direction") else { return PartitionDirection::Both };
    match text.value.as_str() {
        "both" => PartitionDirection::Both,
        "a-to-b" => PartitionDirection::AToB,
        "b-to-a" => PartitionDirection::BToA,
        other => {
            let help = did_you_mean(other, &["both", "a-to-b", "b-to-a"]);
            table.reader.error(text.span, format!("unknown direction `{other}`"), help);
            PartitionDirection::Both
        }
    }
}

/// The process `process` on each node of `node` or `nodes`. `example` is one that can be named.
pub(super) fn process(table: &Table<'_>, example: &str) -> Option<TargetSpec> {
    let nodes = nodes(table);
    let process = table.require_text("process", &format!("write `process = \"{example}\"`"));
    Some(TargetSpec::Process { nodes: nodes?, process: process? })
}

fn selectors(texts: Vec<Placed<String>>) -> Vec<Placed<Selector>> {
    texts.into_iter().map(|text| text.map(|text| Selector::parse(&text))).collect()
}

fn role_of(word: &str) -> Role {
    Role::of(word).expect("the caller has asked whether it is a role")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_and_names_are_told_apart() {
        assert_eq!(Selector::parse("any worker"), Selector::Any(Role::Worker));
        assert_eq!(Selector::parse("all workers"), Selector::All(Role::Worker));
        assert_eq!(Selector::parse("workers"), Selector::All(Role::Worker));
        assert_eq!(Selector::parse("the manager"), Selector::Node("manager".to_owned()));
        assert_eq!(Selector::parse("worker1"), Selector::Node("worker1".to_owned()));
        assert_eq!(Selector::parse("any wrker"), Selector::Node("any wrker".to_owned()));
    }
}
