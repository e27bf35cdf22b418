//! What a property does with a plan: run it, and when it fails make it small and write it down.

use std::path::{Path, PathBuf};

use proptest::test_runner::TestCaseError;

use super::Ground;
use crate::cluster::ClusterMaker;
use crate::explore::roots;
use crate::plan::Plan;
use crate::report::{View, terminal};
use crate::run::{self, RunError};
use crate::shrink::{Found, Options, shrink};
use crate::signature::Signature;

/// So many runs are spent on making one failure small.
const RUNS_MAX: u64 = 2_000;

impl Ground {
    /// Whether every verdict of the plan's run passes, or is unknown for want of an occasion, or fails for a weakness of
    /// the cluster that is known. Where another one fails the plan is shrunk, the smallest scenario that fails for the same
    /// reason is written into `folder`, and the error shows it.
    ///
    /// # Errors
    /// A plan that cannot be run; a verdict that fails.
    pub fn holds(
        &self,
        plan: &Plan,
        maker: &dyn ClusterMaker,
        folder: impl AsRef<Path>,
    ) -> Result<(), TestCaseError> {
        let report = match run::run(plan, maker, run::Options::default()) {
            Ok(outcome) => outcome.report,
            Err(RunError::Refused(findings)) => return Err(TestCaseError::reject(findings.to_string())),
            Err(RunError::Stopped) => unreachable!("nobody stops it"),
        };
        // What follows from a known weakness is none of its own.
        let failed = roots(&Signature::all(&report));
        let Some(new) = failed.iter().find(|one| self.known.explains(one).is_none()) else { return Ok(()) };
        Err(TestCaseError::fail(match smallest(plan, new, maker, folder.as_ref()) {
            Ok((path, text)) => {
                let path = path.display();
                format!("{path}\nthe smallest scenario that fails so, {path}:\n\n{text}")
            }
            Err(why) => format!("{}\nnot shrunk: {why}", terminal(&report, &View::default())),
        }))
    }
}

fn smallest(
    plan: &Plan,
    signature: &Signature,
    maker: &dyn ClusterMaker,
    folder: &Path,
) -> Result<(PathBuf, String), String> {
    let options = Options { runs_max: Some(RUNS_MAX), ..Options::default() };
    let shrunk = shrink(plan, signature, maker, options).map_err(|error| error.to_string())?;
    let path = Found::of(&shrunk, maker).put(folder).map_err(|error| error.to_string())?;
    let text = std::fs::read_to_string(&path).map_err(|error| error.to_string())?;
    Ok((path, text))
}
