//! `sim spof`: what a cluster cannot do without a part of it.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use clap::Args;
use harness::cluster::ClusterMaker;
use harness::cluster_files::ClusterFiles;
use harness::jobs;
use harness::report::folder;
use harness::spof::{self, Analysis, Examination, Gate, Means, Question};
use harness::time::parse_span;
use indicatif::ProgressBar;

use super::screen::Screen;
use super::{Exit, interrupt, panic};

/// What to examine.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The folder of a cluster's files
    #[arg(value_name = "CLUSTER")]
    cluster: PathBuf,
    /// A second cluster, to be shown side by side with the first
    #[arg(long, value_name = "CLUSTER")]
    against: Option<PathBuf>,
    /// Up to so many components are away together
    #[arg(long, value_name = "K", default_value = "2")]
    order: NonZeroUsize,
    /// For how long they are away
    #[arg(long, value_name = "SPAN", default_value = "5m", value_parser = absence)]
    away: Duration,
    /// In how many moments of a minute an absence begins
    #[arg(long, value_name = "N", default_value = "3", value_parser = clap::value_parser!(u32).range(1..=60))]
    moments: u32,
    /// The seed of all runs
    #[arg(long, value_name = "N", default_value_t = harness::scenario::DEFAULT_SEED)]
    seed: u64,
    /// Examine every component, even those that are alike
    #[arg(long)]
    each: bool,
    /// What must hold; exit status 1 when it does not. For example: "no single point of failure for serve", "manager
    /// cuts only publish, sync and administer"
    #[arg(long, value_name = "SENTENCE")]
    expect: Vec<Gate>,
    /// The folder for spof.json, spof.md and the plans that they cite [default: reports/spof/<cluster>]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// How many runs at a time [default: as many as there are processors]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
}

/// As long as the cluster needs to notice, and no longer than anybody waits for the answer.
fn absence(text: &str) -> Result<Duration, String> {
    const LEAST: Duration = Duration::from_secs(1);
    const MOST: Duration = Duration::from_secs(24 * 3600);
    match parse_span(text)? {
        span if span < LEAST => Err("shorter than a second: nothing would notice".to_owned()),
        span if span > MOST => Err("longer than a day".to_owned()),
        span => Ok(span),
    }
}

const RUNS: &str = "{wide_bar} {pos} of {len} runs, {eta} left";

/// Examines one cluster, or two.
pub fn spof(arguments: &Arguments, maker: &dyn ClusterMaker, screen: &mut Screen) {
    // Both are read before the first is examined.
    let folders: Vec<&Path> =
        std::iter::once(&arguments.cluster).chain(&arguments.against).map(PathBuf::as_path).collect();
    let mut read = Vec::new();
    for folder in &folders {
        match ClusterFiles::read(folder) {
            Ok(files) => match maker.components(&files) {
                Ok(_) => read.push(files),
                Err(findings) => screen.findings(&findings),
            },
            Err(error) => screen.trouble(Exit::BadInput, &error.to_string()),
        }
    }
    if read.len() < folders.len() {
        return;
    }
    let Some(stop) = interrupt::watch(screen) else { return };
    let mut analyses = Vec::new();
    for (files, folder) in read.into_iter().zip(&folders) {
        let bar = screen.progress(0, RUNS);
        let Some(examination) = examined(files, arguments, maker, &stop, &bar, screen) else { return };
        bar.finish_and_clear();
        let out = match &arguments.out {
            Some(out) if folders.len() > 1 => out.join(name_of(folder)),
            Some(out) => out.clone(),
            None => Path::new("reports").join("spof").join(name_of(folder)),
        };
        let shown = keep(&examination, &out, screen).then(|| out.display().to_string());
        screen.result(&spof::terminal(&examination.analysis, shown.as_deref()));
        screen.result("\n");
        for (plan, panicked) in &examination.panics {
            let path = out.join("plans").join(format!("panic-{}.json", plan.scenario));
            screen.trouble(Exit::Bug, &panic::please_report(panicked, Some(&path)));
        }
        analyses.push(examination.analysis);
    }
    if let [one, other] = analyses.as_slice() {
        screen.result(&spof::compare(one, other));
    }
    for analysis in &analyses {
        hold(&arguments.expect, analysis, screen);
    }
    if stop.load(Ordering::Relaxed) {
        screen.trouble(Exit::Interrupted, "stopped; what was examined until then is kept");
    }
}

fn examined(
    files: ClusterFiles,
    arguments: &Arguments,
    maker: &dyn ClusterMaker,
    stop: &std::sync::atomic::AtomicBool,
    bar: &ProgressBar,
    screen: &mut Screen,
) -> Option<Examination> {
    let question = Question {
        files,
        order: arguments.order.get(),
        away: arguments.away,
        moments: arguments.moments,
        seed: arguments.seed,
        exchange: !arguments.each,
    };
    let progress = |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    };
    let jobs = arguments.jobs.unwrap_or_else(jobs::as_many_as_processors);
    match spof::examine(&question, maker, &Means { jobs, stop, progress: &progress }) {
        Ok(examination) => Some(examination),
        Err(findings) => {
            screen.findings(&findings);
            None
        }
    }
}

/// The last part of a cluster's path.
fn name_of(folder: &Path) -> PathBuf {
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    whole.file_name().map_or_else(|| "cluster".into(), PathBuf::from)
}

/// Writes the files; whether all could be written.
fn keep(examination: &Examination, out: &Path, screen: &mut Screen) -> bool {
    let plans = examination.plans.iter().map(|(name, plan)| (out.join("plans").join(name), plan.to_json()));
    let panics = examination
        .panics
        .iter()
        .map(|(plan, _)| (out.join("plans").join(format!("panic-{}.json", plan.scenario)), plan.to_json()));
    let faces = [
        (out.join("spof.json"), examination.analysis.to_json()),
        (out.join("spof.md"), spof::markdown(&examination.analysis)),
    ];
    for (path, text) in plans.chain(panics).chain(faces) {
        if let Err(error) = folder::put(&path, text.as_bytes()) {
            screen.trouble(Exit::CannotWrite, &error.to_string());
            return false;
        }
    }
    true
}

/// Says of every expectation whether it holds.
fn hold(gates: &[Gate], analysis: &Analysis, screen: &mut Screen) {
    for gate in gates {
        let (exit, word, why) = match gate.against(analysis) {
            Ok(against) if against.is_empty() => (Exit::Pass, "PASS", String::new()),
            Ok(against) => (Exit::Fail, "FAIL", format!(": {}", against.join("; "))),
            Err(why) => (Exit::Unknown, "UNKNOWN", format!(": {why}")),
        };
        screen.ends_with(exit);
        screen.result(&format!("{word:7}  {}: {gate}{why}\n", analysis.cluster));
    }
}
