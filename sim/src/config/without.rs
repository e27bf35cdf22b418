//! A cluster's files without one of its nodes, for who looks for the smallest cluster that still fails.
//!
//! Only a worker can go, and not the last one. Its lines are taken out of the texts; then the smaller cluster is
//! read anew and compared with the greater one, from which the same node is taken out. Where these are not the
//! same, a file leads to the node in a way that lines cannot take back, and it stays.

use std::net::IpAddr;
use std::ops::Range;

use harness::cluster_files::ClusterFiles;
use harness::trace::NodeName;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{CLUSTER_FILE, ClusterConfig, HostsFile, NodeKind, Role, load};

/// The files without this node.
///
/// # Errors
/// Why the node cannot go.
pub fn without_node(files: &ClusterFiles, name: &NodeName) -> Result<ClusterFiles, String> {
    let (config, warnings) = load(files).map_err(|_| "the cluster's files have mistakes".to_owned())?;
    let node = config.node(name).ok_or_else(|| format!("no node is called {name}"))?;
    match node.role() {
        Role::Manager => return Err("it publishes, and the sync runs on it".to_owned()),
        Role::Balancer => return Err("all requests go through it".to_owned()),
        Role::Client => return Err("all requests come from it".to_owned()),
        Role::Worker if config.nodes_of(Role::Worker).count() == 1 => {
            return Err("it is the only worker: without it nothing is served".to_owned());
        }
        Role::Worker => {}
    }
    let named = Named::of(&files.files[CLUSTER_FILE], name)?;
    let mut fewer = files.clone();
    fewer.files.insert(CLUSTER_FILE.to_owned(), named.text);
    for own in named.own_files {
        fewer.files.remove(&own);
    }
    for (path, text) in &mut fewer.files {
        if named.workers_list.as_ref() == Some(path) {
            let gone = |target: &&super::WorkerTarget| target.node == *name;
            let lines: Vec<usize> =
                config.sync.workers.iter().filter(gone).map(|target| target.line).collect();
            *text = without_lines(text, |number, _| lines.contains(&number));
        } else if named.hosts.contains(path) {
            *text = without_lines(text, |_, line| {
                line.split_whitespace().next().and_then(|word| word.parse().ok()) == Some(node.address)
            });
        } else if let Some((_, hosts)) = balancers(&config, &named.nginx).find(|(file, _)| *file == path) {
            *text = without_lines(text, |_, line| is_upstream_server(line, hosts, node.address));
        }
    }
    let wrong = |what: &str| format!("the cluster's files do not go without it: {what}");
    let (smaller, more_warnings) = load(&fewer)
        .map_err(|findings| wrong(&findings.iter().next().map(ToString::to_string).unwrap_or_default()))?;
    if more_warnings.iter().count() > warnings.iter().count() {
        let known = |message: &String| warnings.iter().any(|warning| warning.message == *message);
        let new = more_warnings.iter().map(|warning| warning.message.clone()).find(|message| !known(message));
        return Err(wrong(&new.unwrap_or_default()));
    }
    match taken_out(&config, name, node.address) == smaller {
        true => Ok(fewer),
        false => Err(wrong("one of them leads to it in a way of its own")),
    }
}

/// What the smaller cluster must be.
fn taken_out(config: &ClusterConfig, name: &NodeName, address: IpAddr) -> ClusterConfig {
    let mut config = config.clone();
    config.nodes.retain(|node| node.name != *name);
    config.sync.workers.retain(|target| target.node != *name);
    for (index, target) in config.sync.workers.iter_mut().enumerate() {
        // Lists without empty lines are numbered so; another one is not taken apart.
        target.line = index + 1;
    }
    for node in &mut config.nodes {
        node.hosts.entries.retain(|entry| entry.address != address);
        if let NodeKind::Balancer(nginx) = &mut node.kind {
            for upstream in &mut nginx.upstreams {
                upstream.servers.retain(|server| server.address.ip() != address);
            }
        }
    }
    config
}

/// What `cluster.toml` says of files, and its text without a node.
struct Named {
    text: String,
    /// Files that stand on the node and on no other.
    own_files: Vec<String>,
    hosts: Vec<String>,
    /// Each balancer's name and its file.
    nginx: Vec<(String, String)>,
    workers_list: Option<String>,
}

impl Named {
    fn of(text: &str, name: &str) -> Result<Self, String> {
        let document = DeTable::parse(text).map_err(|error| error.message().to_owned())?;
        let nodes = document.get_ref().get("node").and_then(|nodes| nodes.get_ref().as_array());
        let nodes: Vec<&Spanned<DeValue<'_>>> = nodes.map(|nodes| nodes.iter().collect()).unwrap_or_default();
        let text_of = |table: &Spanned<DeValue<'_>>, key: &str| {
            let value = table.get_ref().as_table()?.get(key)?;
            Some(value.get_ref().as_str()?.trim_start_matches("./").to_owned())
        };
        let index = nodes.iter().position(|node| text_of(node, "name").as_deref() == Some(name));
        let index = index.ok_or("cluster.toml does not name it")?;
        let (mut kept, mut own_files, mut hosts, mut nginx) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (place, node) in nodes.iter().enumerate() {
            for key in ["deployment", "hosts", "start", "nginx"] {
                let Some(file) = text_of(node, key) else { continue };
                match key {
                    "hosts" => hosts.push(file.clone()),
                    "nginx" => nginx.push((text_of(node, "name").unwrap_or_default(), file.clone())),
                    _ => {}
                }
                if place == index { own_files.push(file) } else { kept.push(file) }
            }
        }
        own_files.retain(|file| !kept.contains(file));
        let workers_list = document.get_ref().get("sync").and_then(|sync| text_of(sync, "workers_list"));
        let block = block(text, nodes[index].span())?;
        let text = format!("{}{}", &text[..block.start], &text[block.end..]);
        Ok(Self { text, own_files, hosts, nginx, workers_list })
    }
}

/// The lines of a `[[node]]`: from its header, with the comments right above it, to the next header.
fn block(text: &str, span: Range<usize>) -> Result<Range<usize>, String> {
    let start = text[..span.start].rfind('\n').map_or(0, |before| before + 1);
    if !text[start..].trim_start().starts_with("[[") {
        return Err("cluster.toml does not give it a `[[node]]` of its own".to_owned());
    }
    let mut begin = start;
    while let Some(above) = text[..begin].strip_suffix('\n') {
        let line = above.rfind('\n').map_or(0, |before| before + 1);
        if !above[line..].trim_start().starts_with('#') {
            break;
        }
        begin = line;
    }
    let mut end = text.len();
    let mut at = start;
    for line in text[start..].split_inclusive('\n') {
        if at > start && line.trim_start().starts_with('[') {
            end = at;
            break;
        }
        at += line.len();
    }
    // Comments right above the next header belong to that.
    while let Some(above) = text[start..end].strip_suffix('\n') {
        let line = start + above.rfind('\n').map_or(0, |before| before + 1);
        if !text[line..end].trim_start().starts_with('#') {
            break;
        }
        end = line;
    }
    Ok(begin..end)
}

/// The file of each balancer's nginx.conf, and the names that it knows.
fn balancers<'a>(
    config: &'a ClusterConfig,
    nginx: &'a [(String, String)],
) -> impl Iterator<Item = (&'a String, &'a HostsFile)> {
    nginx.iter().filter_map(|(name, file)| Some((file, &config.node(name)?.hosts)))
}

/// Whether a line of nginx.conf is one `server` of an upstream group, on this address.
fn is_upstream_server(line: &str, hosts: &HostsFile, address: IpAddr) -> bool {
    let line = line.split('#').next().unwrap_or_default().trim();
    let Some(rest) = line.strip_prefix("server").and_then(|rest| rest.strip_suffix(';')) else {
        return false;
    };
    if !rest.starts_with(char::is_whitespace) || rest.contains([';', '{', '}']) {
        return false;
    }
    let Some(place) = rest.split_whitespace().next() else { return false };
    let host = match place.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => place,
    };
    hosts.resolve(host.trim_start_matches('[').trim_end_matches(']')) == [address]
}

/// A text without some of its lines, which are given with their numbers from 1.
fn without_lines(text: &str, gone: impl Fn(usize, &str) -> bool) -> String {
    let lines = text.split_inclusive('\n').enumerate();
    lines.filter(|(index, line)| !gone(index + 1, line)).map(|(_, line)| line).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn documented() -> ClusterFiles {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/clusters/wso2-rsync");
        ClusterFiles::read(&folder).unwrap()
    }

    fn without(files: &ClusterFiles, name: &str) -> Result<ClusterFiles, String> {
        without_node(files, &name.into())
    }

    #[test]
    fn either_worker_of_the_documented_cluster_can_go_and_its_lines_go_with_it() {
        for (gone, stays) in [("worker1", "worker2"), ("worker2", "worker1")] {
            let fewer = without(&documented(), gone).unwrap();
            let (config, warnings) = load(&fewer).unwrap();
            let names: Vec<&str> = config.nodes.iter().map(|node| &*node.name).collect();
            assert_eq!(names, ["manager", stays, "balancer", "clients"]);
            assert!(warnings.is_empty(), "{warnings}");
            assert!(!fewer.files.keys().any(|path| path.starts_with(gone)), "its files are left");
            let mentions = fewer.files.iter().find(|(_, text)| text.contains(gone));
            assert!(mentions.is_none(), "{gone} is left in {mentions:?}");
            let text = &fewer.files[CLUSTER_FILE];
            assert!(text.contains("# The consumers that call the APIs"), "comments of others stay:\n{text}");
        }
    }

    #[test]
    fn whoever_cannot_go_is_told_why() {
        let one = without(&documented(), "worker2").unwrap();
        for (files, name, why) in [
            (&documented(), "manager", "the sync runs on it"),
            (&documented(), "balancer", "go through it"),
            (&documented(), "clients", "come from it"),
            (&documented(), "worker9", "no node is called worker9"),
            (&one, "worker1", "the only worker"),
        ] {
            let said = without(files, name).unwrap_err();
            assert!(said.contains(why), "{name}: {said}");
        }
    }

    #[test]
    fn a_node_that_a_file_leads_to_in_another_way_stays() {
        let edited = |path: &str, from: &str, to: &str| {
            let mut files = documented();
            let text = files.files.get_mut(path).unwrap();
            assert!(text.contains(from));
            *text = text.replace(from, to);
            files
        };
        let direct = edited(
            "balancer/nginx.conf",
            "proxy_pass https://sslgw.am.wso2.com;",
            "proxy_pass https://10.0.0.22:8243;",
        );
        assert!(without(&direct, "worker2").is_err());
        let one_line = edited(
            "balancer/nginx.conf",
            "server 10.0.0.21:8243;\n        server 10.0.0.22:8243;",
            "server 10.0.0.21:8243; server 10.0.0.22:8243;",
        );
        let said = without(&one_line, "worker2").unwrap_err();
        assert!(said.contains("do not go without it"), "{said}");
    }
}
