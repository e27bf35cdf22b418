//! `sim judge`: verdicts of a stored trace.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use clap::Args;
use harness::report::{Report, View, terminal};
use harness::run;
use harness::trace::read_trace;

use super::Exit;
use super::screen::Screen;

/// What to judge.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A trace that a run has stored, such as reports/manager-down/trace.jsonl
    trace: PathBuf,
}

/// Judges and prints.
pub fn judge(arguments: &Arguments, screen: &mut Screen) {
    let Some(report) = report_of(&arguments.trace, screen) else { return };
    screen.ends_with(report.status.into());
    let view = View { colour: screen.colour(), folder: None };
    screen.result(&format!("{}\n", terminal(&report, &view)));
}

/// What the checkers say of a stored trace; none, and said so, when it cannot be read.
pub fn report_of(path: &Path, screen: &mut Screen) -> Option<Report> {
    let file = open(path, screen)?;
    match read_trace(file).and_then(run::judge) {
        Ok(report) => Some(report),
        Err(error) => {
            screen.trouble(Exit::BadInput, &format!("{}: {error}", path.display()));
            None
        }
    }
}

/// Opens a stored trace; none, and said so, when it cannot be opened.
pub fn open(path: &Path, screen: &mut Screen) -> Option<BufReader<File>> {
    match File::open(path) {
        Ok(file) => Some(BufReader::new(file)),
        Err(error) => {
            screen.trouble(Exit::BadInput, &format!("{}: {error}", path.display()));
            None
        }
    }
}
