//! Whole clusters: the documented one, and broken ones made from it.

use std::path::Path;

use super::*;
use crate::config::{ReadOnlyReading, Schedule};

fn documented() -> ClusterFiles {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/clusters/wso2-rsync");
    let mut files = ClusterFiles::read(&folder).unwrap();
    files.root = "wso2-rsync".to_owned();
    files
}

/// The documented cluster with one text replaced in one file.
fn changed(file: &str, from: &str, to: &str) -> ClusterFiles {
    let mut files = documented();
    let text = files.files.get_mut(file).unwrap();
    assert!(text.contains(from), "{file} does not hold {from}");
    *text = text.replace(from, to);
    files
}

fn findings(files: &ClusterFiles) -> Findings {
    match load(files) {
        Ok((_, warnings)) => warnings,
        Err(findings) => findings,
    }
}

#[test]
fn the_documented_cluster_loads_without_a_warning() {
    let (cluster, warnings) = load(&documented()).unwrap();
    assert!(warnings.is_empty(), "{warnings}");
    assert_eq!(cluster.name, "wso2-rsync");
    let names: Vec<_> = cluster.nodes.iter().map(|node| (&*node.name, node.role().name())).collect();
    assert_eq!(
        names,
        [
            ("manager", "manager"),
            ("worker1", "worker"),
            ("worker2", "worker"),
            ("balancer", "balancer"),
            ("clients", "client")
        ]
    );
    let manager = cluster.node("manager").unwrap().gateway().unwrap();
    assert!(!manager.read_only && manager.portals);
    assert_eq!(manager.ports.all().map(|(_, port)| port), [9763, 9443, 8280, 8243]);
    assert_eq!(manager.proxy_ports.https, Some(443));
    let worker = cluster.node("worker1").unwrap().gateway().unwrap();
    assert!(worker.read_only && !worker.portals);
    assert!(!worker.read_only_by(ReadOnlyReading::Source));
    let clients = cluster.node("clients").unwrap();
    assert_eq!(clients.hosts.resolve("am.wso2.com"), [cluster.node("balancer").unwrap().address]);
}

#[test]
fn the_documented_sync_runs_every_minute_over_both_workers() {
    let (cluster, _) = load(&documented()).unwrap();
    let sync = &cluster.sync;
    assert_eq!((&*sync.node, sync.jobs.len(), sync.jobs[0].shell.as_str()), ("manager", 1, "/bin/bash"));
    assert_eq!(sync.jobs[0].schedule.next_after(0), Some(60));
    assert!(matches!(sync.jobs[0].schedule, Schedule::Times(_)));
    let targets: Vec<_> = sync.workers.iter().map(|target| &*target.node).collect();
    assert_eq!(targets, ["worker1", "worker2"]);
    let argv = sync.command.argv(&sync.workers[1].text);
    assert_eq!(argv[1], "--delete");
    assert_eq!(argv.last().unwrap(), "wso2@worker2:/opt/wso2am/repository/deployment/server");
}

#[test]
fn the_documented_balancer_sends_each_name_to_its_own_group() {
    let (cluster, _) = load(&documented()).unwrap();
    let balancer = cluster.node("balancer").unwrap();
    let NodeKind::Balancer(nginx) = &balancer.kind else { panic!() };
    let server = |port: u16, host: &str| {
        let names = |server: &&nginx::Server| {
            server.names == [nginx::ServerName::Exact(host.to_owned())] && server.listens[0].port == port
        };
        nginx.servers.iter().find(names).unwrap()
    };
    let members = |host: &str| {
        let server = server(443, host);
        let nginx::Action::Proxy(proxy) = &server.locations[0].action else { panic!() };
        assert!(proxy.tls);
        assert_eq!(proxy.read_timeout.as_secs(), 300);
        let servers = &nginx.upstreams[proxy.upstream].servers;
        servers.iter().map(|server| server.address.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(members("am.wso2.com"), ["10.0.0.21:8243", "10.0.0.22:8243"]);
    assert_eq!(members("mgt.am.wso2.com"), ["10.0.0.10:9443"]);
    let plain = server(80, "mgt.am.wso2.com");
    assert_eq!(plain.answer.as_ref().unwrap().status, 301);
    assert!(server(443, "am.wso2.com").listens[0].tls && !plain.listens[0].tls);
}

#[test]
fn the_other_reading_of_the_profile_flag_leaves_workers_writable() {
    let files = changed("cluster.toml", "read_only = \"guide\"", "read_only = \"source\"");
    let (cluster, warnings) = load(&files).unwrap();
    assert!(!cluster.node("worker1").unwrap().gateway().unwrap().read_only);
    assert!(warnings.to_string().contains("is not started read-only"), "{warnings}");
    assert_eq!(warnings.iter().count(), 2);
}

#[test]
fn the_offset_of_the_start_command_wins_over_that_of_the_file() {
    let mut files = changed("worker1/start-command", "-Dprofile", "-DportOffset=3 -Dprofile");
    let nginx = files.files.get_mut("balancer/nginx.conf").unwrap();
    *nginx = nginx.replace("10.0.0.21:8243", "10.0.0.21:8246");
    let deployment = files.files.get_mut("worker1/deployment.toml").unwrap();
    *deployment = deployment.replace("offset = 0", "offset = 1");
    let (cluster, warnings) = load(&files).unwrap();
    assert!(warnings.is_empty(), "{warnings}");
    let ports = cluster.node("worker1").unwrap().gateway().unwrap().ports;
    assert_eq!(ports.all().map(|(_, port)| port), [9766, 9446, 8283, 8246]);
}

#[test]
fn a_folder_without_cluster_toml_is_told_so() {
    let mut files = documented();
    let text = files.files.remove("cluster.toml").unwrap();
    files.files.insert("clster.toml".to_owned(), text);
    assert!(findings(&files).to_string().contains("rename `clster.toml`"));
    assert!(load(&ClusterFiles::default()).is_err());
}

#[test]
fn every_contradiction_between_files_is_found() {
    for (file, from, to, expected) in [
        ("cluster.toml", "10.0.0.22", "10.0.0.21", "is the address of `worker1` already"),
        ("cluster.toml", "name = \"worker2\"", "name = \"worker1\"", "a second node `worker1`"),
        ("cluster.toml", "node = \"manager\"", "node = \"manger\"", "write `manager`"),
        ("cluster.toml", "role = \"client\"", "role = \"cleint\"", "write `client`"),
        ("cluster.toml", "manager/hosts", "manager/host", "write `manager/hosts`"),
        ("cluster.toml", "nginx = ", "start = ", "a balancer has no `start`"),
        ("cluster.toml", "latency", "latncy", "write `latency`"),
        ("manager/deployment.toml", "port = 9763", "port = 8280", "held by"),
        ("manager/deployment.toml", "offset = 0", "offset = 56500", "beyond 65535"),
        ("manager/deployment.toml", "10.0.0.10", "10.0.0.11", "`node_ip` is not the address"),
        (
            "manager/start-command",
            "api-manager.sh",
            "api-manager.sh -DworkerNode=true",
            "nothing can be published",
        ),
        ("manager/start-command", "/opt/wso2am", "/opt/other", "is not the installation"),
        ("worker1/start-command", "gateway-worker", "traffic-manager", "runs no gateway"),
        ("manager/workers-list.txt", "worker2:", "worker1:", "no line of workers-list.txt syncs `worker2`"),
        ("manager/hosts", "10.0.0.22", "10.0.0.23", "which is no node of the cluster"),
        (
            "manager/crontab",
            "rsync-for-carbon-depsync.sh",
            "rsync-for-depsync.sh",
            "does not run `/home/wso2/rsync-for-carbon-depsync.sh`",
        ),
        ("manager/rsync-command", "--delete", "--delet", "--delet: unknown option"),
        ("manager/rsync-command", "-arve", "-aQrve", "-aQrve: unknown option"),
        (
            "manager/rsync-command",
            "-arve",
            "--remove-source-files -arve",
            "--remove-source-files is not modelled",
        ),
        ("manager/rsync-command", "/server/ $worker", "/server $worker", "would put `server` into `server`"),
        (
            "manager/rsync-command",
            "/opt/wso2am/repository/deployment/server/ $worker",
            "$worker /tmp/x",
            "reads from the worker",
        ),
        (
            "manager/rsync-command",
            "/opt/wso2am/repository",
            "/opt/wso2/repository",
            "is not below /opt/wso2am",
        ),
        (
            "manager/workers-list.txt",
            "worker2:/opt/wso2am/repository/deployment/server",
            "worker2:/opt/wso2am/repository/tenants",
            "into a folder of another name",
        ),
        ("clients/hosts", "mgt.am.wso2.com", "mgt.example.com", "does not know `mgt.am.wso2.com`"),
        ("balancer/nginx.conf", "10.0.0.21:8243", "10.0.0.31:8243", "10.0.0.31 is no node"),
        ("balancer/nginx.conf", "10.0.0.21:8243", "10.0.0.21:8244", "`worker1` does not listen on 8244"),
        ("balancer/nginx.conf", "10.0.0.21:8243", "10.0.0.21:8280", "asked by https, but it speaks http"),
    ] {
        let found = findings(&changed(file, from, to));
        let expected_in =
            |finding: &Finding| finding.message.contains(expected) || finding.help.contains(expected);
        assert!(found.iter().any(expected_in), "{file}: {to}\n{found}");
    }
}

/// The longest file that is read, full of what takes longest to find wrong.
#[test]
fn a_huge_file_of_nonsense_is_refused_and_not_all_of_it_shown() {
    for (file, text) in [
        ("balancer/nginx.conf", ";".to_owned()),
        ("balancer/nginx.conf", "upstream a{}".to_owned()),
        ("manager/crontab", "0 0 31 2 * x\n".to_owned()),
        ("manager/workers-list.txt", "x\n".to_owned()),
        ("cluster.toml", "[x]\n".to_owned()),
        ("worker1/hosts", "1 2\n".to_owned()),
        ("worker1/start-command", "-Dx ".to_owned()),
        ("manager/deployment.toml", "a".to_owned()),
    ] {
        let mut files = documented();
        let text = text.repeat((1 << 20) / text.len());
        files.files.insert(file.to_owned(), text);
        let found = findings(&files);
        assert!(!found.is_empty() && found.iter().count() <= 2 * (FINDINGS_MAX + 1), "{file}");
    }
}

#[test]
fn a_file_that_nothing_names_is_warned_of() {
    let mut files = documented();
    files.files.insert("worker3/hosts".to_owned(), String::new());
    let (_, warnings) = load(&files).unwrap();
    assert!(warnings.to_string().contains("does not name this file"));
}

#[test]
fn mistakes_of_all_files_are_shown_at_once_with_line_and_remedy() {
    let mut files = documented();
    for (file, from, to) in [
        ("cluster.toml", "latency = \"1ms\"", "latency = \"1 parsec\""),
        ("cluster.toml", "role = \"balancer\"", "roel = \"balancer\""),
        ("cluster.toml", "worker2/hosts", "worker2/host"),
        ("manager/deployment.toml", "properties.proxyPort = 443", "properties.proxyport = 443"),
        ("manager/deployment.toml", "properties.port = 9763", "properties.port = 9443"),
        ("worker1/deployment.toml", "offset = 0", "offset = \"zero\""),
        ("worker1/start-command", "gateway-worker", "gateway-manager"),
        ("worker2/start-command", "-Dprofile", "-DworkerNod=true -Dprofile"),
        ("manager/crontab", "* * * * *", "*/0 * * 13 *"),
        ("manager/workers-list.txt", "@worker2:", "@worker22:"),
        ("manager/rsync-command", "$worker", "$wroker"),
    ] {
        let text = files.files.get_mut(file).unwrap();
        assert!(text.contains(from), "{file} does not hold {from}");
        *text = text.replace(from, to);
    }
    insta::assert_snapshot!(load(&files).unwrap_err().to_string());
}

#[test]
fn mistakes_of_a_balancer_are_shown_at_once_in_the_words_of_nginx() {
    let mut files = documented();
    let text = files.files.get_mut("balancer/nginx.conf").unwrap();
    for (from, to) in [
        ("server 10.0.0.10:9443;", "server mgt.wso2.com:9443;"),
        ("server 10.0.0.22:8243;", "server 10.0.0.22:8243 max_fail=3;"),
        ("listen 443 ssl;\n        server_name am", "listen 443 ssl\n        server_name am"),
        ("proxy_read_timeout 5m;", "proxy_read_timeout 5 m;"),
        ("proxy_pass https://sslgw.am.wso2.com;", "proxy_pass https://ssl.am.wso2.com;"),
        ("permanent", "permanently"),
        ("worker_connections", "worker_conections"),
    ] {
        assert!(text.contains(from), "nginx.conf does not hold {from}");
        *text = text.replace(from, to);
    }
    text.push_str("}\n");
    insta::assert_snapshot!(load(&files).unwrap_err().to_string());
}

#[test]
fn a_cluster_that_is_almost_empty_is_told_what_it_lacks() {
    let mut files = ClusterFiles { root: "empty".to_owned(), ..ClusterFiles::default() };
    files
        .files
        .insert("cluster.toml".to_owned(), "name = \"empty\"\n\n[[node]]\nname = \"a b\"\n".to_owned());
    insta::assert_snapshot!(load(&files).unwrap_err().to_string());
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(128))]
    /// One file of the documented cluster is damaged anywhere.
    #[test]
    fn a_damaged_cluster_is_read_or_refused(
        file in 0_usize..15,
        at in proptest::prelude::any::<proptest::sample::Index>(),
        length in 0_usize..40,
        insert in "\\PC{0,8}|[\\[\\]{};=\"'#\n ]{0,4}",
    ) {
        let mut files = documented();
        let names: Vec<String> = files.files.keys().cloned().collect();
        let text = files.files.get_mut(&names[file % names.len()]).unwrap();
        // The documented files are plain ASCII: any byte is a boundary.
        let start = at.index(text.len());
        let end = (start + length).min(text.len());
        text.replace_range(start..end, &insert);
        for finding in findings(&files).iter() {
            proptest::prop_assert!(finding.source.text.get(finding.span.clone()).is_some());
        }
    }
}
