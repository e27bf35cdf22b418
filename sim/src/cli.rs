//! The command line: reads what was asked, calls the library, prints, and says with what status to exit.
//!
//! Results go to standard output; progress, logs, findings and trouble to standard error. Everything that is
//! simulated or judged is done elsewhere.

mod check;
mod diff;
mod drive;
mod exit;
mod explore;
mod interrupt;
mod judge;
mod limits;
mod list;
mod logging;
mod merge;
mod panic;
mod replay;
mod run;
mod scenarios;
mod screen;
mod seeds;
mod shrink;
mod spof;
mod store;
mod sweep;

pub use exit::Exit;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use harness::cluster::ClusterMaker;

use crate::cluster::SimMaker;
use crate::rsync;
use screen::Screen;

/// Tells what stops, and for how long, when parts of an rsync-synchronised WSO2 API Manager gateway cluster
/// fail: runs the cluster from its configuration files in simulated time, deterministically.
#[derive(Debug, Parser)]
#[command(name = "sim", version = crate::VERSION, about, after_help = EXIT_CODES)]
struct Arguments {
    /// Log what happens in the cluster, with simulated time and node; twice or three times for more.
    /// `RUST_LOG` overrules it
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    verbose: u8,
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit status: 0 every verdict passed; 1 a verdict failed; 2 none failed, but one is unknown; 64 wrong usage; \
65 a wrong scenario, plan, trace or configuration; 70 a bug of sim; 74 something could not be written; \
130 stopped by Ctrl-C.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run scenarios, print what came out, write reports
    Run(run::Arguments),
    /// Validate scenarios and the configuration of their clusters
    Check(check::Arguments),
    /// Run a stored plan again
    Replay(replay::Arguments),
    /// Make a failing plan as small as it can be, and write it as a scenario
    Shrink(shrink::Arguments),
    /// Let a scenario's cluster fail at random, and say what that breaks
    Explore(explore::Arguments),
    /// Put results of `sim explore` of several machines together
    Merge(merge::Arguments),
    /// Judge a stored trace again
    Judge(judge::Arguments),
    /// Say where two stored traces part, and what differs in their verdicts
    Diff(diff::Arguments),
    /// Find single points of failure: take away every component of a cluster, alone and together
    Spof(spof::Arguments),
    /// Run a scenario with every single fault at every moment at which something happens
    Sweep(sweep::Arguments),
    /// List scenarios, faults, workloads, expectations and checkers, with a line each
    List(list::Arguments),
    /// Run the modelled rsync on two real folders, and print what the real one would
    Rsync {
        /// Options and paths, as rsync takes them
        #[arg(value_name = "OPTIONS, SRC, DEST", trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

/// Does what the command line asks.
pub fn main() -> ExitCode {
    // rsync's options are its own: they are not read here, not even those that look like ours.
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    if let Some((first, arguments)) = words.split_first()
        && first == "rsync"
    {
        return copy(arguments);
    }
    match Arguments::try_parse() {
        // With an option of ours before it, as in `sim -v rsync`.
        Ok(Arguments { command: Command::Rsync { arguments }, .. }) => copy(&arguments),
        Ok(arguments) => execute(arguments, &SimMaker).into(),
        Err(error) => {
            // There is nobody left to tell when the streams are closed.
            let _ = error.print();
            if error.use_stderr() { Exit::Usage.into() } else { Exit::Pass.into() }
        }
    }
}

/// `sim rsync`, which ends with rsync's own exit codes.
fn copy(arguments: &[OsString]) -> ExitCode {
    logging::begin(0);
    match panic::guarded(|| rsync::command::run(arguments)) {
        Ok(code) => code.into(),
        Err(panicked) => {
            Screen::new(true).note(&format!("sim: {}", panic::please_report(&panicked, None)));
            Exit::Bug.into()
        }
    }
}

fn execute(arguments: Arguments, maker: &dyn ClusterMaker) -> Exit {
    let logs = logging::begin(arguments.verbose);
    let mut screen = Screen::new(logs);
    let done = panic::guarded(|| match arguments.command {
        Command::Run(arguments) => run::run(&arguments, maker, &mut screen),
        Command::Check(arguments) => check::check(&arguments, maker, &mut screen),
        Command::Replay(arguments) => replay::replay(&arguments, maker, &mut screen),
        Command::Shrink(arguments) => shrink::shrink(&arguments, maker, &mut screen),
        Command::Explore(arguments) => explore::explore(&arguments, maker, &mut screen),
        Command::Merge(arguments) => merge::run(&arguments, &mut screen),
        Command::Judge(arguments) => judge::judge(&arguments, &mut screen),
        Command::Diff(arguments) => diff::diff(&arguments, &mut screen),
        Command::Spof(arguments) => spof::spof(&arguments, maker, &mut screen),
        Command::Sweep(arguments) => sweep::sweep(&arguments, maker, &mut screen),
        Command::List(arguments) => list::list(&arguments, &mut screen),
        Command::Rsync { .. } => unreachable!("dispatched before"),
    });
    if let Err(panicked) = done {
        screen.trouble(Exit::Bug, &panic::please_report(&panicked, None));
    }
    screen.exit()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::CommandFactory;
    use harness::cluster::{Cluster, Topology};
    use harness::cluster_files::ClusterFiles;
    use harness::finding::Findings;
    use harness::jobs::Panicked;
    use harness::plan::Plan;
    use harness::trace::Recorder;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    /// A maker with a bug.
    struct Broken;

    impl ClusterMaker for Broken {
        fn version(&self) -> String {
            "broken 1".to_owned()
        }

        fn topology(&self, _: &ClusterFiles) -> Result<(Topology, Findings), Findings> {
            Ok(Default::default())
        }

        fn make(&self, _: &Plan, _: Recorder) -> Result<Box<dyn Cluster>, Findings> {
            panic!("a broken invariant")
        }
    }

    #[test]
    fn a_bug_of_ours_ends_with_70_and_leaves_the_plan_that_repeats_it() {
        let ground = tempfile::tempdir().unwrap();
        let path = |below: &str| ground.path().join(below).display().to_string();
        std::fs::create_dir(path("cluster")).unwrap();
        let scenario = "title = \"A.\"\ncluster = \"cluster\"\nexpect = []\n[phases]\ndisturb = \"1s\"\n";
        std::fs::write(path("s.toml"), scenario).unwrap();
        let words = ["sim", "run", &path("s.toml"), "--out", &path("reports")];
        let exit = execute(Arguments::parse_from(words), &Broken);
        assert_eq!((exit, exit.code()), (Exit::Bug, 70));
        assert!(Plan::read(path("reports/s/plan.json")).is_ok());
    }

    #[test]
    fn who_meets_a_bug_of_ours_is_told_what_to_report() {
        let said = panic::please_report(&Panicked("why".to_owned()), Some(Path::new("reports/s/plan.json")));
        assert!(
            said.contains("a bug of sim") && said.contains("why") && said.contains("reports/s/plan.json")
        );
    }
}
