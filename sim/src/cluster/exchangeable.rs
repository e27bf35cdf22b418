//! Which nodes could stand in each other's place: proved from the cluster's files, not assumed.
//!
//! Everything that the model reads of the files is written down as facts, a sentence each. Two nodes are alike when
//! exchanging their names and addresses in all facts gives the same facts. What no part of the model looks at is no
//! fact: a name in a hosts file that nothing on that host looks up, a comment.
//!
//! One thing is left out of the facts and told beside them: the order in which a list names the nodes (targets of the
//! sync, servers of a group). It decides who is first, and so how long something takes, never what is reachable.

use std::collections::BTreeMap;

use harness::component::{Alike, Unlike};
use harness::trace::NodeName;

use crate::config::nginx::Method;
use crate::config::{ClusterConfig, NodeConfig, NodeKind};

/// The groups of nodes that are alike, and the pairs of one role that are not.
pub(super) fn groups(config: &ClusterConfig) -> (Vec<Alike>, Vec<Unlike>) {
    let own = sorted(facts(config));
    let (mut groups, mut unlike): (Vec<Vec<&NodeConfig>>, Vec<Unlike>) = Default::default();
    for node in ordered(config) {
        if matches!(node.kind, NodeKind::Client) {
            continue;
        }
        // Being exchangeable carries over: who can stand in the place of one of a group can in that of each.
        let mut differs = None;
        let group = groups.iter_mut().find(|group| {
            let first = group[0];
            first.role() == node.role()
                && match difference(&own, &exchanged(&own, first, node)) {
                    None => true,
                    Some(why) => {
                        let nodes = [first.name.clone(), node.name.clone()];
                        differs.get_or_insert(Unlike { nodes, why });
                        false
                    }
                }
        });
        match group {
            Some(group) => group.push(node),
            None => {
                unlike.extend(differs);
                groups.push(vec![node]);
            }
        }
    }
    let alike = groups.into_iter().filter(|group| group.len() > 1);
    (alike.map(|group| told(config, &group, own.len())).collect(), unlike)
}

fn told(config: &ClusterConfig, group: &[&NodeConfig], facts: usize) -> Alike {
    let addresses: Vec<String> = group.iter().map(|node| node.address.to_string()).collect();
    let proof = format!(
        "exchanging their names and addresses ({}) gives the same {facts} facts that are read of the cluster's files",
        addresses.join(", ")
    );
    let first = &group[0].name;
    let mut except = Vec::new();
    if config.sync.workers.iter().filter(|target| group.iter().any(|node| node.name == target.node)).count()
        > 1
    {
        except.push(format!(
            "the sync goes to {first} first: while that one is silent the others wait, which no later one makes it do"
        ));
    }
    for (balancer, upstream) in upstreams(config) {
        let named = upstream
            .servers
            .iter()
            .filter(|server| group.iter().any(|node| node.address == server.address.ip()));
        if named.count() > 1 {
            let name = &upstream.name;
            except.push(format!(
                "{balancer} lists them in an order in the group {name}: it decides who is asked first"
            ));
        }
    }
    Alike { nodes: group.iter().map(|node| node.name.clone()).collect(), proof, except }
}

/// The nodes in the order in which the sync goes to them; those that it does not go to as the files name them.
fn ordered(config: &ClusterConfig) -> Vec<&NodeConfig> {
    let place = |node: &&NodeConfig| {
        config.sync.workers.iter().position(|target| target.node == node.name).unwrap_or(usize::MAX)
    };
    let mut nodes: Vec<&NodeConfig> = config.nodes.iter().collect();
    nodes.sort_by_key(place);
    nodes
}

fn upstreams(config: &ClusterConfig) -> impl Iterator<Item = (&NodeName, &crate::config::nginx::Upstream)> {
    config.nodes.iter().flat_map(|node| match &node.kind {
        NodeKind::Balancer(nginx) => nginx.upstreams.iter().map(|upstream| (&node.name, upstream)).collect(),
        _ => Vec::new(),
    })
}

/// Everything that is read of the files.
fn facts(config: &ClusterConfig) -> Vec<String> {
    let mut facts = vec![
        format!("network {:?}", config.network),
        format!("model {:?}", config.model),
        format!("{} runs the sync {} by {:?}", config.sync.node, config.sync.script, config.sync.jobs),
    ];
    for node in &config.nodes {
        let (name, address, role) = (&node.name, node.address, node.role().name());
        facts.push(format!("{name} is a {role} at {address}"));
        match &node.kind {
            NodeKind::Manager(gateway) | NodeKind::Worker(gateway) => {
                facts.push(format!("{name} runs {gateway:?}"));
            }
            NodeKind::Balancer(nginx) => {
                let (processes, servers) = (nginx.worker_processes, &nginx.servers);
                facts.push(format!("{name} runs {processes} workers of nginx"));
                facts.extend(servers.iter().map(|server| format!("{name} answers by {server:?}")));
            }
            NodeKind::Client => {}
        }
    }
    for (balancer, upstream) in upstreams(config) {
        let head = format!("{balancer} has in the group {}", upstream.name);
        let (method, keepalive, limits) = (upstream.method, upstream.keepalive, upstream.keepalive_limits);
        facts.push(format!("{head} {method:?} {keepalive:?} {limits:?} {}", upstream.zone));
        // Which server a client's address leads to depends on the places of all.
        let placed = upstream.method == Method::IpHash;
        facts.extend(upstream.servers.iter().enumerate().map(|(place, server)| match placed {
            true => format!("{head} as number {place} {server:?}"),
            false => format!("{head} {server:?}"),
        }));
    }
    for target in &config.sync.workers {
        let argv = config.sync.command.argv(&target.text);
        facts.push(format!("the sync goes to {} by {argv:?}", target.node));
        facts.push(lookup(config, &config.sync.node, &target.host));
    }
    let clients: Vec<&NodeConfig> =
        config.nodes.iter().filter(|node| matches!(node.kind, NodeKind::Client)).collect();
    for gateway in config.nodes.iter().filter_map(NodeConfig::gateway) {
        for name in [&gateway.hostname, &gateway.management_hostname] {
            facts.extend(clients.iter().map(|client| lookup(config, &client.name, name)));
        }
    }
    facts
}

fn lookup(config: &ClusterConfig, node: &str, name: &str) -> String {
    let found = config.node(node).map(|node| node.hosts.resolve(name)).unwrap_or_default();
    format!("{node} finds {name} at {found:?}")
}

fn sorted(mut facts: Vec<String>) -> Vec<String> {
    facts.sort();
    facts.dedup();
    facts
}

/// The facts with two nodes exchanged: their names, and their addresses.
fn exchanged(facts: &[String], one: &NodeConfig, other: &NodeConfig) -> Vec<String> {
    let (first, second) = (one.address.to_string(), other.address.to_string());
    let renaming: BTreeMap<&str, &str> = BTreeMap::from([
        (&*one.name, &*other.name),
        (&*other.name, &*one.name),
        (first.as_str(), second.as_str()),
        (second.as_str(), first.as_str()),
    ]);
    sorted(facts.iter().map(|fact| renamed(fact, &renaming)).collect())
}

/// The text with whole words renamed; a word is what host names and addresses are written with.
fn renamed(text: &str, renaming: &BTreeMap<&str, &str>) -> String {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_');
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_part) {
        let (before, from) = rest.split_at(start);
        let end = from.find(|c| !is_part(c)).unwrap_or(from.len());
        let (word, after) = from.split_at(end);
        out.push_str(before);
        out.push_str(renaming.get(word).copied().unwrap_or(word));
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The first fact that only one of two sorted lists has.
fn difference(own: &[String], exchanged: &[String]) -> Option<String> {
    let lost = own.iter().find(|fact| exchanged.binary_search(fact).is_err());
    lost.map(|fact| format!("what holds for one does not hold for the other: {}", shortened(fact)))
}

fn shortened(fact: &str) -> String {
    const LENGTH_MAX: usize = 160;
    match fact.char_indices().nth(LENGTH_MAX) {
        Some((end, _)) => format!("{}...", &fact[..end]),
        None => fact.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use harness::cluster_files::ClusterFiles;

    use super::*;
    use crate::config;

    fn documented(edit: impl FnOnce(&mut ClusterFiles)) -> (Vec<Alike>, Vec<Unlike>) {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../scenarios/clusters/wso2-rsync");
        let mut files = ClusterFiles::read(&folder).unwrap();
        edit(&mut files);
        groups(&config::load(&files).unwrap().0)
    }

    fn replace(path: &'static str, from: &'static str, to: &'static str) -> impl FnOnce(&mut ClusterFiles) {
        move |files| {
            let text = files.files.get_mut(path).unwrap();
            assert!(text.contains(from), "{path} has no {from}");
            *text = text.replace(from, to);
        }
    }

    #[test]
    fn the_documented_workers_are_alike_and_their_order_is_told() {
        let (alike, unlike) = documented(|_| {});
        assert_eq!(alike.len(), 1);
        assert_eq!(alike[0].nodes, ["worker1".into(), "worker2".into()]);
        assert!(alike[0].except.iter().any(|except| except.contains("worker1 first")), "{alike:?}");
        assert_eq!(unlike, []);
    }

    #[test]
    fn the_one_that_the_sync_goes_to_first_is_the_one_that_is_examined() {
        let list = "wso2@worker2:/opt/wso2am/repository/deployment/server\n\
                    wso2@worker1:/opt/wso2am/repository/deployment/server\n";
        let (alike, _) = documented(|files| {
            files.files.insert("manager/workers-list.txt".to_owned(), list.to_owned());
        });
        assert_eq!(alike[0].nodes, ["worker2".into(), "worker1".into()]);
    }

    #[test]
    fn workers_that_differ_in_anything_that_is_read_are_not_alike() {
        let edits: [(&str, &str, &str); 4] = [
            ("balancer/nginx.conf", "server 10.0.0.22:8243;", "server 10.0.0.22:8243 backup;"),
            (
                "worker2/start-command",
                " -Dprofile=gateway-worker",
                " -Dprofile=gateway-worker -DworkerNode=true",
            ),
            ("balancer/nginx.conf", "        server 10.0.0.22:8243;\n", ""),
            ("manager/workers-list.txt", "wso2@worker2:", "root@worker2:"),
        ];
        for (path, from, to) in edits {
            let (alike, unlike) = documented(replace(path, from, to));
            assert_eq!(alike, [], "{path}: {to}");
            assert_eq!(unlike.len(), 1, "{path}: {to}");
        }
    }

    #[test]
    fn only_whole_words_are_renamed() {
        let renaming = BTreeMap::from([("10.0.0.2", "10.0.0.9"), ("a", "b")]);
        assert_eq!(renamed("a@10.0.0.2:1, 10.0.0.21 a-b", &renaming), "b@10.0.0.9:1, 10.0.0.21 a-b");
    }
}
