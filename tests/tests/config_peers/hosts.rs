//! A hosts file resolves the names that glibc resolves with it, to the same addresses.

use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;
use std::process::Command;

use crate::{cluster_with, is_here, run};

/// Odd lines and plain ones.
const TEXT: &str = "\
# a comment
127.0.0.1 localhost
10.0.0.21 am.wso2.test
10.0.0.22\tAM.wso2.test alias.test # hidden.test
bogus.test 10.0.0.9
10.0.0.300 bad.test
10.0.0.23
 10.0.0.24   tabs.test  am.wso2.test
::1 six.test am.wso2.test
010.0.0.1 octal.test
10.1 short.test
10.0.0.25 under_score.test dot.test.
10.0.0.26 last.test";

const NAMES: [&str; 14] = [
    "am.wso2.test",
    "AM.WSO2.TEST",
    "alias.test",
    "hidden.test",
    "bogus.test",
    "bad.test",
    "tabs.test",
    "six.test",
    "octal.test",
    "short.test",
    "under_score.test",
    "dot.test",
    "last.test",
    "localhost",
];

/// Runs a command where `/etc/hosts` is the file at `path` and nothing else is asked.
fn with_hosts(path: &std::path::Path, name: &str) -> Command {
    let mut command = Command::new("unshare");
    let script = "mount --bind \"$1\" /etc/hosts && getent -s files ahosts \"$2\"; status=$?; [ $status -eq 2 ] || exit $status";
    command.args(["-rm", "sh", "-c", script, "sh"]).arg(path).arg(name);
    command
}

#[test]
fn names_resolve_as_glibc_resolves_them() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("hosts");
    fs::write(&path, TEXT).expect("a file");
    if !is_here("a mount namespace with getent", with_hosts(&path, "last.test")) {
        return;
    }
    let (cluster, _) = sim::config::load(&cluster_with("clients/hosts", TEXT)).expect("warnings only");
    let hosts = &cluster.node("clients").expect("the documented cluster has it").hosts;
    for name in NAMES {
        let output = String::from_utf8(run(&mut with_hosts(&path, name)).stdout).expect("text");
        let addresses = output.lines().filter_map(|line| line.split_whitespace().next()?.parse().ok());
        let theirs: BTreeSet<IpAddr> = addresses.collect();
        let ours: BTreeSet<IpAddr> = hosts.resolve(name).into_iter().collect();
        assert_eq!(ours, theirs, "{name}");
    }
}
