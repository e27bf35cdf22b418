//! `sim merge`: results of several machines, put together.

use std::path::PathBuf;

use clap::Args;
use harness::explore::{MergeError, merge};

use super::screen::Screen;
use super::{Exit, explore, interrupt};
use crate::cluster::PreparedMaker;

/// What to put together.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Folders of results of `sim explore`
    #[arg(value_name = "DIR", required = true)]
    folders: Vec<PathBuf>,
    /// The folder of what comes out
    #[arg(long, value_name = "DIR", default_value = "reports/explore/merged")]
    out: PathBuf,
    /// Weaknesses that are known [default: those that were when the first of the results were made]
    #[arg(long, value_name = "FILE")]
    known: Option<PathBuf>,
}

/// Puts results together and tells them, as if one machine had explored all of it.
pub fn run(arguments: &Arguments, screen: &mut Screen) {
    let merged = match merge(&arguments.folders, &arguments.out) {
        Ok(merged) => merged,
        Err(MergeError::Store(error)) => return explore::told(&error, screen),
        Err(error) => return screen.trouble(Exit::BadInput, &error.to_string()),
    };
    for folder in &merged.cut_short {
        screen.note(&format!("sim: the last line of {} was cut short and is left out", folder.display()));
    }
    let prepared = match PreparedMaker::of(&merged.summary.header.base.cluster) {
        Ok(prepared) => prepared,
        Err(findings) => return screen.findings(&findings),
    };
    let known = match &arguments.known {
        Some(path) => explore::known(Some(path), path, screen),
        None => Some(merged.summary.header.known.clone()),
    };
    if let Some(known) = known {
        let Some(stop) = interrupt::watch(screen) else { return };
        explore::finish(&merged.summary, &known, &arguments.out, &prepared, &stop, screen);
    }
}
