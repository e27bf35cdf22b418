//! The rsync command line is split into the words into which sh splits it.

use std::process::Command;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::{cluster_with, is_here, run};

const FILE: &str = "manager/rsync-command";
const LINE: &str = "wso2@worker1:/opt/wso2am/repository/deployment/server";

/// Prints the arguments of the command, each ended by a zero byte.
fn words_of_sh(command: &str) -> Command {
    let mut sh = Command::new("sh");
    let script = format!(
        "rsync() {{ printf '%s\\0' \"$@\"; }}\nset -- '{LINE}'\nworker=$1 line=$1 target=$1\n{command}\n"
    );
    sh.arg("-c").arg(script);
    sh
}

#[test]
fn words_are_those_of_sh() {
    if !is_here("sh", words_of_sh("rsync x")) {
        return;
    }
    let compare = |command: &str| {
        let Ok((cluster, _)) = sim::config::load(&cluster_with(FILE, command)) else { return Ok(false) };
        let output = run(&mut words_of_sh(command));
        prop_assert!(output.status.success(), "sh refuses {}", command);
        let theirs = String::from_utf8(output.stdout).expect("text");
        let ours: String =
            cluster.sync.command.argv(LINE)[1..].iter().map(|word| format!("{word}\0")).collect();
        prop_assert_eq!(ours, theirs, "{}", command);
        Ok(true)
    };
    for command in [
        "rsync --delete -arve \"ssh -i k -o StrictHostKeyChecking=no\" /opt/a/ $worker",
        "# why\nrsync -a 'a b'/ \\\n  \"${line}\" # here",
        "rsync -a a\\ b \"c\\\"d\\$e\\f\" '' x$1",
    ] {
        assert!(compare(command).expect("equal words"), "we refuse {command}");
    }
    // Nothing that could do harm can be written with these characters.
    let text = "rsync -a [ a-c'\"\\\\\n#=./-]{0,16} (\\$worker|\"\\$line\"|\\$\\{target\\})";
    let text = proptest::string::string_regex(text).expect("a pattern");
    let config = ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() };
    let taken = std::cell::Cell::new(0);
    TestRunner::new(config)
        .run(&text, |command| {
            taken.set(taken.get() + u32::from(compare(&command)?));
            Ok(())
        })
        .expect("the same words");
    assert!(taken.get() > 20, "too few command lines were taken to say anything: {}", taken.get());
}
