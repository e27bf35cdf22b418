//! What our reader takes, `crontab -n` takes; what it refuses, ours refuses.

use std::fs;
use std::process::Command;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::{cluster_with, errors_in, is_here, run, shown};

const FILE: &str = "manager/crontab";
const SCRIPT: &str = "/home/wso2/rsync-for-carbon-depsync.sh";

fn check(path: &std::path::Path) -> Command {
    let mut command = Command::new("crontab");
    command.arg("-n").arg(path);
    command
}

#[test]
fn what_crontab_refuses_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("crontab");
    let takes = |text: &str| {
        fs::write(&path, text).expect("a file");
        run(&mut check(&path)).status.success()
    };
    fs::write(&path, "* * * * * true\n").expect("a file");
    if !is_here("crontab -n", check(&path)) {
        return;
    }
    let ours = |text: &str| errors_in(&cluster_with(FILE, text), FILE);
    let documented = cluster_with("none", "").files[FILE].clone();
    assert!(takes(&documented) && ours(&documented).is_empty());
    let last = format!("* * * * * {SCRIPT}\n");
    for line in [
        "*/2 * * * *",
        "1-5/2 * * * *",
        "0 0 * * 7",
        "0 0 * * sun-tue",
        "0 0 * jan,mar MON",
        "*,5 * * * *",
        "@reboot",
        "@hourly",
        "@midnight",
        "@annually",
        "  0 4\t1,15 * *",
        "00 * * * *",
    ] {
        let text = format!("{line} {SCRIPT}\n");
        assert!(takes(&text) && ours(&text).is_empty(), "{line}\n{}", shown(&ours(&text)));
    }
    for text in
        ["A=b\n", " A = b\n", "\"A\" = \"b c\"\n", "A='b'\n", "# c\n", "\n", " \t \n", "A=b # c\n", "1=2\n"]
    {
        let text = format!("{text}{last}");
        assert!(takes(&text) && ours(&text).is_empty(), "{text}\n{}", shown(&ours(&text)));
    }
    for line in [
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * 32 * *",
        "* * * 0 *",
        "* * * 13 *",
        "* * * * 8",
        "*/0 * * * *",
        "/5 * * * *",
        "5/10 * * * *",
        "1, * * * *",
        ",1 * * * *",
        "-1 * * * *",
        "+1 * * * *",
        "L * * * *",
        "? * * * *",
        "* * * * SUNDAY",
        "fri * * * *",
        "@every",
        "@Hourly",
        "A=\"b",
        "* * *",
    ] {
        let text = format!("{line} {SCRIPT}\n");
        assert!(!takes(&text), "{line}");
        assert!(!ours(&text).is_empty(), "{line}");
    }
    for text in [format!("* * * * * {SCRIPT}"), format!("MAILTO=\n{last}"), format!("\r\n{last}")] {
        assert!(!takes(&text), "{text:?}");
        assert!(!ours(&text).is_empty(), "{text:?}");
    }
    let field = "(\\*|[0-9]{1,2}|[0-9]{1,2}-[0-9]{1,2}|mon|feb|\\*-1|,)(/[0-9]{1,2})?(,[0-9]{1,2})?";
    let line = format!("{field} {field} {field} {field} {field}");
    let line = proptest::string::string_regex(&line).expect("a pattern");
    let config = ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() };
    TestRunner::new(config)
        .run(&line, |line| {
            let text = format!("{line} {SCRIPT}\n");
            let errors = ours(&text);
            prop_assert!(!errors.is_empty() || takes(&text), "only we take {}", line);
            Ok(())
        })
        .expect("no line that only we take");
}
