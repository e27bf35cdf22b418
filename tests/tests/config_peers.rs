//! The readers of configuration files against the programs that read the real ones: nginx, cron, glibc, sh.
//!
//! A test whose program is missing says so and passes, unless `SIM_REQUIRE_PEERS=1` asks for it.

mod config_peers {
    pub mod cron;
    pub mod hosts;
    pub mod nginx;
    pub mod shell;
}

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};

use harness::cluster_files::ClusterFiles;
use harness::finding::{Finding, Findings, Severity};

/// The output of a program that must be there.
fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// Whether a peer is here: `probe` must succeed. When it does not, says so on the terminal.
#[expect(clippy::disallowed_methods, reason = "the environment says which peers must be there")]
fn is_here(what: &str, mut probe: Command) -> bool {
    if probe.output().is_ok_and(|output| output.status.success()) {
        return true;
    }
    let required = std::env::var("SIM_REQUIRE_PEERS").is_ok_and(|value| value == "1");
    assert!(!required, "SIM_REQUIRE_PEERS=1, but {what} does not work here: {probe:?}");
    // Straight to the terminal: the harness of cargo test swallows what is printed.
    writeln!(std::io::stderr(), "skipped: {what} does not work here ({probe:?})").expect("a terminal");
    false
}

/// The documented cluster with one file replaced.
fn cluster_with(file: &str, text: &str) -> ClusterFiles {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/clusters/wso2-rsync");
    let mut files = ClusterFiles::read(&folder).expect("the documented cluster");
    files.files.insert(file.to_owned(), text.to_owned());
    files
}

/// The errors that are found in one file of a cluster.
fn errors_in(files: &ClusterFiles, file: &str) -> Vec<Finding> {
    let findings = match sim::config::load(files) {
        Ok((_, warnings)) => warnings,
        Err(findings) => findings,
    };
    let here =
        |finding: &&Finding| finding.severity == Severity::Error && finding.source.name.ends_with(file);
    findings.iter().filter(here).cloned().collect()
}

/// Findings as a person reads them, for the message of a test that fails.
fn shown(findings: &[Finding]) -> String {
    findings.iter().cloned().collect::<Findings>().to_string()
}
