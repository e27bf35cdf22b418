//! A scenario: what an operator writes down about an outage, and what must hold in it.
//!
//! A scenario file is TOML. Reading it collects every mistake with its place; names of nodes, processes and
//! faults are checked as soon as the cluster's files say which there are. What may differ from run to run
//! (ranges of time, `any worker`) stays open here and is drawn when [`Scenario::plan`] makes a plan of a seed.

pub mod amount;
mod builder;
mod content;
pub mod fault;
mod folder;
mod moment;
mod names;
mod parse;
mod replaced_files;
mod resolve;
mod selector;
#[cfg(test)]
mod tests;
mod timing;
mod trigger;
pub mod workload;
mod write;

pub use builder::Builder;
pub use fault::FaultSpec;
pub use folder::files_below;
pub use moment::{Begins, Lasts, RepeatSpec, SpanRange};
pub use replaced_files::ReplacedFile;
pub use selector::{Selector, TargetSpec};
pub use trigger::{FORMS as TRIGGER_FORMS, TriggerForm};
pub use workload::WorkloadSpec;
pub(crate) use write::said_again;
pub use write::{Place, Remarks, WriteError, write};

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::cluster::ClusterMaker;
use crate::cluster_files::ClusterFiles;
use crate::expectation::Claim;
use crate::finding::{Finding, Findings, Source};
use crate::plan::{Content, Plan, Timing};
use crate::table::Placed;

/// A scenario file may be this long, in bytes.
pub const FILE_BYTES_MAX: usize = 1 << 20;

/// The seed of a run when neither the scenario says one nor anybody asks for one.
pub const DEFAULT_SEED: u64 = 1;

/// How long the phases of a run last. See [`Phases`](crate::plan::Phases).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhaseLengths {
    /// The start of the cluster.
    pub warmup: Duration,
    /// Faults act.
    pub disturb: Duration,
    /// Everything is healed; publishing goes on.
    pub heal: Duration,
    /// Nothing is published any more; what is under way arrives.
    pub settle: Duration,
}

/// A scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// Its name: that of its file, without the ending.
    pub name: Arc<str>,
    /// The sentence that says what must hold.
    pub title: String,
    /// Its text, into which findings point.
    pub source: Source,
    /// The folder of the cluster's files, relative to the scenario's.
    pub cluster: Placed<String>,
    /// What takes the place of some of the cluster's files.
    pub replaced_files: Vec<ReplacedFile>,
    /// The cluster's files, with what takes the place of some of them; none until they are read.
    pub files: Option<ClusterFiles>,
    /// The phases.
    pub phases: PhaseLengths,
    /// What stands on every gateway before the run.
    pub content: Content,
    /// How far the timing departs from the cluster's files.
    pub timing: Timing,
    /// What clients do.
    pub workloads: Vec<WorkloadSpec>,
    /// What goes wrong.
    pub faults: Vec<FaultSpec>,
    /// The seed with which it is run when no other is asked for; none for [`DEFAULT_SEED`].
    pub seed: Option<u64>,
    /// What must hold: each sentence, and what it claims.
    pub expectations: Vec<(Placed<String>, Claim)>,
}

impl Scenario {
    /// Builds a scenario in Rust, as a scenario file would say it.
    pub fn builder(name: impl Into<String>, title: impl Into<String>) -> Builder {
        Builder::new(name.into(), title.into())
    }

    /// Reads a scenario file and the files of its cluster.
    ///
    /// # Errors
    /// Every mistake of the scenario file, with its place; a cluster's folder that cannot be read. Unknown
    /// names are found later, by [`Scenario::plan`]; [`Scenario::check`] finds all at once.
    pub fn load(path: impl AsRef<Path>) -> Result<Scenario, Findings> {
        let (scenario, findings) = read(path.as_ref())?;
        findings.into_result().map(|_| scenario)
    }

    /// Everything that is wrong with a scenario file and with the files of its cluster, warnings included.
    pub fn check(path: impl AsRef<Path>, maker: &dyn ClusterMaker) -> (Option<Scenario>, Findings) {
        let (scenario, mut findings) = match read(path.as_ref()) {
            Ok(read) => read,
            Err(findings) => return (None, findings),
        };
        if let Some(files) = &scenario.files {
            match maker.topology(files) {
                Ok((topology, warnings)) => {
                    findings.extend(scenario.relocate(files, &warnings));
                    findings.extend(names::check(&scenario, &topology));
                }
                Err(wrong) => findings.extend(scenario.relocate(files, &wrong)),
            }
        }
        (Some(scenario), findings)
    }

    /// Reads the text of a scenario; what can be understood in spite of mistakes is given back with them. The
    /// cluster's files are not read.
    pub fn parse(source: &Source) -> (Scenario, Findings) {
        parse::parse(source)
    }

    /// The seed with which it is run when no other is asked for.
    pub fn usual_seed(&self) -> u64 {
        self.seed.unwrap_or(DEFAULT_SEED)
    }

    /// Resolves every choice: the plan of one run.
    ///
    /// # Errors
    /// Names that the cluster does not have; everything that is wrong with the cluster's files; operations
    /// without number.
    pub fn plan(&self, seed: u64, maker: &dyn ClusterMaker) -> Result<Plan, Findings> {
        resolve::plan(self, seed, maker)
    }

    /// Takes the cluster's files, with what the scenario puts into the place of some.
    fn set_files(&mut self, files: ClusterFiles) -> Findings {
        let (files, findings) = replaced_files::apply(&self.source, &self.replaced_files, files);
        self.files = Some(files);
        findings
    }

    /// Findings about the cluster's files, each where the user wrote what it is about.
    fn relocate(&self, files: &ClusterFiles, findings: &Findings) -> Findings {
        replaced_files::relocate(&self.source, &self.replaced_files, files, findings)
    }
}

fn read(path: &Path) -> Result<(Scenario, Findings), Findings> {
    let shown = path.display().to_string();
    let refuse = |why: String| {
        let source = Source::new(shown.as_str(), "");
        Findings::from_iter([Finding::error(&source, 0..0, why)])
    };
    let file = std::fs::File::open(path).map_err(|error| refuse(format!("cannot read {shown}: {error}")))?;
    let mut text = Vec::new();
    std::io::Read::read_to_end(&mut std::io::Read::take(file, FILE_BYTES_MAX as u64 + 1), &mut text)
        .map_err(|error| refuse(format!("cannot read {shown}: {error}")))?;
    if text.len() > FILE_BYTES_MAX {
        return Err(refuse(format!("{shown} is longer than {FILE_BYTES_MAX} bytes; is it a scenario?")));
    }
    let text = String::from_utf8(text).map_err(|_| refuse(format!("{shown} is not UTF-8 text")))?;
    let source = Source::new(shown.as_str(), text);
    let (mut scenario, mut findings) = Scenario::parse(&source);
    if !scenario.cluster.value.is_empty() {
        let folder = path.parent().unwrap_or(Path::new("")).join(&scenario.cluster.value);
        match ClusterFiles::read(&folder) {
            Ok(files) => findings.extend(scenario.set_files(files)),
            Err(error) => findings.push(
                Finding::error(&source, scenario.cluster.span.clone(), error.to_string())
                    .help("`cluster` is the folder of the cluster's files, relative to the scenario file"),
            ),
        }
    }
    Ok((scenario, findings))
}
