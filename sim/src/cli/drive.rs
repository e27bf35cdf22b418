//! One plan to its report, kept on the way.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use harness::cluster::ClusterMaker;
use harness::finding::Findings;
use harness::plan::Plan;
use harness::report::Report;
use harness::report::folder::{Format, WriteError};
use harness::run::{self, Options, RunError};
use harness::time::SimTime;
use harness::trace::Sink;

use super::Exit;
use super::store::RunFolder;
use crate::log::LogEvents;

/// What to keep of a run beside its plan.
#[derive(Debug, Clone)]
pub struct Keep {
    /// The faces of the report.
    pub formats: Vec<Format>,
    /// Whether the trace is kept.
    pub trace: bool,
}

/// What came of one plan.
#[derive(Debug, Default)]
pub struct Driven {
    /// The report; none when the run did not come to its end.
    pub report: Option<Report>,
    /// What is wrong with the plan's files.
    pub findings: Findings,
    /// Files that are new or other than before.
    pub changed: Vec<PathBuf>,
    /// Whether everything was kept that was to be kept.
    pub kept: bool,
    /// What could not be kept, and why.
    pub troubles: Vec<Trouble>,
}

/// Something that went wrong beside the run.
#[derive(Debug)]
pub struct Trouble {
    /// How the command ends because of it.
    pub exit: Exit,
    /// What it is.
    pub text: String,
}

/// Runs a plan. A folder that cannot be written takes nothing from the verdicts.
pub fn drive(
    plan: &Plan,
    maker: &dyn ClusterMaker,
    keep: Option<(&Path, &Keep)>,
    stop: &AtomicBool,
    progress: Option<&dyn Fn(SimTime)>,
) -> Driven {
    let mut driven = Driven::default();
    let folder = keep.and_then(|(path, _)| driven.unless_refused(RunFolder::begin(path, plan)));
    let wants_trace = keep.is_some_and(|(_, keep)| keep.trace);
    let traced = folder.as_ref().filter(|_| wants_trace);
    let trace = traced.and_then(|folder| driven.unless_refused(folder.trace()));
    let mut sinks: Vec<Box<dyn Sink>> = Vec::new();
    if tracing::enabled!(target: "sim::event", tracing::Level::INFO) {
        sinks.push(Box::new(LogEvents));
    }
    if let Some(trace) = &trace {
        sinks.push(Box::new(trace.clone()));
    }
    let outcome = match run::run(plan, maker, Options { sinks, stop: Some(stop), progress }) {
        Ok(outcome) => outcome,
        Err(RunError::Refused(findings)) => {
            driven.findings = findings;
            return driven;
        }
        Err(RunError::Stopped) => return driven,
    };
    if let Some(trace) = trace {
        let finished = match outcome.sink_errors.into_iter().next() {
            Some(error) => Err(trace.broken(error)),
            None => trace.finish(),
        };
        driven.unless_refused(finished);
    }
    let report = outcome.report;
    if let (Some(folder), Some((_, keep))) = (folder, keep) {
        driven.changed = driven.unless_refused(folder.finish(&report, &keep.formats)).unwrap_or_default();
        driven.kept = driven.troubles.is_empty();
    }
    driven.report = Some(report);
    driven
}

impl Driven {
    fn unless_refused<T>(&mut self, result: Result<T, WriteError>) -> Option<T> {
        match result {
            Ok(done) => Some(done),
            Err(error) => {
                self.troubles.push(Trouble { exit: Exit::CannotWrite, text: error.to_string() });
                None
            }
        }
    }
}
