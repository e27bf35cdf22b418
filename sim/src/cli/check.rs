//! `sim check`: says everything that is wrong with scenarios and with the files of their clusters.

use std::path::PathBuf;

use clap::Args;
use harness::cluster::ClusterMaker;
use harness::scenario::Scenario;

use super::Exit;
use super::scenarios;
use super::screen::Screen;

/// What to check.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Scenario files, or names of scenarios in `scenarios/`
    #[arg(required_unless_present = "all")]
    files: Vec<PathBuf>,
    /// All scenarios in `scenarios/`
    #[arg(long, conflicts_with = "files")]
    all: bool,
}

/// Checks each file; says of each that is well that it is.
pub fn check(arguments: &Arguments, maker: &dyn ClusterMaker, screen: &mut Screen) {
    let files = match arguments.all {
        false => arguments.files.iter().map(|given| scenarios::file_of(given)).collect(),
        true => scenarios::all().unwrap_or_else(|error| {
            let why = format!("cannot list the folder {}: {error}", scenarios::FOLDER);
            screen.trouble(Exit::BadInput, &why);
            Vec::new()
        }),
    };
    for file in files {
        let (_, findings) = Scenario::check(&file, maker);
        screen.findings(&findings);
        let warnings = findings.iter().count();
        match (findings.has_errors(), warnings) {
            (true, _) => {}
            (false, 0) => screen.result(&format!("{}: ok\n", file.display())),
            (false, 1) => screen.result(&format!("{}: ok, with a warning\n", file.display())),
            (false, many) => screen.result(&format!("{}: ok, with {many} warnings\n", file.display())),
        }
    }
}
