//! `workers-list.txt`: one target of rsync a line, `user@host:path`.

use std::net::IpAddr;

use harness::finding::{Finding, Findings, Source, did_you_mean};
use harness::trace::NodeName;

use super::hosts::HostsFile;
use super::sync::WorkerTarget;

/// What a host name in the list can mean: the hosts file of the node that reads the list, and the nodes.
pub(super) struct Around<'a> {
    pub(super) hosts: &'a HostsFile,
    pub(super) nodes: &'a [(NodeName, IpAddr)],
    /// The node whose cron runs the script.
    pub(super) own: Option<&'a NodeName>,
}

/// Reads the list; lines that name no node are errors. The documented script takes every line as it is.
pub(super) fn read(source: &Source, around: &Around<'_>, findings: &mut Findings) -> Vec<WorkerTarget> {
    let mut targets: Vec<WorkerTarget> = Vec::new();
    let mut start = 0;
    for (index, line) in source.text.split_inclusive('\n').enumerate() {
        let content = line.strip_suffix('\n').unwrap_or(line);
        let span = start..start + content.len();
        start += line.len();
        if content.trim().is_empty() {
            continue;
        }
        match read_line(source, index + 1, content, &span, around, findings) {
            None => {}
            Some(target) => {
                if let Some(earlier) = targets.iter().find(|earlier| earlier.text == target.text) {
                    let message = format!("the same target as line {}: it is synced twice", earlier.line);
                    findings.push(Finding::warning(source, span, message));
                }
                targets.push(target);
            }
        }
    }
    if targets.is_empty() && !findings.has_errors() {
        findings.push(Finding::error(source, 0..0, "the list names no worker").help(FORM));
    }
    targets
}

const FORM: &str = "a line is `user@host:/path/to/repository/deployment/server`";

fn read_line(
    source: &Source,
    number: usize,
    line: &str,
    span: &std::ops::Range<usize>,
    around: &Around<'_>,
    findings: &mut Findings,
) -> Option<WorkerTarget> {
    let mut wrong = |at: std::ops::Range<usize>, message: String, help: &str| {
        findings.push(Finding::error(source, span.start + at.start..span.start + at.end, message).help(help));
        None
    };
    let whole = 0..line.len();
    if line.ends_with('\r') {
        let at = line.len() - 1..line.len();
        return wrong(
            at,
            "a carriage return, which becomes part of the path".to_owned(),
            "use Unix line breaks",
        );
    }
    if line.starts_with('#') {
        let help = "the script takes every line as a target; remove the line";
        return wrong(whole, "a comment is not understood".to_owned(), help);
    }
    if line.contains(|c: char| c.is_whitespace() || c.is_control()) {
        let help = "the shell splits the line at the blank; write one target a line";
        return wrong(whole, "a blank in a target".to_owned(), help);
    }
    let Some((login, path)) = line.split_once(':').filter(|(login, _)| !login.contains('/')) else {
        let help = format!("without a host rsync copies to a folder of this node; {FORM}");
        return wrong(whole, format!("`{line}` names no host"), &help);
    };
    if path.starts_with(':') || line.starts_with("rsync://") {
        return wrong(
            whole,
            "a daemon of rsync is not modelled: targets are reached by ssh".to_owned(),
            FORM,
        );
    }
    let (user, host) = match login.split_once('@') {
        Some((user, host)) => (Some(user.to_owned()), host),
        None => (None, login),
    };
    if user.as_deref() == Some("") || host.is_empty() {
        return wrong(0..login.len(), format!("`{login}` is no user and host"), FORM);
    }
    if path.is_empty() || path.split('/').any(|part| part == "..") {
        let at = login.len()..line.len();
        return wrong(at, "the target needs the path of a folder".to_owned(), FORM);
    }
    let at = login.len() - host.len()..login.len();
    let Some(address) = around.hosts.resolve(host).first().copied() else {
        let names: Vec<&str> = around.hosts.names().collect();
        let help = format!("{}, or write its address", did_you_mean(host, &names));
        return wrong(at, format!("the hosts file of the node that syncs does not know `{host}`"), &help);
    };
    let Some((node, _)) = around.nodes.iter().find(|(_, known)| *known == address) else {
        let known: Vec<String> = around.nodes.iter().map(|(name, ip)| format!("{ip} ({name})")).collect();
        let help = format!("addresses of nodes: {}", known.join(", "));
        return wrong(at, format!("`{host}` is {address}, which is no node of the cluster"), &help);
    };
    if Some(node) == around.own {
        return wrong(at, format!("`{host}` is the node that syncs itself"), "name a worker");
    }
    let (host, path, node) = (host.to_owned(), path.to_owned(), node.clone());
    Some(WorkerTarget { line: number, text: line.to_owned(), user, host, path, node })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::HostsEntry;

    fn parse(text: &str) -> (Vec<WorkerTarget>, Findings) {
        let ip = |last| IpAddr::from([10, 0, 0, last]);
        let entry = |last, name: &str| HostsEntry { address: ip(last), names: vec![name.to_owned()] };
        let hosts = HostsFile { entries: vec![entry(10, "m"), entry(21, "w1"), entry(99, "stranger")] };
        let nodes: Vec<(NodeName, IpAddr)> = vec![("manager".into(), ip(10)), ("worker1".into(), ip(21))];
        let around = Around { hosts: &hosts, nodes: &nodes, own: Some(&nodes[0].0) };
        let mut findings = Findings::new();
        let targets = read(&Source::new("workers-list.txt", text), &around, &mut findings);
        (targets, findings)
    }

    #[test]
    fn a_line_names_its_node_by_name_or_address() {
        let (targets, findings) = parse("wso2@w1:/opt/server\n\n10.0.0.21:relative\n");
        assert!(findings.is_empty(), "{findings}");
        assert_eq!(targets[0].user.as_deref(), Some("wso2"));
        assert_eq!(
            (&*targets[0].node, targets[0].path.as_str(), targets[0].line),
            ("worker1", "/opt/server", 1)
        );
        assert_eq!((targets[1].user.as_deref(), targets[1].line), (None, 3));
    }

    #[test]
    fn a_line_that_names_no_node_is_an_error_where_it_stands() {
        for (line, wrong) in [
            ("wso2@w2:/x", "w2"),
            ("wso2@stranger:/x", "stranger"),
            ("wso2@m:/x", "m"),
            ("/opt/server", "/opt/server"),
            ("wso2@w1:", ":"),
            ("wso2@w1:/a/../b", ":/a/../b"),
            ("@w1:/x", "@w1"),
            ("wso2@w1:/a b", "wso2@w1:/a b"),
            ("# wso2@w1:/a", "# wso2@w1:/a"),
            ("w1::module/x", "w1::module/x"),
            ("wso2@w1:/x\r", "\r"),
        ] {
            let (_, findings) = parse(&format!("wso2@w1:/ok\n{line}\n"));
            let finding = findings.iter().next().unwrap();
            assert_eq!((finding.line(), &finding.source.text[finding.span.clone()]), (2, wrong), "{line}");
            assert!(findings.has_errors());
        }
        assert!(parse("\n").1.has_errors());
    }

    #[test]
    fn a_target_that_stands_twice_is_warned_of() {
        let (targets, findings) = parse("w1:/x\nw1:/x\n");
        assert_eq!((targets.len(), findings.iter().count(), findings.has_errors()), (2, 1, false));
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "\\PC*|[w1@:/. \r\nü]*") {
            for finding in parse(&text).1.iter() {
                prop_assert!(text.get(finding.span.clone()).is_some());
            }
        }
    }
}
